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

/** The codes of the declarations: of errors, outcomes, balances, flushes and alerts. */
async function declaredCodes() {
  const codes = new Set();
  for (const file of ["pkg/index.d.ts", "pkg/lib/charging.d.ts", "pkg/lib/state.d.ts"]) {
    const unions = (await read(file)).matchAll(
      /\b(?:reason|stopped|code|kind|type OpenReason)(?::| =)([^;]*);/g,
    );
    for (const [, union = ""] of unions) {
      for (const [, code] of union.matchAll(/"(\w+)"/g)) codes.add(code);
    }
  }
  return codes;
}

test("every declared code has its section in docs/errors.md, and no other has", async () => {
  const page = await read("docs/errors.md");
  const sections = new Map(
    page
      .split(/^### /m)
      .slice(1)
      .map((section) => [/^\w+/.exec(section)?.[0] ?? "", section]),
  );
  const declared = await declaredCodes();
  // One of each kind: the declarations are read as they are written.
  for (const code of ["closed", "timeout", "conflict", "another_tab", "balance_low"]) {
    assert.ok(declared.has(code), code);
  }
  assert.deepEqual([...sections.keys()].sort(), [...declared].sort());
  for (const [code, section] of sections) {
    assert.match(section, /^\w+\n\n\S.*\n\n- \*\*Show:\*\* .*\n- \*\*Do:\*\* .*\n/, code);
  }
});
