import assert from "node:assert/strict";
import { before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { Project } from "./support/project.mjs";
import { Scene } from "./support/scene.mjs";

const scene = new Scene();
/** @type {Project} */
let project;

before(async () => {
  project = await Project.built("esbuild");
});

test("pages that esbuild built with `tollbox/inline` charge, as a module and as a script", async () => {
  await scene.chargesInline({ folder: project.at("dist/inline") });
  await scene.chargesInline({ folder: project.at("dist/script") }, "script.html");
});

test("a page of a browser that can't inflate charges with `tollbox/inline`", async () => {
  const site = await scene.site({ folder: project.at("dist/inline") });
  const page = await scene.page(site.url, "delete globalThis.DecompressionStream");
  await scene.charges(page);
});

test("a page that is a file charges with `tollbox/inline`", async () => {
  const file = pathToFileURL(project.at("dist/script/script.html"));
  await scene.charges(await scene.page(file.href));
});

test("a page that esbuild built charges with `tollbox/wasm` as the option `module`", async () => {
  await scene.chargesFrom({ folder: project.at("dist/with-module") });
});

test("a page that esbuild built without either is told what to do", async () => {
  for (const [folder, name] of [
    ["dist/plain", "index.html"],
    ["dist/plain-script", "script.html"],
  ]) {
    const site = await scene.site({ folder: project.at(folder) });
    const refusal = await scene.refusal(await scene.page(site.url + name));
    assert.match(refusal, /^module_load_failed: .*tollbox\/inline or give `module`$/, folder);
  }
});
