import { copyFileSync } from "node:fs";
import resolve from "@rollup/plugin-node-resolve";
import { importMetaAssets } from "@web/rollup-plugin-import-meta-assets";

const page = {
  name: "page",
  writeBundle: ({ dir }) => copyFileSync("index.html", `${dir}/index.html`),
};

/**
 * @param {string} input
 * @param {string} dir
 * @param {object[]} plugins
 */
const pageOf = (input, dir, plugins = []) => ({
  input: { main: `src/${input}.js` },
  output: { dir, format: "es" },
  plugins: [resolve({ browser: true }), page, ...plugins],
});

/** With the plugin that takes the module's file along, and without. */
export default [
  pageOf("main", "dist", [importMetaAssets()]),
  pageOf("through-shop", "dist-through-shop", [importMetaAssets()]),
  pageOf("main", "dist-without"),
];
