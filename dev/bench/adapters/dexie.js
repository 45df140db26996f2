import Dexie from "dexie";
import { post } from "./post.js";

const db = new Dexie("outbox");
db.version(1).stores({ charges: "++id" });

async function deliver(id, charge) {
  const answer = await post(charge);
  await db.charges.delete(id);
  return answer;
}

export default {
  open: () => db.open(),
  count: () => db.charges.count(),
  load: () => db.charges.toArray(),
  enqueue: (charge) => db.charges.add({ charge }),
  fill: (charges) => db.charges.bulkAdd(charges.map((charge) => ({ charge }))),
  async flush() {
    for (const { id, charge } of await db.charges.toArray()) await deliver(id, charge);
  },
  async charge(charge) {
    return deliver(await this.enqueue(charge), charge);
  },
};
