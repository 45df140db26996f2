/** @param {number[]} values */
export function median(values) {
  const list = sorted(values);
  const middle = list.length >> 1;
  const upper = list[middle] ?? Number.NaN;
  return list.length % 2 ? upper : ((list[middle - 1] ?? Number.NaN) + upper) / 2;
}

/**
 * @param {number[]} values
 * @param {number} share from 0 to 1
 */
export function quantile(values, share) {
  const list = sorted(values);
  return list[Math.max(0, Math.ceil(share * list.length) - 1)] ?? Number.NaN;
}

/** @param {number[]} values */
function sorted(values) {
  return [...values].sort((a, b) => a - b);
}
