import { before, test } from "node:test";
import { Project } from "./support/project.mjs";
import { Scene } from "./support/scene.mjs";

const scene = new Scene();
/** @type {Project} */
let project;

before(async () => {
  project = await Project.of("plain");
});

test("pages without a bundler charge: by an import map, and by relative addresses", async () => {
  for (const page of ["index.html", "relative.html"]) {
    await scene.chargesFrom({ folder: project.folder, base: "/static/" }, page);
  }
});

test("a page without a bundler charges with `tollbox/inline`, and fetches no module", async () => {
  await scene.chargesInline({ folder: project.folder }, "inline.html");
});

test("the packed sources load as they are, and charge", async () => {
  await scene.chargesFrom({ folder: project.folder }, "sources.html");
});
