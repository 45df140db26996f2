import type { ChargeRecord } from "tollbox";
import type { Ledger } from "./server";

/** The page's word and the server's, as figures that can be laid side by side. */
export interface Truth {
  page: { charges: number; points: number };
  ledger: { charges: number; points: number };
  /** Tasks for which the server has taken points more than once. */
  doubles: number;
  /** Charges that the page calls paid and the server does not have. */
  losses: number;
  /** Requests that came again for what was charged, and took nothing. */
  repeats: number;
}

/**
 * `askedAt` is when the ledger was asked for: what was charged after that can't be in it, and counts
 * as there.
 */
export function truthOf(
  { charges }: Ledger,
  askedAt: number,
  records: Iterable<ChargeRecord>,
): Truth {
  const there = new Set(charges.map(({ idempotency_key }) => idempotency_key));
  const tasks = new Set(charges.map(({ feature, task_id }) => `${feature} ${task_id}`));
  const paid = [...records].filter(({ status }) => status === "success");
  return {
    page: { charges: paid.length, points: sum(paid.map(({ amount }) => amount)) },
    ledger: { charges: charges.length, points: sum(charges.map(({ amount }) => amount)) },
    doubles: charges.length - tasks.size,
    losses: paid.filter(({ key, updatedAt }) => !there.has(key) && updatedAt < askedAt).length,
    repeats: sum(charges.map(({ requests }) => requests - 1)),
  };
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
