import assert from "node:assert/strict";
import { before, test } from "node:test";
import { Project } from "../support/project.mjs";
import { Scene } from "../support/scene.mjs";

const scene = new Scene();
/** @type {Project} */
let project;

before(async () => {
  project = await Project.of("next");
});

for (const bundler of ["turbopack", "webpack"]) {
  for (const base of ["", "/shop"]) {
    const where = base ? "below a base path" : "at the root";
    test(`a page of Next.js ${where}, built by ${bundler}, is rendered by the server, and charges`, async () => {
      const variables = {
        BASE_PATH: base,
        DIST: `.next-${bundler}${base.replace("/", "-")}`,
        NEXT_TELEMETRY_DISABLED: "1",
      };
      await project.build(variables, "next", "build", `--${bundler}`);
      const server = await project.serveWith(variables, "next", "start", "--port", "0");
      scene.atEnd(server.stop);
      const url = new URL(base || "/", server.url).href;
      const rendered = await (await fetch(url)).text();
      assert.match(rendered, /data-balance="null" data-error="\w+"/);
      await scene.charges(await scene.page(url));
    });
  }
}
