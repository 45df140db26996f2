/** The stores of tollbox/svelte, as components use them. It is compiled, never run. */

import type { Readable as SvelteReadable } from "svelte/store";
import { derived, get } from "svelte/store";
import type {
  Balance,
  BillingClient,
  BillingOptions,
  BillingSnapshot,
  ChargeOutcome,
} from "tollbox";
import type { Billing, BillingState, ChargeState, TaskState } from "tollbox/svelte";
import { createBilling } from "tollbox/svelte";

declare const options: BillingOptions;
declare const client: BillingClient;

export const given: Billing = createBilling(client);
export const billing: Billing = createBilling(options);
// @ts-expect-error There is nobody to charge.
createBilling({ baseUrl: "/billing/v1" });

export const state: SvelteReadable<BillingState> = billing;
export const balance: SvelteReadable<Balance | null> = billing.balance;
export const snapshot: SvelteReadable<BillingSnapshot | null> = billing.snapshot;
export const points = derived(billing.balance, (balance) => balance?.available ?? 0);
export const count: number = get(billing.charges({ status: "pending" })).charges.length;

export const one = billing.charge("asr:1");
export const shown: ChargeState = get(one);
export const answers: Promise<ChargeOutcome>[] = [
  one.charge({ taskId: "1", amount: 2, feature: "asr" }),
  one.retry(),
  one.cancel(),
];

export const task = billing.task(async (request) => request.amount);
export const running: TaskState<number> = get(task);
export const outcome = task.run({ taskId: "1", amount: 2, feature: "asr" });
task.reset();
billing.retry();
billing.update(options);
export const value: string = running.status === "paid" ? running.value.toFixed() : "";
