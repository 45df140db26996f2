// @ts-check

import { BillingError } from "../error.js";
import { DeathWatch, DIED } from "./death-watch.js";
import { Holds } from "./holds.js";
import { canRestart, died, instance, isDead, isDeath, onDeath, restsForMs } from "./instance.js";
import { Port } from "./port.js";

/** @import * as Api from "../../index.js" */
/** @import { ClientHost } from "../host.js" */
/** @import { Death } from "./death-watch.js" */
/** @typedef {import("../../wasm/tollbox.js").Client} Core */

/**
 * How a call is answered that does not wait for another core.
 *
 * @template T
 * @typedef {object} Otherwise
 * @property {(death: Death) => T | null} answer at a death; null where the call has to wait
 * @property {number} [withinMs] after this time it is answered so, dead or not
 * @property {AbortSignal} [signal] on abort too, where there is no core to ask
 */

/** A question over which the module dies so often within `WITHIN_MS` may be what it dies of. */
const MOST_DEATHS = 3;
const WITHIN_MS = 60_000;

/** How long after one that could not be started, for another reason than that, the next is. */
const AGAIN_AFTER_MS = 60_000;

/** One client's core: after each death of the module another, which starts from the journal. */
export class RestartingCore {
  #openOn;
  #host;
  #watch;
  #forget;
  /** @type {Core | null} */
  #core = null;
  /** @type {Promise<void> | null} */
  #opening = null;
  /** Of the core in use, or being opened. @type {Port | null} */
  #port = null;
  /** What the dead held has been let go of. @type {Promise<void>} */
  #cleared = Promise.resolve();
  #holds = new Holds();
  /** Whether a core has read the journal. */
  #wasRead = false;
  /** Calls that are open, and those of them that wait for a core to ask. */
  #following = 0;
  #unasked = 0;
  /** A signed-out client is not started again: it might send with somebody else's token. */
  #signedOut = false;
  /** Chosen since the opening, by those that follow too. @type {"en" | "zh-CN" | null} */
  #locale = null;
  /** With which mark its session began: those that follow a core that has died belong to it. */
  /** @type {number | undefined} */
  #session = undefined;
  #closed = false;
  /** Called where there is something to show; null once there is. @type {(() => void) | null} */
  #shown = null;
  /** Until it is tried to start another. @type {ReturnType<typeof setTimeout> | undefined} */
  #rest;

  /**
   * @param {(Core: typeof import("../../wasm/tollbox.js").Client, port: Port, session: number | undefined, locale: "en" | "zh-CN" | null) => Promise<Core>} openOn
   * @param {ClientHost} host
   * @param {number} checkMs how often it is made sure that a core with open calls is alive
   */
  constructor(openOn, host, checkMs) {
    this.#openOn = openOn;
    this.#host = host;
    this.#watch = new DeathWatch(() => this.tell(this.#core, check), checkMs);
    this.#forget = onDeath((detail) => this.#coreDied(detail));
  }

