// @ts-check
/** The endpoints beside the charge protocol: signing in, prices, top-ups, and a view of the ledger. */

import { answered, notAllowed } from "./billing.js";
import { text } from "./charge-body.js";
import { balanceDocument, json, rfc3339 } from "./documents.js";
import { checkRules } from "./faults.js";
import { jsonBody } from "./fields.js";
import { sorted } from "./json.js";
import { balanceOf, openAccount, topUp } from "./ledger.js";
import { isAmount, isId, MAX_ID_CHARS } from "./limits.js";
import { invalid, Problem } from "./problem.js";

/** @import { World } from "./billing.js" */
/** @import { Faults } from "./faults.js" */
/** @import { ServerRequest } from "./fields.js" */
/** @import { Answer } from "./problem.js" */

/**
 * @typedef {object} Extras
 * @property {boolean} demo whether there is `/demo/*`
 * @property {Faults | null} faults whether there is `/faults`
 * @property {number} tokenTtlMs
 */

/**
 * @typedef {(world: World, extras: Extras, request: ServerRequest) => Promise<Answer>} Endpoint
 */

/** @type {Record<string, Record<string, Endpoint>>} */
const DEMO = {
  "/demo/session": { POST: signIn },
  "/demo/price": { POST: setPrice },
  "/demo/top-up": { POST: addPoints },
  "/demo/ledger": { GET: showLedger },
  "/demo/accounts": { GET: showAccounts },
  "/demo/about": { GET: about },
};

/** @type {Record<string, Record<string, Endpoint>>} */
const FAULTS = { "/faults": { GET: showFaults, PUT: replaceFaults, DELETE: clearFaults } };

/**
 * Whether there is something at this path.
 *
 * @param {Extras} extras
 * @param {string} path
 */
export function isDemo({ demo, faults }, path) {
  return (demo && Object.hasOwn(DEMO, path)) || (faults !== null && Object.hasOwn(FAULTS, path));
}

/**
 * @param {World} whole
 * @param {Extras} extras
 * @param {ServerRequest} request
 * @returns {Promise<Answer>}
 */
export function demoAnswer(whole, extras, request) {
  const world = { ...whole, store: whole.store.request() };
  return answered(async () => {
    const { method, path } = request;
    const endpoints = DEMO[path] ?? FAULTS[path];
    const endpoint = endpoints[method === "HEAD" ? "GET" : method];
    if (!endpoint) {
      throw notAllowed(method, Object.keys(endpoints));
    }
    return endpoint(world, extras, request);
  });
}

/** @type {Endpoint} */
async function signIn({ store, terms, now, newId }, { tokenTtlMs }, request) {
  const account = jsonBody(request, ["account"], (body) => text(body, "account"));
  if (!isId(account)) {
    throw invalid(`account must be 1 to ${MAX_ID_CHARS} characters.`);
  }
  const token = newId();
  const expiresAt = now() + tokenTtlMs;
  await store.turn((turn) =>
    turn.change((book) => {
      openAccount(book, terms, account, now());
      book.dropTokens(now());
      book.addToken(token, account, expiresAt);
    }),
  );
  return json({ account, expires_at: rfc3339(expiresAt), token });
}

/** @type {Endpoint} */
async function setPrice(world, _, request) {
  const account = await world.signedIn(request, world.store);
  const { taskId, price } = jsonBody(request, ["task_id", "price"], (body) => ({
    taskId: text(body, "task_id"),
    price: body.price,
  }));
  if (!isId(taskId)) {
    throw invalid(`task_id must be 1 to ${MAX_ID_CHARS} characters.`);
  }
  if (!isAmount(price)) {
    throw invalid("price must be a whole number from 1 to 2^53 - 1.");
  }
  await world.store.turn((turn) => turn.change((book) => book.setPrice(account, taskId, price)));
  return json({ price, task_id: taskId });
}

/** @type {Endpoint} */
async function addPoints(world, _, request) {
  const { store, terms, now } = world;
  const account = await world.signedIn(request, world.store);
  const points = jsonBody(request, ["points"], (body) => body.points);
  if (!isAmount(points)) {
    throw invalid("points must be a whole number from 1 to 2^53 - 1.");
  }
  const balance = await store.turn((turn) =>
    turn.change((book) => topUp(book, terms, account, points, now())),
  );
  if (!balance) {
    throw invalid("The balance would pass 2^53 - 1.");
  }
  return json(balanceDocument(balance));
}

/** @type {Endpoint} */
async function showLedger(world, _, request) {
  const { store, terms, now } = world;
  const account = await world.signedIn(request, world.store);
  const [balance, records] = await store.turn((turn) =>
    turn.read((book) => [balanceOf(book, terms, account, now()), book.charges(account)]),
  );
  const charges = records.map(({ charge, requests }) => ({
    amount: charge.amount,
    charge_id: charge.chargeId,
    charged_at: rfc3339(charge.chargedAt),
    feature: charge.feature,
    idempotency_key: charge.key,
    requests,
    task_id: charge.taskId,
  }));
  return json(sorted({ ...balanceDocument(balance), charges }));
}

/** @type {Endpoint} */
async function showAccounts({ store, terms, now }) {
  const accounts = await store.turn((turn) =>
    turn.read((book) =>
      book.accounts().map((account) => ({
        account,
        ...balanceDocument(balanceOf(book, terms, account, now())),
      })),
    ),
  );
  return json({ accounts });
}

/** @type {Endpoint} */
async function about({ terms }, { faults }) {
  return json({ faults: faults !== null, seed_balance: terms.seedBalance });
}

/** @type {Endpoint} */
async function showFaults(_, { faults }) {
  return json({ rules: faults?.rules ?? [] });
}

/** @type {Endpoint} */
async function replaceFaults(world, extras, request) {
  const rules = jsonBody(request, ["rules"], (body) => checkRules(body.rules));
  extras.faults?.replace(rules);
  return showFaults(world, extras, request);
}

/** @type {Endpoint} */
async function clearFaults(world, extras, request) {
  extras.faults?.replace([]);
  return showFaults(world, extras, request);
}

/**
 * Refuses requests of other origins' pages. Such a page could not read the answer, but its simple
 * requests would be carried out all the same.
 *
 * @param {ServerRequest} request
 * @returns {Answer | null}
 */
export function refusedOrigin({ header }) {
  const [site] = header("sec-fetch-site");
  const [origin] = header("origin");
  const isOwn =
    site !== undefined
      ? site === "same-origin" || site === "none"
      : origin === undefined || hostOf(origin) === header("host")[0];
  const detail = "Only pages of this server may ask for this.";
  return isOwn ? null : new Problem("cross-origin", detail).answer();
}

/** @param {string} origin */
function hostOf(origin) {
  return /^[a-z][a-z\d+.-]*:\/\/([^/?#]+)$/i.exec(origin)?.[1];
}
