import { before, test } from "node:test";
import { Project } from "./support/project.mjs";
import { Scene } from "./support/scene.mjs";

const scene = new Scene();
/** @type {Project} */
let project;

before(async () => {
  project = await Project.built("rspack");
});

test("pages that Rspack built charge: plainly, with `tollbox/wasm`, and through another package", async () => {
  for (const page of ["main.html", "with-module.html", "through-shop.html"]) {
    await scene.chargesFrom({ folder: project.at("dist") }, page);
  }
});
