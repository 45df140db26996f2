import {
  type BalanceResult,
  type BillingClient,
  BillingError,
  type ChargeOutcome,
  type ChargeRecord,
  type FlushReport,
} from "tollbox";
import { hearTabs, tellTabs } from "./between-tabs";
import { Experiments } from "./experiments";
import { Feed } from "./feed";
import { History } from "./history";
import { killModule } from "./kill";
import { comeBack, offline } from "./network";
import { PurseHistory } from "./purse";
import { topUp } from "./server";
import type { Session } from "./session";
import { Store } from "./store";
import { Storm } from "./storm";
import { parse, phrasesOf } from "./subtitles";
import { chargeRequest, claim, FEATURE, keyOf, type Task, TaskList } from "./tasks";
import { translateTask } from "./translation";
import { currentWeather, makeWeather, onWeatherElsewhere, type Weather } from "./weather";

/** So old may a balance be before it is asked for again. */
const YOUNG_MS = 30_000;
const LOOK_AGAIN_MS = 2_000;
/** So long a sign-out waits for a client that is being opened. */
const OPENING_MS = 10_000;
const SIGNED_OUT = "signed-out";

/** The last thing that the page has to say. */
export type Notice =
  /** `wasPaid`: it was known as paid before it was asked for this time. */
  | { kind: "outcome"; title: string; outcome: ChargeOutcome; wasPaid: boolean }
  | { kind: "balance"; result: BalanceResult }
  | { kind: "topped_up"; points: number }
  | { kind: "flush"; report: FlushReport }
  | { kind: "token_expired"; result: BalanceResult }
  | { kind: "module_killed"; open: number }
  | { kind: "error"; detail: string };

/**
 * Where one signed-in account works: its tasks, what the billing client says of their charges, and
 * what can be done with them.
 */
