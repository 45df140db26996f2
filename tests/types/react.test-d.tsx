/** The hooks of tollbox/react, as components use them. It is compiled, never run. */

import type {
  Balance,
  BillingClient,
  BillingError,
  BillingOptions,
  BillingSnapshot,
  Charged,
  ChargeOutcome,
  ChargeRecord,
  Declined,
  Failed,
  Queued,
  TaskOutcome,
  Unknown,
} from "tollbox";
import {
  BillingProvider,
  useBalance,
  useBilling,
  useCharge,
  useCharges,
  useSnapshot,
  useTask,
} from "tollbox/react";

declare const options: BillingOptions;
declare const client: BillingClient;

export const opened = (
  <BillingProvider options={options}>
    <p>within</p>
  </BillingProvider>
);
export const given = <BillingProvider client={client} />;
// @ts-expect-error Neither options nor a client.
export const neither = <BillingProvider />;
// @ts-expect-error Both.
export const both = <BillingProvider options={options} client={client} />;

export function Component(): string {
  const billing = useBilling();
  billing.retry();
  switch (billing.status) {
    case "opening":
      return String(billing.client satisfies null);
    case "open":
      return billing.client.getSnapshot().account;
    case "failed":
      return billing.error.code;
  }
}

export function Figures(): number {
  const balance: Balance | null = useBalance();
  const snapshot: BillingSnapshot | null = useSnapshot();
  return (balance?.available ?? 0) + (snapshot?.queue.pending ?? 0);
}

export function Charge(): string {
  const charge = useCharge("asr:1");
  const answers: Promise<ChargeOutcome>[] = [
    charge.charge({ taskId: "1", amount: 2, feature: "asr" }, { signal: AbortSignal.timeout(1) }),
    charge.retry(),
    charge.cancel(),
  ];
  // @ts-expect-error The key is that of the hook.
  answers.push(charge.charge({ taskId: "1", amount: 2, feature: "asr", key: "other" }));
  const acting: "charge" | "retry" | "cancel" | null = charge.acting;
  // @ts-expect-error It may be absent.
  charge.record.amount;
  switch (charge.status) {
    case "loading":
    case "absent":
      charge.record satisfies null;
      return charge.outcome?.status ?? String(acting);
    case "unavailable":
      return (charge.error satisfies BillingError).message;
    case "pending":
    case "retrying":
    case "success":
    case "failed":
    case "unknown":
      return (charge.record satisfies ChargeRecord).taskId;
  }
}

export function Charges(): number {
  const open = useCharges({ status: ["pending", "retrying"], limit: 20 });
  const all = useCharges();
  // @ts-expect-error No such status.
  useCharges({ status: "queued" });
  if (open.status === "unavailable") open.error satisfies BillingError;
  // @ts-expect-error The list belongs to the hook.
  all.charges.push();
  return open.charges.length + all.charges.length;
}

export function Task(): string {
  const task = useTask(async (request, { setAmount, setProgress }) => {
    setProgress(0.5);
    setAmount(request.amount - 1);
    return { text: "Guten Morgen" };
  });
  const done: Promise<TaskOutcome<{ text: string }>> = task.run({
    taskId: "1",
    amount: 2,
    feature: "translate",
  });
  void done;
  // @ts-expect-error Only work that is done has a value.
  task.value;
  switch (task.status) {
    case "idle":
      return "idle";
    case "running":
      return `${task.progress ?? 0} of ${task.request.taskId}`;
    case "paid":
      task.billing satisfies Charged;
      return task.value.text;
    case "open":
      task.billing satisfies Queued | Unknown;
      return task.value.text;
    case "unpaid":
      task.billing satisfies Declined | Failed;
      return task.value.text;
    case "failed":
      task.reset();
      return String(task.error satisfies unknown);
    case "refused":
      return (task.billing satisfies Declined | Failed).detail;
  }
}
