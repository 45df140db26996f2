// @ts-check

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
  /** Calls that are open. */
  #following = 0;
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
      return this.#follow(question);
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
      this.#follow(question).then(resolve, reject).finally(end);
      if (signal?.aborted) {
        aborted();
      }
    });
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

  /** Lets go of everything, once what has been asked for is with a core that lives. */
  async close() {
    this.#closed = true;
    try {
      while ((await this.#orDeath((core) => core.close())) === DIED && this.#following > 0);
    } catch {
      // It can't be started again: nothing is left to be closed.
    } finally {
      this.#forget();
      await this.#cleared;
    }
  }

  /**
   * @template T
   * @param {(core: Core) => T | Promise<T>} question
   * @returns {Promise<T>}
   */
  async #follow(question) {
    this.#following += 1;
    try {
      for (;;) {
        const answer = await this.#orDeath(question);
        if (answer !== DIED) {
          return answer;
        }
      }
    } finally {
      this.#following -= 1;
    }
  }

  /**
   * @template T
   * @param {(core: Core) => T | Promise<T>} question
   * @returns {Promise<T | typeof DIED>}
   */
  async #orDeath(question) {
    // Without a wait where there is a core: calls are asked in the order in which they are made.
    while (!this.#core) {
      await this.#next();
    }
    const core = this.#core;
    return this.#mourning(
      () => question(core),
      () => this.tell(core, check),
    );
  }

  /** Resolves when there is a core; rejects where there can be none. */
  #next() {
    this.#opening ??= this.#reopen().finally(() => {
      this.#opening = null;
    });
    return this.#opening;
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
      const core = await this.#mourning(() => this.#openOn(Core, port));
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
   * The promise's value, or DIED at a death.
   *
   * @template T
   * @param {() => T | Promise<T>} work
   * @param {() => void} [check]
   * @returns {Promise<T | typeof DIED>}
   */
  #mourning(work, check) {
    return new Promise((resolve, reject) => {
      const timer = check && setInterval(check, this.#checkMs);
      const end = () => {
        clearInterval(timer);
        this.#mourners.delete(dead);
      };
      const dead = () => {
        end();
        resolve(DIED);
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
