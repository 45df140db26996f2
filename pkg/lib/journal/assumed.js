// @ts-check

import { claimsIn, rowOfClaims } from "./claims.js";
import { afterOne, ownOf, rowOf } from "./own.js";
import { rowsIn } from "./rows.js";
import { CHARGES, CLAIMS, OWN } from "./schema.js";
import { watched } from "./watched.js";

/** @import { Database } from "./database.js" */
/** @import { Own } from "./own.js" */

/**
 * Writes strictly, if what was assumed of the journal when the rows were made is so: no row is under the
 * keys of those that are added, and no record is lost; nobody has changed the journal since the module
 * last knew everything there, where rows that are there are changed or claimed; and no sign-out came
 * after `mark`. Resolves with whether it was so; otherwise nothing has been written.
 *
 * Nothing waits here but for the commit: the journal's own row is written as it should become before it
 * has been read, and once more where that was wrong. A key that is taken undoes everything, even where
 * the commit has been asked for.
 *
 * @param {Database} database
 * @param {string} added rows, as `rowsIn` reads them
 * @param {string} changed likewise
 * @param {string} claimed likewise, of charges that are open and claimed for one batch
 * @param {number} mark
 * @returns {Promise<boolean>}
 */
export async function write(database, added, changed, claimed, mark) {
  const { transaction, ended } = watched(database.connection, [CHARGES], "strict");
  const before = database.own;
  const assumed = afterOne(before, true);
  let own = assumed;
  let fits = true;
  /** Whether it changes what is there. */
  const changes = changed !== "" || claimed !== "";
  const changedRows = rowsIn(changed);
  const isClaimed = claimed !== "" || changedRows.some(({ key }) => database.claims.has(key));
  try {
    const charges = transaction.objectStore(CHARGES);
    const asked = charges.get(OWN);
    asked.onsuccess = () => {
      const found = ownOf(asked.result);
      own = afterOne(found, true);
      fits =
        found.mark <= mark &&
        (added === "" || !found.lost) &&
        (!changes || (found.id === before.id && found.changes === before.changes));
      if (!fits) {
        return undo(transaction);
      }
      try {
        if (!isSame(own, assumed)) {
          charges.put(rowOf(own));
        }
        transaction.commit?.();
      } catch {
        // Somebody else has undone it, which ends it.
        undo(transaction);
      }
    };
    for (const row of rowsIn(added)) {
      charges.add(row);
    }
    for (const row of changedRows) {
      charges.put(row);
    }
    if (isClaimed) {
      const done = new Set(changedRows.map(({ key }) => key));
      for (const row of database.claims.values()) {
        // Its verdict is not among these: it gets its own row again.
        done.has(row.key) || charges.put(row);
      }
      claimed === "" ? charges.delete(CLAIMS) : charges.put(rowOfClaims(claimed));
    }
    charges.put(rowOf(assumed));
  } catch (error) {
    ended.catch(() => {});
    undo(transaction);
    throw error;
  }
  try {
    await ended;
  } catch (error) {
    if (fits && transaction.error?.name !== "ConstraintError") {
      throw error;
    }
    return false;
  }
  if (isClaimed) {
    database.claims = claimsIn(claimed);
  }
  database.saw(own);
  database.told(own.changes);
  return true;
}

/** @param {Own} one @param {Own} other */
function isSame(one, other) {
  return (
    one.id === other.id &&
    one.commits === other.commits &&
    one.changes === other.changes &&
    one.mark === other.mark &&
    one.lost === other.lost
  );
}

/** @param {IDBTransaction} transaction */
function undo(transaction) {
  try {
    transaction.abort();
  } catch {
    // It has ended already.
  }
}
