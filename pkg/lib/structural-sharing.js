// @ts-check

/**
 * `next`, in which whatever has not changed is the very object that `before` has: whoever compares by
 * identity sees what has changed, and no more.
 *
 * @param {any} before plain data
 * @param {any} next plain data, nobody else's yet
 * @returns {any}
 */
export function reuseEqual(before, next) {
  if (!isObject(before) || !isObject(next) || Array.isArray(before) !== Array.isArray(next)) {
    return next;
  }
  const names = Object.keys(next);
  let same = names.length === Object.keys(before).length;
  for (const name of names) {
    next[name] = reuseEqual(before[name], next[name]);
    same &&= next[name] === before[name];
  }
  return same ? before : next;
}

/** @param {any} value */
function isObject(value) {
  return typeof value === "object" && value !== null;
}
