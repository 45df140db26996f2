/** The links of the pages, which are written for the repository's own viewer, as the site has them. */

import { dirname, join, relative } from "node:path/posix";

/**
 * A heading's place by GitHub's rule.
 *
 * @param {string} heading
 */
export const placeOf = (heading) =>
  heading
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu, "")
    .replaceAll(" ", "-");

/** The address of a page by its file: a README is its folder's first page. @param {string} file */
export const addressOf = (file) => file.replace(/(^|\/)README\.md(?=#|$)/, "$1index.md");

/**
 * Sends links to files that are no pages to where the repository can be read; where that isn't known,
 * only their text is left. `cargo xtask tidy` sees to it that the files are there.
 *
 * @param {import("vitepress").MarkdownRenderer} markdown
 * @param {string} pages the folder of the pages, which is docs/ in the repository
 * @param {string | undefined} source the repository's address, to which a file's path is added
 */
export function links(markdown, pages, source) {
  markdown.core.ruler.push("links", (state) => {
    const page = join("docs", relative(pages, state.env.path.replaceAll("\\", "/")));
    for (const block of state.tokens) {
      // Links don't nest: a link's end is that of the last one that began.
      let isDropped = false;
      block.children = block.children?.filter((token) => {
        const target = token.type === "link_open" ? (token.attrGet("href") ?? "") : null;
        if (target !== null) {
          const file = fileOf(page, target);
          const leaves = file !== null && !/^docs\/.*\.md(?:#|$)/.test(file);
          isDropped = leaves && !source;
          const href = leaves ? `${source?.replace(/\/$/, "")}/${file}` : addressOf(target);
          token.attrSet("href", href);
        }
        return !(isDropped && (target !== null || token.type === "link_close"));
      });
    }
  });
}

/**
 * The file in the repository that a page's link leads to, and the place in it; null where it leads to
 * a place on the page, or to another site.
 *
 * @type {(page: string, target: string) => string | null}
 */
const fileOf = (page, target) =>
  /^(?:#|\/|[\w+.-]+:|$)/.test(target) ? null : join(dirname(page), target);
