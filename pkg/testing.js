// @ts-check
/**
 * `tollbox/testing`: a billing server in memory, for tests. It keeps the whole protocol, by the same
 * code as `tollbox dev`, patches nothing, and needs no network.
 */

import { timerMs } from "./lib/waiting.js";
import { answer, operationOf } from "./server/billing.js";
import { checkRule, withFault } from "./server/faults.js";
import { bearerToken, billingAccount, idempotencyKey, wantedKey } from "./server/fields.js";
import { balanceOf, openAccount, release, topUp } from "./server/ledger.js";
import { isAmount, MAX_POINTS } from "./server/limits.js";
import { unauthorized } from "./server/problem.js";
import { memoryStore } from "./server/store/memory.js";

/** @import * as Api from "./testing.js" */
/** @import { TransportRequest, TransportResponse } from "./index.js" */
/** @import { World } from "./server/billing.js" */
/** @import { Fault } from "./server/faults.js" */
/** @import { ServerRequest } from "./server/fields.js" */

/** Points that a new account starts with, as in `tollbox dev`. */
const BALANCE = 120;

/** Faults for every outcome that a client tells apart. @type {typeof Api.faults} */
export const faults = {
  neverArrives: () => ({ kind: "drop_before" }),
  answerLost: () => ({ kind: "drop_after" }),
  hangs: () => ({ kind: "hang" }),
  hangsAfterCharging: () => ({ kind: "hang_after" }),
  delayed: (ms) => ({ kind: "latency", ms }),
  arrivesLate: (ms, answer) => ({ kind: "late", ms, ...(answer && { answer }) }),
  status: (status, more = {}) => ({ kind: "status", status, ...faultAnswer(more) }),
  serverError: (more = {}) => faults.status(500, more),
  badGateway: (more = {}) => faults.status(502, { body: PAGE, ...more }),
  unavailable: (more = {}) => faults.status(503, more),
  tooManyRequests: (more = {}) => faults.status(429, more),
  unauthorized: () => faults.status(401),
  forbidden: () => faults.status(403),
  accountMismatch: () =>
    problem(
      "account-mismatch",
      403,
      "Somebody else is signed in",
      "The token is another account's.",
    ),
  rejected: (detail = "The account is closed.", type = "rejected") =>
    problem(type, 402, "Not charged", detail, { declined: true }),
  inProgress: () => faults.status(409),
  keyReused: () =>
    problem("idempotency-key-reused", 422, "The key was used for another charge", "Asked for."),
  garbage: () => ({ kind: "garbage" }),
  notJson: () => faults.status(200, { body: "{", headers: { "content-type": "application/json" } }),
};

/** A proxy's page, which is no word of the billing server's. */
const PAGE = "<!doctype html><title>Bad gateway</title>";

/** @param {Api.FaultAnswer} more */
function faultAnswer({ retryAfter, headers, body, after }) {
  return {
    ...(retryAfter !== undefined && { retry_after: String(retryAfter) }),
    ...(headers !== undefined && { headers }),
    ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    ...(after !== undefined && { after }),
  };
}

/**
 * @param {string} type
 * @param {number} status
 * @param {string} title
 * @param {string} detail
 * @param {object} [members]
 */
function problem(type, status, title, detail, members) {
  return faults.status(status, { body: { type, title, status, detail, ...members } });
}

/**
 * @param {Api.BillingServerOptions} [options]
 * @returns {BillingServer}
 */
export function createBillingServer(options) {
  return new BillingServer(options);
}

/**
 * A fault, whom it hits, and how many requests it has left.
 *
 * @typedef {Required<Pick<Api.FaultTarget, "times">> & Omit<Api.FaultTarget, "on" | "times"> & {
 *   on: string[],
 *   fault: Fault,
 * }} Injected
 */

/** @implements {Api.BillingServer} */
class BillingServer {
  #store = memoryStore();
  /** @type {Injected[]} */
  #injected = [];
  /** @type {Api.SentRequest[]} */
  #sent = [];
  /** @type {World} */
  #world;
  /** @type {string | undefined} */
  #account;
  /** @type {Api.BillingServerOptions["authenticate"]} */
  #authenticate;
  #isReachable = true;
  #made = 0;
  #heldElsewhere = 0;

