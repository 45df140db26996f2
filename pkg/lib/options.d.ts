/** What a client is opened with. */

/** What a client is opened with. All but `baseUrl` and `account` may be left out. */
export interface BillingOptions {
  /**
   * Where the billing server's API starts, e.g. "/billing/v1"; relative to the page or the worker's
   * script, and of http or https unless there is a `transport`. A query, a fragment and slashes at its end are left out.
   */
  baseUrl: string | URL;
  /**
   * The signed-in account, not empty. The balance cache and the charge queue are kept apart per
   * account and namespace.
   */
  account: string;
  /**
   * Names the billing server in storage, so that two servers on one origin (staging and production,
   * two products) never see each other's queue. Not empty. Default: the address in `baseUrl`, in full,
   * e.g. "https://example.org/billing/v1". Give it where the address may change and the queue is to be
   * kept: the address that it had before, for one that was opened without.
   */
  namespace?: string;
  /**
   * The WebAssembly module, or where it is: for bundlers, CSPs and runtimes that need it. Default: the
   * file beside the package, or what `tollbox/inline` has in its script. The page loads one module for
   * all of its clients, so that it counts only until one has been loaded; one that fails may be followed
   * by another. It has to be the file of this very build, custom sections and all.
   */
  module?: URL | string | Response | BufferSource | WebAssembly.Module | Promise<Response>;
  /**
   * Called before every attempt; `refresh` is true after a 401. Its result is never stored. It goes
   * out as `Authorization: Bearer TOKEN` and has to be printable ASCII without blanks; null sends no
   * such header. Where it throws, or takes longer than `requestTimeoutMs`, the attempt is not made
   * and its reason is `unauthorized`.
   *
   * A token that comes after that time, or so late that its attempt is lost, is used by the next
   * attempt, within a minute. One tab of the account at a time is asked to refresh, under a Web Lock; a
   * tab that has waited for another's refresh, or heard of it, is asked without `refresh` first, and
   * with it only if it gives the token that was rejected. No tab is waited for longer than
   * `requestTimeoutMs`, and where there are no Web Locks each refreshes for itself.
   *
   * @example
   * ```ts
   * import { openBilling } from "tollbox";
   *
   * const billing = await openBilling({
   *   baseUrl: "/billing/v1",
   *   account: "alice",
   *   async getToken({ refresh }) {
   *     const answer = await fetch(`/session/token?refresh=${refresh}`);
   *     // The charge then waits for a sign-in, as `queued` with the reason `unauthorized`.
   *     if (!answer.ok) throw new Error("signed out");
   *     return answer.text();
   *   },
   * });
   * show((await billing.refreshBalance()).status); // → fresh
   * ```
   */
  getToken?: (context: { refresh: boolean }) => string | null | Promise<string | null>;
  /**
   * Replaces the HTTP transport, e.g. to speak to an existing backend. A rejection, or an answer after
   * `requestTimeoutMs`, counts as no answer. What is not quite a `TransportResponse` is read as far as
   * it can be: a `Response` too, headers as `Headers`, a map or pairs, a body that is an object. What
   * can't be read leaves the charge `unknown`, and `detail` says what was wrong with it. Bodies longer
   * than 1 MiB are not read.
   *
   * @example
   * ```ts
   * import { openBilling } from "tollbox";
   *
   * const billing = await openBilling({
   *   baseUrl: "/billing/v1",
   *   account: "alice",
   *   getToken,
   *   async transport({ method, path, headers, body, signal }) {
   *     const answer = await fetch(`/billing/v1/${path}`, { method, headers, body, signal });
   *     return {
   *       status: answer.status,
   *       headers: Object.fromEntries(answer.headers),
   *       body: await answer.text(),
   *     };
   *   },
   * });
   * show((await billing.refreshBalance()).status); // → fresh
   * ```
   */
  transport?: (request: TransportRequest) => Promise<TransportResponse>;
  /** As for `fetch`, whose default applies; a transport of your own sees nothing of it. */
  credentials?: RequestCredentials;
  balance?: {
    /** A cached balance older than this is `stale`. Default 30_000. */
    staleAfterMs?: number;
    /** Period of the background sync; 0 turns it off. Default 300_000. */
    syncEveryMs?: number;
    /** Raises the alert `balance_low` when `available` falls below it. Without it, none is raised. */
    lowWatermark?: number;
  };
  queue?: {
    /**
     * "auto": IndexedDB with strict durability, else localStorage, else memory. "indexeddb": where it
     * can't be opened, nothing is sent, charges fail as `storage_unavailable` (or are `unknown`, where
     * one is known to be there), and it is tried again. "localstorage": else memory. Default "auto".
     */
    storage?: "auto" | "indexeddb" | "localstorage" | "memory";
    /**
     * Open charges allowed before `charge` answers `failed: queue_full`. Default 10_000. A running
     * task counts as one, so that its charge finds room when the work is done.
     */
    maxEntries?: number;
    /**
     * What may be charged while the server can't be reached. Default "within_balance": no more than
     * `available`, and nothing where no balance is known yet. `{ points }`: no more than so many in
     * open charges and running tasks together.
     */
    offlineSpend?: "within_balance" | "unlimited" | "deny" | { points: number };
    /** Charges sent in one batch request, 1 to 100. Default 100. */
    batchSize?: number;
    /**
     * How long the server remembers an idempotency key; older charges are looked up before they are
     * sent again. Default 86_400_000.
     */
    keyTtlMs?: number;
    /**
     * Settled charges kept for display, and to answer who asks for one of them again. Default 500.
     * Where other tabs may be waiting for its end, one is kept for a second longer.
     * During a flush up to 10,000 more are kept, which go when it has ended.
     */
    keepSettled?: number;
  };
  retry?: {
    /** Attempts inside one `charge` call before it answers `queued` or `unknown`. Default 3. */
    maxAttempts?: number;
    /**
     * Attempts in all before an open charge is parked (`failed` or `unknown`). Default 20. It is
     * looked up first: `failed` is said only if the server says that it never charged the key.
     * Answers that only put it off (401, 429, 503) don't count.
     */
    maxTotalAttempts?: number;
    /**
     * Full-jitter exponential backoff: random(0, min(maxDelayMs, baseDelayMs * 2^n)). Defaults 1_000
     * and 60_000.
     */
    baseDelayMs?: number;
    maxDelayMs?: number;
    /** Limit for one HTTP request: the token, the headers and the body. Default 10_000. */
    requestTimeoutMs?: number;
    /** `charge` answers at the latest after this. Default 8_000. */
    respondWithinMs?: number;
  };
  /** When the alert `success_rate_low` is raised. */
  monitor?: {
    /** Width of the window that `successRate` and `latencyMs` look at. Default 600_000. */
    windowMs?: number;
    /** Charges that must have ended in the window before its rate may raise the alert. Default 10. */
    minSamples?: number;
    /** A rate below this, 0 to 1, raises the alert. Default 0.9. */
    alertBelowSuccessRate?: number;
  };
  /**
   * Whether charges that wait for the network are to be paid though every tab is gone by then, where
   * the browser has Background Sync (Chromium) and the page a service worker with `flushOnSync` of
   * `tollbox/service-worker`. Elsewhere it does nothing. Default false.
   */
  backgroundSync?: boolean;
  /** How much goes to the console, or a function that takes every entry. Default "error". */
  log?: "silent" | "error" | "info" | "debug" | ((entry: LogEntry) => void);
  /** The language of `detail` and of the log, until `setLocale`. Default "en". */
  locale?: "en" | "zh-CN";
}

/** A line of the log; `key` where it is about one charge. */
export interface LogEntry {
  level: "error" | "info" | "debug";
  message: string;
  at: number;
  key?: string;
}

/** A request that a `transport` sends. */
export interface TransportRequest {
  /** `DELETE` only where the server keeps holds. */
  method: "GET" | "POST" | "DELETE";
  /** Relative to baseUrl, with the query: "charges", "charges?key=…", "balance?t=…". */
  path: string;
  /** Names in lower case; `authorization` is among them where `getToken` gave a token. */
  headers: Record<string, string>;
  /** JSON; null for GET and DELETE. */
  body: string | null;
  /** Aborts when the time limit has passed. */
  signal: AbortSignal;
}
/** The answer that a `transport` gives, whatever its status. */
export interface TransportResponse {
  status: number;
  /** Names in any case. */
  headers: Record<string, string>;
  body: string;
}
