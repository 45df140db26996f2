/**
 * What becomes of a POST. `book`: booked and answered. `mute`: booked, never answered. `drop`:
 * neither. `fail`: 503, and nothing is booked.
 *
 * @typedef {"book" | "mute" | "drop" | "fail"} Fate
 */

/** @typedef {{ taskId: string, status: "charged", amount: number, balance: number }} Receipt */

/** Points that the account starts with: more than any scenario spends. */
const SEED_BALANCE = 10_000_000;

/** What a scenario's server has been asked, and what it has booked. */
export class Ledger {
  /** POSTs received. */
  requests = 0;
  /** Charges received in them. */
  charges = 0;
  /** Charges received again after they were booked: each would be a second charge without a key. */
  duplicates = 0;
  /** GETs of the balance or of a charge. */
  reads = 0;
  balance = SEED_BALANCE;
  /** By idempotency key. @type {Map<string, Receipt>} */
  receipts = new Map();
  /** @type {(arrival: { charges: number, keys: string[] }) => Fate} */
  gate = () => "book";

  get version() {
    return this.receipts.size + 1;
  }

  /**
   * Counts the arrival of a request with charges of these keys, and says what becomes of it.
   *
   * @param {string[]} keys
   */
  arrive(keys) {
    this.requests += 1;
    this.charges += keys.length;
    return this.gate({ charges: this.charges, keys });
  }

  /**
   * @param {string} key
   * @param {string} taskId
   * @param {number} amount
   * @returns {{ receipt: Receipt, replayed: boolean }}
   */
  book(key, taskId, amount) {
    const known = this.receipts.get(key);
    if (known) {
      this.duplicates += 1;
      return { receipt: known, replayed: true };
    }
    this.balance -= amount;
    /** @type {Receipt} */
    const receipt = { taskId, status: "charged", amount, balance: this.balance };
    this.receipts.set(key, receipt);
    return { receipt, replayed: false };
  }
}
