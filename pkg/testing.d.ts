/**
 * `tollbox/testing`: a billing server in memory, for tests with any runner, in Node.js, jsdom or a
 * browser. It keeps the whole protocol, by the same code as `tollbox dev`:
 *
 * ```js
 * import { openBilling } from "tollbox";
 * import { createBillingServer } from "tollbox/testing";
 *
 * const server = createBillingServer({ balance: 100 });
 * const billing = await openBilling({
 *   baseUrl: "https://billing.test/v1",
 *   account: "alice",
 *   transport: server.transport,
 * });
 * ```
 *
 * It patches nothing. Like the client it takes its time from the globals at every call (`Date`,
 * `setTimeout`), so that fake timers which replace those, and `performance` for the client, drive both.
 *
 * @module tollbox/testing
 */

import type { TransportRequest, TransportResponse } from "./index.js";

/**
 * Makes a server with no accounts. One is there from its first request, or its first top-up, on. Throws
 * a TypeError for a `balance` that is no whole number, or below 0.
 *
 * @example
 * ```ts
 * import { openBilling } from "tollbox";
 * import { createBillingServer } from "tollbox/testing";
 *
 * const server = createBillingServer({ balance: 10 });
 * const billing = await openBilling({
 *   baseUrl: "https://billing.test/v1",
 *   account: "alice",
 *   transport: server.transport,
 * });
 * const outcome = await billing.charge({ taskId: "film", amount: 12, feature: "cloud_trans" });
 * show(`${outcome.status}, ${server.balance} points`); // → declined, 10 points
 * await billing.close();
 * ```
 */
export function createBillingServer(options?: BillingServerOptions): BillingServer;

/** What a server begins with, and whom it believes. */
export interface BillingServerOptions {
  /** Whole points that an account starts with. Default 120. */
  balance?: number;
  /**
   * The only account that is signed in: a client of another one is refused as `account-mismatch`.
   * Default: every client is believed to be whom it says.
   */
  account?: string;
  /** The account that a token is of, null for none: then the answer is 401. Default: nobody looks. */
  authenticate?: (token: string | null) => string | null;
  /** How long a charged key is remembered, in milliseconds. Default: for ever. */
  keyTtlMs?: number;
  /**
   * Whether the server keeps holds itself, so that a task's points are held on all devices. Its clients
   * then ask for one at each `runTask`. Default false.
   */
  holds?: boolean;
  /** The server's clock, in milliseconds since the Unix epoch. Default: `Date.now`, as it is by then. */
  now?: () => number;
}

/** A billing server in memory, and what a test looks at and changes in it. */
export interface BillingServer {
  /**
   * Answers one request: to be given to `openBilling`. It works when taken apart from the server. It
   * rejects with a TypeError, as `fetch` does, where the request or its answer is lost.
   *
   * @example
   * ```ts
   * import { openBilling } from "tollbox";
   * import { createBillingServer } from "tollbox/testing";
   *
   * const { transport } = createBillingServer();
   * const baseUrl = "https://billing.test/v1";
   * const billing = await openBilling({ baseUrl, account: "alice", transport });
   * show((await billing.refreshBalance()).status); // → fresh
   * await billing.close();
   * ```
   */
  transport(request: TransportRequest): Promise<TransportResponse>;

  /** Every charge that was made, oldest first. */
  readonly charges: ServerCharge[];
  /** The holds that are active now, by account. Empty where the server keeps none. */
  readonly holds: ServerHold[];
  /** Every request that the client has sent, oldest first, those that never arrived among them. */
  readonly sent: SentRequest[];
  /** The balance of the one account that there is, with what is held. Throws where there are several. */
  readonly balance: number;
  /**
   * The balance of an account; the seed balance where it is not there yet.
   *
   * @example
   * ```ts
   * await billing.charge({ taskId: "film", amount: 12, feature: "cloud_trans" });
   * show(`${server.balanceOf("alice")}, ${server.balanceOf("bob")}`); // → 108, 120
   * ```
   */
  balanceOf(account: string): number;

