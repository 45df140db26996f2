// The kit's page names the topics, profiles and rules that there are.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { catalogue, PROFILES } from "../../pkg/conformance/catalogue.js";

const PAGE = readFileSync(new URL("../../docs/conformance.md", import.meta.url), "utf8");

const IDS = catalogue().map(({ id }) => id);
const TOPICS = [...new Set(IDS.map((id) => id.split("/")[0] ?? ""))];

/** The first cells of a table's rows, by the heading of its section. @param {string} heading */
function firstCells(heading) {
  const [, section = ""] = PAGE.split(`\n## ${heading}\n`);
  const [own = ""] = section.split("\n## ");
  return [...own.matchAll(/^\| `([^`]+)` \|/gm)].map(([, name]) => name);
}

test("every topic and every profile is on the page, and no other", () => {
  assert.deepEqual(firstCells("Topics"), TOPICS);
  assert.deepEqual(firstCells("Profiles"), Object.keys(PROFILES));
});

test("the page counts the rules", () => {
  assert.ok(PAGE.includes(`Its ${IDS.length} rules `));
});

test("every rule that the page names is there", () => {
  const named = [...PAGE.matchAll(/\b([a-z]+)\/[\da-z-]+\b/g)]
    .filter(([, topic = ""]) => TOPICS.includes(topic))
    .map(([id]) => id);
  assert.ok(named.length > 20);
  assert.deepEqual(
    named.filter((id) => !IDS.includes(id)),
    [],
  );
});
