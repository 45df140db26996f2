// @ts-check
/** `tollbox conformance`: runs the charge protocol against a billing server. */

import { writeFile } from "node:fs/promises";
import { catalogue } from "./catalogue.js";
import { HELP, parseOptions, WrongOption } from "./options.js";
import { asJson, asJunit, foot, head, line } from "./report.js";
import { CannotRun, Run } from "./run.js";

/** @import { Options } from "./options.js" */

/**
 * @param {string[]} given the options
 * @returns {Promise<number>} the exit code
 */
export async function conformance(given) {
  try {
    const options = parseOptions(given);
    if (options === "help") {
      process.stdout.write(HELP);
      return 0;
    }
    return await run(options);
  } catch (error) {
    if (!(error instanceof WrongOption || error instanceof CannotRun)) {
      throw error;
    }
    console.error(`tollbox conformance: ${error.message}`);
    return 2;
  }
}

/** @param {Options} options */
async function run(options) {
  const rules = chosen(options.only);
  // Nobody may be reading any more, and then nothing is left to tell.
  process.stdout.on("error", () => {});
  const kit = new Run(options);
  const purses = await kit.prepare(rules);
  const print = (/** @type {string} */ text) => {
    if (!options.json) {
      process.stdout.write(text);
    }
  };
  print(head(options, rules.length, purses));
  const results = [];
  /** @type {CannotRun | null} */
  let end = null;
  for (const rule of rules) {
    try {
      const result = await kit.check(rule);
      print(line(result));
      results.push(result);
    } catch (error) {
      if (!(error instanceof CannotRun)) {
        throw error;
      }
      end = error;
      break;
    }
  }
  print(foot(results));
  if (options.json) {
    process.stdout.write(asJson(options, results));
  }
  if (options.junit !== null) {
    await written(options.junit, asJunit(results));
  }
  if (end !== null) {
    throw end;
  }
  return results.some(({ verdict }) => verdict === "broken") ? 1 : 0;
}

/** The rules of these topics, or with these ids; all where none are named. @param {string[]} only */
function chosen(only) {
  const rules = catalogue();
  const names = (/** @type {string} */ id) => [id, id.split("/")[0]];
  const unknown = only.find((name) => !rules.some(({ id }) => names(id).includes(name)));
  if (unknown !== undefined) {
    throw new WrongOption(`there is no rule or topic ${unknown}`);
  }
  return rules.filter(
    ({ id }) => only.length === 0 || names(id).some((name) => only.includes(name)),
  );
}

/**
 * @param {string} file
 * @param {string} text
 */
async function written(file, text) {
  try {
    await writeFile(file, text);
  } catch {
    throw new CannotRun(`${file} can't be written`);
  }
}
