// @ts-check

/**
 * As `next`, but whatever has not changed is the very object that `before` has: whoever compares by
 * identity sees what has changed, and no more. Neither is written to: others may have them, and may
 * have frozen them.
 *
 * @param {any} before plain data
 * @param {any} next plain data
 * @returns {any}
 */
export function reuseEqual(before, next) {
  if (!isObject(before) || !isObject(next) || Array.isArray(before) !== Array.isArray(next)) {
    return next;
  }
  const names = Object.keys(next);
  let same = names.length === Object.keys(before).length;
  const shared = Array.isArray(next) ? [...next] : { ...next };
  for (const name of names) {
    shared[name] = reuseEqual(before[name], next[name]);
    same &&= shared[name] === before[name];
  }
  return same ? before : shared;
}

/** @param {any} value */
function isObject(value) {
  return typeof value === "object" && value !== null;
}
