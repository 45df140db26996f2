import localforage from "localforage";
import { post } from "./post.js";

const store = localforage.createInstance({ name: "outbox" });

async function entries() {
  const all = [];
  await store.iterate((charge) => void all.push(charge));
  return all;
}

async function deliver(charge) {
  const answer = await post(charge);
  await store.removeItem(charge.taskId);
  return answer;
}

export default {
  open: () => store.ready(),
  count: () => store.length(),
  load: entries,
  enqueue: (charge) => store.setItem(charge.taskId, charge),
  async flush() {
    for (const charge of await entries()) await deliver(charge);
  },
  async charge(charge) {
    await this.enqueue(charge);
    return deliver(charge);
  },
};
