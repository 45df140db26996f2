import { post } from "./post.js";

const PREFIX = "outbox:";
const keys = () =>
  Object.keys(localStorage)
    .filter((key) => key.startsWith(PREFIX))
    .sort();
const entries = () => keys().map((key) => JSON.parse(localStorage.getItem(key)));

async function deliver(charge) {
  const answer = await post(charge);
  localStorage.removeItem(PREFIX + charge.taskId);
  return answer;
}

export default {
  open() {},
  count: () => keys().length,
  load: entries,
  enqueue: async (charge) => localStorage.setItem(PREFIX + charge.taskId, JSON.stringify(charge)),
  async flush() {
    for (const charge of entries()) await deliver(charge);
  },
  async charge(charge) {
    await this.enqueue(charge);
    return deliver(charge);
  },
};