  /** Resolves when there is something to show. Whoever asks anything waits until the journal has been read. */
  async open() {
    /** @type {Promise<void>} */
    const shown = new Promise((resolve) => {
      this.#shown = resolve;
    });
    const opened = this.#next();
    try {
      await Promise.race([opened, shown]);
    } catch (error) {
      // Nobody has this client, who could close it.
      this.#closed = true;
      clearTimeout(this.#rest);
      this.#forget();
      throw error;
    } finally {
      // Those that follow hold what tasks at work hold, of which no note knows.
      this.#shown = null;
    }
    opened.catch(() => this.#reviveLater());
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
    // A signed-out client has none to wait for: what it can't ask, it refuses.
    if (!otherwise || this.#signedOut) {
      return this.#follow(question, undefined);
    }
    const { answer, withinMs, signal } = otherwise;
    const { say } = this.#host;
    return new Promise((resolve, reject) => {
      /** @param {Death} death */
      const settle = (death) => {
        const known = answer(death);
        if (known !== null) {
          end();
          resolve(known);
        }
      };
      const late = () =>
        settle({
          detail: say("the module did not answer in time", "模块没有按时应答"),
          goesOn: true,
        });
      const aborted = () => {
        if (!this.#core) {
          const detail = say("the module is being started", "模块正在启动");
          settle({ detail, goesOn: canRestart() });
        }
      };
      const timer = withinMs === undefined ? undefined : setTimeout(late, withinMs);
      const end = () => {
        clearTimeout(timer);
        this.#watch.remove(settle);
        signal?.removeEventListener("abort", aborted);
      };
      this.#watch.add(settle);
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
    this.#holds.keep(key, request);
  }

  /**
   * @param {string} key
   * @param {boolean} charged whether the charge holds them from now on
   */
  endHold(key, charged) {
    const isHeld = this.#holds.end(key);
    if (isHeld && !charged) {
      this.tell(this.#core, (core) => core.endTask(key));
    }
  }

  /** The mark with which its session began; undefined before it is open. */
  get session() {
    return this.#session;
  }

  /** @param {"en" | "zh-CN"} locale */
  setLocale(locale) {
    this.#locale = locale;
    this.tell(this.#core, (core) => core.setLocale(locale));
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
    clearTimeout(this.#rest);
    try {
      // One that is being opened would be left behind, with its locks and timers.
      while (this.#core || this.#opening || this.#following > 0) {
        const core = this.#core;
        if (!core || this.#unasked > 0) {
          await this.#next();
        } else if ((await this.#watch.orDeath(() => core.close())) !== DIED) {
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
        const answer = await this.#watch.orDeath(() => question(core), signal);
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
      const shown = this.#shown;
      const shownAhead =
        shown &&
        ((/** @type {number} */ session) => {
          this.#session = session;
          shown();
        });
      const port = new Port(this.#host, shownAhead, this.#wasRead);
      this.#port = port;
      const locale = this.#locale;
      const core = await this.#watch.orDeath(() => this.#openOn(Core, port, this.#session, locale));
      if (core !== DIED && !isDead()) {
        this.#core = core;
        this.#wasRead = true;
        this.tell(core, () => {
          this.#session = core.session();
          // Chosen while this one was opened.
          if (this.#locale && this.#locale !== locale) {
            core.setLocale(this.#locale);
          }
        });
        this.tell(core, () => this.#holds.renew(core));
        port.ready();
        return;
      }
    }
  }

  /** @param {string} cause */
  #coreDied(cause) {
    this.#core = null;
    this.#cleared = Promise.all([this.#cleared, this.#port?.cut()]).then(() => {});
    this.#port = null;
    const goesOn = canRestart() && !this.#signedOut;
    const detail = this.#deathDetail(cause, goesOn);
    this.#watch.tell({ detail, goesOn });
    this.#host.notice("log", { level: "error", message: detail, at: Date.now() });
    if (!this.#closed) {
      this.#revive();
    }
  }

  /**
   * @param {string} cause
   * @param {boolean} goesOn
   */
  #deathDetail(cause, goesOn) {
    const { say } = this.#host;
    if (goesOn) {
      return say(
        `the billing module has died (${cause}) and is started again`,
        `计费模块已崩溃（${cause}），正在重新启动`,
      );
    }
    return this.#signedOut
      ? say(`the billing module has died (${cause})`, `计费模块已崩溃（${cause}）`)
      : say(
          `the billing module has died (${cause}) and rests: it has died too often`,
          `计费模块已崩溃（${cause}），崩溃过于频繁，暂停重启`,
        );
  }

  async #revive() {
    try {
      while (!this.#core && !this.#closed) {
        await this.#next();
      }
    } catch {
      // Whoever waits for it hears why it can't be. What is queued waits for nobody's call.
      this.#reviveLater();
    }
  }

  #reviveLater() {
    clearTimeout(this.#rest);
    if (!this.#closed && !this.#signedOut) {
      const rest = () => void this.#revive();
      this.#rest = setTimeout(rest, Math.ceil(restsForMs() || AGAIN_AFTER_MS));
    }
  }
}

/** @param {Core} core */
function check(core) {
  if (!core.isWell()) {
    died(new Error("it has stopped in the middle of something"));
  }
}
