import type { ChargeRecord } from "tollbox";
import type { Ledger } from "./server";

/** A reading of the server's ledger, and when it was asked for. */
export interface Reading {
  ledger: Ledger;
  askedAt: number;
}

export type Agreement =
  | { state: "agree" }
  /** What this page knows agrees; the ledger has charges that it knows nothing of, e.g. of another browser. */
  | { state: "more"; known: number; more: number }
  /** The server has charged what this page still calls open: an answer is on its way, or lost. */
  | { state: "behind"; count: number }
  /** The page says paid, or says certainly not paid, and the ledger says otherwise. */
  | { state: "disagree"; differences: Differences };

/** How many of the page's charges differ from the ledger, and in what. */
export interface Differences {
  /** Paid here, and not in the ledger. */
  missing: number;
  /** Paid here, and of another amount in the ledger. */
  amounts: number;
  /** Not paid here, and in the ledger. */
  taken: number;
}

/** Holds the page's word against the server's database. */
export function agreementOf(
  { ledger, askedAt }: Reading,
  records: Iterable<ChargeRecord>,
): Agreement {
  const there = new Map(ledger.charges.map((charge) => [charge.idempotency_key, charge]));
  const differences = { missing: 0, amounts: 0, taken: 0 };
  let behind = 0;
  let known = 0;
  for (const record of records) {
    const charge = there.get(record.key);
    if (charge) known += 1;
    if (record.status === "success") {
      // What was charged after the ledger was asked for can't be in that reading.
      if (!charge && record.updatedAt < askedAt) differences.missing += 1;
      if (charge && charge.amount !== record.amount) differences.amounts += 1;
    } else if (record.status === "failed") {
      if (charge) differences.taken += 1;
    } else if (charge) {
      behind += 1;
    }
  }
  const more = there.size - known;
  if (Object.values(differences).some((count) => count > 0)) {
    return { state: "disagree", differences };
  }
  if (behind > 0) return { state: "behind", count: behind };
  if (more > 0) return { state: "more", known, more };
  return { state: "agree" };
}
