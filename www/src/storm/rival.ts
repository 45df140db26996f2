import type { Session } from "../session";

/** One charge of the storm. */
export interface StormCharge {
  taskId: string;
  feature: string;
  amount: number;
}

/** What a rival says of a charge in the end. */
export type Word = "paid" | "not_paid" | "open";

/** A way of sending charges that has to stand the storm. */
export interface Rival {
  /** Resolves when the rival has its last word. */
  charge(charge: StormCharge): Promise<Word>;
  /** Lets go of everything, and forgets what it has stored. */
  close(): Promise<void>;
}

/** Opens a rival for the account of this session. */
export type OpenRival = (session: Session) => Promise<Rival>;

/** One request of a rival that speaks the protocol itself. Rejects unless the server took the points. */
export async function post(session: Session, charge: StormCharge, key: string): Promise<void> {
  const response = await fetch("/billing/v1/charges", {
    method: "POST",
    headers: {
      "content-type": "application/json",
      authorization: `Bearer ${await session.ownToken({ refresh: false })}`,
      "idempotency-key": `"${key}"`,
      "billing-account": `"${encodeURIComponent(session.account)}"`,
    },
    body: JSON.stringify({
      task_id: charge.taskId,
      feature: charge.feature,
      amount: charge.amount,
      created_at: new Date().toISOString(),
      metadata: {},
    }),
  });
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  await response.json();
}
