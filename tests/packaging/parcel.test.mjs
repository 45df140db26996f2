import { test } from "node:test";
import { Project } from "./support/project.mjs";
import { Scene } from "./support/scene.mjs";

const scene = new Scene();

test("a page that Parcel built charges", async () => {
  const project = await Project.built("parcel");
  await scene.chargesFrom({ folder: project.at("dist") });
});
