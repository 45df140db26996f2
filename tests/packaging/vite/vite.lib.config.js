import { defineConfig } from "vite";

/** A library that has tollbox in it. */
export default defineConfig({
  build: {
    lib: { entry: "src/main.js", formats: ["es"], fileName: () => "main.js" },
    outDir: "dist-lib",
  },
});
