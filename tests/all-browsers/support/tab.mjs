/** The time limit of a browser's answer, long because starting one on a busy computer takes time. */
export const PATIENCE_MS = 60_000;

/**
 * A page that has imported the package (bare.mjs), in whatever browser.
 *
 * @typedef {object} Tab
 * @property {<A, R>(script: (argument: A) => R, argument?: A) => Promise<Awaited<R>>} evaluate
 *   runs a script in the page; its argument and result go through JSON. Tabs of one browser may take
 *   turns: work that is to go on in several at once is begun in each, and awaited later.
 * @property {() => Promise<void>} reload
 */

/**
 * A browser with a profile of its own. Its storage outlives `kill` only with `keepsProfile`.
 *
 * @typedef {object} Browser
 * @property {(...sites: import("./pilot.mjs").PilotedSite[]) => Promise<Tab[]>} open
 *   starts it, with one tab a site
 * @property {() => Promise<void>} kill SIGKILL to every process of the browser at once
 * @property {() => Promise<void>} remove kills it, and removes its profile
 */
