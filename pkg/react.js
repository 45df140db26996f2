"use client";
// @ts-check
/** React hooks. An import touches nothing, so that a server may render. */

import {
  createContext,
  createElement,
  useCallback,
  useContext,
  useEffect,
  useInsertionEffect,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from "react";
import { ChargeObserver } from "./lib/observers/charge.js";
import { ChargesObserver, writtenFilter } from "./lib/observers/charges.js";
import { SharedClient } from "./lib/observers/shared-client.js";
import { observeBalance, observeSnapshot } from "./lib/observers/snapshot.js";
import { TaskObserver } from "./lib/observers/task.js";

/** @import * as Api from "./react.js" */
/** @import * as Tollbox from "tollbox" */
/** @import { Observer } from "./lib/observers/observer.js" */

const BillingContext = createContext(/** @type {SharedClient | null} */ (null));

/** @param {Api.BillingProviderProps} props */
export function BillingProvider({ options, client, children }) {
  const source = client ?? options;
  const [kept, keep] = useState(() => new SharedClient(source));
  let shared = kept;
  if (!kept.isFor(source)) {
    // Another account: nothing of the last one's is rendered any more.
    shared = new SharedClient(source);
    keep(shared);
  }
  useEffect(() => shared.update(source));
  useEffect(() => shared.subscribe(() => {}), [shared]);
  return createElement(BillingContext.Provider, { value: shared }, children);
}

/** @returns {Api.Billing} */
export function useBilling() {
  const shared = useShared();
  const state = useObserved(shared);
  return useMemo(() => ({ ...state, retry: shared.retry }), [state, shared]);
}

/** @returns {Tollbox.BillingSnapshot | null} */
export function useSnapshot() {
  const shared = useShared();
  return useObserved(useKept(() => observeSnapshot(shared), shared));
}

/** @returns {Tollbox.Balance | null} */
export function useBalance() {
  const shared = useShared();
  return useObserved(useKept(() => observeBalance(shared), shared));
}

/**
 * @param {string} key
 * @returns {Api.ChargeState & Api.ChargeActs}
 */
export function useCharge(key) {
  const shared = useShared();
  const observer = useKept(() => new ChargeObserver(shared, key), shared, key);
  const state = useObserved(observer);
  const { charge, retry, cancel } = observer;
  return useMemo(() => ({ ...state, charge, retry, cancel }), [state, charge, retry, cancel]);
}

/**
 * @param {Api.ChargesFilter} [filter]
 * @returns {Api.ChargesState}
 */
export function useCharges(filter) {
  const shared = useShared();
  // A component writes the filter anew at every render.
  const written = writtenFilter(filter);
  const observer = useKept(() => new ChargesObserver(shared, JSON.parse(written)), shared, written);
  return useObserved(observer);
}

/**
 * @template T
 * @param {Api.Work<T>} work
 * @returns {Api.TaskState<T> & Api.TaskActs<T>}
 */
export function useTask(work) {
  const shared = useShared();
  const latest = useRef(work);
  useInsertionEffect(() => {
    latest.current = work;
  });
  const observer = useKept(() => /** @type {TaskObserver<T>} */ (new TaskObserver(shared)), shared);
  const state = useObserved(observer);
  const run = useCallback(
    (/** @type {Tollbox.ChargeRequest} */ request) => observer.run(request, latest.current),
    [observer],
  );
  const { reset } = observer;
  return useMemo(() => ({ ...state, run, reset }), [state, run, reset]);
}

function useShared() {
  const shared = useContext(BillingContext);
  if (!shared) {
    throw new Error("there is no BillingProvider around this component");
  }
  return shared;
}

/**
 * A value that is made once for these parts. Unlike a memo it outlives a Fast Refresh: a task that
 * runs goes on being shown.
 *
 * @template T
 * @param {() => T} make
 * @param {unknown[]} parts
 * @returns {T}
 */
function useKept(make, ...parts) {
  const [kept, keep] = useState(() => ({ parts, value: make() }));
  if (parts.every((part, index) => Object.is(part, kept.parts[index]))) {
    return kept.value;
  }
  const next = { parts, value: make() };
  keep(next);
  return next.value;
}

/**
 * @template T
 * @param {Observer<T>} observer
 * @returns {T}
 */
function useObserved(observer) {
  return useSyncExternalStore(observer.subscribe, observer.get, observer.getInitial);
}
