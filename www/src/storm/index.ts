import { readLedger, topUp } from "../server";
import { openSession, type Session } from "../session";
import { Store } from "../store";
import { truthOf } from "../truth";
import { type Fault, strike } from "../weather";
import { openRetryLoop } from "./retry-loop";
import type { OpenRival, StormCharge, Word } from "./rival";
import { openTollbox } from "./tollbox";

export type RivalName = "tollbox" | "loop" | "tanstack";

export const RIVALS: readonly RivalName[] = ["tollbox", "loop", "tanstack"];

const OPEN: Record<RivalName, () => Promise<OpenRival>> = {
  tollbox: async () => openTollbox,
  loop: async () => openRetryLoop,
  // Loaded when it is wanted: the page itself has no use for it.
  tanstack: async () => (await import("./tanstack")).openTanStack,
};

export interface StormResult {
  asked: number;
  charged: number;
  /** Tasks for which the points were taken again. */
  doubles: number;
  /** Tasks for which the ledger has nothing in the end. */
  losses: number;
  /** Charges of which the rival says what the ledger denies. */
  wrong: number;
  /** Requests for charges that reached the ledger. */
  requests: number;
  /** From the first charge to the last word, or to the end of patience. */
  seconds: number;
}

export interface StormState {
  /** Names the accounts of the latest run: each rival has one, and so a ledger, of its own. */
  run: string | null;
  running: { rival: RivalName; known: number; asked: number; calm: boolean } | null;
  results: Partial<Record<RivalName, StormResult>>;
  failure: string | null;
}

const FEATURE = "storm";
const ROUNDS = 2;
const PATIENCE_MS = 60_000;

const FAULTS: readonly (Fault | null)[] = [
  null,
  { kind: "drop_before" },
  { kind: "drop_after" },
  { kind: "drop_after" },
  { kind: "latency", ms: 300 },
  { kind: "status", status: 500 },
  { kind: "status", status: 503, retry_after: "1" },
  { kind: "garbage" },
];

/** 200 charges under faults in random order, then calm: the same weather for each rival, one by one. */
export class Storm {
  readonly state = new Store<StormState>({
    run: null,
    running: null,
    results: {},
    failure: null,
  });

  #isRunning = false;

  constructor(readonly session: Session) {}

  async run(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    const run = crypto.randomUUID().slice(0, 8);
    const gusts = Array.from({ length: ROUNDS }, () => shuffled(FAULTS)).flat();
    this.state.set({ run, running: null, results: {}, failure: null });
    try {
      for (const rival of RIVALS) {
        const result = await this.#stand(rival, run, gusts);
        this.#update({ results: { ...this.state.get().results, [rival]: result } });
      }
    } catch (error) {
      this.#update({ failure: error instanceof Error ? error.message : String(error) });
    } finally {
      this.#isRunning = false;
      this.#update({ running: null });
    }
  }

  async #stand(name: RivalName, run: string, gusts: readonly (Fault | null)[]) {
    const owner = [...this.session.account].slice(0, 40).join("");
    const session = await openSession(`${owner}-storm-${run}-${name}`);
    const { charges, gustMs } = stormOptions(new URLSearchParams(location.search));
    await topUp(session, 3 * charges);
    const open = await OPEN[name]();
    const rival = await open(session);
    const words = new Map<string, Word>();
    let isOver = false;
    const tell = (calm: boolean) => {
      // A late word must not make it run again.
      if (isOver) return;
      this.#update({ running: { rival: name, known: words.size, asked: charges, calm } });
    };
    const began = performance.now();
    let calm = false;
    tell(calm);
    const withinMs = (gusts.length * gustMs * 2) / 3;
    const asked = chargesOf(run, charges).map(async (charge, at) => {
      await pause((at * withinMs) / charges);
      if (isOver) return;
      words.set(charge.taskId, await rival.charge(charge));
      tell(calm);
    });
    const allAsked = Promise.all(asked);
    // Those that nobody waits for any more may fail.
    allAsked.catch(() => {});
    try {
      try {
        for (const gust of gusts) {
          await strike(session.account, gust);
          await pause(gustMs);
        }
      } finally {
        await strike(session.account, null);
      }
      calm = true;
      tell(calm);
      await Promise.race([allAsked, pause(PATIENCE_MS)]);
      const seconds = (performance.now() - began) / 1_000;
      return { ...(await this.#count(session, words, charges)), seconds };
    } finally {
      isOver = true;
      await rival.close();
      await removeStored(`-storm-${run}-${name}`);
    }
  }

  async #count(session: Session, words: ReadonlyMap<string, Word>, asked: number) {
    const ledger = await readLedger(session);
    const { doubles, repeats } = truthOf(ledger, Date.now(), []);
    const paid = new Set(ledger.charges.map(({ task_id }) => task_id));
    const denied = [...words].filter(([task, word]) => {
      return word !== "open" && (word === "paid") !== paid.has(task);
    });
    return {
      asked,
      charged: ledger.charges.length,
      doubles,
      losses: asked - paid.size,
      wrong: denied.length,
      requests: ledger.charges.length + repeats,
    };
  }

  #update(change: Partial<StormState>): void {
    this.state.update((state) => ({ ...state, ...change }));
  }
}

/** Removes what was stored for an account of the storm, which nobody signs in to again. */
async function removeStored(account: string): Promise<void> {
  try {
    for (const { name } of await indexedDB.databases()) {
      if (name?.includes(account)) indexedDB.deleteDatabase(name);
    }
    for (const name of Object.keys(localStorage)) {
      if (name.includes(account)) localStorage.removeItem(name);
    }
  } catch {
    // The browser keeps nothing, or does not tell what.
  }
}

/** `?stormCharges=40&gustMs=100` makes a smaller storm. */
function stormOptions(query: URLSearchParams): { charges: number; gustMs: number } {
  const given = (name: string, usual: number) => {
    const number = Number(query.get(name));
    return Number.isSafeInteger(number) && number > 0 ? number : usual;
  };
  return { charges: given("stormCharges", 200), gustMs: given("gustMs", 400) };
}

function chargesOf(run: string, count: number): StormCharge[] {
  return Array.from({ length: count }, (_, at) => ({
    taskId: `${run}.${at + 1}`,
    feature: FEATURE,
    amount: 1,
  }));
}

function shuffled<T>(list: readonly T[]): T[] {
  const rest = [...list];
  for (let at = rest.length - 1; at > 0; at -= 1) {
    const other = Math.floor(Math.random() * (at + 1));
    [rest[at], rest[other]] = [rest[other] as T, rest[at] as T];
  }
  return rest;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
