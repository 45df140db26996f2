const CHARACTERS_A_POINT = 100;

/** Counted as the server counts: Unicode scalar values, not UTF-16 units. */
export function characters(text: string): number {
  return [...text].length;
}

/** One point for each started 100 characters, at least one. */
export function priceOf(text: string): number {
  return Math.max(1, Math.ceil(characters(text) / CHARACTERS_A_POINT));
}
