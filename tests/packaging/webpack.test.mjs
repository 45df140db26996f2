import { before, test } from "node:test";
import { Project } from "./support/project.mjs";
import { Scene } from "./support/scene.mjs";

const scene = new Scene();
/** @type {Project} */
let project;

before(async () => {
  project = await Project.built("webpack");
});

test("pages that webpack built charge: plainly, with `tollbox/wasm`, and through another package", async () => {
  for (const page of ["main.html", "with-module.html", "through-shop.html"]) {
    await scene.chargesFrom({ folder: project.at("dist") }, page);
  }
});

test("a page that webpack built charges below a base path", async () => {
  await scene.chargesFrom({ folder: project.at("dist"), base: "/shop/app/" }, "main.html");
});
