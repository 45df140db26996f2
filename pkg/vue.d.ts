/**
 * tollbox/vue: composables for Vue 3. On a server, and while a page is hydrated, they show what is there
 * before a client is open.
 *
 * @module tollbox/vue
 */

import type { MaybeRefOrGetter, ShallowRef } from "vue";
import type { Balance, BillingClient, BillingOptions, BillingSnapshot } from "./index.js";
import type {
  BillingState,
  ChargeActs,
  ChargeState,
  ChargesFilter,
  ChargesState,
  TaskActs,
  TaskState,
  Work,
} from "./lib/observers/states.js";

export type * from "./lib/observers/states.js";

/** The client, whether it opens, is open, or can't be opened. */
export interface Billing {
  readonly state: Readonly<ShallowRef<BillingState>>;
  /**
   * Tries at once to open again, where that has failed.
   *
   * @example
   * ```vue
   * <script setup lang="ts">
   * import { useBilling } from "tollbox/vue";
   *
   * const { state, retry } = useBilling();
   * </script>
   *
   * <template>
   *   <button v-if="state.status === 'failed'" @click="retry">Try again</button>
   * </template>
   * ```
   */
  retry(): void;
}

/**
 * Gives this component and those below it one client: it is opened with options, and closed when the
 * component unmounts; or it is one that is open already, and stays open. Where a ref or getter comes to
 * another `account`, `baseUrl` or `namespace`, another client opens. `getToken`, `transport`, `log` and
 * `locale` are always the latest; where `getToken` or `transport` comes later, the client opens anew.
 * The rest of the options counts at the opening, and so does whether `log` is a function.
 *
 * @example
 * ```vue
 * <script setup lang="ts">
 * import { provideBilling } from "tollbox/vue";
 *
 * const props = defineProps<{ account: string; getToken: () => Promise<string> }>();
 * const { state } = provideBilling(() => ({
 *   baseUrl: "/billing/v1",
 *   account: props.account,
 *   getToken: props.getToken,
 * }));
 * </script>
 *
 * <template>
 *   <p v-if="state.status === 'failed'">{{ state.error.message }}</p>
 *   <slot v-else />
 * </template>
 * ```
 */
export function provideBilling(source: MaybeRefOrGetter<BillingOptions | BillingClient>): Billing;

/**
 * The client of the nearest component that calls `provideBilling`. So for all composables: without one
 * they throw.
 *
 * @example
 * ```vue
 * <script setup lang="ts">
 * import { useBilling } from "tollbox/vue";
 *
 * const { state } = useBilling();
 * </script>
 *
 * <template>
 *   <p v-if="state.status === 'opening'">One moment …</p>
 *   <p v-else-if="state.status === 'failed'">{{ state.error.message }}</p>
 *   <button v-else @click="state.client.signOut()">Sign out</button>
 * </template>
 * ```
 */
export function useBilling(): Billing;

/**
 * What the client shows: network, queue, alerts, statistics. Null until it is open.
 *
 * @example
 * ```vue
 * <script setup lang="ts">
 * import { useSnapshot } from "tollbox/vue";
 *
 * const snapshot = useSnapshot();
 * </script>
 *
 * <template>
 *   <p v-if="snapshot && snapshot.network !== 'online'">
 *     {{ snapshot.queue.pending + snapshot.queue.retrying }} charges wait for the network.
 *   </p>
 * </template>
 * ```
 */
export function useSnapshot(): Readonly<ShallowRef<BillingSnapshot | null>>;

/**
 * The balance. Before the client is open it is the cached one; null where none is known, on a server,
 * and until the component is mounted.
 *
 * @example
 * ```vue
 * <script setup lang="ts">
 * import { useBalance } from "tollbox/vue";
 *
 * const balance = useBalance();
 * </script>
 *
 * <template>
 *   <p>{{ balance?.available ?? "…" }} points</p>
 * </template>
 * ```
 */
export function useBalance(): Readonly<ShallowRef<Balance | null>>;

/** One charge, and what can be done with it. */
export interface Charge extends ChargeActs {
  readonly state: Readonly<ShallowRef<ChargeState>>;
}

/**
 * One charge, by its key, and what can be done with it.
 *
 * @example
 * ```vue
 * <script setup lang="ts">
 * import { useCharge } from "tollbox/vue";
 *
 * const props = defineProps<{ taskId: string }>();
 * const { state, charge, retry } = useCharge(() => `cloud_trans:${props.taskId}`);
 * const pay = () => charge({ taskId: props.taskId, amount: 12, feature: "cloud_trans" });
 * </script>
 *
 * <template>
 *   <p v-if="state.status === 'loading'">…</p>
 *   <button v-else-if="state.status === 'absent'" :disabled="!!state.acting" @click="pay">Pay</button>
 *   <p v-else-if="state.status === 'success'">Paid.</p>
 *   <p v-else-if="state.status === 'unavailable'">{{ state.error.message }}</p>
 *   <button v-else-if="state.status === 'unknown' || state.status === 'failed'" @click="retry">
 *     Try again
 *   </button>
 *   <p v-else>Not paid yet: it will be, by itself.</p>
 * </template>
 * ```
 */
export function useCharge(key: MaybeRefOrGetter<string>): Charge;

/**
 * The charges that pass the filter, newest first.
 *
 * @example
 * ```vue
 * <script setup lang="ts">
 * import { useCharges } from "tollbox/vue";
 *
 * const list = useCharges({ limit: 10 });
 * </script>
 *
 * <template>
 *   <ul>
 *     <li v-for="{ key, amount, status } in list.charges" :key="key">{{ amount }} points: {{ status }}</li>
 *   </ul>
 * </template>
 * ```
 */
export function useCharges(
  filter?: MaybeRefOrGetter<ChargesFilter | undefined>,
): Readonly<ShallowRef<ChargesState>>;

/** Tasks of one kind of work, and the state of the latest. */
export interface Task<T> extends TaskActs<T> {
  readonly state: Readonly<ShallowRef<TaskState<T>>>;
}

/**
 * Runs tasks, one at a time as far as this shows it, and follows each until it is paid.
 *
 * @example
 * ```vue
 * <script setup lang="ts">
 * import { useTask } from "tollbox/vue";
 *
 * const props = defineProps<{ id: string; text: string; translate: (text: string) => Promise<string> }>();
 * const { state, run } = useTask(() => props.translate(props.text));
 * const start = () => run({ taskId: props.id, amount: 12, feature: "cloud_trans" });
 * </script>
 *
 * <template>
 *   <button v-if="state.status === 'idle'" @click="start">Translate</button>
 *   <progress v-else-if="state.status === 'running'" :value="state.progress ?? undefined" />
 *   <p v-else-if="state.status === 'paid'">{{ state.value }}</p>
 *   <p v-else-if="state.status === 'open'">{{ state.value }} (not paid yet)</p>
 *   <p v-else-if="state.status === 'failed'">No translation, and nothing was taken.</p>
 *   <p v-else>{{ state.billing.detail }}</p>
 * </template>
 * ```
 */
export function useTask<T>(work: Work<T>): Task<T>;
