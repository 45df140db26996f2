import type { BillingClient, BillingStats } from "tollbox";
import { Store } from "./store";

/** The figures after one more charge had come to its end. */
export interface Point {
  at: number;
  ended: number;
  successRate: number;
  /** Null before the first charge is paid. */
  latencyMs: { p50: number; p95: number } | null;
}

const KEPT = 500;

/** How the figures have gone, oldest first: one point each time that charges came to their end. */
export class History extends Store<readonly Point[]> {
  constructor() {
    super([]);
  }

  /** Follows a client, which counts from 0; the function that is returned ends that. */
  follow(client: BillingClient): () => void {
    this.set([]);
    const look = () => this.#add(client.getSnapshot().stats);
    look();
    return client.subscribe(look);
  }

  #add({ charged, declined, failed, unknown, successRate, latencyMs }: BillingStats): void {
    const ended = charged + declined + failed + unknown;
    const last = this.get().at(-1);
    if (successRate === null || last?.ended === ended) return;
    this.update((points) =>
      [...points, { at: Date.now(), ended, successRate, latencyMs }].slice(-KEPT),
    );
  }
}
