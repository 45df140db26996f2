import path from "node:path";
import { fileURLToPath } from "node:url";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import react from "@vitejs/plugin-react";
import vue from "@vitejs/plugin-vue";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const TESTS = path.join(ROOT, "tests/frameworks");
const REACT_18 = path.join(TESTS, "react-18/node_modules");

/** Where the built pages are. */
export const BUILT = path.resolve(ROOT, "target/frameworks");

/**
 * The page of one framework and version.
 *
 * @typedef {object} Framework
 * @property {string} name
 * @property {string} folder where its components are
 * @property {string} entry
 * @property {string} serverEntry
 * @property {() => import("vite").PluginOption} plugin
 * @property {Record<string, string>} [alias]
 */

/**
 * The pages: the same components, with the same test ids.
 *
 * @type {Framework[]}
 */
export const FRAMEWORKS = [
  {
    name: "react-19",
    folder: path.join(TESTS, "react"),
    entry: "client.jsx",
    serverEntry: "server.jsx",
    plugin: () => react(),
  },
  {
    name: "react-18",
    folder: path.join(TESTS, "react"),
    entry: "client.jsx",
    serverEntry: "server.jsx",
    plugin: () => react(),
    alias: {
      react: path.join(REACT_18, "react"),
      "react-dom": path.join(REACT_18, "react-dom"),
    },
  },
  {
    name: "vue-3",
    folder: path.join(TESTS, "vue"),
    entry: "client.js",
    serverEntry: "server.js",
    plugin: () => vue(),
  },
  {
    name: "svelte-5",
    folder: path.join(TESTS, "svelte"),
    entry: "client.js",
    serverEntry: "server.js",
    plugin: () => svelte({ configFile: false }),
  },
];

/**
 * Vite's configuration for the page of a framework.
 *
 * @param {Framework} framework
 * @returns {import("vite").InlineConfig}
 */
export function configurationFor({ folder, plugin, alias = {} }) {
  return {
    root: folder,
    configFile: false,
    logLevel: "warn",
    // Development builds: only they mount twice in StrictMode, and tell of hydration that went wrong.
    mode: "development",
    plugins: [plugin()],
    resolve: { alias },
  };
}
