import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

/** @param {string} file in the repository */
const read = (file) => readFile(new URL(`../../${file}`, import.meta.url), "utf8");

for (const [page, ...copies] of [
  ["README.md", "tests/types/readme.ts"],
  ["docs/service-worker.md", "tests/types/service-worker-page.ts", "tests/types/service-worker.ts"],
]) {
  test(`the code in ${page} is the code whose types are checked`, async () => {
    const blocks = [...(await read(page)).matchAll(/^```ts\n(.*?)^```/gms)];
    assert.equal(blocks.length, copies.length);
    for (const [index, copy] of copies.entries()) {
      const code = blocks[index]?.[1] ?? "";
      assert.ok((await read(copy)).includes(code), `${copy} is not what ${page} has:\n${code}`);
    }
  });
}
