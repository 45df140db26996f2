/** The code in docs/: what a reader copies compiles. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "vite";
import { BUILT, configurationFor, FRAMEWORKS } from "./support/frameworks.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const FOLDER = path.join(BUILT, "docs");
const PAGES = ["react", "vue", "svelte", "devtools"];

/** What the code takes as there. */
const THERE = `declare function getToken(): Promise<string>;
declare function translate(text: string): Promise<string>;
`;

/** @type {{ page: string, language: string, file: string }[]} */
const blocks = [];

before(async () => {
  await rm(FOLDER, { recursive: true, force: true });
  await mkdir(FOLDER, { recursive: true });
  for (const page of PAGES) {
    const text = await readFile(path.join(ROOT, "docs", `${page}.md`), "utf8");
    for (const [, language = "", code = ""] of text.matchAll(/^```(\w+)\n(.*?)^```$/gms)) {
      const file = path.join(FOLDER, `${page}-${blocks.length}.${language}`);
      await writeFile(file, code);
      blocks.push({ page, language, file });
    }
  }
});

test("TypeScript accepts the code of the pages", async () => {
  const typed = blocks.filter(({ language }) => language === "ts" || language === "tsx");
  assert.deepEqual([...new Set(typed.map(({ page }) => page))], ["react", "devtools"]);
  const configuration = {
    extends: path.join(ROOT, "tests/types/tsconfig.json"),
    include: ["*.ts", "*.tsx"],
  };
  await writeFile(path.join(FOLDER, "tsconfig.json"), JSON.stringify(configuration));
  await writeFile(path.join(FOLDER, "there.d.ts"), THERE);
  const tsc = path.join(ROOT, "node_modules/.bin/tsc");
  await promisify(execFile)(tsc, ["--noEmit", "--project", FOLDER]).catch(({ stdout }) =>
    assert.fail(stdout),
  );
});

for (const framework of FRAMEWORKS.filter(({ name }) => /^(vue|svelte)/.test(name))) {
  const [page = ""] = framework.name.split("-");
  test(`the components of the page on ${page} compile`, async () => {
    const components = blocks.filter(({ language }) => language === page);
    assert.ok(components.length > 0);
    for (const { file } of components) {
      await build({
        ...configurationFor({ ...framework, folder: FOLDER }),
        build: {
          outDir: path.join(FOLDER, "dist"),
          lib: { entry: file, formats: ["es"] },
          rollupOptions: { external: [/^tollbox/, /^vue$/, /^svelte/] },
        },
      });
    }
  });
}
