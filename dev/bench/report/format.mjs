/** @typedef {import("./run.mjs").Spread} Spread */

/** Stands for what was not measured. */
export const NONE = "–";

/** @param {number} value */
export function number(value) {
  if (value >= 100) return Math.round(value).toLocaleString("en");
  if (value >= 10) return value.toFixed(1);
  if (value === 0) return "0";
  return value.toFixed(value < 0.1 ? 3 : 2);
}

/**
 * "1.20 (1.10–1.40)", or "1.20" where there was one round or all came to the same.
 *
 * @param {Spread | null} spread
 * @param {(value: number) => string} format
 */
export function range(spread, format = number) {
  if (!spread) return NONE;
  const [middle, least, most] = [spread.median, spread.least, spread.most].map(format);
  return least === most ? `${middle}` : `${middle} (${least}–${most})`;
}

/** @param {Spread | null} spread */
export function times(spread) {
  return spread ? spread.median.toFixed(2) : NONE;
}

/** @param {number} bytes */
export function kib(bytes) {
  return (bytes / 1024).toLocaleString("en", { maximumFractionDigits: 1 });
}

/**
 * A Markdown table, whose first column is text and whose others are figures.
 *
 * @param {string[]} head
 * @param {string[][]} rows
 */
export function table(head, rows) {
  const rule = ["---", ...head.slice(1).map(() => "---:")];
  return [head, rule, ...rows].map((cells) => `| ${cells.join(" | ")} |\n`).join("");
}