export class Desk {
  readonly tasks: TaskList;
  readonly records = new Store<ReadonlyMap<string, ChargeRecord>>(new Map());
  readonly feed = new Feed();
  readonly history = new History();
  readonly purse = new PurseHistory();
  /** How often the page asked for the balance, and how often the cache spared it the request. */
  readonly cache = new Store({ asked: 0, spared: 0 });
  readonly experiments: Experiments;
  readonly storm: Storm;
  /** Null until the server has said it. */
  readonly weather = new Store<Weather | null>(null);
  readonly notice = new Store<Notice | null>(null);
  /** True once the account is signed out, here or in another tab. */
  readonly isOver = new Store(false);
  #client: BillingClient | null = null;
  #opened: (client: BillingClient | null) => void = () => {};
  readonly #opening = new Promise<BillingClient | null>((resolve) => {
    this.#opened = resolve;
  });
  #weatherChanges = 0;
  #isSigningOut = false;

  constructor(readonly session: Session) {
    this.tasks = new TaskList(session.account);
    this.experiments = new Experiments(session, () => this.clearUp());
    this.storm = new Storm(session);
  }

  /** Takes `client` into use: rebuilds the charges from its journal and goes on with what was begun. */
  attach(client: BillingClient): () => void {
    this.#client = client;
    this.#opened(client);
    const stops = [
      hearTabs(SIGNED_OUT, (account) => {
        if (account === this.session.account && !this.#isSigningOut) this.#end();
      }),
      client.on("charge", (record) => this.#take([record], "newer")),
      client.on("alert", (alert) => this.feed.alert(alert)),
      this.history.follow(client),
      this.purse.follow(client),
    ];
    void this.#attempt(async () => {
      // Events overtake this listing: at the same instant theirs is the younger word.
      this.#take(await client.charges(), "older");
      for (const task of this.tasks.get()) {
        // Translated, and gone before the charge was made: it is made now, under the same key.
        if (task.translation.state === "done" && !task.billed) await this.pay(task);
      }
    });
    void this.#attempt(() => this.experiments.resume(client));
    return () => {
      for (const stop of stops) stop();
    };
  }

  /** There is no client to be had for now. */
  notOpened(): void {
    this.#opened(null);
  }

  /** Translates a task and charges it: what it costs at most is held meanwhile. */
  async submit(task: Task): Promise<void> {
    const { total } = progressOf(task);
    const letGo = claim(task.id);
    this.tasks.put({ ...task, translation: { state: "running", done: 0, total } });
    void this.lookAtPurse();
    const wasPaid = this.#isPaid(keyOf(task));
    try {
      const most = { ...chargeRequest(task), amount: task.most };
      const done = await this.#open().runTask(most, async ({ setAmount }) => {
        const { text, price } = await translateTask(this.session, task, (done, total) => {
          this.tasks.patch(task.id, { translation: { state: "running", done, total } });
        });
        // The page showed a price before it asked: another one is not agreed to.
        if (price !== task.price) throw new Error(`price ${price} ≠ ${task.price}`);
        setAmount(price);
        this.tasks.patch(task.id, { translation: { state: "done", text } });
      });
      if (done.task === "completed") {
        this.tasks.patch(task.id, { billed: true, told: done.billing });
        this.#tell(task.title, done.billing, wasPaid);
      } else if (done.task === "not_started") {
        const refusal = done.billing;
        this.tasks.patch(task.id, { translation: { state: "not_started", refusal } });
        this.#tell(task.title, refusal);
      } else {
        this.#translationFailed(task, done.error);
      }
    } catch (error) {
      if (isClosed(error)) this.#end();
      else if (!this.#isTranslated(task)) this.#translationFailed(task, error);
      else this.#say(error);
    } finally {
      letGo();
    }
  }

  /** Charges a translated task. Charged before, it is not charged again. */
  async pay(task: Task): Promise<void> {
    await this.#attempt(async () => {
      const wasPaid = this.#isPaid(keyOf(task));
      const outcome = await this.#open().charge(chargeRequest(task));
      this.tasks.patch(task.id, { billed: true, told: outcome });
      this.#tell(task.title, outcome, wasPaid);
    });
  }

  async retry(record: ChargeRecord): Promise<void> {
    await this.#attempt(async () => {
      this.#tell(titleOf(record), await this.#open().retry(record.key));
    });
  }

  async cancel(record: ChargeRecord): Promise<void> {
    await this.#attempt(async () => {
      this.#tell(titleOf(record), await this.#open().cancel(record.key));
    });
  }

  async flush(): Promise<void> {
    await this.#attempt(async () => {
      this.notice.set({ kind: "flush", report: await this.#open().flush() });
    });
  }

  async refreshBalance(): Promise<void> {
    await this.#attempt(async () => {
      this.notice.set({ kind: "balance", result: await this.#open().refreshBalance() });
    });
  }

  /** Asks for the balance unless a young one is there: before every task, as a page would. */
  async lookAtPurse(): Promise<void> {
    const before = this.#client?.balance()?.asOf;
    await this.#attempt(async () => {
      const result = await this.#open().refreshBalance({ maxAgeMs: YOUNG_MS });
      const isSpared = result.status === "fresh" && result.balance.asOf === before;
      this.cache.update(({ asked, spared }) => ({
        asked: asked + 1,
        spared: spared + (isSpared ? 1 : 0),
      }));
    });
  }

  async topUp(points: number): Promise<void> {
    await this.#attempt(async () => {
      await topUp(this.session, points);
      this.notice.set({ kind: "topped_up", points });
      await this.#open().refreshBalance();
    });
  }

  /** Learns the weather that was made before this page was opened. */
  async lookAtWeather(): Promise<void> {
    const changes = this.#weatherChanges;
    const weather = await currentWeather(this.session);
    // A late answer tells of a weather that has been changed meanwhile.
    if (changes === this.#weatherChanges) this.weather.set(weather);
  }

  /** Looks at the weather, and again when it may have changed elsewhere; a look that fails is repeated. */
  followWeather(onLook: (failed: boolean) => void): () => void {
    let again: ReturnType<typeof setTimeout> | undefined;
    let isOver = false;
    const look = async () => {
      clearTimeout(again);
      try {
        await this.lookAtWeather();
        if (!isOver) onLook(false);
      } catch {
        if (isOver) return;
        onLook(true);
        again = setTimeout(look, LOOK_AGAIN_MS);
      }
    };
    void look();
    const stop = onWeatherElsewhere(this.session, look);
    return () => {
      isOver = true;
      clearTimeout(again);
      stop();
    };
  }

  async makeWeather(weather: Weather): Promise<void> {
    this.#weatherChanges += 1;
    await makeWeather(this.session, weather);
    this.weather.set(weather);
  }

  /** Fair weather, and online. */
  async clearUp(): Promise<void> {
    await this.makeWeather("none");
    if (offline.get()) comeBack();
  }

  /** Lets the token end, and asks for the balance, which finds out. */
  async expireToken(): Promise<void> {
    await this.#attempt(async () => {
      this.session.expireToken();
      this.notice.set({ kind: "token_expired", result: await this.#open().refreshBalance() });
    });
  }

  async killModule(): Promise<void> {
    await this.#attempt(async () => {
      await killModule(this.#open());
      const { pending, retrying, unknown } = this.#open().getSnapshot().queue;
      this.notice.set({ kind: "module_killed", open: pending + retrying + unknown });
    });
  }

  /** Forgets what this browser knows of the account. Gives how many open charges stay for its next sign-in. */
  async signOut(): Promise<number> {
    // A client that is being opened has a journal to be cleared, too.
    const client = this.#client ?? (await Promise.race([this.#opening, after(OPENING_MS)]));
    this.#isSigningOut = true;
    let open = 0;
    await this.#attempt(async () => {
      open = (await client?.signOut())?.length ?? 0;
    });
    tellTabs(SIGNED_OUT, this.session.account);
    this.tasks.forget();
    return open;
  }

  #end(): void {
    this.tasks.forget();
    this.isOver.set(true);
  }

  #translationFailed(task: Task, error: unknown): void {
    this.tasks.patch(task.id, { translation: { state: "failed", detail: messageOf(error) } });
  }

  #isTranslated(task: Task): boolean {
    return this.tasks.find(task.id)?.translation.state === "done";
  }

  #take(records: ChargeRecord[], atSameInstant: "newer" | "older"): void {
    this.records.update((before) => {
      const next = new Map(before);
      for (const record of records) {
        const known = next.get(record.key)?.updatedAt ?? Number.NEGATIVE_INFINITY;
        const newer = known < record.updatedAt;
        if (newer || (known === record.updatedAt && atSameInstant === "newer")) {
          next.set(record.key, record);
        }
      }
      return next;
    });
    this.#keepNoticeTrue();
  }

  /** What the notice says of a charge is told anew when that has come to its end. */
  #keepNoticeTrue(): void {
    const notice = this.notice.get();
    if (notice?.kind !== "outcome") return;
    const record = this.records.get().get(notice.outcome.key);
    if (!record?.outcome || record.status === "pending" || record.status === "retrying") return;
    if (isSameWord(notice.outcome, record.outcome)) return;
    this.notice.set({ ...notice, outcome: record.outcome });
  }

  #isPaid(key: string): boolean {
    return this.records.get().get(key)?.status === "success";
  }

  #open(): BillingClient {
    if (!this.#client) throw new Error("no billing client yet");
    return this.#client;
  }

  #tell(title: string, outcome: ChargeOutcome, wasPaid = false): void {
    this.notice.set({ kind: "outcome", title, outcome, wasPaid });
    // The event of its end may have come before this answer. Only `charged` is for ever.
    if (this.#isPaid(outcome.key)) this.#keepNoticeTrue();
  }

  async #attempt(act: () => Promise<unknown>): Promise<void> {
    try {
      await act();
    } catch (error) {
      this.#say(error);
    }
  }

  #say(error: unknown): void {
    // Another tab has signed out, and this one has not heard of it.
    if (isClosed(error)) this.#end();
    this.notice.set({ kind: "error", detail: messageOf(error) });
  }
}

