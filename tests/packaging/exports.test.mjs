import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { ARCHIVE, Project } from "./support/project.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** @type {Project} */
let project;

before(async () => {
  project = await Project.of("plain");
});

/**
 * What a script of the project prints.
 *
 * @param {string} script
 */
const printed = async (script) =>
  (await project.run("node", "--input-type=module", "--eval", script)).trim();

/** @param {string} name */
const inPackage = (name) => project.at("node_modules/tollbox", name);

test("publint finds nothing in the packed package", () => {
  execFileSync("npx", ["--no-install", "publint", "run", "--strict", ARCHIVE], { cwd: ROOT });
});

test("are-the-types-wrong finds nothing in the packed package but that it is ES modules only", () => {
  execFileSync("npx", ["--no-install", "attw", ARCHIVE, "--profile", "esm-only"], { cwd: ROOT });
});

test("the packed package brings no other, and runs nothing when it is installed", () => {
  const written = JSON.parse(readFileSync(inPackage("package.json"), "utf8"));
  for (const field of ["scripts", "dependencies", "optionalDependencies", "bundleDependencies"]) {
    assert.equal(written[field], undefined, field);
  }
  // npm would compile it.
  assert.ok(!existsSync(inPackage("binding.gyp")));
});

test("the packed package has licences, and source maps with their sources", () => {
  for (const name of ["LICENSE-MIT", "LICENSE-APACHE", "README.md"]) {
    assert.ok(existsSync(inPackage(name)), name);
  }
  for (const name of ["dist/index.js", "dist/inline.js"]) {
    const script = readFileSync(inPackage(name), "utf8");
    assert.match(script, new RegExp(`sourceMappingURL=${name.slice("dist/".length)}.map\\s*$`));
    /** @type {{ sources: string[], sourcesContent: string[] }} */
    const { sources, sourcesContent } = JSON.parse(readFileSync(inPackage(`${name}.map`), "utf8"));
    assert.deepEqual(
      sources.filter((_, at) => !sourcesContent[at]),
      [],
    );
    assert.ok(sources.includes("../index.js"));
  }
});

test("Node.js resolves the module's file by its name", async () => {
  const file = inPackage("wasm/tollbox_bg.wasm");
  assert.equal(await printed('console.log(import.meta.resolve("tollbox/wasm"))'), `file://${file}`);
  const required = `
    import { createRequire } from "node:module";
    console.log(createRequire(process.cwd() + "/main.js").resolve("tollbox/wasm"));
  `;
  assert.equal(await printed(required), file);
});

test("a server imports the package, reads no balance with it, and opens no client", async () => {
  for (const entry of ["tollbox", "tollbox/inline"]) {
    const script = `
      const globals = () => Object.getOwnPropertyNames(globalThis).sort().join();
      const before = globals();
      const { BillingError, cachedBalance, openBilling } = await import("${entry}");
      const owner = { baseUrl: "https://billing.example/v1", account: "alice" };
      const balance = cachedBalance(owner);
      const error = await openBilling(owner).catch((error) => error);
      console.log(globals() === before, balance, error instanceof BillingError, error.code);
    `;
    assert.equal(await printed(script), "true null true module_load_failed", entry);
  }
});

test("both entries export the same names, and say nothing when imported", async () => {
  const script = `
    const entries = [await import("tollbox"), await import("tollbox/inline")];
    console.log(entries.map((entry) => Object.keys(entry).sort().join()).join(" "));
  `;
  const names = "BillingClient,BillingError,cachedBalance,openBilling";
  const [plain, inline] = (await printed(script)).split(" ");
  assert.equal(inline, plain);
  for (const name of names.split(",")) assert.ok(plain?.split(",").includes(name), name);
});
