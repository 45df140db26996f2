import { chromium } from "playwright-core";

/** Debian's Chromium. */
export const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** After this what a test waits for is taken for missing. */
export const DEADLINE_MS = 15_000;

/** Nothing that phones home, and no sandbox: the tests may run as root. */
export const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export function launch() {
  return chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
}

/** With the back/forward cache, which Playwright turns off. */
export function launchWithCache() {
  const ignoreDefaultArgs = ["--disable-back-forward-cache"];
  return chromium.launch({ executablePath: CHROMIUM, args: FLAGS, ignoreDefaultArgs });
}
