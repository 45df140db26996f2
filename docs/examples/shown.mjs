/**
 * Code that a page shows out of a file beside it. A comment before the block names the file, and the
 * region of it, if it isn't all:
 *
 *     <!-- from: server-node/server.js#charge -->
 *
 * `node docs/examples/shown.mjs` writes the blocks anew.
 */

import { readFileSync, writeFileSync } from "node:fs";

export const PAGES = ["your-own-server.md"];

const SHOWN = /(<!-- from: ([\w./-]+)(?:#(\w+))? -->\n(?:<!-- .* -->\n)?```\w+\n)[\s\S]*?(```\n)/g;

/** The address of a page. @param {string} page */
export const addressOf = (page) => new URL(`../${page}`, import.meta.url);

/** A page with every block as its file has it. @param {string} page */
export function shown(page) {
  const text = readFileSync(addressOf(page), "utf8");
  return text.replace(
    SHOWN,
    (_, before, file, region, after) => before + codeOf(file, region) + after,
  );
}

/**
 * @param {string} file
 * @param {string | undefined} region
 */
function codeOf(file, region) {
  const code = readFileSync(new URL(file, import.meta.url), "utf8");
  if (!region) return code;
  const [, found] =
    new RegExp(`^\\S+ ?region ${region}\\n([\\s\\S]*?)^\\S+ ?endregion ${region}$`, "m").exec(
      code.replaceAll("// #", "# "),
    ) ?? [];
  if (found === undefined) throw new Error(`${file} has no region ${region}`);
  return `${found.trimEnd()}\n`;
}

if (process.argv[1] === import.meta.filename) {
  for (const page of PAGES) writeFileSync(addressOf(page), shown(page));
}
