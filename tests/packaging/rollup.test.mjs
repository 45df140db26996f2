import assert from "node:assert/strict";
import { before, test } from "node:test";
import { Project } from "./support/project.mjs";
import { Scene } from "./support/scene.mjs";

const scene = new Scene();
/** @type {Project} */
let project;

before(async () => {
  project = await Project.built("rollup");
});

test("pages that Rollup built with import-meta-assets charge, through another package too", async () => {
  for (const folder of ["dist", "dist-through-shop"]) {
    await scene.chargesFrom({ folder: project.at(folder) });
  }
});

test("a page that Rollup built without the plugin is told what to do, and charges with the file in place", async () => {
  const site = await scene.site({ folder: project.at("dist-without") });
  const page = await scene.page(site.url);
  const refusal = await scene.refusal(page);
  assert.match(refusal, /^module_load_failed: .*HTTP 404.*tollbox\/inline or give `module`$/);
  await project.run("cp", "node_modules/tollbox/wasm/tollbox_bg.wasm", "dist-without");
  await scene.charges(page, { module: "tollbox_bg.wasm" });
});
