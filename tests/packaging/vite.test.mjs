import assert from "node:assert/strict";
import { before, test } from "node:test";
import { Project } from "./support/project.mjs";
import { Scene } from "./support/scene.mjs";

const scene = new Scene();
/** @type {Project} */
let project;

before(async () => {
  project = await Project.built("vite");
});

test("pages that Vite built charge: plainly, with `tollbox/wasm?url`, and through another package", async () => {
  for (const page of ["index.html", "with-module.html", "through-shop.html"]) {
    await scene.chargesFrom({ folder: project.at("dist") }, page);
  }
});

test("a page that Vite built for a base path charges", async () => {
  await project.build({}, "vite", "build", "--base", "/shop/app/", "--outDir", "dist-base");
  await scene.chargesFrom({ folder: project.at("dist-base"), base: "/shop/app/" });
});

test("a library that Vite built has the module in it, and charges", async () => {
  await project.build({}, "vite", "build", "--config", "vite.lib.config.js");
  await scene.chargesInline({ folder: project.at("dist-lib") }, "library.html");
});

test("a page of Vite's dev server charges", async () => {
  const server = await project.serve("vite", "--host", "127.0.0.1", "--port", "0");
  scene.atEnd(() => server.stop());
  await scene.charges(await scene.page(server.url));
});

test("a page of Vite 7's dev server charges where `optimizeDeps` excludes the package, and is told so", async () => {
  const vite = ["node_modules/vite-7/bin/vite.js", "--host", "127.0.0.1", "--port", "0"];
  const excluding = await project.serve("node", ...vite, "--config", "vite-7.config.js");
  scene.atEnd(excluding.stop);
  await scene.charges(await scene.page(excluding.url));

  const plain = await project.serve("node", ...vite, "--config", "vite.config.js");
  scene.atEnd(plain.stop);
  const refusal = await scene.refusal(await scene.page(plain.url));
  assert.match(refusal, /^module_load_failed: .*HTML page.*tollbox\/inline or give `module`$/);
});
