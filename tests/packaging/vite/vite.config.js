import { defineConfig } from "vite";

export default defineConfig({
  build: {
    rolldownOptions: {
      input: ["index.html", "with-module.html", "through-shop.html", "workers.html"],
    },
  },
  worker: { format: "es" },
  // There are other builds' pages in this folder.
  optimizeDeps: { entries: ["index.html"] },
});
