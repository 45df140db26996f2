// @ts-check
/**
 * The charge protocol, from a request to its answer. What touches the world is passed in: the store,
 * the clock and the ids of new charges.
 */

import { CHARGE_MEMBERS, checkCharge, checkHold, HOLD_MEMBERS, text } from "./charge-body.js";
import {
  balanceDocument,
  chargeDocument,
  holdDocument,
  json,
  problemOf,
  resultDocument,
  rfc3339,
} from "./documents.js";
import { billingAccount, idempotencyKey, isKnown, jsonBody, wantedKey } from "./fields.js";
import { isObject, sorted } from "./json.js";
import { balanceOf, charge, hold, release } from "./ledger.js";
import { invalid, Problem } from "./problem.js";
import { StoreUnavailable, StoreUncertain } from "./store/turns.js";

/** @import { AskedCharge, BalanceNow, Terms } from "./ledger.js" */
/** @import { Answer } from "./problem.js" */
/** @import { ServerRequest } from "./fields.js" */
/** @import { Store, Turn } from "./store/turns.js" */

/** The most charges in one batch. */
const MAX_ITEMS = 100;

/**
 * @typedef {object} World
 * @property {Store} store
 * @property {Terms} terms
 * @property {() => number} now milliseconds since the Unix epoch
 * @property {() => string} newId names a new charge
 * @property {(request: ServerRequest, store: Store) => Promise<string>} signedIn the account that the
 *   request's credentials are of, which is there; throws a Problem where they are not accepted
 */

/** @typedef {"balance" | "charge" | "batch" | "lookup" | "hold" | "release"} Operation */

/** @typedef {Record<string, Partial<Record<string, Operation>>>} Routes */

/** @type {Routes} */
const ROUTES = {
  "/balance": { GET: "balance" },
  "/charges": { GET: "lookup", POST: "charge" },
  "/charges/batch": { POST: "batch" },
};

/** @type {Routes} */
const WITH_HOLDS = { ...ROUTES, "/holds": { POST: "hold", DELETE: "release" } };

/**
 * What can be asked for at a path, by method.
 *
 * @param {Terms} terms
 * @param {string} path
 */
function operationsAt({ holds }, path) {
  const routes = holds ? WITH_HOLDS : ROUTES;
  return Object.hasOwn(routes, path) ? routes[path] : undefined;
}

/**
 * What a request asks for, if it is for anything.
 *
 * @param {Terms} terms
 * @param {string} method
 * @param {string} path
 * @returns {Operation | undefined}
 */
export function operationOf(terms, method, path) {
  return operationsAt(terms, path)?.[method];
}

/**
 * The whole protocol. Every problem becomes an answer.
 *
 * @param {World} whole
 * @param {ServerRequest} request its path begins after the base address
 * @returns {Promise<Answer>}
 */
export async function answer(whole, request) {
  const { method, path } = request;
  const world = { ...whole, store: whole.store.request() };
  return answered(async () => {
    const operations = operationsAt(world.terms, path);
    if (!operations) {
      throw new Problem("not-found", "There is nothing at this path.");
    }
    const operation = operations[method === "HEAD" ? "GET" : method];
    if (!operation) {
      throw notAllowed(method, Object.keys(operations));
    }
    const account = await world.signedIn(request, world.store);
    const named = billingAccount(request);
    if (named !== undefined && named !== account) {
      const detail = "The token is not of the account that Billing-Account names.";
      throw new Problem("account-mismatch", detail);
    }
    switch (operation) {
      case "balance":
        return readBalance(world, account, request);
      case "charge":
        return makeCharge(world, account, request);
      case "batch":
        return makeBatch(world, account, request);
      case "lookup":
        return lookUp(world, account, request);
      case "hold":
        return makeHold(world, account, request);
      case "release":
        return releaseHold(world, account, request);
    }
  });
}

/**
 * @param {() => Promise<Answer>} work
 * @returns {Promise<Answer>}
 */
