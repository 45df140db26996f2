// @ts-check
/** The bundles of dist/, of the package in the folder PACKAGE. */

import path from "node:path";

const folder = path.resolve(process.env.PACKAGE ?? "pkg");

const LICENSE =
  "/*! With parts of fflate: Copyright (c) 2026 Arjun Barrett, MIT License, whose text is in LICENSE-MIT */";

/**
 * @param {string} name of the file in dist/
 * @param {object} [more]
 * @param {string} [more.source] what it is made of: by default the file of its name
 * @param {Record<string, string>} [more.alias] files in place of others
 * @param {string} [more.banner]
 */
const bundle = (name, { source = name, alias = {}, banner = "" } = {}) => ({
  input: path.join(folder, `${source}.js`),
  platform: /** @type {const} */ ("browser"),
  resolve: {
    alias,
    modules: ["node_modules", path.join(import.meta.dirname, "../../node_modules")],
  },
  output: {
    file: path.join(folder, "dist", `${name}.js`),
    format: /** @type {const} */ ("esm"),
    minify: true,
    sourcemap: true,
    banner,
  },
});

export default [
  bundle("index"),
  bundle("service-worker"),
  bundle("inline", {
    source: "index",
    alias: { "./default-module.js": path.join(folder, "lib/inline-module.js") },
    banner: LICENSE,
  }),
];
