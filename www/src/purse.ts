import type { Balance, BillingClient } from "tollbox";
import { Store } from "./store";

const KEPT = 60;

/** What the purse held, each time that it changed, oldest first. */
export class PurseHistory extends Store<readonly Pick<Balance, "available" | "confirmed">[]> {
  constructor() {
    super([]);
  }

  /** Follows a client; the function that is returned ends that. */
  follow(client: BillingClient): () => void {
    const look = () => this.#add(client.balance());
    look();
    return client.on("balance", look);
  }

  #add(balance: Balance | null): void {
    if (!balance) return;
    const { available, confirmed } = balance;
    const last = this.get().at(-1);
    if (last?.available === available && last.confirmed === confirmed) return;
    this.update((points) => [...points, { available, confirmed }].slice(-KEPT));
  }
}