export async function answered(work) {
  try {
    return await work();
  } catch (error) {
    return asProblem(error).answer();
  }
}

/**
 * 405, with the methods that there are.
 *
 * @param {string} method
 * @param {string[]} methods
 */
export function notAllowed(method, methods) {
  const all = methods.flatMap((one) => (one === "GET" ? ["GET", "HEAD"] : [one]));
  const headers = { allow: all.join(",") };
  return new Problem("method-not-allowed", `${method} is not possible here.`, { headers });
}

/**
 * @param {unknown} error
 * @returns {Problem}
 */
function asProblem(error) {
  if (error instanceof Problem) {
    return error;
  }
  if (error instanceof StoreUnavailable) {
    const headers = { "retry-after": "1" };
    return new Problem("service-unavailable", "The database is not available.", { headers });
  }
  const uncertain = error instanceof StoreUncertain;
  const detail = uncertain ? "The database did not confirm." : "The request was not answered.";
  if (!uncertain) {
    console.error(error);
  }
  return new Problem("internal-error", detail);
}

/**
 * @param {World} world
 * @param {string} account
 * @param {ServerRequest} request
 */
async function readBalance({ store, terms, now }, account, request) {
  const balance = await store.turn((turn) =>
    turn.read((book) => balanceOf(book, terms, account, now())),
  );
  const etag = etagOf(balance);
  return isKnown(request, etag)
    ? { status: 304, headers: { etag }, body: "" }
    : json(balanceDocument(balance), 200, { etag });
}

/**
 * The balance's entity tag. Within a version a hold may expire, and the server may begin to keep holds.
 *
 * @param {BalanceNow} balance
 */
function etagOf({ version, held }) {
  return held === null ? `"v${version}"` : `"v${version}-${held}"`;
}

/**
 * @param {World} world
 * @param {string} account
 * @param {ServerRequest} request
 */
async function makeCharge(world, account, request) {
  const key = idempotencyKey(request);
  const asked = jsonBody(request, CHARGE_MEMBERS, (body) => checkCharge(body, key, world.terms));
  const verdict = await world.store.turn((turn) => chargeNow(world, turn, account, asked));
  switch (verdict.kind) {
    case "charged":
      return json(chargeDocument(verdict.charge, verdict.balance), 201);
    case "replayed": {
      const headers = { "idempotent-replayed": "true" };
      return json(chargeDocument(verdict.charge, verdict.balance), 200, headers);
    }
    default:
      throw problemOf(verdict);
  }
}

/**
 * @param {World} world
 * @param {Turn} turn
 * @param {string} account
 * @param {AskedCharge} asked
 */
function chargeNow({ terms, now, newId }, turn, account, asked) {
  const chargeId = newId();
  return turn.change((book) => charge(book, terms, account, asked, now(), chargeId));
}

/**
 * @param {World} world
 * @param {string} account
 * @param {ServerRequest} request
 */
async function makeHold({ store, terms, now }, account, request) {
  const key = idempotencyKey(request);
  const asked = jsonBody(request, HOLD_MEMBERS, (body) => checkHold(body, key));
  return store.turn((turn) =>
    turn.change((book) => {
      const at = now();
      const verdict = hold(book, terms, account, asked.request, asked.forS, at);
      if (verdict.kind !== "held" && verdict.kind !== "renewed") {
        throw problemOf(verdict);
      }
      const status = verdict.kind === "held" ? 201 : 200;
      return json(holdDocument(verdict.hold, verdict.balance, at), status);
    }),
  );
}

/**
 * @param {World} world
 * @param {string} account
 * @param {ServerRequest} request
 */
async function releaseHold({ store, terms, now }, account, request) {
  const key = wantedKey(request);
  const balance = await store.turn((turn) =>
    turn.change((book) => release(book, terms, account, key, now())),
  );
  return json(balanceDocument(balance));
}

