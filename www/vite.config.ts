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

export default defineConfig({
  // Relative addresses: the built page works under any path.
  base: "./",
  // No `data:` addresses, which the policy does not allow.
  build: { target: "es2022", assetsInlineLimit: 0 },
  plugins: [contentSecurityPolicy],
  server: { proxy: { "/billing": server, "/demo": server, "/faults": server } },
});
