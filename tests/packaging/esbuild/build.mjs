import { copyFile } from "node:fs/promises";
import { build } from "esbuild";

/** Each way to build, in a folder of its own. */
const ways = {
  inline: { entryPoints: { main: "src/inline.js" }, format: "esm" },
  script: { entryPoints: { main: "src/inline.js" }, format: "iife" },
  workers: {
    entryPoints: {
      main: "src/worker-page.js",
      worker: "src/worker.js",
      "shared-worker": "src/shared-worker.js",
    },
    format: "iife",
  },
  "with-module": {
    entryPoints: { main: "src/with-module.js" },
    format: "esm",
    loader: { ".wasm": "file" },
  },
  plain: { entryPoints: { main: "src/main.js" }, format: "esm" },
  "plain-script": { entryPoints: { main: "src/main.js" }, format: "iife" },
};

for (const [name, options] of Object.entries(ways)) {
  const outdir = `dist/${name}`;
  await build({ ...options, outdir, bundle: true, minify: true });
  for (const page of ["index.html", "script.html"]) await copyFile(page, `${outdir}/${page}`);
}
