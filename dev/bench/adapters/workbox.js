// workbox-background-sync's real Queue and QueueStore, run in the window instead of a service
// worker: no `sync` event, replay is called by hand. Its normal online path is fetch first and
// queue on failure, so nothing is persisted before an online send.
import { Queue } from "workbox-background-sync/Queue.js";
import { headers, post } from "./post.js";

self.registration ??= {}; // a window has none, and Queue looks for `sync` in it
const queue = new Queue("charges", { forceSyncFallback: true, onSync() {} });

const toRequest = (charge) =>
  new Request("/charges", {
    method: "POST",
    headers: headers(charge),
    body: JSON.stringify(charge),
  });

export default {
  open() {},
  count: () => queue.size(),
  load: () => queue.getAll(),
  enqueue: (charge) => queue.pushRequest({ request: toRequest(charge) }),
  flush: () => queue.replayRequests(),
  charge: post,
};
