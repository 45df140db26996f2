import { ProcessGroup } from "../../browser/support/group.mjs";
import { DrivenBrowser } from "./driven.mjs";
import { ProfileFolder } from "./folder.mjs";

const MINI_BROWSER =
  process.env.MINI_BROWSER ?? "/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser";
const DRIVER = process.env.WEBKIT_DRIVER ?? "/usr/bin/WebKitWebDriver";

/** WebKitGTK, driven by WebDriver. Its storage is gone with it: the driver has no other mode. */
export class DrivenWebKit extends DrivenBrowser {
  #folder;

  constructor() {
    const folder = new ProfileFolder();
    const command = (/** @type {number} */ port) => ({
      program: DRIVER,
      args: [`--port=${port}`],
      environment: folder.environment,
    });
    super(command, {
      browserName: "MiniBrowser",
      "webkitgtk:browserOptions": { binary: MINI_BROWSER, args: ["--automation"] },
    });
    this.#folder = folder;
  }

  async remove() {
    await this.kill();
    this.#folder.remove();
  }
}

/** WebKitGTK on a profile that outlives it. Without a driver: its pages fetch scripts from the site. */
export class ProfiledWebKit {
  #folder = new ProfileFolder();
  /** @type {ProcessGroup | null} */
  #group = null;

  /** @param {import("./pilot.mjs").PilotedSite[]} sites */
  async open(...sites) {
    const tabs = sites.map((site) => site.tab());
    const addresses = tabs.map((tab) => tab.url);
    this.#group = new ProcessGroup(MINI_BROWSER, addresses, this.#folder.environment);
    for (const tab of tabs) await tab.arrive();
    return tabs;
  }

  /** Kills every process of the browser at once, as a crash would. */
  async kill() {
    const group = this.#group;
    this.#group = null;
    await group?.kill();
  }

  async remove() {
    await this.kill();
    this.#folder.remove();
  }
}
