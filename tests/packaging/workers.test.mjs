import { test } from "node:test";
import { Project } from "./support/project.mjs";
import { Scene } from "./support/scene.mjs";

const scene = new Scene();

/** Where each project has its pages, and which of them starts workers. */
const PAGES = [
  { name: "vite", folder: "dist", page: "workers.html" },
  { name: "webpack", folder: "dist", page: "worker-page.html" },
  { name: "esbuild", folder: "dist/workers", page: "script.html" },
  { name: "plain", folder: "", page: "workers.html" },
];

for (const { name, folder, page } of PAGES) {
  test(`a dedicated and a shared worker charge: ${name}`, async () => {
    const project = await (name === "plain" ? Project.of(name) : Project.built(name));
    const site = await scene.site({ folder: project.at(folder) });
    const opened = await scene.page(site.url + page);
    await scene.charges(opened, { worker: "dedicated" });
    await scene.charges(opened, { worker: "shared" });
  });
}
