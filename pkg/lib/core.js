// @ts-check

import { BillingError } from "./error.js";
import { canRestart, died, instance, isDead, isDeath, onDeath } from "./instance.js";
import { Port } from "./port.js";

/** @import * as Api from "../index.js" */
/** @import { ClientHost } from "./host.js" */
/** @typedef {import("../wasm/tollbox.js").Client} Core */

/**
 * @typedef {object} Death
 * @property {string} detail what happened, for people
 * @property {boolean} goesOn whether what was asked for is asked for again by itself
 */

/**
 * How a call is answered that does not wait for another core.
 *
 * @template T
 * @typedef {object} Otherwise
 * @property {(death: Death) => T | null} answer at a death; null where the call has to wait
 * @property {number} [withinMs] after this time it is answered so, dead or not
 * @property {AbortSignal} [signal] on abort too, where there is no core to ask
 */

/** Instead of an answer. */
const DIED = Symbol("died");

/** A question over which the module dies so often within `WITHIN_MS` may be what it dies of. */
const MOST_DEATHS = 3;
const WITHIN_MS = 60_000;

/** One client's core: after each death of the module another, which starts from the journal. */
export class LastingCore {
  #openOn;
  #host;
  #checkMs;
  #forget;
  /** @type {Core | null} */
  #core = null;
  /** @type {Promise<void> | null} */
  #opening = null;
  /** Of the core in use, or being opened. @type {Port | null} */
  #port = null;
  /** What the dead held has been let go of. @type {Promise<void>} */
  #cleared = Promise.resolve();
  /** What hears of a death. @type {Set<(death: Death) => void>} */
  #mourners = new Set();
  /** Running tasks, whose points every core holds. @type {Map<string, Api.ChargeRequest>} */
  #tasks = new Map();
  /** Calls that are open, and those of them that wait for a core to ask. */
  #following = 0;
  #unasked = 0;
  /** A signed-out client is not started again: it might send with somebody else's token. */
  #signedOut = false;
  #closed = false;

  /**
   * @param {(Core: typeof import("../wasm/tollbox.js").Client, port: Port) => Promise<Core>} openOn
   * @param {ClientHost} host
   * @param {number} checkMs how often it is made sure that a core with open calls is alive
   */
  constructor(openOn, host, checkMs) {
    this.#openOn = openOn;
    this.#host = host;
    this.#checkMs = checkMs;
    this.#forget = onDeath((detail) => this.#mourn(detail));
  }

  /** Resolves when the journal has been read. */
  async open() {
    try {
      await this.#next();
    } catch (error) {
      this.#forget();
      throw error;
    }
  }

  /**
   * Asks the core; where that dies first, the next one: so a question may be asked more than once.
   *
   * @template T
   * @param {(core: Core) => T | Promise<T>} question
   * @param {Otherwise<T>} [otherwise] what is answered at once then, while the question is asked again
   * @returns {Promise<T>}
   */
  ask(question, otherwise) {
    if (!otherwise) {
      return this.#follow(question, undefined);
    }
    const { answer, withinMs, signal } = otherwise;
    return new Promise((resolve, reject) => {
      /** @param {Death} death */
      const settle = (death) => {
        const known = answer(death);
        if (known !== null) {
          end();
          resolve(known);
        }
      };
      const late = () => settle({ detail: "it did not answer in time", goesOn: true });
      const aborted = () => {
        if (!this.#core) {
          settle({ detail: "it is being started again", goesOn: canRestart() });
        }
      };
      const timer = withinMs === undefined ? undefined : setTimeout(late, withinMs);
      const end = () => {
        clearTimeout(timer);
        this.#mourners.delete(settle);
        signal?.removeEventListener("abort", aborted);
      };
      this.#mourners.add(settle);
      signal?.addEventListener("abort", aborted);
      this.#follow(question, undefined).then(resolve, reject).finally(end);
      if (signal?.aborted) {
        aborted();
      }
    });
  }

  /**
   * Asks the core, or those that follow, until the signal aborts: then it rejects with the signal's
   * reason, whether or not the core still answers, and nothing goes on.
   *
   * @template T
   * @param {(core: Core) => T | Promise<T>} question
   * @param {AbortSignal | undefined} signal
   * @returns {Promise<T>}
   */
  askUntil(question, signal) {
    return this.#follow(question, signal);
  }

  /**
   * Tells something to this core, if it is still in use.
   *
   * @param {Core | null} core
   * @param {(core: Core) => void} message
   */
  tell(core, message) {
    if (!core || core !== this.#core) {
      return;
    }
    try {
      message(core);
    } catch (error) {
      if (!isDeath(error)) {
        throw error;
      }
      died(error);
    }
  }

  /**
   * The task's points, which a core holds since it let the work start, are held by those that follow.
   *
   * @param {string} key
   * @param {Api.ChargeRequest} request
   */
  keepHold(key, request) {
    this.#tasks.set(key, request);
  }

