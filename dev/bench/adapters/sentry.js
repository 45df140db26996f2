// @sentry/browser's offline transport with its IndexedDB store, around a transport that posts the
// charge. maxQueueSize is raised from 30, beyond which it drops envelopes silently. It sends one
// stored envelope per 100 ms by design, and saves nothing before an online send.
import { createTransport, makeBrowserOfflineTransport } from "@sentry/browser";
import { post } from "./post.js";

const STALLED_MS = 1_000; // ten times its pace: it has given up until the next send

let online = false;
let sending = 0;
let lastSent = 0;

const makeChargeTransport = (options) =>
  createTransport(options, async ({ body }) => {
    const text = typeof body === "string" ? body : new TextDecoder().decode(body);
    sending += 1;
    try {
      await post(JSON.parse(text.split("\n")[2]));
      return { statusCode: 200, headers: {} };
    } catch (error) {
      const status = /HTTP (\d+)/.exec(error.message);
      if (!status) throw error;
      return { statusCode: Number(status[1]), headers: {} };
    } finally {
      sending -= 1;
      lastSent = performance.now();
    }
  });

const transport = makeBrowserOfflineTransport(makeChargeTransport)({
  url: "/charges",
  maxQueueSize: 100_000,
  recordDroppedEvent() {},
  shouldSend: () => online,
});
const send = (charge) => transport.send([{}, [[{ type: "event" }, charge]]]);

// The transport has no way to ask what is stored, so look into its database.
let db;
const stored = (query) =>
  new Promise((resolve, reject) => {
    const request = query(db.transaction("queue").objectStore("queue"));
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

export default {
  open: () =>
    new Promise((resolve, reject) => {
      const request = indexedDB.open("sentry-offline");
      request.onupgradeneeded = () => request.result.createObjectStore("queue");
      request.onsuccess = () => {
        db = request.result;
        resolve();
      };
      request.onerror = () => reject(request.error);
    }),
  count: () => stored((store) => store.count()),
  load: () => stored((store) => store.getAll()),
  enqueue: send,
  async flush() {
    online = true;
    lastSent = performance.now();
    transport.flush();
    while (sending || (await this.count())) {
      if (!sending && performance.now() - lastSent > STALLED_MS) throw new Error("stalled");
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  },
  charge(charge) {
    online = true;
    return send(charge);
  },
};
