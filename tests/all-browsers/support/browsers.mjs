import { Chromium } from "./chromium.mjs";
import { Firefox } from "./firefox.mjs";
import { DrivenWebKit, ProfiledWebKit } from "./webkit.mjs";

/**
 * @typedef {object} Make
 * @property {string} title
 * @property {() => import("./tab.mjs").Browser} driven by its driver, where it has one
 * @property {() => import("./tab.mjs").Browser} profiled one that keeps its profile when it is killed
 * @property {(() => Offline) | null} offline one whose network can be taken away
 */

/**
 * @typedef {import("./tab.mjs").Browser & { setOffline: (offline: boolean) => Promise<void> }} Offline
 */

/** @type {Record<string, Make>} */
const MAKES = {
  chromium: {
    title: "Chromium",
    driven: () => new Chromium(),
    profiled: () => new Chromium(),
    offline: () => new Chromium(),
  },
  firefox: {
    title: "Firefox",
    driven: () => new Firefox(),
    profiled: () => new Firefox(),
    offline: () => new Firefox(),
  },
  webkit: {
    title: "WebKitGTK",
    driven: () => new DrivenWebKit(),
    profiled: () => new ProfiledWebKit(),
    offline: null,
  },
};

/** The browsers that TOLLBOX_BROWSERS names, separated by commas; without it, all. */
export function chosen() {
  const names = process.env.TOLLBOX_BROWSERS?.split(",") ?? Object.keys(MAKES);
  return names.map((name) => {
    const make = MAKES[name];
    if (!make) throw new Error(`no browser that is known here: ${name}`);
    return make;
  });
}
