import { useCallback, useEffect, useState, useSyncExternalStore } from "react";
import {
  type Balance,
  type BillingClient,
  type BillingOptions,
  type BillingSnapshot,
  cachedBalance,
  openBilling,
} from "tollbox";
import type { Desk } from "./desk";
import type { Locale } from "./i18n";

const BASE_URL = "/billing/v1";

export type Opened =
  | { state: "opening" }
  | { state: "open"; client: BillingClient }
  | { state: "failed"; error: unknown; again: () => void };

/** The billing client of a desk, which gives its details in the visitor's language. */
export function useBilling(desk: Desk, locale: Locale): Opened {
  const [opened, setOpened] = useState<Opened>({ state: "opening" });
  const [attempt, setAttempt] = useState(0);

  // biome-ignore lint/correctness/useExhaustiveDependencies: only a new attempt opens again
  useEffect(() => {
    let wanted = true;
    let detach: (() => void) | null = null;
    let client: BillingClient | null = null;
    openBilling(optionsFor(desk, locale)).then(
      (fresh) => {
        if (!wanted) {
          void fresh.close();
          return;
        }
        client = fresh;
        detach = desk.attach(fresh);
        setOpened({ state: "open", client: fresh });
      },
      (error: unknown) => {
        const again = () => setAttempt((count) => count + 1);
        if (!wanted) return;
        desk.notOpened();
        setOpened({ state: "failed", error, again });
      },
    );
    return () => {
      wanted = false;
      detach?.();
      void client?.close();
    };
  }, [desk, attempt]);

  useEffect(() => {
    if (opened.state === "open") opened.client.setLocale(locale);
  }, [opened, locale]);

  return opened;
}

/** What the client knows, at each moment. */
export function useSnapshot(client: BillingClient): BillingSnapshot {
  return useSyncExternalStore(client.subscribe, client.getSnapshot);
}

/**
 * The balance to show. From the cache at first, which needs no module: the purse is painted with the
 * desk, and not when the client has opened.
 */
export function useBalance(desk: Desk, opened: Opened): Balance | null {
  const { account } = desk.session;
  const client = opened.state === "open" ? opened.client : null;
  const [cached] = useState(() => cachedBalance({ baseUrl: BASE_URL, account }));
  const subscribe = useCallback(
    (listener: () => void) => client?.subscribe(listener) ?? (() => {}),
    [client],
  );
  return useSyncExternalStore(subscribe, () => (client ? client.balance() : cached));
}

function optionsFor(desk: Desk, locale: Locale): BillingOptions {
  return {
    baseUrl: BASE_URL,
    account: desk.session.account,
    getToken: (context) => desk.session.getToken(context),
    balance: { staleAfterMs: 30_000, lowWatermark: 10 },
    retry: retryOptions(new URLSearchParams(location.search)),
    log: (entry) => desk.feed.log(entry),
    locale,
  };
}

/** Shorter times than the package's own, so that a visitor sees a retry; `?baseDelayMs=50` overrides. */
function retryOptions(query: URLSearchParams): NonNullable<BillingOptions["retry"]> {
  const times = { baseDelayMs: 500, maxDelayMs: 5_000, requestTimeoutMs: 6_000 };
  for (const name of Object.keys(times) as (keyof typeof times)[]) {
    const given = Number(query.get(name));
    if (Number.isSafeInteger(given) && given > 0) times[name] = given;
  }
  return times;
}
