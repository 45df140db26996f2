import { DrivenBrowser } from "./driven.mjs";
import { ProfileFolder } from "./folder.mjs";

const FIREFOX = process.env.FIREFOX ?? "/usr/bin/firefox-esr";
const GECKODRIVER = process.env.GECKODRIVER ?? "geckodriver";

/** Firefox, driven by WebDriver, on a profile that outlives it. */
export class Firefox extends DrivenBrowser {
  #folder;

  constructor() {
    const folder = new ProfileFolder();
    const command = (/** @type {number} */ port) => ({
      program: GECKODRIVER,
      args: ["--port", String(port), "--websocket-port", "0", "--binary", FIREFOX],
      environment: { HOME: folder.part("home") },
    });
    super(command, {
      browserName: "firefox",
      // Needed by WebDriver BiDi.
      webSocketUrl: true,
      "moz:firefoxOptions": {
        binary: FIREFOX,
        args: ["-headless", "-profile", folder.part("profile")],
      },
    });
    this.#folder = folder;
  }

  async remove() {
    await this.kill();
    this.#folder.remove();
  }
}
