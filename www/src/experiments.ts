import type { BillingClient, ChargeRequest } from "tollbox";
import { readLedger, topUp } from "./server";
import type { Session } from "./session";
import { Store } from "./store";
import { keepInTab, readInTab, removeInTab } from "./tab-storage";
import { truthOf } from "./truth";
import { hangAfterCharges } from "./weather";

export type ExperimentName = "tabs" | "reload";

/** What an experiment came to. Everything but `asked`, `before` and `known` is read from the server's ledger. */
export interface ExperimentResult {
  /** Different charges. */
  wanted: number;
  /** Calls of `charge`, in all tabs. */
  asked: number;
  /** Charges that the server had made before the page was left, without an answer. */
  before: number;
  charged: number;
  /** Charges that this page knows as paid. */
  known: number;
  repeats: number;
  doubles: number;
  losses: number;
}

export type ExperimentState =
  | { state: "idle" }
  | { state: "running" }
  | { state: "done"; result: ExperimentResult }
  | { state: "failed"; why: Setback | string };

const SETBACKS = ["popup", "unsent", "alone", "unkept"] as const;

/**
 * What can stop an experiment, besides errors: the browser opened no tab; no charge reached the server;
 * the other tab was closed, or failed, or said nothing for long; the browser keeps nothing for the page
 * that comes back.
 */
export type Setback = (typeof SETBACKS)[number];

export function isSetback(why: string): why is Setback {
  return SETBACKS.some((setback) => setback === why);
}

const FEATURE = "experiment";
const CHARGES_OF_TABS = 10;
const CHARGES_OF_RELOAD = 3;
const LOOK_EVERY_MS = 100;
const PATIENCE_MS = 20_000;
/** The other tab has all the charges to make meanwhile, and may be slowed down in the background. */
const OTHER_TAB_PATIENCE_MS = 60_000;
const REMEMBERED = "experiment";

/** The parameter with which the second tab is told what it is for. */
const RUN_PARAMETER = "second-tab-of";

/** The experiments of one account: each does what people fear, and counts in the ledger what came of it. */
export class Experiments {
  readonly tabs = new Store<ExperimentState>({ state: "idle" });
  readonly reload = new Store<ExperimentState>({ state: "idle" });

  /** Every experiment makes its own trouble, and begins in fair weather: `clearUp` makes it. */
  constructor(
    readonly session: Session,
    readonly clearUp: () => Promise<void>,
  ) {}

  /** Goes on with what was begun before this page was opened, or in the tab that opened it. */
  async resume(client: BillingClient): Promise<void> {
    const address = new URL(location.href);
    const run = address.searchParams.get(RUN_PARAMETER);
    address.searchParams.delete(RUN_PARAMETER);
    history.replaceState(null, "", address);
    if (run) await this.#joinTabs(client, run);
    else await this.#comeBack(client);
  }

