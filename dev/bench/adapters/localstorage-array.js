import { post } from "./post.js";

const KEY = "outbox";
const read = () => JSON.parse(localStorage.getItem(KEY) ?? "[]");
const write = (charges) => localStorage.setItem(KEY, JSON.stringify(charges));

async function deliver(charge) {
  const answer = await post(charge);
  write(read().filter((other) => other.taskId !== charge.taskId));
  return answer;
}

export default {
  open() {},
  count: () => read().length,
  load: read,
  enqueue: async (charge) => write([...read(), charge]),
  fill: async (charges) => write([...read(), ...charges]),
  async flush() {
    for (const charge of read()) await deliver(charge);
  },
  async charge(charge) {
    await this.enqueue(charge);
    return deliver(charge);
  },
};
