import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

/** A folder for one browser's profile; the browser keeps nothing outside of it. */
export class ProfileFolder {
  #path = mkdtempSync(path.join(tmpdir(), "tollbox-profile-"));

  /** @param {string} name of a folder in it, which is made */
  part(name) {
    const folder = path.join(this.#path, name);
    mkdirSync(folder, { recursive: true });
    return folder;
  }

  /** Environment variables that make a desktop program keep its files in this folder. */
  get environment() {
    return {
      HOME: this.part("home"),
      XDG_DATA_HOME: this.part("data"),
      XDG_CACHE_HOME: this.part("cache"),
      XDG_CONFIG_HOME: this.part("config"),
    };
  }

  remove() {
    rmSync(this.#path, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  }
}
