// The command `tollbox`: what it says, and how it starts and stops.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { ask, dev, TOLLBOX } from "./support/servers.mjs";

const JSON_TYPE = { "content-type": "application/json" };

/**
 * Runs the command to its end.
 *
 * @param {string[]} args
 * @returns {Promise<{ code: number, stdout: string, stderr: string }>}
 */
function run(...args) {
  return new Promise((resolve) => {
    execFile(process.execPath, [TOLLBOX, ...args], (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr });
    });
  });
}

/**
 * The charge of a task whose id is the key, too.
 *
 * @param {string} base @param {string} account @param {string} task
 */
function charge(base, account, task) {
  const headers = {
    ...JSON_TYPE,
    authorization: `Bearer ${account}`,
    "idempotency-key": `"${encodeURIComponent(task)}"`,
  };
  const body = JSON.stringify({ task_id: task, feature: "f", amount: 5 });
  return ask(base, { method: "POST", path: "/billing/v1/charges", headers, body });
}

/** @param {import("node:test").TestContext} t */
function folder(t) {
  const made = mkdtempSync(path.join(tmpdir(), "tollbox-command-"));
  t.after(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

test("each mistake is told in one line", async (t) => {
  const base = await dev(t);
  const { port } = new URL(base);
  const text = path.join(folder(t), "notes.txt");
  writeFileSync(text, "not a database, but long enough to be read as one\n".repeat(50));
  /** @type {[string[], RegExp, number][]} */
  const mistakes = [
    [[], /no command/, 2],
    [["serve"], /no command serve/, 2],
    [["dev", "now"], /no command dev now/, 2],
    [["dev", "--prot", "1"], /--prot/, 2],
    [["dev", "--port"], /--port/, 2],
    [["dev", "--port", "http"], /--port must be a whole number from 0 to 65535, not http/, 2],
    [["dev", "--seed-balance", "9007199254740992"], /--seed-balance/, 2],
    [["dev", "--decide-within", "5001"], /--decide-within/, 2],
    [
      ["dev", "--port", port],
      new RegExp(`can't listen on 127.0.0.1:${port}: the port is taken`),
      1,
    ],
    [["dev", "--port", "0", "--host", "no.such.host.invalid"], /can't listen on no.such.host/, 1],
  ];
  for (const [args, expected, code] of mistakes) {
    const said = await run(...args);
    assert.match(said.stderr, expected);
    assert.deepEqual([said.code, said.stdout, said.stderr.split("\n").length], [code, "", 2]);
  }
});

test("help and version are printed", async () => {
  const help = await run("--help");
  assert.deepEqual([help.code, help.stderr], [0, ""]);
  for (const option of ["--port", "--host", "--database", "--static", "--bare"]) {
    assert.ok(help.stdout.includes(option), option);
  }
  const { version } = JSON.parse(readFileSync(path.join(TOLLBOX, "../../package.json"), "utf8"));
  assert.equal((await run("--version")).stdout, `${version}\n`);
});

test("the name of an account is its token, and a session that is over is none", async (t) => {
  const base = await dev(t, ["--token-ttl", "0"]);
  const charged = await charge(base, "alice", "k");
  assert.deepEqual([charged.status, JSON.parse(charged.body).balance], [201, 115]);
  assert.equal(JSON.parse((await charge(base, "bob", "k")).body).balance, 115);
  const body = JSON.stringify({ account: "alice" });
  const session = { method: "POST", path: "/demo/session", headers: JSON_TYPE, body };
  const { token } = JSON.parse((await ask(base, session)).body);
  assert.equal((await charge(base, token, "k2")).status, 401);
});

test("the longest key and account that are allowed are read", async (t) => {
  const account = "任".repeat(500);
  const base = await dev(t);
  const body = JSON.stringify({ account });
  const session = { method: "POST", path: "/demo/session", headers: JSON_TYPE, body };
  const { token } = JSON.parse((await ask(base, session)).body);
  const headers = {
    ...JSON_TYPE,
    authorization: `Bearer ${token}`,
    "billing-account": `"${encodeURIComponent(account)}"`,
    "idempotency-key": `"${encodeURIComponent("任".repeat(1_365))}"`,
  };
  const asked = JSON.stringify({ task_id: "t", feature: "f", amount: 5 });
  const charged = await ask(base, {
    method: "POST",
    path: "/billing/v1/charges",
    headers,
    body: asked,
  });
  assert.equal(charged.status, 201, charged.body);
});

test("a database file is kept, or it is said that there is none", async (t) => {
  const file = path.join(folder(t), "ledger.sqlite");
  const args = [TOLLBOX, "dev", "--port", "0", "--database", file];
  const balances = [];
  let said = "";
  for (const key of ["k1", "k2"]) {
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
    t.after(() => child.kill("SIGKILL"));
    child.stderr.on("data", (text) => {
      said += text;
    });
    const [line] = await once(createInterface(child.stdout), "line");
    const base = line.replace("listening on ", "");
    const answer = await charge(base, "alice", key);
    balances.push(JSON.parse(answer.body).balance);
    // A text is kept with its NUL, and with what stands for one.
    const odd = [`${key}\0a`, `${key}\u00010a`];
    const made = await Promise.all(odd.map((name) => charge(base, "bob", name)));
    assert.deepEqual(
      made.map(({ status }) => status),
      [201, 201],
    );
    const again = await Promise.all(odd.map((name) => charge(base, "bob", name)));
    const idOf = (/** @type {{ body: string }} */ { body }) => JSON.parse(body).charge_id;
    assert.deepEqual(again.map(idOf), made.map(idOf));
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    assert.deepEqual(await ended, [0, null]);
  }
  const isKept = !said.includes(`${file} is not used, and everything is kept in memory`);
  assert.deepEqual(balances, isKept ? [115, 110] : [115, 115]);
});

test("a stop lets a request under way end", async (t) => {
  for (const signal of /** @type {const} */ (["SIGTERM", "SIGINT"])) {
    const child = spawn(process.execPath, [TOLLBOX, "dev", "--port", "0"], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    t.after(() => child.kill("SIGKILL"));
    const [line] = await once(createInterface(child.stdout), "line");
    const base = line.replace("listening on ", "");
    const rules = { rules: [{ on: "charge", fault: { kind: "latency", ms: 1_000 }, times: 1 }] };
    const body = JSON.stringify(rules);
    await ask(base, { method: "PUT", path: "/faults", headers: JSON_TYPE, body });
    const underWay = charge(base, "alice", "k");
    while (!(await ask(base, { method: "GET", path: "/faults" })).body.includes('"times":0')) {}
    const ended = once(child, "exit");
    child.kill(signal);
    assert.equal((await underWay).status, 201);
    assert.deepEqual(await ended, [0, null]);
  }
});
