// @ts-check

/** @typedef {"closed" | "unopenable" | "late" | "full" | "failed"} Kind */

/** What the browser's errors mean, by name. @type {Map<string | undefined, Kind>} */
const KINDS = new Map([
  ["InvalidStateError", "closed"],
  ["AbortError", "closed"],
  ["TransactionInactiveError", "closed"],
  ["QuotaExceededError", "full"],
]);

/** Why IndexedDB could not do what was asked of it: `StoreError` of the module. */
export class Trouble {
  /**
   * @param {Kind} kind
   * @param {string} detail for people
   */
  constructor(kind, detail) {
    this.kind = kind;
    this.detail = detail;
  }

  /** @param {any} error thrown, or of a request or transaction */
  static of(error) {
    return error instanceof Trouble
      ? error
      : new Trouble(KINDS.get(error?.name) ?? "failed", String(error));
  }
}

/** @param {unknown} error */
export function kindOf(error) {
  return Trouble.of(error).kind;
}

/** @param {unknown} error */
export function detailOf(error) {
  return Trouble.of(error).detail;
}
