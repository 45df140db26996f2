// What docs/testing.md shows, run by the test runners themselves from the packed package.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { before, test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { Project } from "./support/project.mjs";

/** @type {Project} */
let project;

before(async () => {
  project = await Project.of("runners");
  const page = readFileSync(new URL("../../docs/testing.md", import.meta.url), "utf8");
  for (const [, name, code] of page.matchAll(/^```js\n\/\/ (\S+)\n(.*?)^```$/gms)) {
    writeFileSync(project.at(name), code);
  }
});

test("Vitest runs the page's example in jsdom and in Node.js", async () => {
  for (const environment of ["jsdom", "node"]) {
    const told = await project.run("vitest", "run", "--environment", environment, "pay.test.js");
    assert.match(stripVTControlCharacters(told), /Tests +2 passed/);
  }
});

test("Jest runs the page's example in jsdom and in Node.js", async () => {
  for (const environment of ["jsdom", "node"]) {
    const jest = project.at("node_modules/jest/bin/jest.js");
    const flags = ["--experimental-vm-modules", jest, "--env", environment];
    const told = await project.run("node", ...flags);
    assert.match(stripVTControlCharacters(told), /Tests: +1 passed/);
  }
});

test("node:test runs the page's examples, and the programs end by themselves", async () => {
  const told = await project.run("node", "--test", "pay.node.js", "clock.node.js");
  assert.match(told, /pass 2/);
});
