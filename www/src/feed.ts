import type { Alert, LogEntry } from "tollbox";
import { Store } from "./store";

export type FeedEntry =
  | { kind: "log"; id: number; entry: LogEntry }
  | { kind: "alert"; id: number; entry: Alert };

const KEPT = 200;

/** What the billing client logged and warned about, newest first. */
export class Feed extends Store<readonly FeedEntry[]> {
  #last = 0;

  constructor() {
    super([]);
  }

  log(entry: LogEntry): void {
    this.#add({ kind: "log", id: this.#next(), entry });
  }

  alert(entry: Alert): void {
    this.#add({ kind: "alert", id: this.#next(), entry });
  }

  /** The log alone, oldest first. */
  logEntries(): readonly LogEntry[] {
    const log = this.get().flatMap(({ kind, entry }) => (kind === "log" ? [entry] : []));
    return log.reverse();
  }

  #next(): number {
    this.#last += 1;
    return this.#last;
  }

  #add(entry: FeedEntry): void {
    this.update((entries) => [entry, ...entries].slice(0, KEPT));
  }
}
