// A billing server for Tollbox: Node.js's own HTTP, and PostgreSQL.

import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import pg from "pg";

// In the place of your sign-in: what account a token is of.
const TOKENS = new Map([
  ["token-of-alice", "alice"],
  ["token-of-bob", "bob"],
]);
const BODY_WITHIN_MS = 10_000;
// Nothing is committed later; what is under way then has 2 s to end.
const DECIDE_WITHIN_MS = 3_000;
// A client believes a look-up from 2 s after its charge on.
const IN_LINE_WITHIN_MS = 1_500;
const MAX_BODY = 1024 * 1024;
const MAX_KEY = 1_000;

class Problem extends Error {
  constructor(status, type, detail, { headers = {}, ...members } = {}) {
    super(detail);
    this.status = status;
    this.headers = { "content-type": "application/problem+json", ...headers };
    this.document = { type, title: type, status, detail, ...members };
  }
}

const invalid = (detail) => new Problem(400, "invalid-request", detail);
const unavailable = (detail) =>
  new Problem(503, "service-unavailable", detail, { headers: { "retry-after": "1" } });

// bigint as a number: the ledger has none beyond 2^53-1.
pg.types.setTypeParser(pg.types.builtins.INT8, Number);
const pool = new pg.Pool({
  // Or as PGHOST and the other variables say.
  connectionString: process.env.DATABASE_URL,
  max: 20,
  connectionTimeoutMillis: 1_000,
  lock_timeout: 1_500,
  statement_timeout: 1_500,
  // Where the database does not even say that the time is up.
  query_timeout: 2_000,
  idle_in_transaction_session_timeout: 5_000,
});
// An idle connection has broken: the next request gets another.
pool.on("error", (error) => console.error(error.message));

// #region charge
/** One turn of an account. An error before the commit has taken nothing, one of it may have. */
async function turn(account, work) {
  const end = performance.now() + DECIDE_WITHIN_MS;
  const db = await pool.connect().catch((error) => {
    throw unavailable(error.message);
  });
  // What breaks between two statements is found by the next.
  const ignore = () => {};
  db.on("error", ignore);
  let stage = "open";
  try {
    await db.query("BEGIN ISOLATION LEVEL READ COMMITTED");
    if (performance.now() > end - DECIDE_WITHIN_MS + IN_LINE_WITHIN_MS) {
      throw unavailable("The line was not reached in time.");
    }
    // The account's requests come in the order of arrival, which locks of rows do not keep.
    await db.query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [account]);
    // Waits for every other program.
    await db.query("SELECT 1 FROM accounts WHERE account = $1 FOR UPDATE", [account]);
    const done = await work(db, end);
    if (performance.now() > end) throw unavailable("The time is up.");
    stage = "committing";
    await db.query("COMMIT");
    stage = "done";
    return done;
  } catch (error) {
    if (stage === "committing") {
      throw new Problem(500, "internal-error", "The commit was not confirmed.");
    }
    if (!(error instanceof Problem)) throw unavailable(error.message);
    if (await db.query("ROLLBACK").then(Boolean, () => false)) stage = "done";
    throw error;
  } finally {
    db.off("error", ignore);
    // Whatever has not been brought to its end is, when its connection is closed.
    db.release(stage !== "done");
  }
}