/** A task of this tab, its charge, or both: one line of the table. */
export interface Entry {
  key: string;
  task: Task | null;
  record: ChargeRecord | null;
}

/** The translations, newest first. */
export function entriesOf(
  tasks: readonly Task[],
  records: ReadonlyMap<string, ChargeRecord>,
): Entry[] {
  const entries = new Map<string, Entry>();
  for (const record of records.values()) {
    if (record.feature !== FEATURE) continue;
    entries.set(record.key, { key: record.key, task: null, record });
  }
  for (const task of tasks) {
    const key = keyOf(task);
    entries.set(key, { key, task, record: entries.get(key)?.record ?? null });
  }
  const since = (entry: Entry) => entry.task?.createdAt ?? entry.record?.createdAt ?? 0;
  return [...entries.values()].sort((a, b) => since(b) - since(a));
}

export function titleOf(record: ChargeRecord): string {
  return record.metadata.title ?? record.taskId;
}

function isSameWord(said: ChargeOutcome, now: ChargeOutcome): boolean {
  const reasonOf = (outcome: ChargeOutcome) => ("reason" in outcome ? outcome.reason : null);
  return said.status === now.status && reasonOf(said) === reasonOf(now);
}

function progressOf({ translation, source }: Task): { total: number } {
  return translation.state === "running" ? translation : { total: phrasesOf(parse(source)).length };
}

function isClosed(error: unknown): boolean {
  return error instanceof BillingError && error.code === "closed";
}

function after(ms: number): Promise<null> {
  return new Promise((resolve) => setTimeout(() => resolve(null), ms));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
