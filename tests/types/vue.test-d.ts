/** The composables of tollbox/vue, as components use them. It is compiled, never run. */

import type {
  Balance,
  BillingClient,
  BillingOptions,
  BillingSnapshot,
  ChargeOutcome,
} from "tollbox";
import type { ChargeState, ChargesState, TaskState } from "tollbox/vue";
import {
  provideBilling,
  useBalance,
  useBilling,
  useCharge,
  useCharges,
  useSnapshot,
  useTask,
} from "tollbox/vue";
import { type Ref, ref } from "vue";

declare const options: BillingOptions;
declare const client: BillingClient;

export function provide(reactive: Ref<BillingOptions>): string {
  provideBilling(options);
  provideBilling(() => options);
  provideBilling(client);
  // @ts-expect-error There is nobody to charge.
  provideBilling({ baseUrl: "/billing/v1" });
  const { state, retry } = provideBilling(reactive);
  retry();
  // @ts-expect-error The state belongs to the composable.
  state.value = { status: "opening", client: null, error: null };
  return state.value.status === "open" ? state.value.client.getSnapshot().account : "";
}

export function setup(): unknown {
  const balance: Readonly<Ref<Balance | null>> = useBalance();
  const snapshot: Readonly<Ref<BillingSnapshot | null>> = useSnapshot();
  const { state: opened } = useBilling();
  const key = ref("asr:1");
  const { state, charge, retry, cancel } = useCharge(key);
  useCharge(() => key.value);
  useCharge("asr:1");
  const answers: Promise<ChargeOutcome>[] = [
    charge({ taskId: "1", amount: 2, feature: "asr" }),
    retry(),
    cancel(),
  ];
  const one: ChargeState = state.value;
  const list: ChargesState = useCharges(() => ({ status: "failed", limit: 5 })).value;
  const { state: task, run, reset } = useTask(async () => 12);
  const shown: TaskState<number> = task.value;
  const outcome = run({ taskId: "1", amount: 2, feature: "asr" });
  reset();
  const value = shown.status === "paid" ? shown.value.toFixed() : "";
  return [balance, snapshot, opened, answers, one, list, outcome, value];
}
