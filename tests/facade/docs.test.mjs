import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

/** @param {string} file in the repository */
const read = (file) => readFile(new URL(`../../${file}`, import.meta.url), "utf8");

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
