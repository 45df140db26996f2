// @ts-check

/** @import * as Api from "../../devtools.js" */

const LIMIT = 500;

/**
 * @param {{ limit?: number, also?: (entry: Api.LogEntry) => void }} [set]
 * @returns {Api.DevtoolsLog}
 */
export function createDevtoolsLog({ limit = LIMIT, also } = {}) {
  /** @type {readonly Api.LogEntry[]} */
  let entries = [];
  /** @type {Set<() => void>} */
  const listeners = new Set();
  const log = (/** @type {Api.LogEntry} */ entry) => {
    entries = [...entries, entry].slice(-limit);
    for (const listener of [...listeners]) {
      listener();
    }
    also?.(entry);
  };
  return Object.assign(log, {
    entries: () => entries,
    subscribe(/** @type {() => void} */ listener) {
      const own = () => listener();
      listeners.add(own);
      return () => void listeners.delete(own);
    },
  });
}
