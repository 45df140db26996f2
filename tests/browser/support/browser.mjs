import { chromium } from "playwright-core";

/** Debian's Chromium. */
export const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** The time limit of a test's wait. */
export const DEADLINE_MS = 15_000;

/** Flags: no background traffic, and no sandbox, as the tests may run as root. */
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
