/** The site's contents: an index in Markdown lists its pages by section, and the sidebar is that list. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** @typedef {{ text: string, link?: string, collapsed?: boolean, items: { text: string, link: string }[] }} Section */

const SECTION = /^## (?<title>.+)$/;
const PAGE = /^- \[(?<title>[^\]]+)\]\((?<name>[\w/-]+)\.md\)/;

/**
 * The sections of docs/README.md, and those of the reference as one.
 *
 * @param {string} pages the folder of the site's pages
 * @returns {Section[]}
 */
export function contents(pages) {
  const sections = sectionsOf(join(pages, "README.md"), "/");
  const listed = new Set(sections.flatMap(({ items }) => items.map(({ link }) => `${link}.md`)));
  const missing = readdirSync(pages).filter(
    (name) => name.endsWith(".md") && name !== "README.md" && !listed.has(`/${name}`),
  );
  if (missing.length > 0) {
    throw new Error(`docs/README.md does not list ${missing.join(", ")}`);
  }
  const index = join(pages, "reference/index.md");
  if (existsSync(index)) {
    const items = sectionsOf(index, "/reference/").flatMap((section) => section.items);
    sections.push({ text: "Reference", link: "/reference/", collapsed: false, items });
  }
  return sections;
}

/**
 * @param {string} index
 * @param {string} base the path that its links begin with
 */
function sectionsOf(index, base) {
  /** @type {Section[]} */
  const sections = [];
  for (const line of readFileSync(index, "utf8").split("\n")) {
    const section = SECTION.exec(line)?.groups;
    const page = PAGE.exec(line)?.groups;
    if (section) {
      sections.push({ text: section.title, items: [] });
    } else if (page) {
      sections.at(-1)?.items.push({ text: page.title, link: `${base}${page.name}` });
    }
  }
  return sections;
}
