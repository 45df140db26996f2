// @ts-check
/** The command line of `tollbox conformance`. */

import { randomBytes } from "node:crypto";
import { parseArgs } from "node:util";
import { PROFILES } from "./catalogue.js";

/** What the runner in Rust takes for a URL too, and without a password that would be printed. */
const BASE_URL = /^https?:\/\/(?:[\w.-]+|\[[\da-f:.]+\])(?::\d+)?(?:\/[!$-;=@-Z_a-z~]*)?$/i;

/** A mistake in the command line, in one line. */
export class WrongOption extends Error {}

export const HELP = `Usage: tollbox conformance --base-url URL --token T [options]

Runs the charge protocol against a billing server, rule by rule, and says which it keeps. It charges
the account for real, a point at a time: give it an account that nobody else uses meanwhile.

  --base-url URL        where the protocol is, such as http://localhost:8787/billing/v1
  --token T             a token of the account that is charged
  --other-token U       a token of another account
  --account NAME        the account of --token, as Billing-Account names it
  --feature NAME        the feature that is charged; a task of it must cost 1 point, or what is asked
                        for (conformance)
  --top-up-cmd COMMAND  a shell command that adds $TOLLBOX_POINTS points to the account of
                        $TOLLBOX_TOKEN
  --price-cmd COMMAND   a shell command that sets the price of $TOLLBOX_TASK_ID to $TOLLBOX_PRICE,
                        for the account of $TOLLBOX_TOKEN
  --profile NAME        a server that differs on purpose; may be given more than once:
${Object.entries(PROFILES)
  .map(([name, what]) => `                          ${name.padEnd(14)}${what}`)
  .join("\n")}
  --origin ORIGIN       where the pages are that may use the server (https://shop.example)
  --only RULE           a rule or a topic, such as replay; may be given more than once
  --answer-within SECONDS
                        how long an answer may take (30)
  --body-within SECONDS how long a body that never ends may be waited for (90)
  --run HEX             names the keys of this run, up to 12 digits; the same again finds them used
  --json                print the results as JSON
  --junit FILE          write them to a file, as JUnit has them
  --help                show this

Exit code: 0 all rules are kept, 1 one is broken, 2 they can't be run.
`;

/**
 * @typedef {object} Options
 * @property {string} baseUrl without a slash at its end
 * @property {URL} base
 * @property {string} token
 * @property {string | null} otherToken
 * @property {string | null} account
 * @property {string} feature
 * @property {string | null} topUpCommand
 * @property {string | null} priceCommand
 * @property {string[]} profiles
 * @property {string} origin of a page
 * @property {string[]} only
 * @property {number} answerWithinMs
 * @property {number} bodyWithinMs
 * @property {string} run
 * @property {boolean} json
 * @property {string | null} junit
 */

/**
 * @param {string[]} given
 * @returns {Options | "help"}
 */
export function parseOptions(given) {
  const values = parsed(given);
  if (values.help) {
    return "help";
  }
  const token = required("token", values.token);
  for (const [name, value = "x"] of [
    ["token", token],
    ["other-token", values["other-token"]],
  ]) {
    if (!/^[!-~]+$/.test(value)) {
      throw new WrongOption(`--${name} must be of printable ASCII characters`);
    }
  }
  const baseUrl = required("base-url", values["base-url"]).replace(/\/+$/, "");
  const base = URL.canParse(baseUrl) ? new URL(baseUrl) : null;
  if (!base || !BASE_URL.test(baseUrl)) {
    throw new WrongOption(
      "--base-url must be an http or https URL of ASCII characters, without a user and a query",
    );
  }
  const profiles = values.profile ?? [];
  const unknown = profiles.find((name) => !Object.hasOwn(PROFILES, name));
  if (unknown !== undefined) {
    throw new WrongOption(
      `there is no profile ${unknown}; there is ${Object.keys(PROFILES).join(", ")}`,
    );
  }
  const origin = values.origin ?? "https://shop.example";
  if (!/^https?:\/\/[!-.0->A-~]+$/.test(origin)) {
    throw new WrongOption("--origin must be http or https and a host, as https://shop.example");
  }
  const feature = values.feature ?? "conformance";
  if (!/^[\w.:-]+$/.test(feature)) {
    throw new WrongOption("--feature must be of letters, digits and _ . : -");
  }
  const run = values.run ?? randomBytes(6).toString("hex");
  if (!/^[\da-f]{1,12}$/.test(run)) {
    throw new WrongOption("--run must be up to 12 digits of hexadecimal, in lower case");
  }
  return {
    baseUrl,
    base,
    token,
    otherToken: values["other-token"] ?? null,
    account: values.account ?? null,
    feature,
    topUpCommand: values["top-up-cmd"] ?? null,
    priceCommand: values["price-cmd"] ?? null,
    profiles,
    origin,
    only: values.only ?? [],
    answerWithinMs: seconds("answer-within", values["answer-within"] ?? "30") * 1_000,
    bodyWithinMs: seconds("body-within", values["body-within"] ?? "90") * 1_000,
    run,
    json: values.json ?? false,
    junit: values.junit ?? null,
  };
}

/** @param {string[]} given */
function parsed(given) {
  try {
    return parseArgs({
      args: given,
      options: {
        "base-url": { type: "string" },
        token: { type: "string" },
        "other-token": { type: "string" },
        account: { type: "string" },
        feature: { type: "string" },
        "top-up-cmd": { type: "string" },
        "price-cmd": { type: "string" },
        profile: { type: "string", multiple: true },
        origin: { type: "string" },
        only: { type: "string", multiple: true },
        "answer-within": { type: "string" },
        "body-within": { type: "string" },
        run: { type: "string" },
        json: { type: "boolean" },
        junit: { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    }).values;
  } catch (error) {
    const [message] = (error instanceof Error ? error.message : String(error)).split(/\. |\n/);
    throw new WrongOption(`${message} (see --help)`);
  }
}

/**
 * @param {string} name
 * @param {string} value
 */
function seconds(name, value) {
  if (!/^[1-9]\d{0,3}$/.test(value)) {
    throw new WrongOption(`--${name} must be a number of seconds from 1 to 9999`);
  }
  return Number(value);
}

/**
 * @param {string} name
 * @param {string | undefined} value
 */
function required(name, value) {
  if (!value) {
    throw new WrongOption(`--${name} is needed (see --help)`);
  }
  return value;
}
