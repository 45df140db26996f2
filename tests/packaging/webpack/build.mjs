import { writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import webpack from "webpack";

const folder = path.resolve("dist");

/** Pages that need no configuration for tollbox, and one that imports the module's file by a rule. */
const plain = ["main", "through-shop", "worker-page"];
const withRule = ["with-module"];

const configuration = (pages, rules) => ({
  mode: "production",
  entry: Object.fromEntries(pages.map((name) => [name, path.resolve(`src/${name}.js`)])),
  output: { path: folder, filename: "[name].js" },
  module: { rules },
});

const stats = await promisify(webpack)([
  configuration(plain, []),
  configuration(withRule, [{ test: /\.wasm$/, type: "asset/resource" }]),
]);
console.log(stats.toString());
if (stats.hasErrors()) process.exit(1);
for (const name of [...plain, ...withRule]) {
  const page = `<!doctype html><html lang="en"><title>${name}</title><script src="${name}.js"></script></html>\n`;
  await writeFile(path.join(folder, `${name}.html`), page);
}