  /**
   * @param {string} key
   * @param {boolean} charged whether the charge holds them from now on
   */
  endHold(key, charged) {
    const request = this.#tasks.get(key);
    this.#tasks.delete(key);
    if (request && !charged) {
      this.tell(this.#core, (core) => core.endTask(request));
    }
  }

  /** @returns {Promise<Api.ChargeRecord[]>} */
  async signOut() {
    const open = await this.#follow((core) => core.signOut(), undefined);
    this.#signedOut = true;
    return open;
  }

  /** Lets go of everything, once what has been asked for is with a core that lives. */
  async close() {
    this.#closed = true;
    try {
      // One that is being opened would be left behind, with its locks and timers.
      while (this.#core || this.#opening || this.#following > 0) {
        const core = this.#core;
        if (!core || this.#unasked > 0) {
          await this.#next();
        } else if ((await this.#orDeath(core, () => core.close(), undefined)) !== DIED) {
          break;
        }
      }
    } catch {
      // It is not started again: nothing is left to be closed.
    } finally {
      this.#forget();
      await this.#cleared;
    }
  }

  /**
   * @template T
   * @param {(core: Core) => T | Promise<T>} question
   * @param {AbortSignal | undefined} signal
   * @returns {Promise<T>}
   */
  async #follow(question, signal) {
    /** When a core died over it lately. @type {number[]} */
    let deaths = [];
    this.#following += 1;
    try {
      for (;;) {
        this.#unasked += 1;
        try {
          // Without a wait where there is a core: calls are asked in the order in which they are made.
          while (!this.#core) {
            await this.#next();
          }
        } finally {
          this.#unasked -= 1;
        }
        signal?.throwIfAborted();
        const core = this.#core;
        const answer = await this.#orDeath(core, () => question(core), signal);
        if (answer !== DIED) {
          return answer;
        }
        const now = performance.now();
        deaths = [...deaths, now].filter((at) => at > now - WITHIN_MS);
        if (deaths.length >= MOST_DEATHS) {
          throw new BillingError(
            "module_load_failed",
            `the billing module has died ${MOST_DEATHS} times over this call, which is not asked again`,
          );
        }
      }
    } finally {
      this.#following -= 1;
    }
  }

  /** Resolves when there is a core; rejects where there can be none. */
  async #next() {
    if (this.#core) {
      return;
    }
    if (this.#signedOut) {
      throw new BillingError("closed", "the client has signed out");
    }
    this.#opening ??= this.#reopen().finally(() => {
      this.#opening = null;
    });
    await this.#opening;
  }

  async #reopen() {
    for (;;) {
      await this.#cleared;
      const Core = await instance();
      // Somebody else's core may have died on it in the meantime.
      if (isDead()) {
        continue;
      }
      const port = new Port(this.#host);
      this.#port = port;
      const core = await this.#orDeath(null, () => this.#openOn(Core, port), undefined);
      if (core !== DIED && !isDead()) {
        this.#core = core;
        for (const request of this.#tasks.values()) {
          this.tell(core, () => hold(core, request));
        }
        port.ready();
        return;
      }
    }
  }

  /**
   * What the work comes to, or DIED at a death; on abort it rejects.
   *
   * @template T
   * @param {Core | null} core which is looked after meanwhile: it could die without a word
   * @param {() => T | Promise<T>} work
   * @param {AbortSignal | undefined} signal
   * @returns {Promise<T | typeof DIED>}
   */
  #orDeath(core, work, signal) {
    return new Promise((resolve, reject) => {
      const timer = setInterval(() => this.tell(core, check), this.#checkMs);
      const end = () => {
        clearInterval(timer);
        this.#mourners.delete(dead);
        signal?.removeEventListener("abort", aborted);
      };
      const dead = () => {
        end();
        resolve(DIED);
      };
      const aborted = () => {
        end();
        reject(signal?.reason);
      };
      /** @param {unknown} error */
      const failed = (error) => {
        // What a dead one throws is heard of as its death.
        if (this.#mourners.has(dead) && isDeath(error)) {
          died(error);
        }
        end();
        reject(error);
      };
      this.#mourners.add(dead);
      signal?.addEventListener("abort", aborted);
      try {
        Promise.resolve(work()).then((answer) => {
          end();
          resolve(answer);
        }, failed);
      } catch (error) {
        failed(error);
      }
    });
  }

  /** @param {string} cause */
  #mourn(cause) {
    this.#core = null;
    this.#cleared = Promise.all([this.#cleared, this.#port?.cut()]).then(() => {});
    this.#port = null;
    const goesOn = canRestart();
    const detail = `the billing module has died (${cause}) and ${
      goesOn ? "is started again" : "rests: it has died too often"
    }`;
    for (const mourner of [...this.#mourners]) {
      mourner({ detail, goesOn });
    }
    this.#host.notice("log", { level: "error", message: detail, at: Date.now() });
    if (!this.#closed) {
      this.#revive();
    }
  }

  async #revive() {
    try {
      while (!this.#core) {
        await this.#next();
      }
    } catch {
      // Whoever waits for it hears why it can't be.
    }
  }
}

/** @param {Core} core */
function check(core) {
  if (!core.isWell()) {
    died(new Error("it has stopped in the middle of something"));
  }
}

/**
 * @param {Core} core
 * @param {Api.ChargeRequest} request
 */
function hold(core, request) {
  // Where the points are no longer there, nothing is held: the work goes on all the same.
  core.startTask(request).catch(() => {});
}
