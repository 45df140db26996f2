import assert from "node:assert/strict";
import { test } from "node:test";
import { patient, Stage } from "./support/stage.mjs";
import {
  chargeAll,
  chargedOnce,
  locksAre,
  openIn,
  queueAll,
  seesCharged,
} from "./support/tabs.mjs";

const stage = new Stage();

/** Makes the page's Web Locks answer nothing from now on, not even that a wait has ended. */
function silence() {
  navigator.locks.request = () => new Promise(() => {});
}

/**
 * Closes the page's client; fails if `close` does not resolve.
 *
 * @param {import("playwright-core").Page} page
 */
async function closes(page) {
  await page.evaluate(() => {
    void globalThis.client.close().then(() => {
      globalThis.kept.closed = true;
    });
  });
  await page.waitForFunction(() => globalThis.kept.closed);
}

test("a client opens, charges, flushes and closes although Web Locks never answer", async () => {
  const { context, page, account, options } = await stage.bare();
  await page.evaluate(silence);
  await page.evaluate((options) => {
    void globalThis.openClient(options).then((client) => {
      globalThis.client = client;
    });
  }, patient(options));
  await page.waitForFunction(() => globalThis.client !== undefined);
  await page.evaluate(() => globalThis.client.refreshBalance());
  const [outcome] = await chargeAll(page, ["film"]);
  assert.equal(outcome?.status, "charged", JSON.stringify(outcome));

  await context.setOffline(true);
  await queueAll(page, ["song", "book"]);
  await context.setOffline(false);
  await seesCharged(page, ["song", "book"]);
  chargedOnce(await stage.server.ledger(account), ["film", "song", "book"]);
  await closes(page);
});

test("Web Locks that stop answering later delay a flush, but not for ever", async () => {
  const { context, page, account, options } = await stage.bare();
  await openIn(page, options);
  await context.setOffline(true);
  await queueAll(page, ["film", "song"]);
  await page.evaluate(silence);
  await context.setOffline(false);
  await seesCharged(page, ["film", "song"]);
  chargedOnce(await stage.server.ledger(account), ["film", "song"]);
  await closes(page);
  await locksAre(page, "nothing held any more", ({ held }) => held.length === 0);
});