  /**
   * Adds points, by default to the one account that there is, and gives the new balance. Throws a
   * TypeError for points that are no whole number from 1 on, and where it is not clear whose they are; a
   * RangeError where the balance would pass Number.MAX_SAFE_INTEGER.
   *
   * @example
   * ```ts
   * const request = { taskId: "film", amount: 200, feature: "cloud_trans" };
   * const declined = await billing.charge(request);
   * server.topUp(100);
   * const charged = await billing.charge(request);
   * show(`${declined.status}, then ${charged.status}`); // → declined, then charged
   * ```
   */
  topUp(points: number, account?: string): number;
  /**
   * Sets the price of a task, in whole points: from now on it is charged for no other amount. Throws a
   * TypeError for any other price, and where it is not clear whose task it is.
   *
   * @example
   * ```ts
   * server.setPrice("film", 20);
   * const outcome = await billing.charge({ taskId: "film", amount: 12, feature: "cloud_trans" });
   * show(outcome.status === "failed" ? outcome.reason : outcome.status); // → invalid_request
   * ```
   */
  setPrice(taskId: string, price: number, account?: string): void;
  /**
   * Holds points as another device does that has begun a task, by default those of the one account that
   * there is. Such a hold lasts until it is released. Throws a TypeError for points that are no whole
   * number from 1 on, where it is not clear whose they are, and where the server keeps no holds; a
   * RangeError where fewer points are free.
   *
   * @example
   * ```ts
   * import { openBilling } from "tollbox";
   * import { createBillingServer } from "tollbox/testing";
   *
   * const server = createBillingServer({ balance: 100, account: "alice", holds: true });
   * const { transport } = server;
   * const baseUrl = "https://billing.test/v1";
   * const billing = await openBilling({ baseUrl, account: "alice", transport });
   * const hold = server.holdElsewhere(90);
   * const request = { taskId: "film", amount: 12, feature: "cloud_trans" };
   * const declined = await billing.charge(request);
   * hold.release();
   * const charged = await billing.charge(request);
   * show(`${declined.status}, then ${charged.status}`); // → declined, then charged
   * await billing.close();
   * ```
   */
  holdElsewhere(points: number, account?: string): HoldElsewhere;

  /**
   * Has a fault hit the next request that it is meant for. Of several the one that came first does.
   * Throws where the fault, or whom it hits, can't be.
   *
   * @example
   * ```ts
   * import { faults } from "tollbox/testing";
   *
   * server.inject(faults.answerLost(), { key: "cloud_trans:film", times: 2 });
   * const outcome = await billing.charge({ taskId: "film", amount: 12, feature: "cloud_trans" });
   * show(`${outcome.status} after ${outcome.attempts} attempts`); // → charged after 3 attempts
   * ```
   */
  inject(fault: Fault, target?: FaultTarget): InjectedFault;
  /**
   * Ends all faults but `goOffline`.
   *
   * @example
   * ```ts
   * import { faults } from "tollbox/testing";
   *
   * server.inject(faults.unavailable(), { on: "any", times: Number.POSITIVE_INFINITY });
   * server.clearFaults();
   * const outcome = await billing.charge({ taskId: "film", amount: 12, feature: "cloud_trans" });
   * show(outcome.status); // → charged
   * ```
   */
  clearFaults(): void;
  /**
   * From now on no request arrives, until `goOnline`. The client can't tell that from a lost answer.
   *
   * @example
   * ```ts
   * server.goOffline();
   * const outcome = await billing.charge({ taskId: "film", amount: 12, feature: "cloud_trans" });
   * show(outcome.status); // → unknown
   * ```
   */
  goOffline(): void;
  /**
   * Ends `goOffline`.
   *
   * @example
   * ```ts
   * server.goOffline();
   * const { key } = await billing.charge({ taskId: "film", amount: 12, feature: "cloud_trans" });
   * server.goOnline();
   * const outcome = await billing.settled(key);
   * show(outcome.status); // → charged
   * ```
   */
  goOnline(): void;
}

/**
 * What a request is for: `GET balance`, `POST charges`, `POST charges/batch`, `GET charges?key=KEY`,
 * `POST holds`, `DELETE holds?key=KEY`.
 */
export type Operation = "balance" | "charge" | "batch" | "lookup" | "hold" | "release";

