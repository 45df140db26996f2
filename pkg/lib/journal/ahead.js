// @ts-check
/** What takes time with storage, begun while the module is still on its way. */

import { openDatabase } from "./schema.js";

/** Databases that nobody uses yet, by name. @type {Map<string, ReturnType<typeof openDatabase>>} */
const ahead = new Map();

/**
 * Begins to open the database, for the client that opens it next, where it was noted that there is one.
 *
 * @param {string} name
 * @param {string} marker the entry of localStorage that has the note
 */
export function openAhead(name, marker) {
  // Whoever looks into localStorage first waits until the browser has read it: that is done now, too.
  if (isNoted(marker) && !ahead.has(name)) {
    const opening = openDatabase(name);
    ahead.set(name, opening);
    opening.then(
      ({ connection }) => {
        // It is in nobody's way meanwhile.
        connection.onversionchange = () => closeAhead(name);
      },
      () => {},
    );
  }
}

/** @param {string} marker */
function isNoted(marker) {
  try {
    return localStorage.getItem(marker) !== null;
  } catch {
    // There is none, or not for this page.
    return false;
  }
}

/**
 * The database, where it was opened ahead. From now on it is the caller's.
 *
 * @param {string} name
 */
export function takeAhead(name) {
  const opening = ahead.get(name);
  ahead.delete(name);
  return opening;
}

/**
 * Closes it, unless somebody uses it.
 *
 * @param {string} name
 */
export function closeAhead(name) {
  takeAhead(name)?.then(
    ({ connection }) => connection.close(),
    () => {},
  );
}
