// The tests that the pages show, run by the test runners themselves from the packed package.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { before, test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { allBlocks, runnerOf } from "../docs/support/block.mjs";
import { Project } from "./support/project.mjs";

/** @type {Project} */
let project;

/** The blocks, as files; a name has its block's place in it, for a failure to tell. */
const files = allBlocks().map((block) => ({
  runner: runnerOf(block),
  name: `${block.name}.${block.ownName}`,
  code: block.code,
}));

/** @param {string} runner */
const namesOf = (runner) => {
  const names = files.filter((file) => file.runner === runner).map(({ name }) => name);
  assert.ok(names.length > 0, `no page shows a test for ${runner}`);
  return names;
};

before(async () => {
  project = await Project.of("runners");
  for (const { runner, name, code } of files) {
    if (runner) writeFileSync(project.at(name), code);
  }
});

test("Vitest runs the pages' examples in jsdom and in Node.js", async () => {
  for (const environment of ["jsdom", "node"]) {
    const told = await project.run(
      "vitest",
      "run",
      "--environment",
      environment,
      "--testTimeout=60000",
      ...namesOf("vitest"),
    );
    assert.match(stripVTControlCharacters(told), /Tests +\d+ passed/);
  }
});

test("Jest runs the pages' examples in jsdom and in Node.js", async () => {
  for (const environment of ["jsdom", "node"]) {
    const jest = project.at("node_modules/jest/bin/jest.js");
    const flags = ["--experimental-vm-modules", jest, "--env", environment];
    flags.push("--testTimeout=60000");
    const told = await project.run("node", ...flags, ...namesOf("jest"));
    assert.match(stripVTControlCharacters(told), /Tests: +\d+ passed/);
  }
});

test("node:test runs the pages' examples, and the programs end by themselves", async () => {
  const told = await project.run("node", "--test", ...namesOf("node"));
  assert.match(told, /pass [1-9]/);
});
