import PouchDB from "pouchdb-browser";
import { post } from "./post.js";

let db;
const toDoc = (charge) => ({ _id: charge.taskId, charge });
const entries = async () => (await db.allDocs({ include_docs: true })).rows.map((row) => row.doc);

async function deliver(charge, id, rev) {
  const answer = await post(charge);
  await db.remove(id, rev).catch((error) => {
    if (error.status !== 409) throw error; // another tab removed it
  });
  return answer;
}

export default {
  async open() {
    db = new PouchDB("outbox", { auto_compaction: true });
  },
  count: async () => (await db.info()).doc_count,
  load: entries,
  enqueue: (charge) => db.put(toDoc(charge)),
  fill: (charges) => db.bulkDocs(charges.map(toDoc)),
  async flush() {
    for (const { charge, _id, _rev } of await entries()) await deliver(charge, _id, _rev);
  },
  async charge(charge) {
    const { id, rev } = await this.enqueue(charge);
    return deliver(charge, id, rev);
  },
};
