// The servers of docs/your-own-server.md keep the protocol, by the rules of `tollbox conformance`.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { postgres, programs } from "./support/postgres.mjs";

/** @typedef {import("node:test").TestContext} TestContext */

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const EXAMPLES = path.join(ROOT, "docs/examples");
const TOLLBOX = path.join(ROOT, "pkg/bin/tollbox.js");

/** A Python with the packages of server-python. */
const PYTHON = process.env.TOLLBOX_PYTHON;
const POSTGRES = programs();

/** Rules that can't be tried here: no server is busy, none has prices of its own, and none keeps holds. */
const UNTRIED = /^(?:robustness\/retry-after|hooks\/other-amount-than-the-price|holds\/.*)$/;

/** Statements that charge alice, as another program on the same database would. */
const CHARGE = `
INSERT INTO charges (account, idempotency_key, task_id, feature, amount, charge_id, charged_at)
VALUES ('alice', 'elsewhere', 't', 'f', 5, 'elsewhere', '2026-01-01T00:00:00Z');
UPDATE accounts SET balance = balance - 5, version = version + 1 WHERE account = 'alice';
`;

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
  };
}

/** @type {(t: TestContext) => Promise<Served>} */
async function inNode(t) {
  const { url, psql } = postgres(t, POSTGRES ?? "");
  const command = [process.execPath, path.join(EXAMPLES, "server-node/server.js")];
  const base = await serving(t, command, { DATABASE_URL: url, PORT: "0" });
  const turn = "SELECT FROM accounts WHERE account = 'alice' FOR UPDATE;";
  return {
    base,
    topUp: `"${psql.join('" "')}" -c "${TOP_UP}"`,
    begin: () => begin(t, psql, `BEGIN; ${turn} ${CHARGE}\n\\echo begun\n`, "COMMIT;\n"),
  };
}

/** @type {[string, string | false, (t: TestContext) => Promise<Served>][]} */
const SERVERS = [
  ["in Python, on SQLite", PYTHON ? false : "TOLLBOX_PYTHON names no Python", inPython],
  ["in Node.js, on PostgreSQL", POSTGRES ? false : "there is no PostgreSQL", inNode],
];

for (const [name, skip, start] of SERVERS) {
  describe(`a server ${name}`, { skip, concurrency: true }, () => {
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
      const headers = { authorization: "Bearer token-of-alice" };
      const lookUp = () => fetch(`${base}/charges?key=elsewhere`, { headers });
      const meanwhile = await lookUp();
      assert.equal(meanwhile.status, 503, await meanwhile.text());
      await commit();
      const afterwards = await lookUp();
      assert.equal(afterwards.status, 200);
      assert.equal((await afterwards.json()).amount, 5);
    });
  });
}
