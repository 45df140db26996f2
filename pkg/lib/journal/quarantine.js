// @ts-check

import { QUARANTINE } from "./schema.js";
import { watched } from "./watched.js";

/** @import { Database } from "./database.js" */

/** A record that did not pass its check, as it is shown. */
class Aside {
  /** @param {any} aside whatever is stored there */
  constructor(aside) {
    const { row = aside, why, found_at_ms } = aside ?? {};
    const key = row?.key;
    this.key = typeof key === "string" ? key : textOf(key);
    this.why = typeof why === "string" ? why : "";
    this.foundAtMs = typeof found_at_ms === "number" ? found_at_ms : 0;
    this.stored = textOf(row);
  }
}

/**
 * What was set aside, oldest first.
 *
 * @param {Database} database
 */
export async function allAside(database) {
  const { transaction, ended } = watched(database.connection, [QUARANTINE], "readonly");
  const asked = transaction.objectStore(QUARANTINE).getAll();
  await ended;
  return asked.result.map((aside) => new Aside(aside));
}

/** @param {unknown} row */
function textOf(row) {
  try {
    return JSON.stringify(row) ?? "";
  } catch {
    // It is no tree, or has a number too great.
    return "";
  }
}
