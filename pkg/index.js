// @ts-check
/**
 * The facade: what users import. Rust returns facts; this side calls the user's code.
 *
 * Nothing here touches the browser until `openBilling` is called, so a server may import it.
 */

import {
  asJson,
  checkEvent,
  checkFilter,
  checkListener,
  checkLocale,
  checkOptions,
  checkRequest,
  checkText,
  maxAgeOf,
  signalOf,
} from "./lib/arguments.js";
import { syncWhileWaiting } from "./lib/background-sync.js";
import { cachedBalance } from "./lib/cached.js";
import { BillingError, checkFunction, mistake, toBillingError } from "./lib/error.js";
import { createHost } from "./lib/host.js";
import { closeAhead, openAhead } from "./lib/journal/ahead.js";
import { entriesOf, stemOf } from "./lib/names.js";
import { instance, load, onDeath } from "./lib/restart/instance.js";
import { RestartingCore } from "./lib/restart/restarting-core.js";
import { unknownAfter } from "./lib/restart/unknown-outcome.js";
import { runTask } from "./lib/task.js";
import { orAborted, timerMs } from "./lib/waiting.js";

export { BillingError, cachedBalance };

/** @import * as Api from "./index.js" */
/** @import { Core } from "./lib/restart/restarting-core.js" */

/** How long after `respondWithinMs` a call waits for a module that should have answered. */
const GRACE_MS = 2_000;

/** Only `openBilling` makes clients. */
const OPENING = Symbol("opening");

/**
 * @param {Api.BillingOptions} options
 * @returns {Promise<BillingClient>}
 */
export async function openBilling(options) {
  const given = checkOptions(options);
  const host = createHost(given);
  const { account, baseUrl, namespace, credentials } = given;
  const { balance, queue, retry, monitor, locale } = given;
  const asGiven = asJson({ balance, queue, retry, monitor, locale });
  const opening = asJson({ baseUrl, account, namespace, credentials });
  const stem = stemOf(given);
  try {
    const loading = load(given.module);
    if (!queue?.storage || ["auto", "indexeddb"].includes(queue.storage)) {
      openAhead(stem, entriesOf(given).journal);
    }
    await loading;
    const Core = await instance();
    const patienceMs = timerMs(Core.respondWithinMs(asGiven) + GRACE_MS);
    const core = new RestartingCore(
      (Core, port, session = given.session, chosen) =>
        Core.open(
          opening,
          // The caller's own objects may have changed, or be of no use any more.
          chosen ? asJson({ ...JSON.parse(asGiven), locale: chosen }) : asGiven,
          session,
          port,
        ),
      host,
      patienceMs,
    );
    await core.open();
    if (given.backgroundSync) {
      syncWhileWaiting(host, () => `${stem}:${core.session}`);
    }
    return new BillingClient(OPENING, core, host, patienceMs);
  } catch (error) {
    throw toBillingError(error);
  } finally {
    closeAhead(stem);
  }
}

export class BillingClient {
  /** @type {RestartingCore} */
  #core;
  /** @type {import("./lib/host.js").ClientHost} */
  #host;
  /** @type {number} */
  #patienceMs;
  /** @type {Promise<void> | null} */
  #closed = null;

  /**
   * @param {symbol} opening
   * @param {RestartingCore} core
   * @param {import("./lib/host.js").ClientHost} host
   * @param {number} patienceMs
   */
  constructor(opening, core, host, patienceMs) {
    if (opening !== OPENING) {
      throw mistake("a BillingClient", "made by openBilling", "new");
    }
    this.#core = core;
    this.#host = host;
    this.#patienceMs = patienceMs;
    bindMethods(this);
  }