/**
 * @param {World} world
 * @param {string} account
 * @param {ServerRequest} request
 */
async function lookUp({ store, terms, now }, account, request) {
  const key = wantedKey(request);
  // As a change, so that one of another program on the same database ends first.
  const found = await store.turn((turn) =>
    turn.change((book) => {
      const latest = book.latestCharge(account, key);
      return latest && chargeDocument(latest, balanceOf(book, terms, account, now()));
    }),
  );
  if (!found) {
    throw new Problem("charge-not-found", "Nothing was taken for this key.");
  }
  return json(found);
}

/**
 * @param {World} world
 * @param {string} account
 * @param {ServerRequest} request
 */
async function makeBatch(world, account, request) {
  const items = jsonBody(request, ["charges"], ({ charges }) => {
    if (!Array.isArray(charges)) {
      throw invalid("charges must be an array.");
    }
    return charges;
  });
  checkWhole(items);
  // One turn for all: a look-up in between would not see the charges that are to come.
  return world.store.turn(async (turn) => {
    const results = [];
    let isBroken = false;
    for (const item of items) {
      const result = await chargeItem(world, turn, account, item, isBroken);
      isBroken ||= result.status === "retry";
      results.push(resultDocument(keyOf(item), result));
    }
    return json(sorted({ ...balanceDocument(balanceAfter(world, turn, account)), results }));
  });
}

/**
 * Points may have been taken by now, so an error must not say that none were.
 *
 * @param {World} world
 * @param {Turn} turn
 * @param {string} account
 */
function balanceAfter({ terms, now }, turn, account) {
  try {
    return turn.read((book) => balanceOf(book, terms, account, now()));
  } catch {
    throw new Problem("internal-error", "The balance could not be read.");
  }
}

/** @param {unknown} item */
function keyOf(item) {
  return isObject(item) ? item.idempotency_key : null;
}

/**
 * Refuses a batch that is wrong as a whole: none of its items is charged.
 *
 * @param {unknown[]} items
 */
function checkWhole(items) {
  if (items.length === 0 || items.length > MAX_ITEMS) {
    throw invalid(`A batch has 1 to ${MAX_ITEMS} charges.`);
  }
  const keys = items.map(keyOf).filter((key) => typeof key === "string");
  if (new Set(keys).size < keys.length) {
    throw invalid("A batch has each idempotency_key once.");
  }
}

/**
 * @param {World} world
 * @param {Turn} turn
 * @param {string} account
 * @param {unknown} item
 * @param {boolean} isBroken whether an earlier item could not be decided
 * @returns {Promise<Record<string, unknown>>}
 */
async function chargeItem(world, turn, account, item, isBroken) {
  try {
    const asked = checkItem(world.terms, item);
    if (isBroken) {
      // The time is up, or a failing database would delay the client at every item.
      const untried = new Problem("service-unavailable", "Not tried; an earlier item failed.");
      return refused("retry", untried);
    }
    const verdict = await chargeNow(world, turn, account, asked);
    if (verdict.kind !== "charged" && verdict.kind !== "replayed") {
      const status = verdict.kind === "insufficient_balance" ? "declined" : "rejected";
      return refused(status, problemOf(verdict));
    }
    return {
      status: "charged",
      charge_id: verdict.charge.chargeId,
      amount: verdict.charge.amount,
      charged_at: rfc3339(verdict.charge.chargedAt),
      replayed: verdict.kind === "replayed",
    };
  } catch (error) {
    return refused(error instanceof Problem ? "rejected" : "retry", asProblem(error));
  }
}

/**
 * @param {Terms} terms
 * @param {unknown} item
 */
function checkItem(terms, item) {
  if (!isObject(item)) {
    throw invalid("A charge must be an object.");
  }
  return checkCharge(item, text(item, "idempotency_key"), terms);
}

/**
 * @param {string} status
 * @param {Problem} problem
 */
function refused(status, problem) {
  return { status, problem: sorted(problem.members) };
}
