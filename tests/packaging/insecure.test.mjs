import assert from "node:assert/strict";
import { before, test } from "node:test";
import { chromium } from "playwright-core";
import { CHROMIUM, FLAGS } from "../browser/support/browser.mjs";
import { Project } from "./support/project.mjs";
import { Scene } from "./support/scene.mjs";

/** A name of no secure context, which leads to this computer. */
const HOST = "intranet.test";

const scene = new Scene(() =>
  chromium.launch({
    executablePath: CHROMIUM,
    args: [...FLAGS, `--host-resolver-rules=MAP ${HOST} 127.0.0.1`],
  }),
);
/** @type {Project} */
let project;

before(async () => {
  project = await Project.of("plain");
});

test("a page of plain http, without Web Locks and randomUUID, charges, and keeps its queue", async () => {
  const site = await scene.site({ folder: project.folder });
  const page = await scene.page(`http://${HOST}:${site.port}/`);
  const lacks = await page.evaluate(() => ({
    secure: isSecureContext,
    locks: "locks" in navigator,
    uuid: "randomUUID" in crypto,
  }));
  assert.deepEqual(lacks, { secure: false, locks: false, uuid: false });
  await scene.charges(page);

  const order = await scene.order();
  await scene.server.breakFor(order.account, { kind: "drop_before" });
  const retry = {
    baseDelayMs: 20,
    maxDelayMs: 200,
    respondWithinMs: 2_000,
    maxTotalAttempts: 1_000,
  };
  const outcome = await page.evaluate((order) => globalThis.charge(order), { ...order, retry });
  const isOpen = outcome.status === "unknown" || outcome.status === "queued";
  assert.ok(isOpen && outcome.durable, JSON.stringify(outcome));
  await scene.server.repair();
  const paid = await scene.server.ledgerWhen(order.account, "the open charge", ({ charges }) => {
    return charges.length > 0;
  });
  assert.equal(paid.charges.length, 1);
});
