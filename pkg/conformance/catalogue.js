// @ts-check
/** The rules, as rules/*.json has them: one file a topic, in the order of index.json. */

import { readFileSync } from "node:fs";

/**
 * One request. Texts are templates: `{a}` is a fresh key, other names are what was saved before.
 *
 * @typedef {object} Send
 * @property {string} [charge] POST charges under this key
 * @property {string} [lookup] GET charges of this key
 * @property {Item[]} [batch] POST charges/batch of these
 * @property {number} [batch_of] POST charges/batch of so many, under `key`
 * @property {string} [key]
 * @property {string} [hold] POST holds under this key
 * @property {string} [release] DELETE holds of this key
 * @property {string} [method]
 * @property {string} [path] below the base URL
 * @property {Record<string, string | null>} [headers] more headers; null leaves one out
 * @property {Record<string, unknown>} [with] members of the charge or hold in place of the usual ones
 * @property {string[]} [without] members that are left out
 * @property {string} [text] the body, in place of the charge or hold
 * @property {"own" | "other" | "unknown" | "nobody"} [as] whose token goes with it
 * @property {Delivery} [delivery]
 */

/** @typedef {{ key: string, with?: Record<string, unknown>, without?: string[] }} Item */

/**
 * How a request is sent, where its body does not go at once and in full, and its answer is not waited
 * for.
 *
 * @typedef {"in pieces" | "without end" | "gone in the body" | "gone before the answer"
 *   | "in the background"} Delivery
 */

/**
 * What an answer must be. `closed` is no answer, but a closed connection.
 *
 * @typedef {object} Expect
 * @property {(number | string)[] | "refused" | "4xx" | "no redirect"} [status]
 * @property {true | string | { not: string }} [problem] a problem document, of this type
 * @property {Record<string, unknown>} [headers]
 * @property {Record<string, unknown>} [body] members by path, such as `results.0.status`
 * @property {number} [within_s]
 * @property {true} [closed]
 */

/**
 * @typedef {object} Step
 * @property {Send} [send]
 * @property {Expect | Expect[]} [expect] one of these
 * @property {number} [at_once] sends it so many times at once; `{n}` is the number of each
 * @property {Record<string, number>} [count] how many of the answers have which status
 * @property {string[]} [same] members that are the same in all answers of 200 and 201
 * @property {string[]} [different] members that differ in all of them
 * @property {[string, string]} [agree] members: those of them that have the same first have the same second
 * @property {Record<string, string>} [save] names for members of the answer, `header:NAME`, `status`, and
 *   for how many of all answers have a status, `count:STATUS`
 * @property {string} [balance] reads the balance, and saves it as NAME.balance, NAME.version, NAME.held,
 *   and NAME.free, which is what may be spent
 * @property {number | [number, number]} [taken] the points that are gone since a balance was read
 * @property {string} [since]
 * @property {number | string} [held] the points that are held more than when a balance was read
 * @property {number} [within_s] how long `held` may take to become so
 * @property {"any"} [version] what the version may be though nothing was taken: lower too
 * @property {"own" | "other"} [as]
 * @property {string[]} [ascending] each is greater than the one before
 * @property {[unknown, unknown]} [equal]
 * @property {string} [named] what `equal` compares
 * @property {number | string} [top_up] points for the command of --top-up-cmd
 * @property {number} [price] the price that the command of --price-cmd gives to `task_id`
 * @property {string} [task_id]
 * @property {number[]} [seen] looks at every answer of the run with one of these statuses
 */

/**
 * @typedef {object} Rule
 * @property {string} id
 * @property {string} duty
 * @property {string} source where the protocol says so
 * @property {("other-token" | "account" | "batch" | "holds" | "top-up" | "price")[]} [needs]
 * @property {number} [points] the most that it takes of the account
 * @property {number} [holding] the most that it holds there beside that, until its end
 * @property {number} [other_points] the most that it takes or holds of the other account
 * @property {Step[]} steps
 * @property {Record<string, { duty: string, steps: Step[], skip?: undefined } | { skip: true }>} [profiles]
 */

/**
 * The profiles, and what a server does that has one.
 *
 * @type {Record<string, string>}
 */
export const PROFILES = read("profiles");

/** @returns {Rule[]} */
export function catalogue() {
  return /** @type {string[]} */ (read("index")).flatMap((topic) => read(topic));
}

/** @param {string} name */
function read(name) {
  return JSON.parse(readFileSync(new URL(`./rules/${name}.json`, import.meta.url), "utf8"));
}
