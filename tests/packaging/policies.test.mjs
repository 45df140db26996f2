import assert from "node:assert/strict";
import { before, test } from "node:test";
import { Project } from "./support/project.mjs";
import { Scene } from "./support/scene.mjs";

const scene = new Scene();
/** @type {Project} */
let project;

before(async () => {
  project = await Project.built("webpack");
});

/** @param {string} more directives */
const policy = (more) => ({
  "content-security-policy": `default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; ${more}`,
});

test("a page whose policy allows its own files and 'wasm-unsafe-eval' charges", async () => {
  const headers = policy(`connect-src 'self' ${scene.server.url}`);
  await scene.chargesFrom({ folder: project.at("dist"), headers }, "main.html");
});

test("a page under Trusted Types charges, and breaks no rule of theirs", async () => {
  const types = "require-trusted-types-for 'script'; trusted-types 'none'";
  const headers = policy(`connect-src 'self' ${scene.server.url}; ${types}`);
  const plain = await Project.of("esbuild");
  await plain.build({}, "npm", "run", "build");
  for (const [folder, name] of [
    [project.at("dist"), "main.html"],
    [plain.at("dist/script"), "script.html"],
  ]) {
    const site = await scene.site({ folder: String(folder), headers });
    const page = await scene.page(
      site.url + name,
      `globalThis.violated = [];
       document.addEventListener("securitypolicyviolation", (event) => {
         violated.push(event.violatedDirective + " " + event.sample);
       });`,
    );
    await scene.charges(page);
    assert.deepEqual(await page.evaluate("violated"), [], name);
    const caught = await page.evaluate(() => {
      try {
        document.createElement("div").innerHTML = "<b>no</b>";
        return "nothing";
      } catch (error) {
        return String(error);
      }
    });
    assert.match(caught, /TrustedHTML/, "the page is under Trusted Types");
  }
});
