import path from "node:path";
import { build } from "vite";
import { BUILT, configurationFor, FRAMEWORKS } from "./frameworks.mjs";

/** Builds the pages of all frameworks, for browsers and for a server; it takes some seconds. */
export async function buildPages() {
  process.env.NODE_ENV = "development";
  for (const framework of FRAMEWORKS) {
    const { name, folder, entry, serverEntry } = framework;
    const configuration = configurationFor(framework);
    await build({
      ...configuration,
      base: `/${name}/`,
      build: {
        outDir: path.join(BUILT, name),
        emptyOutDir: true,
        minify: false,
        rollupOptions: {
          input: path.join(folder, entry),
          output: { entryFileNames: "client.js" },
        },
      },
    });
    await build({
      ...configuration,
      ssr: { noExternal: true },
      build: {
        ssr: path.join(folder, serverEntry),
        outDir: path.join(BUILT, `${name}-server`),
        emptyOutDir: true,
        minify: false,
        rollupOptions: { output: { entryFileNames: "server.mjs" } },
      },
    });
  }
}
