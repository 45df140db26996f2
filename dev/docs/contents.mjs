/** The site's contents: docs/README.md lists its pages by section, and the sidebar is that list. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const SECTION = /^## (?<title>.+)$/;
const PAGE = /^- \[(?<title>[^\]]+)\]\((?<name>[\w-]+)\.md\)/;

/**
 * @param {string} docs the folder of the pages
 * @returns {{ text: string, items: { text: string, link: string }[] }[]}
 */
export function contents(docs) {
  /** @type {ReturnType<typeof contents>} */
  const sections = [];
  for (const line of readFileSync(join(docs, "README.md"), "utf8").split("\n")) {
    const section = SECTION.exec(line)?.groups;
    const page = PAGE.exec(line)?.groups;
    if (section) {
      sections.push({ text: section.title, items: [] });
    } else if (page) {
      sections.at(-1)?.items.push({ text: page.title, link: `/${page.name}` });
    }
  }
  const listed = new Set(sections.flatMap(({ items }) => items.map(({ link }) => `${link}.md`)));
  const missing = readdirSync(docs).filter(
    (name) => name.endsWith(".md") && name !== "README.md" && !listed.has(`/${name}`),
  );
  if (missing.length > 0) {
    throw new Error(`docs/README.md does not list ${missing.join(", ")}`);
  }
  return sections;
}