  /** @param {Api.BillingServerOptions} [options] */
  constructor(options = {}) {
    const {
      balance = BALANCE,
      account,
      keyTtlMs = null,
      holds = false,
      now,
      authenticate,
    } = options;
    if (!Number.isSafeInteger(balance) || balance < 0) {
      throw new TypeError(`balance must be a whole number from 0 to ${MAX_POINTS}`);
    }
    this.#account = account;
    this.#authenticate = authenticate;
    this.#world = {
      store: this.#store,
      terms: { seedBalance: balance, keyTtlMs, holds },
      // Looked up at every call: fake timers may take its place at any time.
      now: now ?? (() => Date.now()),
      newId: () => {
        this.#made += 1;
        return `charge-${this.#made}`;
      },
      signedIn: async (request) => this.#signedIn(request),
    };
    // A client takes the function alone.
    this.transport = this.transport.bind(this);
  }

  /** @returns {Api.ServerCharge[]} */
  get charges() {
    const { book } = this.#store;
    const all = book.accounts().flatMap((account) =>
      book.charges(account).map(({ charge, note, requests }) => ({
        account,
        ...charge,
        metadata: note.metadata ?? {},
        requests,
      })),
    );
    return all.sort((one, other) => numberOf(one) - numberOf(other));
  }

  /** @returns {Api.ServerHold[]} */
  get holds() {
    const { book } = this.#store;
    const now = this.#world.now();
    return book
      .accounts()
      .flatMap((account) => book.holds(account, now).map((hold) => ({ account, ...hold })));
  }

  /** @returns {Api.SentRequest[]} */
  get sent() {
    return [...this.#sent];
  }

  /** @returns {number} */
  get balance() {
    const account = this.#known();
    return account === undefined ? this.#world.terms.seedBalance : this.balanceOf(account);
  }

  /** @param {string} account */
  balanceOf(account) {
    return this.#store.book.balance(account)?.points ?? this.#world.terms.seedBalance;
  }

  /**
   * @param {number} points
   * @param {string} [account]
   */
  topUp(points, account) {
    if (!isAmount(points)) {
      throw new TypeError(`points must be a whole number from 1 to ${MAX_POINTS}`);
    }
    const { terms, now } = this.#world;
    const balance = topUp(this.#store.book, terms, this.#opened(account), points, now());
    if (!balance) {
      throw new RangeError("the balance would pass 2^53 - 1");
    }
    return balance.points;
  }

  /**
   * @param {string} taskId
   * @param {number} price
   * @param {string} [account]
   */
  setPrice(taskId, price, account) {
    if (!isAmount(price)) {
      throw new TypeError(`price must be a whole number from 1 to ${MAX_POINTS}`);
    }
    this.#store.book.setPrice(this.#opened(account), taskId, price);
  }

  /**
   * @param {number} points
   * @param {string} [account]
   */
  holdElsewhere(points, account) {
    const { terms, now } = this.#world;
    const { book } = this.#store;
    if (!terms.holds) {
      throw new TypeError("this server keeps no holds: make it with holds: true");
    }
    if (!isAmount(points)) {
      throw new TypeError(`points must be a whole number from 1 to ${MAX_POINTS}`);
    }
    const name = this.#opened(account);
    const balance = balanceOf(book, terms, name, now());
    if (balance.points - (balance.held ?? 0) < points) {
      throw new RangeError(`of ${balance.points} points ${balance.held} are held already`);
    }
    this.#heldElsewhere += 1;
    const key = `elsewhere-${this.#heldElsewhere}`;
    // A clock that is set back must not find those active whose points this one has.
    book.dropExpiredHolds(name, now());
    // The other device renews it for as long as it works.
    book.setHold(name, {
      key,
      taskId: key,
      feature: "elsewhere",
      amount: points,
      expiresAt: Infinity,
    });
    book.setBalance(name, { points: balance.points, version: balance.version + 1 });
    return { release: () => void release(book, terms, name, key, now()) };
  }

  /**
   * @param {Fault} fault
   * @param {Api.FaultTarget} [target]
   * @returns {Api.InjectedFault}
   */
  inject(fault, { on = ["charge", "batch"], times = 1, account, key, when } = {}) {
    const all = Array.isArray(on) ? on : [on];
    for (const one of all) {
      checkRule({ on: one, account, fault, times: times === Infinity ? null : times });
    }
    const injected = { on: all, times, account, key, when, fault };
    this.#injected.push(injected);
    const isThere = () => this.#injected.includes(injected);
    return {
      get left() {
        return isThere() ? injected.times : 0;
      },
      remove: () => {
        this.#injected = this.#injected.filter((one) => one !== injected);
      },
    };
  }

  clearFaults() {
    this.#injected = [];
  }

  goOffline() {
    this.#isReachable = false;
  }

  goOnline() {
    this.#isReachable = true;
  }

  /**
   * @param {TransportRequest} request
   * @returns {Promise<TransportResponse>}
   */
  async transport(request) {
    const { method, path, headers, body, signal } = request;
    const at = path.indexOf("?");
    /** @type {ServerRequest} */
    const received = {
      method,
      path: `/${at < 0 ? path : path.slice(0, at)}`,
      query: at < 0 ? null : path.slice(at + 1),
      header: (name) => (headers[name] === undefined ? [] : [headers[name]]),
      body: body ?? "",
    };
    const sent = this.#noted(received, headers, body);
    if (!this.#isReachable) {
      throw lost();
    }
    const fault = this.#faultFor(sent);
    sent.fault = fault?.kind ?? null;
    const given = await orAborted(
      signal,
      withFault(fault, {
        carryOut: async () => {
          sent.arrived = true;
          return answer(this.#world, received);
        },
        delay: (ms) => new Promise((resolve) => setTimeout(resolve, timerMs(ms))),
        hang: () => new Promise(() => {}),
      }),
    );
    if (!given) {
      throw lost();
    }
    sent.status = given.status;
    const date = new Date(this.#world.now()).toUTCString();
    return { ...given, headers: { date, ...given.headers } };
  }

  /**
   * @param {ServerRequest} received
   * @param {Record<string, string>} headers
   * @param {string | null} body
   */
  #noted(received, headers, body) {
    const { method, path } = received;
    const content = parsed(body);
    /** @type {Api.SentRequest} */
    const sent = {
      method,
      path: path.slice(1),
      operation: operationOf(this.#world.terms, method, path) ?? null,
      account: read(() => billingAccount(received)) ?? null,
      keys: keysOf(received, content),
      headers: { ...headers },
      body: content,
      at: this.#world.now(),
      arrived: false,
      status: null,
      fault: null,
    };
    this.#sent.push(sent);
    return sent;
  }

  /** @param {Api.SentRequest} sent */
  #faultFor(sent) {
    const { operation, account, keys } = sent;
    const injected = this.#injected.find(
      (one) =>
        one.times > 0 &&
        (one.on.includes("any") || (operation !== null && one.on.includes(operation))) &&
        (one.account === undefined || one.account === account) &&
        (one.key === undefined || keys.includes(one.key)) &&
        (one.when?.(sent) ?? true),
    );
    if (injected) {
      injected.times -= 1;
    }
    return injected?.fault;
  }

  /**
   * By the token, where there is someone to ask; else the client is believed, or it is the one account
   * that this server was made for.
   *
   * @param {ServerRequest} request
   */
  #signedIn(request) {
    const token = bearerToken(request);
    const account = this.#authenticate
      ? this.#authenticate(token ?? null)
      : (this.#account ?? billingAccount(request));
    if (account === null || account === undefined) {
      throw unauthorized("The token is unknown or has expired.", "invalid_token");
    }
    return this.#opened(account);
  }

  /** @param {string} [account] */
  #opened(account) {
    const name = account ?? this.#known();
    if (name === undefined) {
      throw new TypeError("nobody has asked for anything yet: say whose account it is");
    }
    openAccount(this.#store.book, this.#world.terms, name, this.#world.now());
    return name;
  }

  /** The one account that there is. */
  #known() {
    const all = this.#account === undefined ? this.#store.book.accounts() : [this.#account];
    if (all.length > 1) {
      throw new TypeError(`there are several accounts (${all.join(", ")}): say whose it is`);
    }
    return all.at(0);
  }
}

