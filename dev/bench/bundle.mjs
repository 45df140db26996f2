import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { build } from "esbuild";

const HERE = import.meta.dirname;

/** The package of this repository, as it was built. */
export const PACKAGE = path.resolve(process.env.TOLLBOX_PKG ?? path.join(HERE, "../../pkg"));

/** @typedef {{ raw: number, gzip: number, brotli: number }} Size in bytes */

/**
 * An adapter's page.
 *
 * @typedef {object} Bundle
 * @property {string} script adapter and driver
 * @property {Map<string, Buffer>} wasm the modules that it loads, by file name
 * @property {Size} size of what the adapter alone makes a page load, minified
 */

/**
 * @param {import("./adapters/index.mjs").Adapter} adapter
 * @returns {Promise<Bundle>}
 */
export async function bundle({ id, isOurs }) {
  const file = JSON.stringify(path.join(HERE, "adapters", `${id}.js`));
  const alone = await minified(`export { default } from ${file};`);
  const page = await minified(
    `import adapter from ${file}; import { drive } from "./page/driver.js"; drive(adapter, began);`,
  );
  const wasm = isOurs ? modules() : new Map();
  const sizes = [Buffer.from(alone), ...wasm.values()].map(sizeOf);
  return { script: `const began = performance.now();\n${page}`, wasm, size: sizes.reduce(sum) };
}

/** @param {string} contents */
async function minified(contents) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: HERE },
    alias: { tollbox: path.join(PACKAGE, "dist/index.js") },
    define: { "process.env.NODE_ENV": '"production"', global: "globalThis" },
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    write: false,
    logLevel: "error",
  });
  const [output] = outputFiles;
  if (!output) throw new Error("esbuild wrote nothing");
  return output.text;
}

/** The package's WebAssembly modules. */
function modules() {
  const folder = path.join(PACKAGE, "wasm");
  const names = readdirSync(folder).filter((name) => name.endsWith(".wasm"));
  return new Map(names.map((name) => [name, readFileSync(path.join(folder, name))]));
}

/**
 * @param {Buffer} file
 * @returns {Size}
 */
function sizeOf(file) {
  return {
    raw: file.length,
    gzip: gzipSync(file, { level: 9 }).length,
    // Of quality 11, Node's default.
    brotli: brotliCompressSync(file).length,
  };
}

/**
 * @param {Size} a
 * @param {Size} b
 * @returns {Size}
 */
function sum(a, b) {
  return { raw: a.raw + b.raw, gzip: a.gzip + b.gzip, brotli: a.brotli + b.brotli };
}
