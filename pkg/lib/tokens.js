// @ts-check
/**
 * Tokens, asked of the user's code. One that comes too late for its request is used by the next, so that
 * a slow source of tokens delays requests and doesn't end them; and one tab at a time refreshes, so that
 * a refresh token that may be used once is used once.
 */

import { orLate, timerMs } from "./waiting.js";

/** @import { Hold, Locks } from "./locks.js" */

/** So long a token waits for its request: as long as most pauses between two attempts. */
const KEEP_MS = 60_000;

/** A probe may come first, and the charge that waited for its answer would have nothing. */
const KEPT_FOR_REQUESTS = 2;

/**
 * A call of the user's code that is under way.
 *
 * @typedef {object} Ask
 * @property {Promise<string | null>} token
 * @property {number} sinceMs
 * @property {number} limitMs after which nobody waits for it
 */

export class Tokens {
  #getToken;
  #locks;
  /** One that came too late for its own request, when, and for how many. @type {{ token: string, cameMs: number, requests: number } | null} */
  #kept = null;
  /** The latest call of each kind, while it is under way. @type {Map<boolean, Ask>} */
  #asking = new Map();
  /** The latest token that a refresh gave. @type {string | null} */
  #renewed = null;
  /** The latest token that the server has rejected. @type {string | null} */
  #rejected = null;
  /** The lock has been held for longer than any refresh may take: by a tab that stands still. */
  #isStuck = false;
  /** Somebody else has refreshed since this one did. */
  #isNewElsewhere = false;

  /**
   * @param {(refresh: boolean) => Promise<string | null>} getToken
   * @param {Locks} locks
   */
  constructor(getToken, locks) {
    this.#getToken = getToken;
    this.#locks = locks;
  }

  /**
   * A token for a request, which waits for it no longer than `limitMs`.
   *
   * @param {boolean} refresh
   * @param {number} limitMs
   * @param {string} lock under which it is refreshed
   * @returns {Promise<string | null>}
   */
  async ask(refresh, limitMs, lock) {
    const kept = this.#takeKept();
    if (kept !== null && (!refresh || kept === this.#renewed)) {
      return kept;
    }
    const now = performance.now();
    const plain = this.#asking.get(false);
    const renewal = this.#asking.get(true);
    // One that hangs is not waited for for ever.
    if (refresh && renewal && now < renewal.sinceMs + 2 * renewal.limitMs) {
      // Another beside it would use the same refresh token.
      return renewal.token;
    }
    if (refresh) {
      return this.#begin(true, limitMs, () => this.#refresh(limitMs, lock));
    }
    const late = plain && now >= plain.sinceMs + plain.limitMs ? [plain.token] : [];
    const own = this.#begin(false, limitMs, () => this.#getToken(false));
    const token = await Promise.any([...late, own]);
    // One that is late for this request, too, is kept for the next.
    if (this.#kept?.token === token && performance.now() < now + limitMs) {
      this.#kept = null;
    }
    return token;
  }

  /** @param {string} token which the server has rejected */
  rejected(token) {
    this.#rejected = token;
    if (this.#kept?.token === token) {
      this.#kept = null;
    }
  }

  /** @param {string} token for the next request */
  keep(token) {
    this.#kept = { token, cameMs: performance.now(), requests: KEPT_FOR_REQUESTS };
  }

  /** Another tab has a new token. */
  refreshedElsewhere() {
    this.#isNewElsewhere = true;
  }

  #takeKept() {
    const kept = this.#kept;
    if (!kept || performance.now() - kept.cameMs >= KEEP_MS) {
      this.#kept = null;
      return null;
    }
    kept.requests -= 1;
    if (kept.requests === 0) {
      this.#kept = null;
    }
    return kept.token;
  }

  /**
   * Calls the user's code, and keeps what comes when nobody waits for it any more.
   *
   * @param {boolean} refresh
   * @param {number} limitMs
   * @param {() => Promise<string | null>} work
   */
  async #begin(refresh, limitMs, work) {
    const ask = { token: work(), sinceMs: performance.now(), limitMs };
    this.#asking.set(refresh, ask);
    try {
      const token = await ask.token;
      if (typeof token === "string" && performance.now() >= ask.sinceMs + limitMs) {
        this.keep(token);
      }
      return token;
    } finally {
      if (this.#asking.get(refresh) === ask) {
        this.#asking.delete(refresh);
      }
    }
  }

  /**
   * A new token. Where somebody else has refreshed meanwhile, what `getToken` has is new already, unless
   * it is the very one that was rejected. Whoever holds the lock for longer than a request may take is
   * waited for no longer.
   *
   * @param {number} limitMs
   * @param {string} lock
   */
  async #refresh(limitMs, lock) {
    let isContended = false;
    const patienceMs = this.#isStuck ? limitMs / 10 : limitMs;
    const hold = this.#locks.lock(lock, patienceMs, () => {
      isContended = true;
    });
    // A page in the back/forward cache that holds a lock stops everybody else.
    // Node.js has no window that could be hidden.
    globalThis.addEventListener?.("pagehide", hold.letGo);
    try {
      this.#isStuck = !((await hold.granted) || hold.isOver);
      const work = this.#renew(isContended, hold);
      await orLate(timerMs(limitMs), work);
      // The lock is let go of now, whatever comes of it.
      return work;
    } finally {
      globalThis.removeEventListener?.("pagehide", hold.letGo);
      hold.letGo();
    }
  }

  /**
   * @param {boolean} isContended whether others have refreshed while this one waited
   * @param {Hold} hold
   */
  async #renew(isContended, hold) {
    const rejected = this.#rejected;
    const mayBeNew = isContended || this.#isNewElsewhere;
    this.#isNewElsewhere = false;
    let token = mayBeNew ? await this.#getToken(false) : rejected;
    if (token === rejected || !mayBeNew) {
      if (hold.isOver) {
        // Whoever has it now may be refreshing.
        throw new Error("the lock is gone");
      }
      token = await this.#getToken(true);
    }
    this.#renewed = token;
    return token;
  }
}