/** The requests that a fault hits: those for which all of this is true. */
export interface FaultTarget {
  /** Default `["charge", "batch"]`: charges, alone or together. */
  on?: "any" | Operation | ("any" | Operation)[];
  /** How many of them. Default 1; `Infinity` for all. */
  times?: number;
  account?: string;
  /** About this idempotency key; a batch, where it has it among others. */
  key?: string;
  /** Whatever else has to be true of the request. */
  when?: (request: SentRequest) => boolean;
}

/** A fault that waits for the requests that it is meant for. */
export interface InjectedFault {
  /** How many requests it may still hit. */
  readonly left: number;
  /**
   * Ends the fault before it has hit all that it may hit.
   *
   * @example
   * ```ts
   * import { faults } from "tollbox/testing";
   *
   * const injected = server.inject(faults.rejected(), { times: 5 });
   * await billing.charge({ taskId: "film", amount: 12, feature: "cloud_trans" });
   * show(String(injected.left)); // → 4
   * injected.remove();
   * ```
   */
  remove(): void;
}

/** A charge that the server has made. */
export interface ServerCharge {
  account: string;
  key: string;
  taskId: string;
  feature: string;
  amount: number;
  /** `charge-1`, `charge-2` and so on. */
  chargeId: string;
  /** Milliseconds since the Unix epoch. */
  chargedAt: number;
  metadata: Record<string, string>;
  /** How often its key has arrived. */
  requests: number;
}

/** Points that the server holds. */
export interface ServerHold {
  account: string;
  /** Of the charge that they are held for. */
  key: string;
  taskId: string;
  feature: string;
  amount: number;
  /** Milliseconds since the Unix epoch; `Infinity` for a hold of `holdElsewhere`. */
  expiresAt: number;
}

/** A hold of another device. */
export interface HoldElsewhere {
  /**
   * Ends the hold, as that device does when its task has failed. Does nothing where it is over.
   *
   * @example
   * ```ts
   * import { createBillingServer } from "tollbox/testing";
   *
   * const server = createBillingServer({ account: "alice", holds: true });
   * const hold = server.holdElsewhere(90);
   * show(String(server.holds.length)); // → 1
   * hold.release();
   * show(String(server.holds.length)); // → 0
   * ```
   */
  release(): void;
}

/** A request that the client has sent. */
export interface SentRequest {
  method: string;
  /** Relative to baseUrl, without the query. */
  path: string;
  /** Null where there is no such endpoint. */
  operation: Operation | null;
  /** The account that the client acts for. */
  account: string | null;
  /** The idempotency keys that it is about: one, or those of a batch. */
  keys: string[];
  /** Names in lower case. */
  headers: Record<string, string>;
  /** The JSON, parsed. */
  body: unknown;
  /** When it was sent, in milliseconds since the Unix epoch. */
  at: number;
  /** Whether the server has begun to carry it out. */
  arrived: boolean;
  /** The status of its answer; null while there is none, and where it was lost. */
  status: number | null;
  /** The kind of the fault that hit it. */
  fault: Fault["kind"] | null;
}

/** An answer in place of the server's. Without `body` it is the status's usual problem document. */
export interface FaultAnswer {
  /** The header `Retry-After`: seconds, or an HTTP date. */
  retryAfter?: number | string;
  headers?: Record<string, string>;
  /** Text, or what becomes JSON. Text that is no JSON is sent as a page of HTML. */
  body?: unknown;
  /** Whether the request is carried out first. Default false. */
  after?: boolean;
}

/** What happens to a request; `faults` makes them. The fault API of `tollbox dev` takes the same. */
export type Fault =
  | { kind: "drop_before" | "drop_after" | "hang" | "hang_after" | "garbage" }
  | { kind: "latency"; ms: number }
  | { kind: "late"; ms: number; answer?: StatusAnswer }
  | ({ kind: "status"; after?: boolean } & StatusAnswer);

/** The answer of the faults `status` and `late`, as the fault API has it. */
export interface StatusAnswer {
  /** 200 to 599. */
  status: number;
  retry_after?: string;
  headers?: Record<string, string>;
  body?: string;
}

