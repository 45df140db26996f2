/** The pages of the site in one folder, since VitePress reads one: those of docs/, and the reference. */

import { cpSync, existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

/** @typedef {{ text: string, link?: string, collapsed?: boolean, items?: Entry[] }} Entry */

/**
 * @param {string} folder where they are put together
 * @param {string} docs
 * @param {string | undefined} reference the reference's pages, if they have been made
 */
export function gatherPages(folder, docs, reference) {
  rmSync(folder, { recursive: true, force: true });
  cpSync(docs, folder, { recursive: true });
  if (reference && existsSync(reference)) {
    cpSync(reference, join(folder, "reference"), { recursive: true });
  }
}

/**
 * The sidebar's entries for the reference: its folders and pages, by their headings.
 *
 * @param {string} folder the site's pages
 * @param {string} [below]
 * @returns {Entry[]}
 */
export function referenceContents(folder, below = "reference") {
  if (!existsSync(join(folder, below))) {
    return [];
  }
  const files = readdirSync(join(folder, below), { withFileTypes: true });
  const first = files.find(({ name }) => /^(README|index)\.md$/.test(name));
  const items = files
    .filter((file) => file !== first)
    .flatMap((file) =>
      file.isDirectory()
        ? referenceContents(folder, `${below}/${file.name}`)
        : pageEntry(folder, `${below}/${file.name}`),
    );
  if (below === "reference") {
    return [{ text: "Reference", collapsed: true, link: linkOf(below, first), items }];
  }
  const title = first ? titleOf(join(folder, below, first.name)) : null;
  const text = title ?? below.slice(below.lastIndexOf("/") + 1);
  return [{ text, collapsed: true, link: linkOf(below, first), items }];
}

/** @type {(below: string, first: { name: string } | undefined) => string | undefined} */
const linkOf = (below, first) => (first ? `/${below}/` : undefined);

/** @type {(folder: string, file: string) => Entry[]} */
function pageEntry(folder, file) {
  if (!file.endsWith(".md")) {
    return [];
  }
  const link = `/${file.slice(0, -".md".length)}`;
  return [{ text: titleOf(join(folder, file)) ?? link, link }];
}

/** A page's first heading, as text. @param {string} file */
function titleOf(file) {
  const heading = /^# (.+)$/m.exec(readFileSync(file, "utf8"))?.[1];
  return heading?.replaceAll(/[`\\]/g, "") ?? null;
}
