// The servers of docs/your-own-server.md keep the protocol, by the rules of `tollbox conformance`.

import assert from "node:assert/strict";
import { execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { until } from "../browser/support/until.mjs";
import { postgres, programs } from "./support/postgres.mjs";

/** @typedef {import("node:test").TestContext} TestContext */

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const EXAMPLES = path.join(ROOT, "docs/examples");
const TOLLBOX = path.join(ROOT, "pkg/bin/tollbox.js");

/** A Python with the packages of server-python. */
const PYTHON = process.env.TOLLBOX_PYTHON;
const POSTGRES = programs();

/** Rules that can't be tried here: no server is busy, none has prices of its own, and none keeps holds. */
const UNTRIED =
  /^(?:robustness\/retry-after|hooks\/(?:other-amount-than-the-price|replayed-after-a-new-price)|holds\/.*)$/;

/** Statements that charge alice, as another program on the same database would. */
const CHARGE = `
INSERT INTO charges (account, idempotency_key, task_id, feature, amount, charge_id, charged_at)
VALUES ('alice', 'elsewhere', 't', 'f', 5, 'elsewhere', '2026-01-01T00:00:00Z')
ON CONFLICT DO NOTHING;
UPDATE accounts SET balance = balance - 5, version = version + 1 WHERE account = 'alice';
`;

/** How long the server in Node.js waits for a turn. */
const LOCK_TIMEOUT_MS = 1_500;

/** Adds points as the page says that a top-up does. */
const TOP_UP =
  "UPDATE accounts SET balance = balance + $TOLLBOX_POINTS, version = version + 1" +
  " WHERE account = 'alice'";

/**
 * A server that runs, and its database as another program reaches it.
 *
 * @typedef {object} Served
 * @property {string} base
 * @property {string} topUp a shell command
 * @property {() => Promise<() => Promise<void>>} begin begins a charge, and gives what commits it
 * @property {(requests: number) => Promise<void>} queued waits until so many requests, which were
 *   sent, wait in their place, or don't wait any longer
 * @property {() => void} [cut] breaks the connections of what waits in the database
 */

/**
 * Starts a server, and reads where it listens.
 *
 * @param {TestContext} t
 * @param {string[]} command
 * @param {Record<string, string>} env
 */
async function serving(t, command, env) {
  const [program = "", ...args] = command;
  const child = spawn(program, args, {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  t.after(async () => {
    if (child.exitCode === null) {
      child.kill();
      await once(child, "exit");
    }
  });
  /** @type {string[]} */
  const said = [];
  const address = new Promise((resolve, reject) => {
    for (const output of [child.stdout, child.stderr]) {
      createInterface(output).on("line", (line) => {
        said.push(line);
        const [found] = /http:\/\/[\w.]+:\d+/.exec(line) ?? [];
        if (found) resolve(found);
      });
    }
    child.once("exit", () => reject(new Error(said.join("\n"))));
  });
  return `${await address}/billing/v1`;
}

/**
 * A program that begins a charge, says "begun", and commits when it has read all.
 *
 * @param {TestContext} t
 * @param {string[]} command
 * @param {string} first what it reads
 * @param {string} last
 */
async function begin(t, [program = "", ...args], first, last) {
  const other = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
  t.after(() => other.kill());
  other.stdin.write(first);
  for await (const line of createInterface(other.stdout)) if (line === "begun") break;
  return async () => {
    const ended = once(other, "exit");
    other.stdin.end(last);
    assert.deepEqual(await ended, [0, null]);
  };
}

/** @type {(t: TestContext) => Promise<Served>} */
async function inPython(t) {
  const python = PYTHON ?? "";
  const folder = mkdtempSync(path.join(tmpdir(), "tollbox-examples-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const database = path.join(folder, "ledger.sqlite");
  const app = ["-m", "uvicorn", "--app-dir", path.join(EXAMPLES, "server-python"), "server:app"];
  const command = [python, ...app, "--port", "0"];
  const base = await serving(t, command, { DATABASE: database, PYTHONDONTWRITEBYTECODE: "1" });
  const script = (/** @type {string} */ then) =>
    `import sqlite3, sys\ndb = sqlite3.connect("${database}", isolation_level=None)\n${then}`;
  const topUp = `db.execute("${TOP_UP}")`;
  const charge = `db.execute("BEGIN IMMEDIATE")
for statement in """${CHARGE}""".split(";"): db.execute(statement)
print("begun", flush=True)
sys.stdin.read()
db.execute("COMMIT")`;
  return {
    base,
    topUp: `"${python}" - <<END\n${script(topUp)}\nEND`,
    begin: () => begin(t, [python, "-c", script(charge)], "", ""),
    // Its one event loop has begun with what came before these.
    async queued() {
      for (let n = 0; n < 5; n += 1) assert.equal((await fetch(`${base}/nothing`)).status, 404);
    },
  };
}

/** @type {(t: TestContext) => Promise<Served>} */
async function inNode(t) {
  const { url, psql } = postgres(t, POSTGRES ?? "");
  const command = [process.execPath, path.join(EXAMPLES, "server-node/server.js")];
  const base = await serving(t, command, { DATABASE_URL: url, PORT: "0" });
  const turn = "SELECT FROM accounts WHERE account = 'alice' FOR UPDATE;";
  const [program = "", ...args] = psql;
  const ask = (/** @type {string} */ sql) =>
    execFileSync(program, [...args, "-At", "-c", sql], { encoding: "utf8" }).trim();
  const waiting = "FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
  return {
    base,
    topUp: `"${psql.join('" "')}" -c "${TOP_UP}"`,
    begin: () => begin(t, psql, `BEGIN; ${turn} ${CHARGE}\n\\echo begun\n`, "COMMIT;\n"),
    async queued(requests) {
      const all = () => ask(`SELECT count(*) ${waiting}`) === `${requests}`;
      await until(`${requests} requests wait`, all, LOCK_TIMEOUT_MS).catch(() => {});
    },
    cut: () => void ask(`SELECT pg_terminate_backend(pid) ${waiting}`),
  };
}

const AS_ALICE = { authorization: "Bearer token-of-alice" };

/** @type {(base: string, key: string) => Promise<Response>} */
const lookUp = (base, key) => fetch(`${base}/charges?key=${key}`, { headers: AS_ALICE });

/** @type {(base: string, path: string, body: object, headers?: object) => Promise<Response>} */
function post(base, path, body, headers = {}) {
  return fetch(`${base}/${path}`, {
    method: "POST",
    headers: { ...AS_ALICE, "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
}

/** @type {(base: string, key: string) => Promise<Response>} */
function charge(base, key) {
  const body = { task_id: `task of ${key}`, feature: "f", amount: 1 };
  return post(base, "charges", body, { "idempotency-key": `"${key}"` });
}

/**
 * Repeats a round that was put off: where the computer is busy, the servers' time limits are short.
 *
 * @param {(round: number) => Promise<boolean>} isDecided
 */
async function untilDecided(isDecided) {
  for (let round = 0; round < 5; round += 1) {
    if (await isDecided(round)) return;
  }
  assert.fail("it was put off each time");
}

/** @type {[string, string | false, (t: TestContext) => Promise<Served>][]} */
const SERVERS = [
  ["in Python, on SQLite", PYTHON ? false : "TOLLBOX_PYTHON names no Python", inPython],
  ["in Node.js, on PostgreSQL", POSTGRES ? false : "there is no PostgreSQL", inNode],
];

for (const [name, skip, start] of SERVERS) {
  describe(`a server ${name}`, { skip }, () => {
    test("keeps all rules of the protocol", async (t) => {
      const { base, topUp } = await start(t);
      const tokens = ["--token", "token-of-alice", "--other-token", "token-of-bob"];
      const options = ["--base-url", base, ...tokens, "--account", "alice", "--top-up-cmd", topUp];
      const [code, output] = await new Promise((resolve) => {
        execFile(
          process.execPath,
          [TOLLBOX, "conformance", ...options],
          { maxBuffer: 2 ** 26 },
          (error, stdout, stderr) => resolve([error?.code ?? 0, stdout + stderr]),
        );
      });
      assert.equal(code, 0, output);
      const skipped = [...output.matchAll(/^skipped +([\w/-]+)/gm)].map(([, rule]) => rule);
      assert.deepEqual(
        skipped.filter((rule) => !UNTRIED.test(rule ?? "")),
        [],
      );
    });

    test("never says of a charge that is under way that it never was", async (t) => {
      const { base, begin } = await start(t);
      const commit = await begin();
      const meanwhile = await lookUp(base, "elsewhere");
      assert.equal(meanwhile.status, 503, await meanwhile.text());
      await commit();
      const afterwards = await lookUp(base, "elsewhere");
      assert.equal(afterwards.status, 200);
      assert.equal((await afterwards.json()).amount, 5);
    });

    test("looks up after what came before has been decided", async (t) => {
      const { base, begin, queued } = await start(t);
      await untilDecided(async (round) => {
        const keys = [1, 2, 3, 4].map((n) => `k${round}.${n}`);
        const commit = await begin();
        const charges = keys.map((key) => charge(base, key));
        await queued(keys.length);
        const lookUps = keys.map((key) => lookUp(base, key));
        await queued(2 * keys.length);
        await commit();
        const made = (await Promise.all(charges)).map(({ status }) => status === 201);
        const found = (await Promise.all(lookUps)).map(({ status }) => status);
        for (const n of keys.keys()) assert.ok(!made[n] || found[n] !== 404, `${made} ${found}`);
        return made.every(Boolean) && found.every((status) => status === 200);
      });
    });

    test("looks up no item of a batch before all are decided", async (t) => {
      const { base, begin, queued } = await start(t);
      await untilDecided(async (round) => {
        const charges = Array.from({ length: 100 }, (_, n) => ({
          idempotency_key: `k${round}.${n}`,
          task_id: `t${n}`,
          feature: "f",
          amount: n === 50 ? 2 ** 40 : 1,
        }));
        const commit = await begin();
        const batch = post(base, "charges/batch", { charges });
        await queued(1);
        const last = lookUp(base, `k${round}.99`);
        await queued(2);
        await commit();
        const { results } = await (await batch).json();
        const found = (await last).status;
        if (results?.at(-1).status !== "charged") return false;
        assert.notEqual(found, 404);
        const others = results.filter((/** @type {any} */ { status }) => status !== "charged");
        assert.deepEqual([others.length, others[0].status], [1, "declined"]);
        return found === 200;
      });
    });

    test("outlives what is no request", async (t) => {
      const { base } = await start(t);
      const { hostname, port } = new URL(base);
      const socket = connect(Number(port), hostname);
      socket.end("GET // HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
      const [answer] = await once(socket.setEncoding("latin1"), "data");
      assert.match(answer, /^HTTP\/1.1 4/);
      assert.equal((await lookUp(base, "k")).status, 404);
    });

    // Where there are connections.
    if (start !== inNode) return;
    test("outlives a connection to the database that breaks", async (t) => {
      const { base, begin, queued, cut } = await start(t);
      const commit = await begin();
      const broken = charge(base, "k");
      await queued(1);
      cut?.();
      assert.equal((await broken).status, 503);
      await commit();
      assert.equal((await charge(base, "k")).status, 201);
    });
  });
}
