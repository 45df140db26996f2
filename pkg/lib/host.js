// @ts-check

import { callSafely } from "./safe-call.js";
import { reuseEqual } from "./structural-sharing.js";

/** @import * as Api from "../index.js" */

/** @typedef {keyof Api.BillingEvents | "snapshot" | "log"} Kind */

/**
 * What a client keeps through all deaths of the module, above all the user's code, wrapped so that its
 * mistakes stay its own.
 *
 * @typedef {object} ClientHost
 * @property {boolean} hasToken
 * @property {(refresh: boolean) => Promise<string | null>} token
 * @property {boolean} hasTransport
 * @property {(request: Api.TransportRequest) => Promise<Api.TransportResponse>} transport
 * @property {(kind: Kind, subject: any) => void} notice takes a snapshot as JSON, all else as it is
 * @property {(records: string, news: "all" | "other" | "none") => void} charges takes charges, as JSON:
 *   records where somebody hears of them, their outlines otherwise; `news` says whether all have
 *   changed, or those that are other than was last told, or none
 * @property {boolean} hearsCharges whether anybody hears of each charge that changes
 * @property {(level: "error" | "info" | "debug") => boolean} logs whether lines of this level are logged
 * @property {() => Api.BillingSnapshot} snapshot
 * @property {(key: string) => Outline | undefined} openRecord as last told, while it is open
 * @property {(kind: Kind, listener: (subject: any) => void) => () => void} on
 * @property {(english: string, chinese: string) => string} say the text in the user's language
 * @property {(locale: "en" | "zh-CN") => void} setLocale
 */

/** @typedef {Pick<Api.ChargeRecord, "taskId" | "amount" | "attempts">} Outline */

/** Of alerts that nobody has heard, the latest so many are kept, for so long. */
const EARLY_LIMIT = 20;
const EARLY_MS = 10_000;

/** So many characters of outlines are kept unread. */
const UNREAD_LIMIT = 4_000_000;

/**
 * @param {Api.BillingOptions} options
 * @returns {ClientHost}
 */
