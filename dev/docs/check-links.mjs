/** Follows every link of the built site to a file of it, and every fragment to its place there. */

import { readdir, readFile } from "node:fs/promises";
import { dirname, extname, join, relative } from "node:path";

const LINK = /<a\b[^>]*\bhref="([^"]+)"/g;
const PLACE = /\bid="([^"]+)"/g;

/**
 * VitePress fails for a page that isn't there, but not for a heading, nor in pages that it didn't make.
 *
 * @param {string} site the folder
 * @param {string} base the path that it is served below
 */
export async function checkLinks(site, base) {
  const files = (await readdir(site, { recursive: true })).map((file) =>
    file.replaceAll("\\", "/"),
  );
  const places = new Map();
  const pages = files.filter((file) => extname(file) === ".html");
  const texts = new Map();
  for (const page of pages) {
    const text = await readFile(join(site, page), "utf8");
    texts.set(page, text);
    places.set(page, new Set([...text.matchAll(PLACE)].map(([, id]) => plain(id))));
  }
  const dead = [];
  for (const [page, text] of texts) {
    for (const [, link] of text.matchAll(LINK)) {
      const target = targetOf(plain(link), page, base);
      const isThere =
        target === null ||
        (places.has(target.file)
          ? target.place === "" || places.get(target.file).has(target.place)
          : files.includes(target.file) || files.includes(`${target.file}/index.html`));
      if (!isThere) {
        dead.push(`${page}: ${plain(link)}`);
      }
    }
  }
  if (dead.length > 0) {
    throw new Error(`dead links: ${dead.length}\n  ${[...new Set(dead)].join("\n  ")}`);
  }
}

/**
 * The file of the site that a link leads to, and the place in it; null for one that leaves the site.
 *
 * @param {string} link
 * @param {string} page
 * @param {string} base
 */
function targetOf(link, page, base) {
  if (/^[a-z][a-z+.-]*:|^\/\//i.test(link)) {
    return null;
  }
  const [address, place = ""] = link.split("#");
  const [path] = address.split("?");
  const at = path.startsWith("/") ? relative(base, path) : join(dirname(page), path);
  const file = path === "" ? page : at.replaceAll("\\", "/");
  const isFolder = path.endsWith("/") || file === "" || file === ".";
  return { file: isFolder ? join(file, "index.html") : file, place: decodeURIComponent(place) };
}

/** @param {string} html an attribute's value, as it is written in HTML */
function plain(html) {
  return html.replaceAll("&#39;", "'").replaceAll("&quot;", '"').replaceAll("&amp;", "&");
}
