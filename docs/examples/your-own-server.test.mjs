// The page on a server of one's own. Its servers are tested in tests/examples.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { addressOf, PAGES, shown } from "./shown.mjs";

for (const page of PAGES) {
  test(`${page} shows the code as it is`, () => {
    const text = readFileSync(addressOf(page), "utf8");
    assert.ok(text.includes("<!-- from: "));
    assert.ok(text === shown(page), "`node docs/examples/shown.mjs` writes it anew");
  });
}
