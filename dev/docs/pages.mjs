/** The pages of the site in one folder, since VitePress reads one: those of docs/, and the reference. */

import { cpSync, existsSync, rmSync } from "node:fs";
import { join } from "node:path";

/**
 * @param {string} folder where they are put together
 * @param {string} docs
 * @param {string | undefined} reference the reference's pages
 */
export function gatherPages(folder, docs, reference) {
  rmSync(folder, { recursive: true, force: true });
  cpSync(docs, folder, { recursive: true });
  if (reference && existsSync(reference)) {
    cpSync(reference, join(folder, "reference"), { recursive: true });
  }
}