  /**
   * @param {Api.ChargeRequest} request
   * @param {Api.ChargeOptions} [options]
   * @returns {Promise<Api.ChargeOutcome>}
   */
  async charge(request, options) {
    // Asked again after a death of the module, it is the same charge.
    const asked = checkRequest(request);
    const text = JSON.stringify(asked);
    const signal = signalOf(options);
    return this.#ask((core) => this.#stoppable(core, core.charge(text), signal), {
      answer: (death) => unknownAfter(asked, this.#host, death),
      withinMs: this.#patienceMs,
      signal,
    });
  }

  /**
   * @template T
   * @param {Api.ChargeRequest} request
   * @param {(task: { setAmount(points: number): void }) => Promise<T>} work
   * @returns {Promise<Api.TaskOutcome<T>>}
   */
  async runTask(request, work) {
    checkFunction("work", work);
    return this.#unlessClosed(() => runTask(this, this.#core, this.#host, request, work));
  }

  /**
   * @param {string} key
   * @param {{ signal?: AbortSignal }} [options]
   * @returns {Promise<Api.SettledOutcome>}
   */
  async settled(key, options) {
    checkText("key", key);
    const signal = signalOf(options);
    const answer = () =>
      this.#unlessClosed(() =>
        this.#core.askUntil((core) => this.#stoppable(core, core.settled(key), signal), signal),
      );
    // Its reason is the caller's own, and comes back as it is.
    return signal ? orAborted(signal, answer) : answer();
  }

  /** @returns {Promise<Api.FlushReport>} */
  async flush() {
    return this.#ask((core) => core.flush());
  }

  /**
   * @param {string} key
   * @returns {Promise<Api.ChargeOutcome>}
   */
  async retry(key) {
    checkText("key", key);
    return this.#ask((core) => core.retry(key), {
      answer: (death) => unknownAfter({ key }, this.#host, death),
    });
  }

  /**
   * @param {string} key
   * @returns {Promise<Api.ChargeOutcome>}
   */
  async cancel(key) {
    checkText("key", key);
    return this.#ask((core) => core.cancel(key), {
      answer: (death) => unknownAfter({ key }, this.#host, death),
    });
  }

  /** @returns {Api.Balance | null} */
  balance() {
    return this.#host.snapshot().balance;
  }

  /**
   * @param {{ maxAgeMs?: number }} [options]
   * @returns {Promise<Api.BalanceResult>}
   */
  async refreshBalance(options) {
    const maxAgeMs = maxAgeOf(options);
    return this.#ask((core) => core.refreshBalance(maxAgeMs));
  }

  /**
   * @param {string} key
   * @returns {Promise<Api.ChargeRecord | null>}
   */
  async getCharge(key) {
    checkText("key", key);
    return this.#ask((core) => core.getCharge(key));
  }

  /**
   * @param {{ status?: Api.BillingStatus | Api.BillingStatus[]; limit?: number }} [filter]
   * @returns {Promise<Api.ChargeRecord[]>}
   */
  async charges(filter = {}) {
    return this.#unlessClosed(async () => {
      const { statuses, limit } = checkFilter(filter);
      return this.#core.ask(async (core) => {
        /** @type {Api.ChargeRecord[]} */
        const charges = [];
        await core.charges(statuses, limit, (/** @type {string} */ page) => {
          charges.push(...JSON.parse(page));
        });
        return charges;
      });
    });
  }

  /** @returns {Promise<Api.QuarantinedRecord[]>} */
  async quarantined() {
    return this.#ask((core) => core.quarantined());
  }

  /** @returns {Api.BillingSnapshot} */
  getSnapshot() {
    return this.#host.snapshot();
  }

  /**
   * @param {() => void} listener
   * @returns {() => void}
   */
  subscribe(listener) {
    checkListener(listener);
    return this.#host.on("snapshot", listener);
  }

  /**
   * @template {keyof Api.BillingEvents} K
   * @param {K} type
   * @param {(event: Api.BillingEvents[K]) => void} listener
   * @returns {() => void}
   */
  on(type, listener) {
    checkEvent(type);
    checkListener(listener);
    return this.#host.on(type, listener);
  }

  /** @returns {Promise<Api.ChargeRecord[]>} */
  async signOut() {
    return this.#unlessClosed(() => this.#core.signOut());
  }

  /** @param {"en" | "zh-CN"} locale */
  setLocale(locale) {
    checkLocale(locale);
    this.#host.setLocale(locale);
    if (!this.#closed) {
      this.#core.setLocale(locale);
    }
  }

  /** @returns {Promise<void>} */
  async close() {
    this.#closed ??= this.#core.close();
    await this.#closed;
  }

  /**
   * @template T
   * @param {(core: Core) => T | Promise<T>} question
   * @param {import("./lib/restart/restarting-core.js").Otherwise<T>} [otherwise]
   * @returns {Promise<T>}
   */
  async #ask(question, otherwise) {
    return this.#unlessClosed(() => this.#core.ask(question, otherwise));
  }

  /**
   * @template T
   * @param {() => Promise<T>} work
   * @returns {Promise<T>}
   */
  async #unlessClosed(work) {
    if (this.#closed) {
      throw new BillingError("closed", "the client is closed");
    }
    try {
      return await work();
    } catch (error) {
      throw toBillingError(error);
    }
  }

  /**
   * The answer of a call for which the core need not work any more when the signal aborts.
   *
   * @param {Core} core
   * @param {import("./wasm/tollbox.js").Pending} pending
   * @param {AbortSignal | undefined} signal
   * @returns {Promise<any>}
   */
  async #stoppable(core, pending, signal) {
    const { call, answer } = pending;
    // Left to the garbage collector, it would run code when that comes to it, and a page in which
    // code has run is thrown out of the back/forward cache.
    pending.free();
    if (!signal) {
      return answer;
    }
    const stop = () => this.#core.tell(core, () => core.stopWaiting(call));
    if (signal.aborted) {
      stop();
    }
    // Once: what is told so need not be answered.
    signal.addEventListener("abort", stop, { once: true });
    const end = () => {
      signal.removeEventListener("abort", stop);
      forget();
    };
    // A dead core never answers.
    const forget = onDeath(end);
    try {
      return await answer;
    } finally {
      end();
    }
  }
}

/**
 * Its methods become its own, and bound. Whoever passes one about by itself, as React's
 * useSyncExternalStore does, or calls it through a proxy, as Vue's `reactive` does, has no `this` that
 * the class's private members are on.
 *
 * @param {BillingClient} client
 */
function bindMethods(client) {
  for (const name of Object.getOwnPropertyNames(BillingClient.prototype)) {
    const method = Reflect.get(client, name);
    if (name !== "constructor") {
      const value = method.bind(client);
      // As a class's own are: not listed, and a test's spy may take their place.
      Object.defineProperty(client, name, { value, configurable: true, writable: true });
    }
  }
}
