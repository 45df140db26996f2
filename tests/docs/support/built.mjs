import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import vue from "@vitejs/plugin-vue";
import { build } from "vite";

/** @typedef {import("./block.mjs").Block} Block */

/** The languages that Vite builds for a page. */
export const BUILT_LANGUAGES = ["ts", "tsx", "js", "jsx", "vue", "svelte"];

/**
 * Builds the blocks for pages, each a script of its name, with the page that runs them.
 *
 * @param {string} folder made anew; below the repository, whose packages they import
 * @param {Block[]} blocks
 * @returns {Promise<string>} where the scripts are
 */
export async function buildBlocks(folder, blocks) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  /** @type {Record<string, string>} */
  const input = { page: fileURLToPath(new URL("page.mjs", import.meta.url)) };
  for (const { name, language, code } of blocks) {
    input[name] = path.join(folder, `${name}.${language}`);
    writeFileSync(input[name], code);
  }
  const outDir = path.join(folder, "built");
  // React says what is wrong only in its development build.
  process.env.NODE_ENV = "development";
  try {
    await build({
      root: folder,
      configFile: false,
      logLevel: "error",
      mode: "development",
      plugins: [vue(), svelte({ configFile: false })],
      build: {
        outDir,
        minify: false,
        modulePreload: false,
        target: "es2022",
        rolldownOptions: {
          input,
          preserveEntrySignatures: "exports-only",
          output: { entryFileNames: "[name].js" },
        },
      },
    });
  } catch (error) {
    throw new Error(placed(stripVTControlCharacters(String(error)), blocks));
  }
  return outDir;
}

/** The message with the blocks' places for their files. @param {string} message @param {Block[]} blocks */
function placed(message, blocks) {
  let said = message;
  for (const block of blocks) {
    const file = new RegExp(`[^\\s"'(]*${block.name}\\.${block.language}(?::(\\d+))?`, "g");
    said = said.replace(file, (_, line = "1") => block.placeOf(Number(line)));
  }
  return said;
}
