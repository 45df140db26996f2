import type { ChargeRecord } from "tollbox";
import type { Ledger } from "./server";

/** A reading of the server's ledger, and when it was asked for. */
export interface Reading {
  ledger: Ledger;
  askedAt: number;
}

export type Agreement =
  | { state: "agree" }
  /** The server has charged what this page still calls open: an answer is on its way, or lost. */
  | { state: "behind"; count: number }
  /** The page says paid, or says certainly not paid, and the ledger says otherwise. */
  | { state: "disagree"; count: number };

/** Holds the page's word against the server's database. */
export function agreementOf(
  { ledger, askedAt }: Reading,
  records: Iterable<ChargeRecord>,
): Agreement {
  const there = new Map(ledger.charges.map((charge) => [charge.idempotency_key, charge]));
  let behind = 0;
  let wrong = 0;
  for (const record of records) {
    const charge = there.get(record.key);
    if (record.status === "success") {
      // What was charged after the ledger was asked for can't be in that reading.
      if (charge ? charge.amount !== record.amount : record.updatedAt < askedAt) wrong += 1;
    } else if (record.status === "failed") {
      if (charge) wrong += 1;
    } else if (charge) {
      behind += 1;
    }
  }
  if (wrong > 0) return { state: "disagree", count: wrong };
  if (behind > 0) return { state: "behind", count: behind };
  return { state: "agree" };
}
