// The least that a correct outbox does, by hand: one `add` in a transaction of its own, one sender at
// a time by Web Lock, batches, and deletion only after the answer.
import { post } from "./post.js";

const BATCH = 100;

/** @param {"strict" | "relaxed"} durability */
export function outbox(durability) {
  let db;

  const result = (request) =>
    new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });

  const write = (change) =>
    new Promise((resolve, reject) => {
      const tx = db.transaction("charges", "readwrite", { durability });
      tx.oncomplete = resolve;
      tx.onabort = () => reject(tx.error);
      change(tx.objectStore("charges"));
    });

  const read = (query) => result(query(db.transaction("charges").objectStore("charges")));

  async function sendAll() {
    for (;;) {
      const charges = await read((store) => store.getAll(null, BATCH));
      if (charges.length === 0) return;
      const response = await fetch("/charges:batch", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ charges }),
      });
      if (!response.ok) throw new Error(`HTTP ${response.status}`);
      const { results } = await response.json();
      await write((store) => {
        for (const { taskId } of results) store.delete(taskId);
      });
    }
  }

  return {
    async open() {
      const request = indexedDB.open("outbox", 1);
      request.onupgradeneeded = () => {
        request.result.createObjectStore("charges", { keyPath: "taskId" });
      };
      db = await result(request);
    },
    count: () => read((store) => store.count()),
    load: () => read((store) => store.getAll()),
    enqueue: (charge) => write((store) => store.add(charge)),
    fill: (charges) =>
      write((store) => {
        for (const charge of charges) store.add(charge);
      }),
    flush: () => navigator.locks.request("outbox", sendAll),
    async charge(charge) {
      await this.enqueue(charge);
      const answer = await post(charge);
      // The caller need not wait for this.
      write((store) => store.delete(charge.taskId));
      return answer;
    },
  };
}
