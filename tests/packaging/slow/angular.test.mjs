import { before, test } from "node:test";
import { Project } from "../support/project.mjs";
import { Scene } from "../support/scene.mjs";

const scene = new Scene();
/** @type {Project} */
let project;

before(async () => {
  project = await Project.of("angular");
});

test("a page of Angular charges with the file among its assets and the option `module`", async () => {
  await project.build({}, "ng", "build");
  await scene.chargesFrom({ folder: project.at("dist/browser") });
});

test("a page of Angular charges with `tollbox/inline`", async () => {
  await project.build({}, "ng", "build", "--configuration", "inline");
  await scene.chargesInline({ folder: project.at("dist-inline/browser") });
});
