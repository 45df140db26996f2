import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { brotliCompress } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

/** Where `vite dev` finds the reference server; the built demo is served by that server itself. */
const server = "http://127.0.0.1:8787";

/** What the package allows itself to need, and nothing more. `vite dev` itself needs more. */
const POLICY = [
  "default-src 'self'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");

const contentSecurityPolicy: Plugin = {
  name: "content-security-policy",
  apply: "build",
  transformIndexHtml: () => [
    {
      tag: "meta",
      attrs: { "http-equiv": "Content-Security-Policy", content: POLICY },
      injectTo: "head-prepend",
    },
  ],
};

/** Beside each file that is built the same in Brotli, which the server sends where the browser takes it. */
const compressed: Plugin = {
  name: "compressed",
  apply: "build",
  async writeBundle({ dir = "" }, bundle) {
    const compress = promisify(brotliCompress);
    const files = Object.keys(bundle).filter((name) => /\.(css|html|js|svg|wasm)$/.test(name));
    await Promise.all(
      files.map(async (name) => {
        const file = path.join(dir, name);
        await writeFile(`${file}.br`, await compress(await readFile(file)));
      }),
    );
  },
};

export default defineConfig({
  // Relative addresses: the built page works under any path.
  base: "./",
  // No `data:` addresses, which the policy does not allow.
  build: { target: "es2022", assetsInlineLimit: 0 },
  plugins: [contentSecurityPolicy, compressed],
  server: { proxy: { "/billing": server, "/demo": server, "/faults": server } },
});
