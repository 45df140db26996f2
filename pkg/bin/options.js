// @ts-check
/** The command line. */

import { parseArgs } from "node:util";
import { MAX_POINTS } from "../server/limits.js";

/** The longest time that a decision may take: clients rely on it. */
const LONGEST_DECISION_MS = 5_000;

/** A mistake in the command line, in one line. */
export class WrongOption extends Error {}

export const HELP = `Usage: tollbox dev [options]
       tollbox conformance [options]

\`tollbox conformance\` checks whether a billing server keeps the charge protocol; it has a --help of
its own. \`tollbox dev\` is a billing server for development: the protocol below /billing/v1, on this
computer. A token is the name of an account: the token "alice" pays for alice, who starts with some
points.

  --port N              the port to listen on; 0 takes any free one (8787)
  --host ADDRESS        the address to listen on (127.0.0.1)
  --database FILE       an SQLite file, made if it isn't there, or ":memory:" (:memory:)
  --seed-balance N      points that a new account starts with (120)
  --static DIR          serve this folder at /
  --token-ttl SECONDS   how long a token of /demo/session is accepted (3600)
  --key-ttl SECONDS     how long a charged key is remembered (for ever)
  --body-within MS      how long a request's body may take to come to its end (10000)
  --decide-within MS    how long a request may take to be decided, 5000 at most (5000)
  --no-holds            answer as a server that keeps no holds
  --bare                the charge protocol alone, with tokens of the database only
  --demo                with --bare: signing in without a password, top-ups, a view of the ledger
  --faults              with --bare: errors and lost answers on demand
  --help                show this
  --version             show the version

The panel at /panel/ sets faults and shows the ledger. It asks nobody for a password: let nobody
but yourself reach this server.
`;

/**
 * @typedef {object} Options
 * @property {number} port
 * @property {string} host
 * @property {string} database
 * @property {number} seedBalance
 * @property {string | null} staticDir
 * @property {number} tokenTtlMs
 * @property {number | null} keyTtlMs
 * @property {number} bodyWithinMs
 * @property {number} decideWithinMs
 * @property {boolean} holds
 * @property {boolean} bare
 * @property {boolean} demo
 * @property {boolean} faults
 */

/**
 * @param {string[]} given
 * @returns {Options | "help" | "version"}
 */
export function parseOptions(given) {
  const { values, positionals } = parsed(given);
  if (values.help || positionals[0] === "help") {
    return "help";
  }
  if (values.version) {
    return "version";
  }
  const [command, ...rest] = positionals;
  if (command !== "dev" || rest.length > 0) {
    const what = command === undefined ? "no command" : `no command ${positionals.join(" ")}`;
    throw new WrongOption(
      `there is ${what}; the commands are \`tollbox dev\` and \`tollbox conformance\` (see --help)`,
    );
  }
  const bare = values.bare ?? false;
  const number = (/** @type {NumberName} */ name, /** @type {number} */ most, least = 0) =>
    whole(name, /** @type {string} */ (values[name]), least, most);
  const keyTtl = values["key-ttl"];
  return {
    port: number("port", 65_535),
    host: values.host,
    database: values.database,
    seedBalance: number("seed-balance", MAX_POINTS),
    staticDir: values.static ?? null,
    tokenTtlMs: number("token-ttl", 2 ** 32 - 1) * 1_000,
    keyTtlMs: keyTtl === undefined ? null : number("key-ttl", 2 ** 32 - 1) * 1_000,
    bodyWithinMs: number("body-within", 2 ** 31 - 1, 1),
    decideWithinMs: number("decide-within", LONGEST_DECISION_MS, 1),
    holds: !(values["no-holds"] ?? false),
    bare,
    demo: !bare || (values.demo ?? false),
    faults: !bare || (values.faults ?? false),
  };
}

/** @typedef {"port" | "seed-balance" | "token-ttl" | "key-ttl" | "body-within" | "decide-within"} NumberName */

/** @param {string[]} given */
function parsed(given) {
  try {
    return parseArgs({
      args: given,
      allowPositionals: true,
      options: {
        port: { type: "string", default: "8787" },
        host: { type: "string", default: "127.0.0.1" },
        database: { type: "string", default: ":memory:" },
        "seed-balance": { type: "string", default: "120" },
        static: { type: "string" },
        "token-ttl": { type: "string", default: "3600" },
        "key-ttl": { type: "string" },
        "body-within": { type: "string", default: "10000" },
        "decide-within": { type: "string", default: "5000" },
        "no-holds": { type: "boolean" },
        bare: { type: "boolean" },
        demo: { type: "boolean" },
        faults: { type: "boolean" },
        help: { type: "boolean", short: "h" },
        version: { type: "boolean" },
      },
    });
  } catch (error) {
    const [message] = (error instanceof Error ? error.message : String(error)).split(/\. |\n/);
    throw new WrongOption(`${message} (see --help)`);
  }
}

/**
 * @param {string} name
 * @param {string} text
 * @param {number} least
 * @param {number} most
 */
function whole(name, text, least, most) {
  const number = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!(number >= least && number <= most)) {
    throw new WrongOption(`--${name} must be a whole number from ${least} to ${most}, not ${text}`);
  }
  return number;
}
