import assert from "node:assert/strict";
import { before, test } from "node:test";
import { Project } from "./support/project.mjs";

/** @type {Project} */
let project;

before(async () => {
  project = await Project.of("typescript");
});

/** How the compiler is told to find packages; each implies its own kind of module. */
const RESOLUTIONS = { bundler: "esnext", node16: "node16", nodenext: "nodenext" };

/** The oldest that is supported, the last of the old compiler, and the newest. */
for (const version of ["5.0", "5.9", "7.0"]) {
  const compiler = `node_modules/typescript-${version}/bin/tsc`;

  for (const [resolution, kind] of Object.entries(RESOLUTIONS)) {
    test(`TypeScript ${version} compiles a user's code, by ${resolution}`, async () => {
      const options = ["--module", kind, "--moduleResolution", resolution];
      await project.build({}, "node", compiler, "--project", "tsconfig.json", ...options);
    });
  }

  test(`TypeScript ${version} finds the case that a switch over outcomes lacks`, async () => {
    const compiled = project.run("node", compiler, "--project", "tsconfig.missing-case.json");
    await assert.rejects(compiled, /missing-case\.ts.*error TS2366: Function lacks ending return/);
  });
}
