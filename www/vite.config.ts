import { defineConfig } from "vite";

/** Where `vite dev` finds the reference server; the built demo is served by that server itself. */
const server = "http://127.0.0.1:8787";

export default defineConfig({
  // Relative addresses: the built page works under any path.
  base: "./",
  build: { target: "es2022" },
  server: { proxy: { "/billing": server, "/demo": server, "/faults": server } },
});
