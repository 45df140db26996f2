// @ts-check
/** Vue composables. An import touches nothing, so that a server may render. */

import {
  computed,
  getCurrentInstance,
  getCurrentScope,
  inject,
  onMounted,
  onScopeDispose,
  provide,
  shallowReadonly,
  shallowRef,
  toValue,
  watch,
} from "vue";
import { ChargeObserver } from "./lib/observers/charge.js";
import { ChargesObserver, writtenFilter } from "./lib/observers/charges.js";
import { SharedClient } from "./lib/observers/shared-client.js";
import { observeBalance, observeSnapshot } from "./lib/observers/snapshot.js";
import { TaskObserver } from "./lib/observers/task.js";

/** @import * as Api from "./vue.js" */
/** @import * as Tollbox from "tollbox" */
/** @import * as Vue from "vue" */
/** @import { Observer } from "./lib/observers/observer.js" */

/** @typedef {Vue.ShallowRef<SharedClient>} Provided */

/** @type {Vue.InjectionKey<Provided>} */
const BILLING = Symbol("tollbox");

/** A component does not inject what it provides itself. @type {WeakMap<object, Provided>} */
const own = new WeakMap();

/**
 * @param {Vue.MaybeRefOrGetter<Tollbox.BillingOptions | Tollbox.BillingClient>} source
 * @returns {Api.Billing}
 */
export function provideBilling(source) {
  const shared = shallowRef(new SharedClient(toValue(source)));
  watch(
    () => toValue(source),
    (next) => {
      if (shared.value.isFor(next)) {
        shared.value.update(next);
      } else {
        shared.value = new SharedClient(next);
      }
    },
    // At once: nothing of the last account's is rendered any more.
    { flush: "sync" },
  );
  provide(BILLING, shared);
  const instance = getCurrentInstance();
  if (instance) {
    own.set(instance, shared);
  }
  return billingOf(shared);
}

/** @returns {Api.Billing} */
export function useBilling() {
  return billingOf(useShared());
}

/** @returns {Readonly<Vue.ShallowRef<Tollbox.BillingSnapshot | null>>} */
export function useSnapshot() {
  const shared = useShared();
  return observed(computed(() => observeSnapshot(shared.value)));
}

/** @returns {Readonly<Vue.ShallowRef<Tollbox.Balance | null>>} */
export function useBalance() {
  const shared = useShared();
  return observed(computed(() => observeBalance(shared.value)));
}

/**
 * @param {Vue.MaybeRefOrGetter<string>} key
 * @returns {Api.Charge}
 */
export function useCharge(key) {
  const shared = useShared();
  const observer = computed(() => new ChargeObserver(shared.value, toValue(key)));
  return {
    state: observed(observer),
    charge: (request, options) => observer.value.charge(request, options),
    retry: () => observer.value.retry(),
    cancel: () => observer.value.cancel(),
  };
}

/**
 * @param {Vue.MaybeRefOrGetter<Api.ChargesFilter | undefined>} [filter]
 * @returns {Readonly<Vue.ShallowRef<Api.ChargesState>>}
 */
export function useCharges(filter) {
  const shared = useShared();
  // A getter makes the filter anew whenever it is asked.
  const written = computed(() => writtenFilter(toValue(filter)));
  return observed(computed(() => new ChargesObserver(shared.value, JSON.parse(written.value))));
}

/**
 * @template T
 * @param {Api.Work<T>} work
 * @returns {Api.Task<T>}
 */
export function useTask(work) {
  const shared = useShared();
  const observer = computed(() => /** @type {TaskObserver<T>} */ (new TaskObserver(shared.value)));
  return {
    state: observed(observer),
    run: (request) => observer.value.run(request, work),
    reset: () => observer.value.reset(),
  };
}

/**
 * @param {Provided} shared
 * @returns {Api.Billing}
 */
function billingOf(shared) {
  return { state: observed(shared), retry: () => shared.value.retry() };
}

/** @returns {Provided} */
function useShared() {
  const shared = own.get(getCurrentInstance() ?? {}) ?? inject(BILLING, null);
  if (!shared) {
    throw new Error("no component around this one calls provideBilling");
  }
  return shared;
}

/**
 * The value of the observer, until the component or scope ends.
 *
 * @template T
 * @param {Vue.ShallowRef<Observer<T>> | Vue.ComputedRef<Observer<T>>} observer
 * @returns {Readonly<Vue.ShallowRef<T>>}
 */
function observed(observer) {
  const value = shallowRef(observer.value.initial);
  const scope = getCurrentScope();
  let leave = () => {};
  const follow = (/** @type {Observer<T>} */ observer) => {
    const leaveLast = leave;
    const show = () => {
      value.value = observer.get();
    };
    leave = observer.subscribe(show);
    show();
    leaveLast();
  };
  const start = () => {
    watch(observer, follow, { immediate: true, flush: "sync" });
  };
  // When a component mounts its own scope is the current one. That of a composable which components
  // share may live longer.
  const startInScope = () => {
    if (scope?.active) {
      scope.run(start);
    }
  };
  if (getCurrentInstance()) {
    // Not before, so that hydration finds what the server has rendered.
    onMounted(startInScope);
  } else if (typeof window !== "undefined") {
    start();
  }
  if (scope) {
    onScopeDispose(() => leave());
  }
  return shallowReadonly(value);
}
