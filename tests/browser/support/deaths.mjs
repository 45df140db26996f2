import path from "node:path";
import { fileURLToPath } from "node:url";
import { patient } from "./stage.mjs";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

/** The package with a module that can be made to die: `cargo xtask build --deaths`. */
export const MORTAL = path.resolve(
  ROOT,
  process.env.TOLLBOX_PKG_DEATHS ?? "target/xtask/pkg-deaths",
);

/** The charge that the module dies over, and its key. */
export const REQUEST = { taskId: "film", amount: 4, feature: "cloud_trans" };
export const KEY = "cloud_trans:film";

/**
 * @typedef {"call" | "borrow" | "drain" | "timer" | "promise"} Place
 * @typedef {"panic" | "trap" | "exception" | "silence"} Way
 */

/**
 * Puts `die(place, way)` into the page: in the next call, or in a timer or a promise's continuation of
 * its own.
 *
 * @param {import("playwright-core").Page} page
 */
export async function allowDeaths(page) {
  await page.evaluate(() => {
    const { die } = /** @type {any} */ (globalThis.tollbox);
    globalThis.die = die;
  });
}

/**
 * A client of the page, with its log.
 *
 * @param {import("playwright-core").Page} page
 * @param {Awaited<ReturnType<import("./stage.mjs").Stage["options"]>>} options
 */
export async function openLogged(page, options) {
  await page.evaluate(async ({ token, ...options }) => {
    /** @type {string[]} */
    const log = [];
    globalThis.log = log;
    globalThis.client = await globalThis.tollbox.openBilling({
      ...options,
      getToken: async () => token,
      log: ({ level, message }) => log.push(`${level}: ${message}`),
    });
  }, options);
}

/**
 * A page with a client whose module can be made to die. Its time limits are long, so that no call
 * ends by itself while a test looks at the effects of a death.
 *
 * @param {import("./stage.mjs").Stage} stage
 * @param {import("tollbox").BillingOptions["retry"]} [retry]
 */
export async function openMortal(stage, retry) {
  const bare = await stage.bare();
  const options = patient(bare.options, { requestTimeoutMs: 60_000, ...retry });
  await allowDeaths(bare.page);
  await openLogged(bare.page, options);
  await bare.page.evaluate(() => globalThis.client.refreshBalance());
  return { ...bare, options };
}

/**
 * The number of the module's deaths in the log of the page's client.
 *
 * @param {import("playwright-core").Page} page
 * @returns {Promise<number>}
 */
export function deathsLogged(page) {
  return page.evaluate(
    () => globalThis.log.filter((line) => /^error: the billing module has died/.test(line)).length,
  );
}