  /** Two tabs charge the same tasks at the same time. To be called in a click: it opens a tab. */
  async openSecondTab(client: BillingClient): Promise<void> {
    await this.#run(this.tabs, async () => {
      const run = crypto.randomUUID();
      const channel = new Channel(run);
      try {
        const address = new URL(location.href);
        address.searchParams.set(RUN_PARAMETER, run);
        address.hash = "experiment-tabs";
        const ready = channel.heard("ready");
        const opened = window.open(address);
        if (!opened) throw stoppedBy("popup");
        const gone = channel.isGone(() => opened.closed);
        const prepared = this.clearUp().then(() => topUp(this.session, CHARGES_OF_TABS));
        await Promise.race([Promise.all([ready, prepared]), gone]);
        const theirs = channel.heard("done");
        channel.say("go");
        const requests = requestsOf(run, CHARGES_OF_TABS);
        await Promise.race([Promise.all([chargeAll(client, requests), theirs]), gone]);
        return await this.#count(client, requests, { asked: 2 * requests.length, before: 0 });
      } catch (error) {
        channel.say("failed");
        throw error;
      } finally {
        channel.close();
      }
    });
  }

  /**
   * Leaves the page when the server has taken the points and no answer has come. The fresh page knows
   * nothing but what the journal says.
   */
  async killThisTab(client: BillingClient): Promise<void> {
    await this.#run(this.reload, async () => {
      const run = crypto.randomUUID();
      const requests = requestsOf(run, CHARGES_OF_RELOAD);
      await this.clearUp();
      await topUp(this.session, CHARGES_OF_RELOAD);
      // Before the trouble is made: a page that is left in between comes back and ends it.
      if (!keepInTab(REMEMBERED, JSON.stringify({ run, before: null }))) throw stoppedBy("unkept");
      await hangAfterCharges(this.session);
      // No answer will come while this page lives.
      void chargeAll(client, requests).catch(() => {});
      const keys = requests.map(({ key }) => key);
      const before = await until(async () => {
        const written = await Promise.all(keys.map((key) => client.getCharge(key)));
        const { charges } = await readLedger(this.session);
        const taken = charges.filter(({ idempotency_key: key }) => keys.includes(key)).length;
        return written.every((record) => record !== null) && taken > 0 ? taken : null;
      });
      keepInTab(REMEMBERED, JSON.stringify({ run, before }));
      // The fresh page leads to the result.
      history.replaceState(null, "", "#experiment-reload");
      location.reload();
      return new Promise<never>(() => {});
    });
  }

  async #joinTabs(client: BillingClient, run: string): Promise<void> {
    await this.#run(this.tabs, async () => {
      const channel = new Channel(run);
      try {
        const go = channel.heard("go");
        const gone = channel.isGone(() => window.opener?.closed === true);
        channel.say("ready");
        await Promise.race([go, gone]);
        const requests = requestsOf(run, CHARGES_OF_TABS);
        await chargeAll(client, requests);
        const told = { asked: 2 * requests.length, before: 0 };
        const result = await this.#count(client, requests, told);
        channel.say("done");
        return result;
      } catch (error) {
        channel.say("failed");
        throw error;
      } finally {
        channel.close();
      }
    });
  }

  async #comeBack(client: BillingClient): Promise<void> {
    const remembered = readInTab(REMEMBERED);
    if (!remembered) return;
    const { run, before } = JSON.parse(remembered) as { run: string; before: number | null };
    if (before === null) {
      // The page was left before the experiment had come so far: there is no result.
      await this.clearUp();
      removeInTab(REMEMBERED);
      return;
    }
    await this.#run(this.reload, async () => {
      await this.clearUp();
      const requests = requestsOf(run, CHARGES_OF_RELOAD);
      await Promise.all(requests.map(({ key }) => client.settled(key)));
      removeInTab(REMEMBERED);
      return this.#count(client, requests, { asked: requests.length, before });
    });
  }

  async #count(
    client: BillingClient,
    requests: readonly { key: string }[],
    told: { asked: number; before: number },
  ): Promise<ExperimentResult> {
    const keys = new Set(requests.map(({ key }) => key));
    const records = await Promise.all([...keys].map((key) => client.getCharge(key)));
    const askedAt = Date.now() + 1;
    const ledger = await readLedger(this.session);
    const charges = ledger.charges.filter(({ idempotency_key: key }) => keys.has(key));
    const mine = records.filter((record) => record !== null);
    const truth = truthOf({ ...ledger, charges }, askedAt, mine);
    const there = new Set(charges.map(({ idempotency_key: key }) => key));
    // One that is parked is not lost: the page still asks about it.
    const kept = new Set(mine.filter(({ status }) => status === "unknown").map(({ key }) => key));
    return {
      ...told,
      wanted: keys.size,
      charged: charges.length,
      known: mine.filter(({ status }) => status === "success").length,
      repeats: truth.repeats,
      doubles: truth.doubles,
      // What was asked for, is not in the ledger and does not wait is lost, whatever the page says of it.
      losses: [...keys].filter((key) => !there.has(key) && !kept.has(key)).length,
    };
  }

  async #run(
    store: Store<ExperimentState>,
    experiment: () => Promise<ExperimentResult>,
  ): Promise<void> {
    store.set({ state: "running" });
    try {
      store.set({ state: "done", result: await experiment() });
    } catch (error) {
      await this.clearUp().then(
        () => removeInTab(REMEMBERED),
        () => {},
      );
      store.set({ state: "failed", why: error instanceof Error ? error.message : String(error) });
    }
  }
}

/** The same run always makes the same charges, in whatever tab. */
function requestsOf(run: string, count: number): (ChargeRequest & { key: string })[] {
  return Array.from({ length: count }, (_, at) => {
    const taskId = `${run}.${at + 1}`;
    return { taskId, feature: FEATURE, amount: 1, key: `${FEATURE}:${taskId}` };
  });
}

/** Resolves when every charge is known to be paid, or not. */
async function chargeAll(
  client: BillingClient,
  requests: readonly (ChargeRequest & { key: string })[],
): Promise<void> {
  await Promise.all(requests.map((request) => client.charge(request)));
  await Promise.all(requests.map(({ key }) => client.settled(key)));
}

async function until<T>(look: () => Promise<T | null>): Promise<T> {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    const seen = await look();
    if (seen !== null) return seen;
    if (performance.now() > end) throw stoppedBy("unsent");
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

function stoppedBy(setback: Setback): Error {
  return new Error(setback);
}

type ChannelWord = "ready" | "go" | "done" | "failed";

/** What the tabs of one run say to each other. */
class Channel {
  readonly #channel: BroadcastChannel;
  #watch: ReturnType<typeof setInterval> | undefined;

  constructor(run: string) {
    this.#channel = new BroadcastChannel(`tollbox-demo:${run}`);
  }

  say(word: ChannelWord): void {
    this.#channel.postMessage(word);
  }

  heard(word: ChannelWord): Promise<void> {
    return new Promise((resolve) => {
      this.#channel.addEventListener("message", ({ data }) => {
        if (data === word) resolve();
      });
    });
  }

  /** Rejects when the other tab has failed or is closed, or it takes too long; once for a channel. */
  isGone(isClosed: () => boolean): Promise<never> {
    const end = performance.now() + OTHER_TAB_PATIENCE_MS;
    return new Promise((_, reject) => {
      const give = () => reject(stoppedBy("alone"));
      void this.heard("failed").then(give);
      this.#watch = setInterval(() => {
        if (isClosed() || performance.now() > end) give();
      }, LOOK_EVERY_MS);
    });
  }

  close(): void {
    clearInterval(this.#watch);
    this.#channel.close();
  }
}
