// @ts-check
/**
 * The facade: what users import. Rust returns facts; this side calls the user's code.
 *
 * Nothing here touches `window` until `openBilling` is called, so a server may import it.
 */

import { BillingError, toBillingError } from "./lib/error.js";
import { createHost } from "./lib/host.js";
import { loadModule } from "./lib/module.js";
import { runTask } from "./lib/task.js";

export { BillingError };

/** @import * as Api from "./index.js" */
/** @typedef {import("./wasm/tollbox.js").Client} Core */

/** How long after `respondWithinMs` a call waits for a module that should have answered. */
const GRACE_MS = 2_000;
const RESPOND_WITHIN_MS = 8_000;

/** Only `openBilling` makes clients. */
const OPENING = Symbol("opening");

/**
 * @param {Api.BillingOptions} options
 * @returns {Promise<BillingClient>}
 */
export async function openBilling(options) {
  const { account, baseUrl } = checkOptions(options);
  const Core = await loadModule();
  const host = createHost(options);
  const { storage, ...queue } = options.queue ?? {};
  const { balance, retry, monitor, locale } = options;
  try {
    const core = await Core.open(
      baseUrl,
      account,
      options.credentials,
      storage,
      JSON.stringify({ balance, queue, retry, monitor, locale }),
      host,
    );
    return new BillingClient(OPENING, core, host, retry?.respondWithinMs ?? RESPOND_WITHIN_MS);
  } catch (error) {
    throw toBillingError(error);
  }
}

/** @param {Api.BillingOptions} options */
function checkOptions(options) {
  if (typeof options !== "object" || options === null) {
    throw new BillingError("invalid_argument", "openBilling needs options");
  }
  const { account, baseUrl, getToken, transport, log } = options;
  if (typeof account !== "string" || account === "") {
    throw new BillingError("invalid_argument", "account must be a string that is not empty");
  }
  for (const [name, value] of Object.entries({ getToken, transport })) {
    if (value !== undefined && typeof value !== "function") {
      throw new BillingError("invalid_argument", `${name} must be a function`);
    }
  }
  const levels = ["silent", "error", "info", "debug", undefined];
  if (typeof log !== "function" && !levels.includes(log)) {
    throw new BillingError("invalid_argument", "log must be a level or a function");
  }
  if (typeof window === "undefined") {
    throw new BillingError(
      "module_load_failed",
      "openBilling needs a browser's window; on a server, import freely but open in the browser",
    );
  }
  if (typeof baseUrl !== "string" && !(baseUrl instanceof URL)) {
    throw new BillingError("invalid_argument", "baseUrl must be a string or a URL");
  }
  try {
    const url = new URL(baseUrl, document.baseURI);
    return { account, baseUrl: `${url.origin}${url.pathname.replace(/\/+$/, "")}` };
  } catch {
    throw new BillingError("invalid_argument", `baseUrl is not a URL: ${baseUrl}`);
  }
}

export class BillingClient {
  /** @type {Core} */
  #core;
  /** @type {import("./lib/host.js").ClientHost} */
  #host;
  /** @type {number} */
  #patienceMs;
  /** @type {Promise<void> | null} */
  #closed = null;

  /**
   * @param {symbol} opening
   * @param {Core} core
   * @param {import("./lib/host.js").ClientHost} host
   * @param {number} respondWithinMs
   */
  constructor(opening, core, host, respondWithinMs) {
    if (opening !== OPENING) {
      throw new BillingError("invalid_argument", "openBilling makes clients");
    }
    this.#core = core;
    this.#host = host;
    this.#patienceMs = respondWithinMs + GRACE_MS;
  }