/** As a browser's `fetch` fails, whatever has become of the request. */
function lost() {
  return new TypeError("Failed to fetch");
}

/**
 * @template T
 * @param {AbortSignal} signal
 * @param {Promise<T>} work
 * @returns {Promise<T>}
 */
function orAborted(signal, work) {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) {
      abort();
    }
    signal.addEventListener("abort", abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

/** @param {Api.ServerCharge} charge */
function numberOf({ chargeId }) {
  return Number(chargeId.slice("charge-".length));
}

/**
 * The keys that a request is about.
 *
 * @param {ServerRequest} received
 * @param {any} content
 * @returns {string[]}
 */
function keysOf(received, content) {
  const one = read(() => idempotencyKey(received)) ?? read(() => wantedKey(received));
  const items = Array.isArray(content?.charges) ? content.charges : [];
  const many = items.map((/** @type {any} */ item) => item?.idempotency_key);
  return one === undefined
    ? many.filter((/** @type {unknown} */ key) => typeof key === "string")
    : [one];
}

/**
 * @template T
 * @param {() => T} part
 * @returns {T | undefined} undefined where the request has no such part, or a wrong one
 */
function read(part) {
  try {
    return part();
  } catch {
    return undefined;
  }
}

/** @param {string | null} body */
function parsed(body) {
  return read(() => (body === null ? null : JSON.parse(body))) ?? body;
}
