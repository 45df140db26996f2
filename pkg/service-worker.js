// @ts-check
/**
 * For a service worker: pays what waits for the network though every tab is gone. The worker is one more
 * tab of the account, with the tabs' locks and claims.
 */

import { checkFunction, mistake } from "./lib/error.js";
import { addressOf, checkOwner } from "./lib/names.js";
import { orLate, timerMs } from "./lib/waiting.js";

/** @import * as Api from "./service-worker.js" */
/** @import { BillingClient, FlushReport } from "./index.js" */

/** Of the Background Sync API, which TypeScript has no declarations of. */
/** @typedef {Event & { tag: string, waitUntil(work: Promise<void>): void }} SyncEvent */

/** Whose charges a sync is about, and which of the account's sessions they belong to. */
/** @typedef {{ namespace: string, account: string, session: number }} Owner */

/** As `lib/arguments.js` has it. */
const SESSION = Symbol.for("tollbox.session");

const WITHIN_MS = 60_000;

/** Nothing is to be had by waiting: the browser knows better when to try again. */
/** @type {FlushReport["stopped"][]} */
const HOPELESS = ["offline", "unreachable", "timeout", "server_error", "unauthorized", "busy"];

/** @param {Api.SyncOptions} options */
export function flushOnSync(options) {
  if (typeof options !== "object" || options === null) {
    throw mistake("options", "an object", options);
  }
  const { openBilling, getToken, withinMs = WITHIN_MS, ...others } = options;
  checkFunction("openBilling", openBilling);
  if (getToken !== undefined) {
    checkFunction("getToken", getToken);
  }
  if (typeof withinMs !== "number" || !(withinMs > 0)) {
    throw mistake("withinMs", "a number above 0", withinMs);
  }
  const { namespace = addressOf(others.baseUrl).address } = others;
  checkOwner({ account: "any", namespace });

  /** @param {Owner} owner */
  const flush = async ({ account, session }) => {
    const end = performance.now() + withinMs;
    const opening = openBilling({
      ...others,
      account,
      namespace,
      queue: { ...others.queue, storage: "indexeddb" },
      getToken: getToken && ((context) => getToken({ ...context, account })),
      ...{ [SESSION]: session },
    });
    await orLate(timerMs(withinMs), opening);
    const client = await Promise.race([opening, null]);
    if (!client) {
      // The module's file does not come, for instance. What is opened too late pays nothing more.
      opening.then((late) => late.close()).catch(() => {});
      throw new Error("the client has not opened in time");
    }
    try {
      await pay(client, end - performance.now());
    } finally {
      await client.close();
    }
  };

  addEventListener("sync", (event) => {
    const sync = /** @type {SyncEvent} */ (event);
    const owner = ownerOf(sync.tag);
    if (owner?.namespace === namespace) {
      sync.waitUntil(flush(owner));
    }
  });
}

/**
 * Who is meant by the tag that `openBilling` has registered; null for a tag of somebody else's.
 *
 * @param {string} tag
 * @returns {Owner | null}
 */
function ownerOf(tag) {
  const [whose, namespace = "", account = "", session] = tag.split(":");
  if (whose !== "tollbox" || session === undefined) {
    return null;
  }
  const [namespaceName, accountName] = [namespace, account].map(decodeURIComponent);
  return { namespace: namespaceName, account: accountName, session: Number(session) };
}

/**
 * Resolves when nothing is open any more. Rejects where something still is after the time, or where it
 * has to wait, so that the browser tries again later.
 *
 * @param {BillingClient} client
 * @param {number} withinMs
 */
async function pay(client, withinMs) {
  /** @type {FlushReport["stopped"] | "time is up"} */
  let stopped = "time is up";
  const work = async () => {
    stopped = await attempt(client);
    if (stopped === "unauthorized") {
      // A token that is rejected is refreshed, and used by the next.
      stopped = await attempt(client);
    }
    if (!HOPELESS.includes(stopped)) {
      // A tab may be at it, or have died over it: the client goes on by itself.
      await nothingOpen(client);
    }
  };
  await orLate(timerMs(withinMs), work());
  const open = openIn(client);
  if (open > 0) {
    throw new Error(`charges that are still open: ${open} (${stopped ?? "time is up"})`);
  }
}

/**
 * Flushes, and says why that stopped. The balance comes first, which can harm nothing: it shows whether the
 * server is there, and takes the token.
 *
 * @param {BillingClient} client
 */
async function attempt(client) {
  const read = await client.refreshBalance();
  const reason = HOPELESS.find((reason) => read.status === "unavailable" && reason === read.reason);
  return reason ?? (await client.flush()).stopped;
}

/** @param {BillingClient} client */
function nothingOpen(client) {
  return new Promise((/** @type {(nothing?: undefined) => void} */ resolve) => {
    const look = () => {
      if (openIn(client) === 0) {
        resolve();
      }
    };
    client.subscribe(look);
    look();
  });
}

/** @param {BillingClient} client */
function openIn(client) {
  const { pending, retrying } = client.getSnapshot().queue;
  return pending + retrying;
}
