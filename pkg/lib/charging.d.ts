/** What is asked for, and what becomes of it. */

/** What is asked for: so many points for one task. */
export interface ChargeRequest {
  /**
   * The translation task that is paid for, 1 to 255 characters. One task and feature are charged at
   * most once.
   */
  taskId: string;
  /** Whole points, 1 to Number.MAX_SAFE_INTEGER. */
  amount: number;
  /** What is paid for, e.g. "cloud_trans", 1 to 255 characters. */
  feature: string;
  /**
   * Default `${feature}:${taskId}`: the same task charged again after a crash is the same charge.
   * A feature that contains `:` or `%` has both percent-encoded there, so that no other feature and
   * task have the same key.
   *
   * 1 to 255 characters, the default too. In the header what that can't carry, and `%`, is
   * percent-encoded (RFC 3986). Such a key never goes in a batch.
   */
  key?: string;
  /**
   * Small string map that travels with the charge and comes back in its record: at most 50 entries,
   * names of at most 40 characters, values of at most 500.
   */
  metadata?: Record<string, string>;
}

/**
 * What became of a charge. `charge` resolves with one of these; it rejects (with a BillingError) only
 * for a caller's mistake (`invalid_argument`), after `signOut` or `close` (`closed`), and where the module
 * can't be started again (`module_load_failed`).
 *
 * - `charged`, `declined`, `failed` are certain and final: after `declined` and `failed` the server
 *   has taken nothing.
 * - `queued` is open and certain: nothing has been taken so far, and the client goes on by itself.
 * - `unknown` is open: a request may have reached the server and no answer came. The client goes on
 *   by itself (`resolving: true`) until it knows, or has parked the charge (`resolving: false`), and
 *   `retry(key)` finds out. An unknown charge is never reported as `failed`.
 *
 * Where the WebAssembly module dies, what is open is answered at once, with `unknown`; `durable` is
 * true only if it is known to be in storage. It is asked for again on a fresh instance; where the
 * module has died too often (`resolving: false`), what is in storage goes on a minute later.
 *
 * After a sign-out nothing is `resolving`: what is open goes on when the account signs in again.
 */
export type ChargeOutcome = Charged | Queued | Unknown | Declined | Failed;
/** A final outcome, or a parked unknown one. */
export type SettledOutcome = Charged | Declined | Failed | Unknown;

/** What every outcome has. */
interface OutcomeBase {
  /** The idempotency key, given or made. */
  key: string;
  taskId: string;
  amount: number;
  /** HTTP attempts so far. */
  attempts: number;
}
/** The server has taken the points, once. */
export interface Charged extends OutcomeBase {
  status: "charged";
  /** The server's name for the charge. */
  chargeId: string;
  /** The server's balance after this charge. */
  balance: number;
  /** True when an earlier attempt, or an earlier call, had already charged this key. */
  replayed: boolean;
}
/**
 * Why a charge is still open, or the server could not be asked.
 *
 * - `offline`: the browser says that it has no network.
 * - `unreachable`: no answer came, or none that the billing server could have given.
 * - `timeout`: a time limit passed before an answer came.
 * - `busy`: the server asked for patience, or is at work on this key already.
 * - `server_error`: the server failed.
 * - `unauthorized`: the server does not accept the token, somebody else is signed in, or there is
 *   no token to be had.
 */
export type OpenReason =
  | "offline"
  | "unreachable"
  | "timeout"
  | "busy"
  | "server_error"
  | "unauthorized";
/** Nothing has been taken so far, and the client sends it by itself when it can. */
export interface Queued extends OutcomeBase {
  status: "queued";
  reason: OpenReason;
  /** False where the queue lives in memory or in localStorage only and could be lost in a crash. */
  durable: boolean;
  /** For people, in the client's locale; so in every outcome. */
  detail: string;
}
/** A request may have reached the server, and no answer came. It is never charged twice. */
export interface Unknown extends OutcomeBase {
  status: "unknown";
  /**
   * `retries_exhausted`, `key_expired`: parked. The attempts are used up, or the server may have
   * forgotten the key, and it would not say whether it charged it.
   */
  reason: OpenReason | "retries_exhausted" | "key_expired";
  /** True while the client goes on by itself. */
  resolving: boolean;
  /** As for `queued`. */
  durable: boolean;
  detail: string;
}
/** The server has said no, and has taken nothing. The same task may be charged again. */
export interface Declined extends OutcomeBase {
  status: "declined";
  /** `rejected`: for another reason of the server's, which `detail` tells. */
  reason: "insufficient_balance" | "rejected";
  /** The server's balance, where it said so. */
  balance: number | null;
  detail: string;
}
/** The charge was not taken on, or rejected, or given up, and nothing has been taken. */
export interface Failed extends OutcomeBase {
  status: "failed";
  /**
   * - `invalid_request`: the server found the request itself wrong.
   * - `conflict`: the key belongs to another charge.
   * - `forbidden`: the account may not do this.
   * - `offline_spend_denied`: the server can't be reached, and `offlineSpend` does not allow it.
   * - `retries_exhausted`: the attempts are used up, and the server says that it never charged it.
   * - `queue_full`: `maxEntries` charges are open already.
   * - `storage_unavailable`: it could not be written down, so it was not sent. Where what was stored
   *   before could not be read either, the outcome is `unknown`.
   * - `cancelled`: given up by `cancel`.
   */
  reason:
    | "invalid_request"
    | "conflict"
    | "forbidden"
    | "offline_spend_denied"
    | "retries_exhausted"
    | "queue_full"
    | "storage_unavailable"
    | "cancelled";
  /** True where `retry(key)`, or the next recovery of the network, may yet succeed. */
  retryable: boolean;
  detail: string;
}

/** Options of one `charge` call. */
export interface ChargeOptions {
  /** Stops waiting, not the charge: on abort the promise resolves `queued` or `unknown` at once. */
  signal?: AbortSignal;
}

/** A translation and its billing, told apart: a task can be done and its charge still open. */
export type TaskOutcome<T> =
  | { task: "completed"; value: T; billing: ChargeOutcome }
  | { task: "failed"; error: unknown; billing: null }
  | { task: "not_started"; billing: Declined | Failed };
