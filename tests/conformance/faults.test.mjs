// The kit finds what a server breaks, names the rules, and nothing else.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { brokenServer } from "./support/broken-server.mjs";
import { DIFFERENT, FAULTS } from "./support/faults.mjs";
import { brokenIn, optionsFor, RUNNERS, run } from "./support/kit.mjs";

/** @import { Fault } from "./support/faults.mjs" */

/**
 * Both runners against servers of their own, which say the same.
 *
 * @param {import("node:test").TestContext} t
 * @param {Fault} fault
 * @param {string[]} [more]
 */
async function found(t, fault, more = []) {
  const outputs = Object.values(RUNNERS).map(async (runner) => {
    const site = await brokenServer(t, fault);
    const { code, stdout, stderr } = await run(runner, optionsFor(site, ["--json", ...more]));
    assert.equal(stderr, "");
    assert.equal(code, brokenIn(stdout).length > 0 ? 1 : 0);
    return stdout.replaceAll(site, "http://server");
  });
  const [node = "", rust = ""] = await Promise.all(outputs);
  return { node, rust };
}

describe("a fault is found by the rules named for it, and by no others", { concurrency: 6 }, () => {
  for (const [name, fault] of Object.entries(FAULTS)) {
    test(name, async (t) => {
      const { node, rust } = await found(t, fault);
      for (const output of [node, rust]) {
        const certain = brokenIn(output).filter((id) => !fault.mayBreak?.includes(id));
        assert.deepEqual(certain, [...fault.breaks].sort());
      }
      if (!fault.mayBreak) {
        assert.equal(rust, node);
      }
    });
  }
});

test("nothing is found in a server that keeps all rules, in the same words", async (t) => {
  const { node, rust } = await found(t, DIFFERENT.nothing);
  assert.deepEqual(brokenIn(node), []);
  assert.equal(rust, node);
});

test("there is no rule that no server breaks", async (t) => {
  const site = await brokenServer(t, DIFFERENT["always fails"]);
  const { stdout } = await run(RUNNERS["Node.js"] ?? [], optionsFor(site, ["--json"]));
  const found = new Set(Object.values(FAULTS).flatMap(({ breaks }) => breaks));
  for (const id of brokenIn(stdout)) {
    found.add(id);
  }
  const all = JSON.parse(stdout).rules.map((/** @type {any} */ { id }) => id);
  // Where the balance can't be read, the kit can't run.
  assert.deepEqual(
    all.filter((/** @type {string} */ id) => !found.has(id)),
    ["balance/read"],
  );
});
