// @ts-check

/** @import { ClientHost } from "./host.js" */

/**
 * Has the service worker pay what waits for the network, in case the page is gone when it is back.
 * Asks anew each time that more charges wait: the browser gives a sync up that has failed some times.
 *
 * @param {ClientHost} host
 * @param {() => string} tag names whose charges they are
 */
export function syncWhileWaiting(host, tag) {
  /** For how many it has been asked. */
  let asked = 0;
  let isAsking = false;
  const waiting = () => {
    const { network, queue } = host.snapshot();
    return network === "online" ? 0 : queue.pending + queue.retrying;
  };
  const look = async () => {
    asked = Math.min(asked, waiting());
    if (isAsking || asked === waiting()) {
      return;
    }
    isAsking = true;
    try {
      /** @type {any} */
      const { sync } = await navigator.serviceWorker.ready;
      asked = waiting();
      await sync.register(tag());
    } catch {
      // No service worker, no Background Sync, or the user does not allow it. That may change.
      asked = 0;
    }
    isAsking = false;
  };
  host.on("snapshot", look);
  look();
}
