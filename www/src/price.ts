const CHARACTERS_A_POINT = 100;

/** Counted as the server counts: Unicode scalar values, not UTF-16 units. */
export function characters(lines: readonly string[]): number {
  return [...lines.join("\n")].length;
}

/** One point for each started 100 characters, at least one. */
export function priceOf(lines: readonly string[]): number {
  return Math.max(1, Math.ceil(characters(lines) / CHARACTERS_A_POINT));
}
