// @tanstack/offline-transactions on TanStack DB: its outbox, leader election and retries, one
// transaction a charge. An enqueue counts when its outbox entry is stored; the key is the task's id.
import { createCollection, localOnlyCollectionOptions } from "@tanstack/db";
import { IndexedDBAdapter, startOfflineExecutor } from "@tanstack/offline-transactions";
import { post } from "./post.js";

let online = false;
const listeners = new Set();
const onlineDetector = {
  isOnline: () => online,
  subscribe(listener) {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
  notifyOnline() {
    for (const listener of listeners) listener();
  },
  dispose() {},
};

const charges = createCollection(
  localOnlyCollectionOptions({ id: "charges", getKey: (charge) => charge.taskId }),
);
const storage = new IndexedDBAdapter();
const stored = new Map(); // storage key -> resolve
const set = storage.set.bind(storage);
storage.set = async (key, value) => {
  await set(key, value);
  stored.get(key)?.();
  stored.delete(key);
};

let offline;
const count = async () => (await storage.keys()).filter((key) => key.startsWith("tx:")).length;

function begin(charge) {
  const transaction = offline.createOfflineTransaction({
    mutationFnName: "charge",
    idempotencyKey: charge.taskId,
    autoCommit: false,
  });
  const isStored = new Promise((resolve) => stored.set(`tx:${transaction.id}`, resolve));
  transaction.mutate(() => charges.insert(charge));
  return { isStored, done: transaction.commit() };
}

export default {
  async open() {
    offline = startOfflineExecutor({
      collections: { charges },
      mutationFns: { charge: ({ transaction }) => post(transaction.mutations[0].modified) },
      storage,
      onlineDetector,
    });
    await offline.waitForInit();
  },
  count,
  load: () => offline.peekOutbox(),
  async enqueue(charge) {
    const { isStored, done } = begin(charge);
    done.catch(() => {});
    await isStored;
  },
  async flush() {
    online = true;
    onlineDetector.notifyOnline();
    const end = performance.now() + 58_000;
    while ((await count()) && performance.now() < end)
      await new Promise((resolve) => setTimeout(resolve, 50));
    if (await count()) throw new Error("left");
  },
  async charge(charge) {
    online = true;
    await begin(charge).done;
  },
};