  /**
   * @param {Api.ChargeRequest} request
   * @param {Api.ChargeOptions} [options]
   * @returns {Promise<Api.ChargeOutcome>}
   */
  async charge(request, options) {
    return this.#ask(async () => {
      const pending = this.#core.charge(request);
      const stopWaiting = () => this.#core.stopWaiting(pending.call);
      return withSignal(options?.signal, stopWaiting, async () =>
        inTime(pending.answer, this.#patienceMs, () => unanswered(request)),
      );
    });
  }

  /**
   * @template T
   * @param {Api.ChargeRequest} request
   * @param {() => Promise<T>} work
   * @returns {Promise<Api.TaskOutcome<T>>}
   */
  async runTask(request, work) {
    if (typeof work !== "function") {
      throw new BillingError("invalid_argument", "work must be a function");
    }
    return this.#ask(() => runTask(this, this.#core, request, work));
  }

  /**
   * @param {string} key
   * @param {{ signal?: AbortSignal }} [options]
   * @returns {Promise<Api.SettledOutcome>}
   */
  async settled(key, options) {
    return this.#ask(async () => {
      const signal = options?.signal;
      signal?.throwIfAborted();
      const pending = this.#core.settled(key);
      /** @type {Promise<never>} */
      const aborted = new Promise((_, reject) => {
        signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
      });
      const stopWaiting = () => this.#core.stopWaiting(pending.call);
      return withSignal(signal, stopWaiting, () => Promise.race([pending.answer, aborted]));
    });
  }

  /** @returns {Promise<Api.FlushReport>} */
  async flush() {
    return this.#ask(() => this.#core.flush());
  }

  /**
   * @param {string} key
   * @returns {Promise<Api.ChargeOutcome>}
   */
  async retry(key) {
    return this.#ask(() => this.#core.retry(key));
  }

  /**
   * @param {string} key
   * @returns {Promise<Api.ChargeOutcome>}
   */
  async cancel(key) {
    return this.#ask(() => this.#core.cancel(key));
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
    return this.#ask(() => this.#core.refreshBalance(options?.maxAgeMs));
  }

  /**
   * @param {string} key
   * @returns {Promise<Api.ChargeRecord | null>}
   */
  async getCharge(key) {
    return this.#ask(() => this.#core.getCharge(key));
  }

  /**
   * @param {{ status?: Api.BillingStatus | Api.BillingStatus[]; limit?: number }} [filter]
   * @returns {Promise<Api.ChargeRecord[]>}
   */
  async charges(filter = {}) {
    return this.#ask(async () => {
      const { status, limit = Number.POSITIVE_INFINITY } = filter;
      if (typeof limit !== "number" || !(limit >= 0)) {
        throw new BillingError("invalid_argument", "limit must not be negative");
      }
      const wanted = status === undefined ? null : [status].flat();
      /** @type {Api.ChargeRecord[]} */
      const all = await this.#core.charges();
      return all.filter((record) => !wanted || wanted.includes(record.status)).slice(0, limit);
    });
  }

  /** @returns {Promise<Api.QuarantinedRecord[]>} */
  async quarantined() {
    return this.#ask(() => this.#core.quarantined());
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
    return this.#host.on("snapshot", listener);
  }

  /**
   * @template {keyof Api.BillingEvents} K
   * @param {K} type
   * @param {(event: Api.BillingEvents[K]) => void} listener
   * @returns {() => void}
   */
  on(type, listener) {
    return this.#host.on(type, listener);
  }

  /** @returns {Promise<Api.ChargeRecord[]>} */
  async signOut() {
    return this.#ask(() => this.#core.signOut());
  }

  /** @returns {Promise<void>} */
  async close() {
    this.#closed ??= this.#core.close();
    await this.#closed;
  }

  /**
   * @template T
   * @param {() => T | Promise<T>} question
   * @returns {Promise<T>}
   */
  async #ask(question) {
    if (this.#closed) {
      throw new BillingError("closed", "the client is closed");
    }
    try {
      return await question();
    } catch (error) {
      throw toBillingError(error);
    }
  }
}

/**
 * Calls `aborted` when the signal says so, as long as `work` goes on.
 *
 * @template T
 * @param {AbortSignal | undefined} signal
 * @param {() => void} aborted
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
async function withSignal(signal, aborted, work) {
  if (!signal) {
    return work();
  }
  const answer = work();
  if (signal.aborted) {
    aborted();
  }
  signal.addEventListener("abort", aborted);
  try {
    return await answer;
  } finally {
    signal.removeEventListener("abort", aborted);
  }
}

/**
 * A module that has died leaves its promises hanging: after `patienceMs` the answer is `otherwise`.
 *
 * @template T
 * @param {Promise<T>} answer
 * @param {number} patienceMs
 * @param {() => T} otherwise
 * @returns {Promise<T>}
 */
async function inTime(answer, patienceMs, otherwise) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const late = new Promise((resolve) => {
    timer = setTimeout(() => resolve(otherwise()), patienceMs);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * What can be said of a charge that the module did not answer in time: nothing certain.
 *
 * @param {Api.ChargeRequest} request
 * @returns {Api.Unknown}
 */
function unanswered(request) {
  return {
    status: "unknown",
    key: request.key ?? `${request.feature}:${request.taskId}`,
    taskId: request.taskId,
    amount: request.amount,
    attempts: 0,
    reason: "timeout",
    resolving: true,
    durable: false,
    detail: "the billing module did not answer in time",
  };
}
