import { defineConfig } from "vite";

/** Its dev server would bundle the package beforehand, and lose the module's file. */
export default defineConfig({ optimizeDeps: { entries: ["index.html"], exclude: ["tollbox"] } });
