import assert from "node:assert/strict";
import { test } from "node:test";
import { Project } from "./support/project.mjs";
import { Scene } from "./support/scene.mjs";

const scene = new Scene();

test("a page's tests in Vitest with jsdom load the module from its file, and charge", async () => {
  const project = await Project.of("vitest");
  const order = await scene.order();
  const printed = await project.runWith(
    { ORDER: JSON.stringify(order) },
    "vitest",
    "run",
    "--testTimeout=60000",
  );
  assert.match(printed, /2 passed/);
  assert.equal((await scene.server.ledger(order.account)).charges.length, 2);
});