export function createHost(options) {
  const { getToken, transport, log = "error" } = options;
  let { locale } = options;
  /** @type {Map<Kind, Set<(subject: any) => void>>} */
  const listeners = new Map();
  const write = typeof log === "function" ? log : consoleAt(log);
  /** @type {Api.BillingSnapshot | null} */
  let snapshot = null;
  /** The latest snapshot as JSON, if nobody has looked at it yet. @type {string | null} */
  let unseen = null;
  /**
   * Alerts of the opening, which nobody could listen for yet, and when they came; null once they are
   * told.
   *
   * @type {{ alert: Api.Alert, cameMs: number }[] | null}
   */
  let early = [];
  /** @type {Map<string, Outline>} */
  const open = new Map();
  /** Outlines of charges that have changed, as JSON, that nobody has looked at yet. @type {string[]} */
  let unread = [];
  let unreadLength = 0;

  /** @param {Outline & { key: string, status: Api.BillingStatus }} record */
  const keep = ({ key, status, taskId, amount, attempts }) => {
    isOpen(status) ? open.set(key, { taskId, amount, attempts }) : open.delete(key);
  };

  /**
   * Whether it is other than was last told. One that is settled and was not open has been told as settled.
   *
   * @param {Api.ChargeRecord} record
   */
  const isOther = ({ key, status, attempts }) =>
    isOpen(status) ? open.get(key)?.attempts !== attempts : open.has(key);

  const readUnread = () => {
    for (const records of unread) {
      JSON.parse(records).forEach(keep);
    }
    unread = [];
    unreadLength = 0;
  };

  const readSnapshot = () => {
    if (unseen !== null) {
      const next = reuseEqual(snapshot, JSON.parse(unseen));
      unseen = null;
      if (next !== snapshot) {
        snapshot = deepFreeze(next);
      }
    }
    return snapshot;
  };

  /**
   * @param {Kind} kind
   * @param {any} subject
   */
  const tell = (kind, subject) => {
    for (const listener of [...(listeners.get(kind) ?? [])]) {
      callSafely(listener, subject);
    }
  };

  const tellEarly = () => {
    // Whoever was to hear them may have left already: they wait for the next.
    if (!early || !listeners.get("alert")?.size) {
      return;
    }
    const since = performance.now() - EARLY_MS;
    const told = early.filter(({ cameMs }) => cameMs >= since);
    early = null;
    for (const { alert } of told) {
      tell("alert", alert);
    }
  };

  return {
    hasToken: getToken !== undefined,
    async token(refresh) {
      return (await getToken?.({ refresh })) ?? null;
    },
    hasTransport: transport !== undefined,
    async transport(request) {
      if (!transport) {
        throw new Error("there is no transport");
      }
      return transport(request);
    },
    notice(kind, subject) {
      if (kind === "snapshot") {
        const isHeard = listeners.get(kind)?.size;
        const before = isHeard && readSnapshot();
        unseen = subject;
        if (isHeard && readSnapshot() !== before) {
          tell(kind, undefined);
        }
        return;
      }
      if (kind === "charge") {
        readUnread();
        keep(subject);
      }
      if (kind === "log") {
        callSafely(write, subject);
      }
      if (kind === "alert" && early) {
        early = [...early, { alert: subject, cameMs: performance.now() }].slice(-EARLY_LIMIT);
      } else {
        tell(kind, subject);
      }
    },
    get hearsCharges() {
      return Boolean(listeners.get("charge")?.size);
    },
    charges(records, news) {
      if (news !== "none" && this.hearsCharges) {
        readUnread();
        for (const record of JSON.parse(records)) {
          if (news === "all" || isOther(record)) {
            this.notice("charge", record);
          }
        }
        return;
      }
      unread.push(records);
      unreadLength += records.length;
      if (unreadLength > UNREAD_LIMIT) {
        readUnread();
      }
    },
    logs(level) {
      return typeof log === "function" || isWithin(level, log);
    },
    snapshot() {
      const shown = readSnapshot();
      if (!shown) {
        throw new Error("the core has shown nothing yet");
      }
      return shown;
    },
    openRecord(key) {
      readUnread();
      return open.get(key);
    },
    say(english, chinese) {
      return locale === "zh-CN" ? chinese : english;
    },
    setLocale(next) {
      locale = next;
    },
    on(kind, listener) {
      const all = listeners.get(kind) ?? new Set();
      listeners.set(kind, all);
      // A wrapper of its own: the same function may listen twice. One that is taken away while others
      // are being told hears nothing more.
      const own = (/** @type {any} */ subject) => all.has(own) && listener(subject);
      all.add(own);
      if (kind === "alert" && early) {
        // A moment later: all that are added in this one hear them.
        queueMicrotask(tellEarly);
      }
      return () => void all.delete(own);
    },
  };
}

/** @param {Api.BillingStatus} status */
function isOpen(status) {
  return status === "pending" || status === "retrying";
}

/**
 * @param {"silent" | "error" | "info" | "debug"} level
 * @returns {(entry: Api.LogEntry) => void}
 */
function consoleAt(level) {
  return (entry) => {
    if (isWithin(entry.level, level)) {
      console[entry.level](entry.message);
    }
  };
}

/**
 * @param {"error" | "info" | "debug"} level
 * @param {"silent" | "error" | "info" | "debug"} most
 */
function isWithin(level, most) {
  const order = ["silent", "error", "info", "debug"];
  return order.indexOf(level) <= order.indexOf(most);
}

/**
 * @template T
 * @param {T} value
 * @returns {T}
 */
function deepFreeze(value) {
  if (typeof value === "object" && value !== null) {
    Object.values(value).forEach(deepFreeze);
    Object.freeze(value);
  }
  return value;
}
