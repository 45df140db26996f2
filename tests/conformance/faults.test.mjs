// The kit finds what a server breaks, names the rules, and nothing else.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { brokenServer } from "./support/broken-server.mjs";
import { DIFFERENT, FAULTS, ORIGIN } from "./support/faults.mjs";
import { brokenIn, optionsFor, RUNNERS, run } from "./support/kit.mjs";

/** @import { Fault } from "./support/faults.mjs" */

/**
 * Both runners, or these, against servers of their own: what each of them says.
 *
 * @param {import("node:test").TestContext} t
 * @param {Fault} fault
 * @param {string[]} [more]
 * @param {string[][]} [runners]
 */
async function found(t, fault, more = [], runners = Object.values(RUNNERS)) {
  const outputs = runners.map(async (runner) => {
    const site = await brokenServer(t, fault);
    const { code, stdout, stderr } = await run(runner, optionsFor(site, ["--json", ...more]));
    assert.equal(stderr, "");
    assert.equal(code, brokenIn(stdout).length > 0 ? 1 : 0);
    return stdout.replaceAll(site, "http://server");
  });
  return Promise.all(outputs);
}

/** Whether only rules of holds find it. @param {Fault} fault */
function isOfHolds({ breaks }) {
  return breaks.every((id) => id.startsWith("holds/"));
}

/**
 * What the runners say of a fault. Where one rule finds it, one of them tries all rules, and the other
 * that one; where rules of holds do, there is no other. They are many, and the rest show that both
 * runners say the same.
 *
 * @param {import("node:test").TestContext} t
 * @param {Fault} fault
 * @param {number} at
 */
async function inTurns(t, fault, at) {
  const [one = [], other = []] = Object.values(RUNNERS);
  const [first, second] = at % 2 === 0 ? [one, other] : [other, one];
  const outputs = await found(t, fault, [], [first]);
  const only = fault.breaks.flatMap((id) => ["--only", id]);
  return isOfHolds(fault) ? outputs : [...outputs, ...(await found(t, fault, only, [second]))];
}

describe("a fault is found by the rules named for it, and by no others", {
  concurrency: 12,
}, () => {
  for (const [at, [name, fault]] of Object.entries(FAULTS).entries()) {
    test(name, async (t) => {
      const takesTurns = fault.breaks.length === 1 || isOfHolds(fault);
      const outputs = await (takesTurns ? inTurns(t, fault, at) : found(t, fault));
      for (const output of outputs) {
        const certain = brokenIn(output).filter((id) => !fault.mayBreak?.includes(id));
        assert.deepEqual(certain, [...fault.breaks].sort());
      }
      if (!fault.mayBreak && !takesTurns) {
        assert.equal(new Set(outputs).size, 1);
      }
    });
  }
});

test("nothing is found in a server that keeps all rules, in the same words", async (t) => {
  const [node = "", rust = ""] = await found(t, DIFFERENT.nothing);
  assert.deepEqual(brokenIn(node), []);
  assert.equal(rust, node);
});

test("nothing is found in a server that differs where the protocol leaves it open", async (t) => {
  const outputs = await found(t, DIFFERENT["all that is left open"], ["--origin", ORIGIN]);
  for (const output of outputs) {
    assert.deepEqual(brokenIn(output), []);
    const { rules } = JSON.parse(output);
    const skipped = rules.filter((/** @type {any} */ { verdict }) => verdict === "skipped");
    assert.ok(skipped.every((/** @type {any} */ { id }) => id.startsWith("holds/")));
  }
  assert.equal(outputs[0], outputs[1]);
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