/** Takes the points once. Gives the receipt, and whether they had been taken before. */
async function charge(db, account, { key, taskId, feature, amount }) {
  const { rowCount: isNew } = await db.query(
    `INSERT INTO charges
       (account, idempotency_key, task_id, feature, amount, charge_id, charged_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
    [account, key, taskId, feature, amount, randomUUID(), new Date().toISOString()],
  );
  if (isNew) {
    const { rowCount: taken } = await db.query(
      `UPDATE accounts SET balance = balance - $2, version = version + 1
       WHERE account = $1 AND balance >= $2`,
      [account, amount],
    );
    if (!taken) {
      const left = await balanceOf(db, account);
      throw new Problem(402, "insufficient-balance", `${left.balance} are left.`, left);
    }
  }
  const { task_id, feature: of, ...receipt } = await receiptOf(db, account, key);
  if (task_id !== taskId || of !== feature || receipt.amount !== amount) {
    throw new Problem(422, "idempotency-key-reused", "The key is another charge's.");
  }
  return { receipt, replayed: !isNew };
}
// #endregion charge

async function receiptOf(db, account, key) {
  const { rows } = await db.query(
    `SELECT charge_id, idempotency_key, task_id, feature, amount, charged_at, balance, version
     FROM charges JOIN accounts USING (account) WHERE account = $1 AND idempotency_key = $2`,
    [account, key],
  );
  if (rows.length === 0) {
    throw new Problem(404, "charge-not-found", "Nothing was taken for this key.");
  }
  return rows[0];
}

async function balanceOf(db, account) {
  const found = "SELECT balance, version FROM accounts WHERE account = $1";
  return (await db.query(found, [account])).rows[0];
}

// PostgreSQL's texts have no NUL, and half a surrogate pair would come to it as another character.
const isText = (text) => typeof text === "string" && text.isWellFormed() && !text.includes("\0");
const isKey = (text) => isText(text) && text !== "" && Buffer.byteLength(text) <= MAX_KEY;

/** What is charged. The price is the server's: compare `amount` with yours here. */
function checked(body, key) {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw invalid("A charge must be an object.");
  }
  const { task_id: taskId, feature, amount } = body;
  if (!isKey(key)) throw invalid(`A key has 1 to ${MAX_KEY} bytes.`);
  if (![taskId, feature].every((text) => isText(text) && text !== "" && [...text].length <= 500)) {
    throw invalid("task_id and feature have 1 to 500 characters.");
  }
  if (!Number.isSafeInteger(amount) || amount < 1) {
    throw invalid("amount must be a whole number from 1 to 2^53-1.");
  }
  return { key, taskId, feature, amount };
}

/** A header with a string in quotation marks (RFC 8941), its percent-encoding undone. */
function quoted(request, name) {
  const text = request.headersDistinct[name]?.join(", ") ?? "";
  const [, inner] = /^ *"((?:[ !#-[\]-~]|\\["\\])*)" *$/.exec(text) ?? [];
  try {
    return decodeURIComponent(inner.replace(/\\(.)/g, "$1"));
  } catch {
    throw invalid(`${name} must be a string in quotation marks, percent-encoded UTF-8.`);
  }
}

function signedIn(request) {
  const [, token] = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? "") ?? [];
  const account = TOKENS.get(token);
  if (account === undefined) {
    const headers = { "www-authenticate": "Bearer" };
    throw new Problem(401, "unauthorized", "No such token.", { headers });
  }
  const isNamed = request.headers["billing-account"] !== undefined;
  if (isNamed && quoted(request, "billing-account") !== account) {
    throw new Problem(403, "account-mismatch", "Somebody else is signed in.");
  }
  return account;
}

async function jsonBody(request) {
  if (!/^application\/json *(?:;|$)/i.test(request.headers["content-type"] ?? "")) {
    throw new Problem(415, "unsupported-media-type", "The body must be application/json.");
  }
  const pieces = [];
  let length = 0;
  for await (const piece of request) {
    length += piece.length;
    if (length > MAX_BODY) {
      const headers = { connection: "close" };
      throw new Problem(413, "payload-too-large", "At most 1 MiB.", { headers });
    }
    pieces.push(piece);
  }
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    return JSON.parse(text.decode(Buffer.concat(pieces)));
  } catch {
    throw new Problem(400, "invalid-json", "The body must be JSON.");
  }
}

const OPERATIONS = {
  async "GET balance"({ account, request }) {
    const balance = await balanceOf(pool, account);
    const etag = `"v${balance.version}"`;
    return request.headers["if-none-match"]?.includes(etag)
      ? { status: 304, headers: { etag } }
      : { status: 200, headers: { etag }, body: balance };
  },
  async "POST charges"({ account, request }) {
    const body = await jsonBody(request);
    const asked = checked(body, quoted(request, "idempotency-key"));
    const { receipt, replayed } = await turn(account, (db) => charge(db, account, asked));
    return replayed
      ? { status: 200, headers: { "idempotent-replayed": "true" }, body: receipt }
      : { status: 201, body: receipt };
  },
  async "GET charges"({ account, query }) {
    const key = query.get("key");
    if (!isKey(key)) throw invalid(`A key has 1 to ${MAX_KEY} bytes.`);
    // A turn of its own: it sees each charge that was begun before.
    const found = (db) => receiptOf(db, account, key);
    const { task_id: _, feature: __, ...receipt } = await turn(account, found);
    return { status: 200, body: receipt };
  },
  async "POST charges/batch"({ account, request }) {
    const items = (await jsonBody(request))?.charges;
    if (!Array.isArray(items) || items.length < 1 || items.length > 100) {
      throw invalid("A batch has 1 to 100 charges.");
    }
    // One turn for all: a look-up that came between two would say "never charged" of the second.
    const body = await turn(account, async (db, end) => {
      const results = [];
      for (const item of items) {
        const idempotency_key = item?.idempotency_key ?? null;
        results.push({ ...(await result(db, account, item, end)), idempotency_key });
      }
      return { results, ...(await balanceOf(db, account)) };
    });
    return { status: 200, body };
  },
};

async function result(db, account, item, end) {
  try {
    // The last second is for the commit of what has been taken.
    if (performance.now() > end - 1_000) throw unavailable("The time is up.");
    const asked = checked(item, item?.idempotency_key);
    await db.query("SAVEPOINT item");
    const { receipt, replayed } = await charge(db, account, asked).catch(async (error) => {
      if (error instanceof Problem) await db.query("ROLLBACK TO item");
      throw error;
    });
    await db.query("RELEASE item");
    return { status: "charged", ...receipt, replayed };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const status = { 402: "declined", 503: "retry" }[error.status] ?? "rejected";
    return { status, problem: error.document };
  }
}

const SHARED = {
  "access-control-allow-origin": "*",
  "access-control-allow-methods": "GET, POST",
  "access-control-allow-headers":
    "authorization, billing-account, content-type, idempotency-key, if-none-match",
  "access-control-expose-headers": "date, etag, retry-after, idempotent-replayed",
  "cache-control": "no-store",
};

function elsewhere(path) {
  const methods = ["GET", "POST"].filter((method) => `${method} ${path}` in OPERATIONS);
  if (methods.length === 0) return new Problem(404, "not-found", "There is nothing at this path.");
  const headers = { allow: methods.join(", ") };
  return new Problem(405, "method-not-allowed", "Not with this method.", { headers });
}

async function answer(request) {
  if (request.method === "OPTIONS") return { status: 204 };
  try {
    const [, pathname = "", search] = /^([^?]*)(.*)/s.exec(request.url ?? "") ?? [];
    const query = new URLSearchParams(search);
    const path = pathname.replace("/billing/v1/", "");
    const operation = OPERATIONS[`${request.method} ${path}`];
    if (!operation) throw elsewhere(path);
    return await operation({ account: signedIn(request), request, query });
  } catch (error) {
    if (!(error instanceof Problem)) console.error(error);
    const unknown = new Problem(500, "internal-error", "The request was not answered.");
    const { status, headers, document } = error instanceof Problem ? error : unknown;
    return { status, headers, body: document };
  }
}

await pool.query(readFileSync(new URL("../ledger.sql", import.meta.url), "utf8"));
for (const account of TOKENS.values()) {
  const opened = "INSERT INTO accounts VALUES ($1, 10000, 1) ON CONFLICT DO NOTHING";
  await pool.query(opened, [account]);
}
const limits = { requestTimeout: BODY_WITHIN_MS, connectionsCheckingInterval: 1_000 };
const server = createServer(limits, async (request, response) => {
  const { status, headers, body } = await answer(request);
  response.writeHead(status, { "content-type": "application/json", ...SHARED, ...headers });
  response.end(body && JSON.stringify(body));
});
server.listen(Number(process.env.PORT ?? 8000), "localhost", () => {
  console.log(`listening on http://localhost:${server.address().port}`);
});
