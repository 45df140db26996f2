// The kit's command line: profiles, formats, exit codes, and what it can't run without.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { brokenServer } from "./support/broken-server.mjs";
import { DIFFERENT, FAULTS } from "./support/faults.mjs";
import { brokenIn, optionsFor, RUNNERS, run } from "./support/kit.mjs";
import { parseXml } from "./support/xml.mjs";

/** Topics without rules that wait. */
const QUICK = ["--only", "balance", "--only", "reuse", "--only", "problems", "--only", "declines"];

/** The rules of holds that a profile changes. */
const OF_HOLDS = ["--only", "holds/another-body", "--only", "holds/problems"];

for (const [name, runner] of Object.entries(RUNNERS)) {
  test(`${name}: a profile is for a server that differs on purpose`, async (t) => {
    for (const profile of ["conflict-409", "first-answer"]) {
      const server = DIFFERENT[profile];
      const site = await brokenServer(t, server);
      const options = [...QUICK, ...OF_HOLDS, "--only", "hooks", "--json"];
      const usual = await run(runner, optionsFor(site, options));
      assert.deepEqual(brokenIn(usual.stdout), [...server.breaks].sort(), profile);
      const again = ["--run", "def", "--profile", profile, "--profile", "same-origin"];
      const kept = await run(runner, optionsFor(site, [...options, ...again]));
      assert.deepEqual({ broken: brokenIn(kept.stdout), code: kept.code }, { broken: [], code: 0 });
      // And the other way round.
      const right = await brokenServer(t, DIFFERENT.nothing);
      const wrong = await run(runner, optionsFor(right, [...options, "--profile", profile]));
      assert.deepEqual(brokenIn(wrong.stdout), [...server.breaks].sort(), profile);
    }
  });

  test(`${name}: same-origin leaves CORS out`, async (t) => {
    const site = await brokenServer(t, FAULTS["hides its headers from pages"]);
    const options = ["--only", "cors", "--profile", "same-origin"];
    const { code, stdout } = await run(runner, optionsFor(site, options));
    assert.equal(code, 0, stdout);
    assert.match(stdout, /skipped {2}cors\/preflight: profile same-origin/);
  });

  test(`${name}: a server that has no batches keeps all else`, async (t) => {
    const site = await brokenServer(t, DIFFERENT["no batches"]);
    const topics = ["accounts", "batch", "cors"].flatMap((topic) => ["--only", topic]);
    const { code, stdout } = await run(runner, optionsFor(site, topics));
    assert.equal(code, 0, stdout);
    assert.match(stdout, /skipped {2}batch\/takes: the server has no batches/);
  });

  test(`${name}: a server that answers no batch has batches, which are broken`, async (t) => {
    const site = await brokenServer(t, DIFFERENT["breaks off every batch"]);
    const { code, stdout } = await run(runner, optionsFor(site, ["--only", "batch/takes"]));
    assert.match(stdout, /^BROKEN {3}batch\/takes: .* the connection was closed$/m);
    assert.equal(code, 1);
  });

  test(`${name}: a server that keeps no holds keeps all else`, async (t) => {
    const site = await brokenServer(t, DIFFERENT["no holds"]);
    const topics = ["declines", "hooks", "holds"].flatMap((topic) => ["--only", topic]);
    const { code, stdout } = await run(runner, optionsFor(site, topics));
    assert.equal(code, 0, stdout);
    const [kept, skipped] = [/^kept {5}holds\//m, /^skipped {2}holds\/receipt: (.*)$/m];
    assert.doesNotMatch(stdout, kept);
    assert.equal(skipped.exec(stdout)?.[1], "the server has no holds");
  });

  test(`${name}: a server that takes its time while a hold expires keeps all rules`, async (t) => {
    const site = await brokenServer(
      t,
      DIFFERENT["reads no balance while a hold is about to expire"],
    );
    const { code, stdout } = await run(runner, optionsFor(site, ["--only", "holds"]));
    assert.equal(code, 0, stdout);
  });

  test(`${name}: nothing is held when a rule has ended, whatever came of it`, async (t) => {
    const site = await brokenServer(t, FAULTS["charges points that are held"]);
    const { stdout } = await run(runner, optionsFor(site, ["--only", "holds/reserved"]));
    assert.match(stdout, /^BROKEN {3}holds\/reserved/m);
    const headers = { authorization: "Bearer alice" };
    const balance = await fetch(`${site}/billing/v1/balance`, { headers });
    assert.equal((await balance.json()).held, 0);
  });

  test(`${name}: a server that puts requests off is asked again`, async (t) => {
    const site = await brokenServer(t, DIFFERENT["puts off"]);
    const topics = ["charge", "replay", "batch"].flatMap((topic) => ["--only", topic]);
    const options = optionsFor(site, [...topics, "--only", "robustness/retry-after"]);
    const { code, stdout } = await run(runner, options);
    assert.equal(code, 0, stdout);
    assert.match(stdout, /^kept {5}robustness\/retry-after$/m);
  });

  test(`${name}: a server that puts off until a time is asked again then`, async (t) => {
    const site = await brokenServer(t, DIFFERENT["waits until a time of day"]);
    const options = ["--only", "robustness/retry-after"];
    const { code, stdout, stderr } = await run(runner, optionsFor(site, options));
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^kept {5}robustness\/retry-after$/m);
  });

  test(`${name}: a server may decline more points than there can be`, async (t) => {
    const site = await brokenServer(t, DIFFERENT["declines more points than there can be"]);
    const rules = ["--only", "malformed/amount-too-large", "--only", "holds/amount"];
    const { code, stdout } = await run(runner, optionsFor(site, rules));
    assert.equal(code, 0, stdout);
  });

  test(`${name}: a body without end may take longer than proxies let it`, async () => {
    const { code, stdout } = await run(runner, ["--help"]);
    assert.equal(code, 0);
    const [, , seconds] = /--body-within(.|\n)*?(\d+)\D/.exec(stdout) ?? [];
    assert.equal(seconds, "90");
  });

  test(`${name}: a broken rule is told with its reason, and a command to repeat it`, async (t) => {
    const site = await brokenServer(t, FAULTS["does not say that it replays"]);
    const { code, stdout } = await run(runner, optionsFor(site, ["--only", "replay/says-so"]));
    assert.equal(code, 1);
    assert.ok(stdout.includes("the header idempotent-replayed is missing"), stdout);
    const command = /repeat: (.*)/.exec(stdout)?.[1] ?? "";
    assert.ok(!command.includes("alice") && command.includes("Bearer $TOKEN"), command);
    const shell = await run(["sh", "-c", command.replace("curl", "TOKEN=alice; curl -s")], []);
    assert.match(shell.stdout, /^HTTP\/1.1 200 /);
    assert.match(shell.stdout, /"idempotency_key":"kit-abc-replay-says-so-a"/);
  });

  test(`${name}: a command for many at once has a key for each, as the run had`, async (t) => {
    const site = await brokenServer(t, FAULTS["has one version for charges that come at once"]);
    const { stdout } = await run(runner, optionsFor(site, ["--only", "charge/many-at-once"]));
    const command = /repeat: (.*)/.exec(stdout)?.[1] ?? "";
    const shell = await run(["sh", "-c", command.replace("curl", "TOKEN=alice; curl -s")], []);
    const answers = [...shell.stdout.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status);
    assert.deepEqual(answers, Array(8).fill("200"), command);
    const keys = [...shell.stdout.matchAll(/"idempotency_key":"([^"]*)"/g)].map(([, key]) => key);
    assert.equal(new Set(keys).size, 8);
  });

  test(`${name}: an entity tag may have other characters than ASCII`, async (t) => {
    const site = await brokenServer(t, DIFFERENT["has tags with an accent"]);
    const { code, stdout } = await run(runner, optionsFor(site, ["--only", "balance"]));
    assert.equal(code, 0, stdout);
  });

  test(`${name}: an answer that is compressed all the same is named`, async (t) => {
    const site = await brokenServer(t, DIFFERENT["always compresses"]);
    const { stderr } = await run(runner, optionsFor(site, ["--only", "balance"]));
    assert.match(stderr, /without a JSON object: it has the content-encoding gzip$/m);
  });

  test(`${name}: an answer may have as many headers as the other runner takes`, async (t) => {
    const site = await brokenServer(t, DIFFERENT["has many headers"]);
    const { code, stdout, stderr } = await run(runner, optionsFor(site, ["--only", "balance"]));
    assert.equal(code, 0, stdout + stderr);
  });

  test(`${name}: an answer is not read without end`, async (t) => {
    const site = await brokenServer(t, DIFFERENT["has no end to its receipts"]);
    const { code, stdout } = await run(runner, optionsFor(site, ["--only", "charge/receipt"]));
    assert.equal(code, 1);
    assert.match(stdout, /POST charges was not answered: more than 4 MiB came$/m);
  });

  test(`${name}: what is never answered is not waited for in every rule`, async (t) => {
    const site = await brokenServer(t, DIFFERENT["answers no charge"]);
    const options = ["--only", "charge", "--answer-within", "2"];
    const { code, stdout } = await run(runner, optionsFor(site, options));
    assert.equal(code, 1);
    assert.equal([...stdout.matchAll(/: no answer in time$/gm)].length, 3, stdout);
    assert.equal([...stdout.matchAll(/: given up, after 3 without an answer$/gm)].length, 4);
  });

  test(`${name}: what was found is told though the run can't go on`, async (t) => {
    const site = await brokenServer(t, DIFFERENT["answers nothing after the first receipt"]);
    const rules = ["charge/receipt", "balance", "replay"].flatMap((rule) => ["--only", rule]);
    const options = [...rules, "--answer-within", "2"];
    const { code, stdout, stderr } = await run(runner, optionsFor(site, options));
    assert.equal(stderr, "tollbox conformance: GET balance was not answered 3 times in a row\n");
    assert.equal(code, 2);
    assert.match(stdout, /^kept {5}balance\/etag$/m);
    assert.match(stdout, /^\d+ kept, 2 broken, 0 skipped$/m);
    const again = await brokenServer(t, DIFFERENT.nothing);
    const failing = ["--only", "replay/says-so", "--only", "hooks", "--top-up-cmd", "exit 3"];
    const told = await run(runner, [...optionsFor(again, [...failing, "--json"])]);
    assert.equal(told.code, 2);
    assert.deepEqual(
      JSON.parse(told.stdout).rules.map((/** @type {any} */ { id }) => id),
      ["replay/says-so"],
    );
  });

  test(`${name}: nobody has to read what it says to the end`, async (t) => {
    const site = await brokenServer(t, DIFFERENT.nothing);
    const [program = "", ...args] = runner;
    const options = optionsFor(site, ["--only", "balance", "--only", "reuse"]);
    const child = spawn(program, [...args, ...options], { stdio: ["ignore", "pipe", "pipe"] });
    child.stdout.once("data", () => child.stdout.destroy());
    let told = "";
    child.stderr.on("data", (piece) => {
      told += piece;
    });
    const code = await new Promise((resolve) => child.once("close", resolve));
    assert.deepEqual({ code, told }, { code: 0, told: "" });
  });

  test(`${name}: JSON and JUnit have every rule`, async (t) => {
    const folder = mkdtempSync(path.join(tmpdir(), "tollbox-conformance-"));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const file = path.join(folder, "junit.xml");
    const site = await brokenServer(t, FAULTS["tells errors as plain text"]);
    const options = [...QUICK, "--only", "robustness/retry-after", "--json", "--junit", file];
    const { code, stdout } = await run(runner, optionsFor(site, options));
    assert.equal(code, 1);
    const { rules, kept, broken, skipped } = JSON.parse(stdout);
    assert.equal(kept + broken + skipped, rules.length);
    const suites = parseXml(readFileSync(file, "utf8"));
    assert.equal(suites.name, "testsuites");
    assert.equal(suites.attributes.tests, String(rules.length));
    assert.equal(suites.attributes.failures, String(broken));
    const cases = suites.children.flatMap(({ children }) => children);
    const verdicts = cases.map(({ attributes, children: [told] }) => [
      attributes.name,
      { failure: "broken", skipped: "skipped" }[told?.name ?? ""] ?? "kept",
      told?.attributes.message ?? null,
    ]);
    assert.deepEqual(
      verdicts,
      rules.map((/** @type {any} */ { id, verdict, reason }) => [id, verdict, reason]),
    );
  });

  test(`${name}: what keeps the rules from being run is told, with exit code 2`, async (t) => {
    const site = await brokenServer(t, DIFFERENT.nothing);
    const good = ["--base-url", `${site}/billing/v1`, "--token", "alice"];
    const closed = ["--base-url", "http://127.0.0.1:1/billing/v1", "--token", "alice"];
    const poor = await brokenServer(t, DIFFERENT.nothing, 3);
    /** @type {[string[], RegExp][]} */
    const mistakes = [
      [["--base-url", `${site}/billing/v1`], /--token/],
      [["--base-url", "example.org", "--token", "t"], /http or https URL/],
      [[...good, "--profile", "strict"], /conflict-409/],
      [[...good, "--only", "nothing"], /no rule or topic nothing/],
      [[...good, "--run", "XYZ"], /hexadecimal/],
      [[...good, "--origin", "shop.example"], /http or https and a host/],
      [[...good, "--colour"], /--colour/],
      [["--base-url", `${site}/billing/v1`, "--token", "two words"], /printable ASCII/],
      [[...good, "--feature", 'a"b'], /letters, digits/],
      [
        ["--base-url", `${site}/billing/v1`, "--token", "eve"],
        /with --token, GET balance was answered 401, not 200/,
      ],
      [[...good, "--other-token", "eve"], /with --other-token, GET balance was answered 401/],
      [closed, /with --token, GET balance was not answered: no connection \(refused\)/],
      [["--base-url", "http://nowhere.invalid", "--token", "t"], /\(the name is not known\)/],
      [["--base-url", site.replace("http", "https"), "--token", "t"], /no connection \(TLS failed/],
      [["--base-url", `${site}/a b`, "--token", "t"], /http or https URL/],
      [["--base-url", `${site}/a#b`, "--token", "t"], /http or https URL/],
      [
        ["--base-url", "http://müller.example", "--token", "t"],
        /ASCII characters, without a user and/,
      ],
      [["--base-url", "http://127.0.0.1:99999", "--token", "t"], /http or https URL/],
      [["--base-url", "http://me:secret@127.0.0.1:1", "--token", "t"], /without a user/],
      [
        ["--base-url", `${poor}/billing/v1`, "--token", "alice"],
        /has 3 points, and the rules may take \d+/,
      ],
      [
        [...good, "--only", "hooks", "--top-up-cmd", "exit 3"],
        /the command of --top-up-cmd failed/,
      ],
    ];
    for (const [options, expected] of mistakes) {
      const { code, stderr } = await run(runner, options);
      assert.match(stderr, expected);
      assert.doesNotMatch(stderr, /secret/);
      assert.equal(code, 2, stderr);
    }
  });

  test(`${name}: points that are lacking are bought`, async (t) => {
    const site = await brokenServer(t, DIFFERENT.nothing, 0);
    const { code, stdout } = await run(runner, optionsFor(site, ["--only", "replay"]));
    assert.equal(code, 0, stdout);
  });
}
