import { createCollection, localOnlyCollectionOptions } from "@tanstack/db";
import { IndexedDBAdapter, startOfflineExecutor } from "@tanstack/offline-transactions";
import { type OpenRival, post, type StormCharge } from "./rival";

/** TanStack's offline transactions: one transaction a charge, with the task as its key. */
export const openTanStack: OpenRival = async (session) => {
  const charges = createCollection(
    localOnlyCollectionOptions<StormCharge, string>({
      id: `charges:${session.account}`,
      getKey: ({ taskId }) => taskId,
    }),
  );
  const storage = new IndexedDBAdapter(`tollbox-demo-tanstack:${session.account}`);
  const offline = startOfflineExecutor({
    collections: { charges },
    storage,
    mutationFns: {
      charge: async ({ transaction, idempotencyKey }) => {
        const charge = transaction.mutations[0]?.modified as unknown as StormCharge;
        await post(session, charge, idempotencyKey);
      },
    },
  });
  await offline.waitForInit();
  return {
    async charge(charge) {
      const transaction = offline.createOfflineTransaction({
        mutationFnName: "charge",
        idempotencyKey: charge.taskId,
        autoCommit: false,
      });
      transaction.mutate(() => {
        charges.insert(charge);
      });
      try {
        await transaction.commit();
        return "paid";
      } catch {
        return "not_paid";
      }
    },
    async close() {
      await offline.clearOutbox();
      offline.dispose();
      // The adapter keeps its connection open, with which the database can't be deleted.
      const { db } = storage as unknown as { db: IDBDatabase | null };
      db?.close();
    },
  };
};
