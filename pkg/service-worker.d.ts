/**
 * For a service worker that pays what waits for the network though every tab is gone.
 *
 * @module tollbox/service-worker
 */

import type { BillingOptions, openBilling } from "./index.js";

/** Those of `openBilling`, but for the account, which the browser's sync names. */
export interface SyncOptions
  extends Omit<BillingOptions, "account" | "getToken" | "backgroundSync"> {
  /** That of `tollbox`, or of `tollbox/inline`. */
  openBilling: typeof openBilling;
  /**
   * As for `openBilling`, and called for the account whose charges are to be paid. There is no page: the
   * token comes from a cookie, from IndexedDB, or from the application's server.
   */
  getToken?: (context: {
    refresh: boolean;
    account: string;
  }) => string | null | Promise<string | null>;
  /** How long one sync may take. Default 60_000; Chromium ends a service worker after some minutes. */
  withinMs?: number;
}

/**
 * To be called when the service worker's script is first run: from then on it sends an account's open
 * charges when the browser says that there is a network again (`sync`), for pages that opened their
 * client with `backgroundSync: true`. The queue is the one in IndexedDB, whatever `queue.storage` says.
 * A sync of another namespace, or another's tag, is left alone, so that there may be a call for each of
 * several billing servers.
 *
 * `event.waitUntil` gets a promise that rejects while charges are still open, so that the browser tries
 * again: it does so a few times, some minutes apart. After a sign-out nothing is sent.
 *
 * Throws an error with the code `invalid_argument` where an option is wrong.
 *
 * @example
 * ```ts
 * import { openBilling } from "tollbox";
 * import { flushOnSync } from "tollbox/service-worker";
 *
 * flushOnSync({
 *   openBilling,
 *   baseUrl: "/billing/v1",
 *   async getToken({ account, refresh }) {
 *     const answer = await fetch(`/session/token?account=${account}&refresh=${refresh}`);
 *     if (!answer.ok) throw new Error("nobody is signed in");
 *     return answer.text();
 *   },
 * });
 * ```
 */
export function flushOnSync(options: SyncOptions): void;
