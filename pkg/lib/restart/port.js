// @ts-check

import { Locks } from "../locks.js";
import { reuseEqual } from "../structural-sharing.js";
import { Tokens } from "../tokens.js";

/** @import * as Api from "../../index.js" */
/** @import { ClientHost, Kind } from "../host.js" */

/** @type {Kind[]} */
const KEPT_BACK = ["snapshot", "balance"];

/**
 * What one core calls, from its opening to its death: after that nothing of it is heard.
 *
 * The snapshots and balances that it shows before it has read the journal are kept back, so that a
 * client whose module died never shows an empty queue, and nothing held, in between. A new client is
 * shown one of them: with the queue as it was noted, which is as the journal has it.
 */
export class Port {
  #host;
  #shownAhead;
  #wasRead;
  #locks = new Locks();
  #tokens;
  #cut = false;
  #ready = false;
  /** What was shown ahead, as a balance. @type {Api.Balance | null | undefined} */
  #balanceAhead;
  /** The latest of each kind. @type {Map<Kind, any>} */
  #kept = new Map();

  /**
   * @param {ClientHost} host
   * @param {((session: number) => void) | null} shownAhead hears that a snapshot is shown before the
   *   journal has been read, and with which mark the session began; null where none is to be
   * @param {boolean} wasRead whether an earlier core of the client has read the journal
   */
  constructor(host, shownAhead, wasRead) {
    this.#host = host;
    this.#shownAhead = shownAhead;
    this.#wasRead = wasRead;
    this.#tokens = new Tokens(host.token, this.#locks);
  }

  get hasTransport() {
    return this.#host.hasTransport;
  }

  /**
   * @param {boolean} refresh
   * @param {number} limitMs
   * @param {string} lock
   */
  token(refresh, limitMs, lock) {
    if (!this.#host.hasToken) {
      return null;
    }
    return this.#tokens.ask(refresh, limitMs, lock);
  }

  /** @param {string} token */
  rejected(token) {
    this.#tokens.rejected(token);
  }

  /** @param {string} token */
  keepToken(token) {
    this.#tokens.keep(token);
  }

  refreshedElsewhere() {
    this.#tokens.refreshedElsewhere();
  }

  /** @param {Api.TransportRequest} request */
  transport(request) {
    return this.#host.transport(request);
  }

  /**
   * @param {Kind} kind
   * @param {any} subject
   */
  notice(kind, subject) {
    if (this.#cut) {
      return;
    }
    if (KEPT_BACK.includes(kind) && !this.#ready) {
      this.#kept.set(kind, subject);
    } else {
      this.#host.notice(kind, subject);
    }
  }

  /**
   * @param {string} snapshot
   * @param {number} session
   */
  showAhead(snapshot, session) {
    if (this.#shownAhead && !this.#cut) {
      this.#host.notice("snapshot", snapshot);
      this.#balanceAhead = this.#host.snapshot().balance;
      this.#shownAhead(session);
    }
  }

  get hearsCharges() {
    return !this.#cut && this.#news !== "none" && this.#host.hearsCharges;
  }

  /** @param {string} records */
  charges(records) {
    if (!this.#cut) {
      this.#host.charges(records, this.#news);
    }
  }

  /**
   * What has changed of the charges of which it tells: nothing that the client's first reading finds, and
   * of what is read after a death that which is other than before.
   */
  get #news() {
    if (this.#ready) {
      return "all";
    }
    return this.#wasRead ? "other" : "none";
  }

  /** @param {"error" | "info" | "debug"} level */
  logs(level) {
    return !this.#cut && this.#host.logs(level);
  }

  /**
   * @param {string} name
   * @param {number} patienceMs
   */
  lock(name, patienceMs) {
    return this.#locks.lock(name, patienceMs);
  }

  /** The journal has been read. */
  ready() {
    this.#ready = true;
    // Whoever hears of the balance finds it in the snapshot.
    for (const kind of KEPT_BACK) {
      const kept = this.#kept.get(kind);
      const isShown = kind === "balance" && this.#balanceAhead && isEqual(this.#balanceAhead, kept);
      if (this.#kept.has(kind) && !isShown) {
        this.notice(kind, kept);
      }
    }
  }

  /** The core has died. Resolves when others can have its locks. */
  async cut() {
    this.#cut = true;
    await this.#locks.letGo();
  }
}

/**
 * @param {Api.Balance} one
 * @param {Api.Balance} other nobody else's yet
 */
function isEqual(one, other) {
  return reuseEqual(one, other) === one;
}
