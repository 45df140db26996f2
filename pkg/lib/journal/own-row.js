// @ts-check

import { Transaction } from "./transaction.js";

/**
 * What the database says of itself.
 *
 * @param {IDBDatabase} database
 * @param {"readonly" | "strict"} durability
 * @param {string} [name] the one that it gets where it has none
 */
export async function readOwn(database, durability, name) {
  const transaction = new Transaction(database, [], durability);
  await transaction.reading;
  if (name !== undefined && transaction.own.id === undefined) {
    transaction.setOwn({ id: name });
  }
  // Whoever closes the database next is not to be in anybody's way.
  await transaction.commit();
  return transaction.own;
}
