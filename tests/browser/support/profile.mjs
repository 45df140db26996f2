import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { chromium } from "playwright-core";
import { CHROMIUM, DEADLINE_MS, FLAGS } from "./browser.mjs";
import { ProcessGroup } from "./group.mjs";
import { until } from "./until.mjs";

/** A browser with a profile that outlives it, to be killed outright and started again. */
export class ProfiledBrowser {
  #profile = mkdtempSync(path.join(tmpdir(), "tollbox-profile-"));
  /** @type {ProcessGroup | null} */
  #group = null;
  /** @type {import("playwright-core").Browser | null} */
  #browser = null;

  /** The folder of all sites' databases. */
  get databases() {
    return path.join(this.#profile, "Default", "IndexedDB");
  }

  /** Starts the browser as the leader of its own process group, and gives its first page. */
  async start() {
    // Leftovers of a killed browser would keep the next one from starting.
    for (const left of [
      "SingletonLock",
      "SingletonCookie",
      "SingletonSocket",
      "DevToolsActivePort",
    ]) {
      rmSync(path.join(this.#profile, left), { force: true });
    }
    const place = [`--user-data-dir=${this.#profile}`, "--remote-debugging-port=0", "about:blank"];
    const args = ["--headless", ...FLAGS, ...place];
    this.#group = new ProcessGroup(CHROMIUM, args);
    const port = await until("the browser's debugging port", () => this.#port());
    const browser = await chromium.connectOverCDP(`http://127.0.0.1:${port}`);
    this.#browser = browser;
    const [context] = browser.contexts();
    if (!context) throw new Error("the browser has no context");
    context.setDefaultTimeout(DEADLINE_MS);
    return context.newPage();
  }

  #port() {
    try {
      return readFileSync(path.join(this.#profile, "DevToolsActivePort"), "utf8").split("\n")[0];
    } catch {
      return null;
    }
  }

  /** Kills every process of the browser at once, as a crash would. */
  async kill() {
    const group = this.#group;
    this.#group = null;
    await group?.kill();
  }

  /** Lets the browser quit by itself, so that all of its storage reaches the disk. */
  async quit() {
    const session = await this.#browser?.newBrowserCDPSession();
    await session?.send("Browser.close").catch(() => {});
    await until("the end of the browser", () => this.#group?.hasEnded());
    await this.kill();
  }

  async remove() {
    await this.kill();
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  }
}
