import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { text } from "node:stream/consumers";
import { before, test } from "node:test";
import { CHROMIUM, FLAGS } from "../browser/support/browser.mjs";
import { ProcessGroup } from "../browser/support/group.mjs";
import { until } from "../browser/support/until.mjs";
import { Project } from "./support/project.mjs";
import { Scene } from "./support/scene.mjs";

const scene = new Scene();
/** @type {Project} */
let project;

before(async () => {
  project = await Project.of("plain");
});

// A browser that is driven prerenders nothing: these pages ask the test when to go on.
test("a page that charges while it is prerendered charges once, and goes on when it is shown", async () => {
  /** @type {any[]} */
  const reports = [];
  /** @type {(() => void)[]} */
  const waiting = [];
  const site = await scene.site({
    folder: project.folder,
    async answer(request, response) {
      if (request.url === "/go") waiting.push(() => response.end());
      else if (request.url === "/report") {
        reports.push(JSON.parse(await text(request)));
        response.end();
      } else return false;
      return true;
    },
  });
  const reported = (/** @type {string} */ step) =>
    until(
      () => `the report "${step}" after ${JSON.stringify(reports)}`,
      () => reports.find((report) => report.step === step),
    );
  const order = await scene.order();
  const search = new URLSearchParams({ order: JSON.stringify(order) });
  const profile = mkdtempSync(path.join(tmpdir(), "tollbox-prerender-"));
  const flags = [...FLAGS, "--headless", `--user-data-dir=${profile}`];
  const browser = new ProcessGroup(CHROMIUM, [...flags, `${site.url}prerendering.html?${search}`]);
  scene.atEnd(async () => {
    await browser.kill();
    // Something of the browser's may still be writing.
    rmSync(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  });

  assert.equal((await reported("opened")).prerendering, true);
  for (const go of waiting) go();
  const { outcome } = await reported("charged");
  assert.equal((await reported("shown")).prerendering, false);
  assert.equal(outcome.status, "charged");
  assert.equal((await scene.server.ledger(order.account)).charges.length, 1);
  const steps = reports.map(({ step }) => step);
  assert.deepEqual(steps, ["opened", "charged", "shown"], "the page is loaded once");
});
