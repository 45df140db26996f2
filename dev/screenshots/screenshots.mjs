/**
 * Makes the pictures of the demo that the documents show: a desk during maintenance, and the storm as
 * an animation. Run by `cargo xtask screenshots`.
 */

import path from "node:path";
import sharp from "sharp";
import { launch } from "../../tests/browser/support/browser.mjs";
import { DemoPage } from "../../tests/browser/support/demo.mjs";
import { BillingServer } from "../../tests/browser/support/server.mjs";

const DOCS = path.join(import.meta.dirname, "../../docs");

const SPEECH = ["Good morning, everybody!", "Thank you very much."];
const LATE_SPEECH = "Hello, world!";

/** Between two frames of the animation. */
const FRAME_MS = 400;
const LAST_FRAME_MS = 5_000;
/** The storm, its calm and both rivals. */
const STORM_LIMIT_MS = 180_000;

const server = await BillingServer.start();
const browser = await launch();
try {
  await takeDesk();
  await takeStorm();
} finally {
  await browser.close();
  await server.stop();
}

/** What is paid, and what waits and until when. */
async function takeDesk() {
  const demo = await open({ width: 1440, height: 1352 });
  await demo.signIn("mei");
  for (const speech of SPEECH) {
    const line = await demo.submit(speech);
    await line.paid("charged");
  }
  await demo.weather("busy");
  const line = await demo.submit(LATE_SPEECH);
  await line.paid("queued");
  await demo.agreement("agree");
  await demo.page.evaluate(() => scrollTo(0, 0));
  await demo.page.screenshot({ path: path.join(DOCS, "demo.png") });
}

/** The storm from its first gust to its last figure. */
async function takeStorm() {
  const demo = await open({ width: 1440, height: 900 }, 2);
  await demo.signIn("storm");
  await demo.at("run-storm").click();
  const card = demo.at("experiment-storm");
  const done = demo.page.locator('[data-testid="experiment-storm"][data-state="done"]');
  const stopAt = Date.now() + STORM_LIMIT_MS;
  /** @type {Buffer[]} */
  const frames = [];
  let isOver = false;
  while (!isOver) {
    if (Date.now() > stopAt) throw new Error("the storm does not end");
    await demo.page.waitForTimeout(FRAME_MS);
    isOver = (await done.count()) > 0;
    frames.push(await card.screenshot());
  }
  await animate(frames, path.join(DOCS, "storm.webp"));
}

/**
 * Writes the frames, which may differ in height, as one WebP without end.
 *
 * @param {Buffer[]} frames
 * @param {string} file
 */
async function animate(frames, file) {
  const sizes = await Promise.all(frames.map((frame) => sharp(frame).metadata()));
  const width = Math.max(...sizes.map((size) => size.width));
  const height = Math.max(...sizes.map((size) => size.height));
  const padded = frames.map((frame) =>
    sharp(frame)
      .resize({ width, height, fit: "contain", position: "left top", background: "#ffffff" })
      .png()
      .toBuffer(),
  );
  const delay = frames.map((_, index) => (index < frames.length - 1 ? FRAME_MS : LAST_FRAME_MS));
  await sharp(await Promise.all(padded), { join: { animated: true } })
    .webp({ loop: 0, delay, quality: 80, effort: 6 })
    .toFile(file);
}

/**
 * @param {{ width: number, height: number }} viewport
 * @param {number} deviceScaleFactor pixels of the picture for one of the page
 */
async function open(viewport, deviceScaleFactor = 1) {
  const context = await browser.newContext({
    viewport,
    deviceScaleFactor,
    locale: "en-US",
    colorScheme: "light",
  });
  return new DemoPage(await context.newPage(), server.url);
}
