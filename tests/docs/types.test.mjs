// The code of the pages and of the declarations' examples is what its languages take.

import assert from "node:assert/strict";
import path from "node:path";
import { before, test } from "node:test";
import { allBlocks, blocksOf, ROOT } from "./support/block.mjs";
import { typeErrors } from "./support/types.mjs";

const FOLDER = path.join(ROOT, "target/docs-code/types");
const blocks = allBlocks();

const MADE = `# Made

\`\`\`ts
import { openBilling } from "tollbox";
const client = await openBilling({ baseUrl: "/billing/v1", account: "alice" });
\`\`\`

<!-- test: continues -->
\`\`\`ts
const outcome = await client.charge({ taskId: "film", amount: "12", feature: "f" });
\`\`\`

<!-- test: skip because it is half a line -->
\`\`\`js
client.
\`\`\`

- A list:

  ~~~javascript
  biling.flush();
  ~~~
`;

const made = blocksOf("made.md", MADE);

/** @type {string[]} */
let errors;

before(async () => {
  const compiled = [...blocks, ...made].filter(({ isSkipped }) => !isSkipped);
  errors = await typeErrors(FOLDER, compiled);
});

test("TypeScript accepts every block of TypeScript and JavaScript", () => {
  assert.equal(errors.filter((error) => !error.startsWith("made.md")).join("\n"), "");
});

test("every block of JSON is JSON", () => {
  for (const { language, place, code } of blocks) {
    if (language === "json") assert.doesNotThrow(() => JSON.parse(code), place);
  }
});

test("a wrong block is reported by its page and line", () => {
  assert.deepEqual(
    made.map(({ place, language, isSkipped }) => [place, language, isSkipped]),
    [
      ["made.md:4", "ts", false],
      ["made.md:10", "ts", false],
      ["made.md:15", "js", true],
      ["made.md:21", "js", false],
    ],
  );
  const [first = "", second = "", ...others] = errors.filter((error) =>
    error.startsWith("made.md"),
  );
  assert.match(first, /^made\.md:10: error TS2322: Type 'string' is not assignable/);
  assert.match(second, /^made\.md:21: error TS2552: Cannot find name 'biling'/);
  assert.deepEqual(others, []);
});

test("a block in a comment of a declaration has the declaration's line", () => {
  const made = blocksOf("made.d.ts", "/**\n * @example\n * ```js\n * pay();\n * ```\n */\n");
  assert.deepEqual([made[0]?.place, made[0]?.code], ["made.d.ts:4", "pay();\n"]);
});

test("a comment that says what no test knows is refused", () => {
  const page = "<!-- test: perhaps -->\n```js\n```\n";
  assert.throws(() => blocksOf("made.md", page), /^Error: made\.md:3: not how a block is tested/);
});
