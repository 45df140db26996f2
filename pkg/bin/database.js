// @ts-check
/** The database that `--database` names. */

import { memoryStore } from "../server/store/memory.js";
import { sqliteStore } from "../server/store/sqlite.js";

/** @import { Database } from "../server/store/sqlite.js" */
/** @import { Store } from "../server/store/turns.js" */

/**
 * Opens the database; one in memory where there is no SQLite, and `note` says so in one line.
 *
 * @param {string} file
 * @param {number} decideWithinMs
 * @returns {Promise<{ store: Store, note: string | null }>}
 */
export async function openStore(file, decideWithinMs) {
  if (file === ":memory:") {
    return { store: memoryStore(), note: null };
  }
  const open = (await nodeSqlite()) ?? (await betterSqlite());
  if (!open) {
    const note =
      `${file} is not used, and everything is kept in memory: ` +
      "SQLite needs Node.js 22.13 or newer, or the package better-sqlite3";
    return { store: memoryStore(), note };
  }
  return { store: sqliteStore(open(file), decideWithinMs), note: null };
}

/** @returns {Promise<((file: string) => Database) | null>} */
async function nodeSqlite() {
  // An older Node.js has it behind a flag, or not at all.
  const builtIn = await imported("node:sqlite");
  return builtIn && ((file) => new builtIn.DatabaseSync(file));
}

/** @returns {Promise<((file: string) => Database) | null>} */
async function betterSqlite() {
  const { createRequire } = await import("node:module");
  try {
    // As the user's project has it, and not only where this package is.
    const Opened = createRequire(`${process.cwd()}/`)("better-sqlite3");
    return (file) => new Opened(file);
  } catch {
    return null;
  }
}

/**
 * @param {string} name
 * @returns {Promise<any>} null where there is no such module
 */
async function imported(name) {
  try {
    return await import(name);
  } catch {
    return null;
  }
}
