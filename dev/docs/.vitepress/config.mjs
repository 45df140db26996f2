// The site of docs/*.md. `cargo xtask docs` runs it, and says by these variables what differs:
// DOCS_OUT (where the site goes), DOCS_BASE (the path that it is served below), DOCS_SOURCE (where the
// repository's files can be read, for links that leave docs/), DOCS_REFERENCE (the reference's pages).
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitepress";
import llmstxt from "vitepress-plugin-llms";
import { checkLinks } from "../check-links.mjs";
import { contents } from "../contents.mjs";
import { diagrams } from "../diagrams.mjs";
import { addressOf, links, placeOf } from "../links.mjs";
import { gatherPages } from "../pages.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const repository = resolve(here, "../../..");
const docs = resolve(repository, "docs");
const out = resolve(process.env.DOCS_OUT ?? resolve(repository, "target/docs"));

const pages = `${out}-pages`;
gatherPages(pages, docs, process.env.DOCS_REFERENCE);

export default defineConfig({
  srcDir: pages,
  outDir: out,
  cacheDir: `${out}-cache`,
  base: process.env.DOCS_BASE ?? "/",
  rewrites: addressOf,
  lang: "en",
  title: "Tollbox",
  description:
    "A billing outbox for the browser: charges that cost once and always have an outcome",
  cleanUrls: false,
  markdown: {
    anchor: { slugify: placeOf },
    config(markdown) {
      links(markdown, pages, process.env.DOCS_SOURCE);
      diagrams(markdown);
    },
  },
  themeConfig: {
    outline: [2, 3],
    search: { provider: "local" },
    nav: [
      { text: "Get started", link: "/getting-started" },
      { text: "Outcomes", link: "/outcomes" },
      { text: "Server", link: "/server" },
    ],
    sidebar: contents(pages),
  },
  vite: { plugins: [llmstxt()] },
  buildEnd: ({ outDir, site }) => checkLinks(outDir, site.base),
});
