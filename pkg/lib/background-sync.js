// @ts-check

/** @import { ClientHost } from "./host.js" */

/**
 * Has the service worker pay what waits for the network, in case the page is gone when it is back.
 * Asks anew each time that charges begin to wait.
 *
 * @param {ClientHost} host
 * @param {() => string} tag names whose charges they are
 */
export function syncWhileWaiting(host, tag) {
  let isAsked = false;
  host.on("snapshot", async () => {
    const { network, queue } = host.snapshot();
    const waits = network !== "online" && queue.pending + queue.retrying > 0;
    const asks = waits && !isAsked;
    isAsked = waits;
    if (asks) {
      try {
        /** @type {any} */
        const { sync } = await navigator.serviceWorker.ready;
        await sync.register(tag());
      } catch {
        // No service worker, no Background Sync, or the user does not allow it.
      }
    }
  });
}