/** Faults for every outcome that a client tells apart. */
export const faults: {
  /**
   * It is lost before the server has it. Nothing is charged, but no client can know.
   *
   * @example
   * ```ts
   * import { faults } from "tollbox/testing";
   *
   * server.inject(faults.neverArrives());
   * const outcome = await billing.charge({ taskId: "film", amount: 12, feature: "cloud_trans" });
   * show(`${outcome.status}, attempts: ${outcome.attempts}`); // → charged, attempts: 2
   * ```
   */
  neverArrives(): Fault;
  /**
   * It is carried out, and the answer is lost.
   *
   * @example
   * ```ts
   * import { faults } from "tollbox/testing";
   *
   * server.inject(faults.answerLost());
   * const outcome = await billing.charge({ taskId: "film", amount: 12, feature: "cloud_trans" });
   * show(outcome.status === "charged" ? `replayed: ${outcome.replayed}` : outcome.status); // → replayed: true
   * ```
   */
  answerLost(): Fault;
  /**
   * Nothing is charged, and no answer comes until the client gives up.
   *
   * @example
   * ```ts
   * import { faults } from "tollbox/testing";
   *
   * server.inject(faults.hangs());
   * const outcome = await billing.charge({ taskId: "film", amount: 12, feature: "cloud_trans" });
   * show(`${outcome.status}, made ${server.charges.length}`); // → unknown, made 0
   * ```
   */
  hangs(): Fault;
  /**
   * It is carried out, and no answer comes until the client gives up.
   *
   * @example
   * ```ts
   * import { faults } from "tollbox/testing";
   *
   * server.inject(faults.hangsAfterCharging());
   * const outcome = await billing.charge({ taskId: "film", amount: 12, feature: "cloud_trans" });
   * show(`${outcome.status}, made ${server.charges.length}`); // → unknown, made 1
   * ```
   */
  hangsAfterCharging(): Fault;
  /**
   * Answered as ever, but not before this time.
   *
   * @example
   * ```ts
   * import { faults } from "tollbox/testing";
   *
   * server.inject(faults.delayed(500));
   * const outcome = await billing.charge({ taskId: "film", amount: 12, feature: "cloud_trans" });
   * show(`${outcome.status}, attempts: ${outcome.attempts}`); // → charged, attempts: 1
   * ```
   */
  delayed(ms: number): Fault;
  /**
   * Carried out only after this time, long after the client has had this answer, or none.
   *
   * @example
   * ```ts
   * import { faults } from "tollbox/testing";
   *
   * server.inject(faults.arrivesLate(1_000, { status: 504 }));
   * const outcome = await billing.charge({ taskId: "film", amount: 12, feature: "cloud_trans" });
   * show(`${outcome.status}, made ${server.charges.length}`); // → charged, made 1
   * ```
   */
  arrivesLate(ms: number, answer?: StatusAnswer): Fault;

  /**
   * Any status from 200 to 599.
   *
   * @example
   * ```ts
   * import { faults } from "tollbox/testing";
   *
   * server.inject(faults.status(418));
   * const outcome = await billing.charge({ taskId: "film", amount: 12, feature: "cloud_trans" });
   * show(outcome.status); // → failed
   * ```
   */
  status(status: number, answer?: FaultAnswer): Fault;
  /**
   * 500: may have been charged, and has been with `after: true`.
   *
   * @example
   * ```ts
   * import { faults } from "tollbox/testing";
   *
   * server.inject(faults.serverError({ after: true }));
   * const outcome = await billing.charge({ taskId: "film", amount: 12, feature: "cloud_trans" });
   * show(`${outcome.status}, made ${server.charges.length}`); // → charged, made 1
   * ```
   */
  serverError(answer?: FaultAnswer): Fault;
  /**
   * 502 with a proxy's page.
   *
   * @example
   * ```ts
   * import { faults } from "tollbox/testing";
   *
   * server.inject(faults.badGateway());
   * const outcome = await billing.charge({ taskId: "film", amount: 12, feature: "cloud_trans" });
   * show(`${outcome.status}, attempts: ${outcome.attempts}`); // → charged, attempts: 2
   * ```
   */
  badGateway(answer?: FaultAnswer): Fault;
  /**
   * 503 with a problem document: nothing charged. With a `body` of your own it may be a proxy's.
   *
   * @example
   * ```ts
   * import { faults } from "tollbox/testing";
   *
   * server.inject(faults.unavailable({ retryAfter: 60 }));
   * const outcome = await billing.charge({ taskId: "film", amount: 12, feature: "cloud_trans" });
   * show(outcome.status === "queued" ? outcome.reason : outcome.status); // → busy
   * ```
   */
  unavailable(answer?: FaultAnswer): Fault;
  /**
   * 429: nothing charged, and the whole queue waits.
   *
   * @example
   * ```ts
   * import { faults } from "tollbox/testing";
   *
   * server.inject(faults.tooManyRequests({ retryAfter: 60 }));
   * const outcome = await billing.charge({ taskId: "film", amount: 12, feature: "cloud_trans" });
   * show(outcome.status === "queued" ? outcome.reason : outcome.status); // → busy
   * ```
   */
  tooManyRequests(answer?: FaultAnswer): Fault;
  /**
   * 401: the token is not accepted.
   *
   * @example
   * ```ts
   * import { faults } from "tollbox/testing";
   *
   * server.inject(faults.unauthorized());
   * const outcome = await billing.charge({ taskId: "film", amount: 12, feature: "cloud_trans" });
   * show(outcome.status); // → charged
   * ```
   */
  unauthorized(): Fault;
  /**
   * 403: not allowed.
   *
   * @example
   * ```ts
   * import { faults } from "tollbox/testing";
   *
   * server.inject(faults.forbidden());
   * const outcome = await billing.charge({ taskId: "film", amount: 12, feature: "cloud_trans" });
   * show(outcome.status === "failed" ? outcome.reason : outcome.status); // → forbidden
   * ```
   */
  forbidden(): Fault;
  /**
   * 403: somebody else is signed in.
   *
   * @example
   * ```ts
   * import { faults } from "tollbox/testing";
   *
   * server.inject(faults.accountMismatch(), { times: Number.POSITIVE_INFINITY });
   * const outcome = await billing.charge({ taskId: "film", amount: 12, feature: "cloud_trans" });
   * show(outcome.status === "queued" ? outcome.reason : outcome.status); // → unauthorized
   * ```
   */
  accountMismatch(): Fault;
  /**
   * 402: declined for a reason of the server's own. Too few points need no fault: lower `balance`.
   *
   * @example
   * ```ts
   * import { faults } from "tollbox/testing";
   *
   * server.inject(faults.rejected("Not in your country."));
   * const outcome = await billing.charge({ taskId: "film", amount: 12, feature: "cloud_trans" });
   * show(outcome.status === "declined" ? outcome.detail : outcome.status); // → Not in your country.
   * ```
   */
  rejected(detail?: string, type?: string): Fault;
  /**
   * 409: another request with this key is being handled.
   *
   * @example
   * ```ts
   * import { faults } from "tollbox/testing";
   *
   * server.inject(faults.inProgress());
   * const outcome = await billing.charge({ taskId: "film", amount: 12, feature: "cloud_trans" });
   * show(outcome.status); // → charged
   * ```
   */
  inProgress(): Fault;
  /**
   * 422: the key belongs to another charge.
   *
   * @example
   * ```ts
   * import { faults } from "tollbox/testing";
   *
   * server.inject(faults.keyReused());
   * const outcome = await billing.charge({ taskId: "film", amount: 12, feature: "cloud_trans" });
   * show(outcome.status === "failed" ? outcome.reason : outcome.status); // → conflict
   * ```
   */
  keyReused(): Fault;
  /**
   * 200 with a web page, as a captive portal answers.
   *
   * @example
   * ```ts
   * import { faults } from "tollbox/testing";
   *
   * server.inject(faults.garbage());
   * const outcome = await billing.charge({ taskId: "film", amount: 12, feature: "cloud_trans" });
   * show(`${outcome.status}, attempts: ${outcome.attempts}`); // → charged, attempts: 2
   * ```
   */
  garbage(): Fault;
  /**
   * 200 with half a document.
   *
   * @example
   * ```ts
   * import { faults } from "tollbox/testing";
   *
   * server.inject(faults.notJson());
   * const outcome = await billing.charge({ taskId: "film", amount: 12, feature: "cloud_trans" });
   * show(`${outcome.status}, attempts: ${outcome.attempts}`); // → charged, attempts: 2
   * ```
   */
  notJson(): Fault;
};
