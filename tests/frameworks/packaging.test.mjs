/** The package's entries, as Node.js finds them by its `exports`. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const PACKAGE = fileURLToPath(new URL("../../pkg/", import.meta.url));

const NAMES = {
  "tollbox/react": [
    "BillingProvider",
    "useBalance",
    "useBilling",
    "useCharge",
    "useCharges",
    "useSnapshot",
    "useTask",
  ],
  "tollbox/vue": [
    "provideBilling",
    "useBalance",
    "useBilling",
    "useCharge",
    "useCharges",
    "useSnapshot",
    "useTask",
  ],
  "tollbox/svelte": ["createBilling"],
  "tollbox/devtools": ["TollboxDevtools", "createDevtoolsLog", "mountDevtools"],
};

for (const [entry, names] of Object.entries(NAMES)) {
  test(`a server may import ${entry}, which starts nothing there`, async () => {
    const script = `console.log(JSON.stringify(Object.keys(await import("${entry}"))))`;
    // Whatever it started would keep the process from ending.
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ["--input-type=module", "--eval", script],
      { timeout: 30_000 },
    );
    assert.deepEqual(JSON.parse(stdout).sort(), [...names].sort());
  });
}

test("every file that the package's entries name is packed", async () => {
  const { stdout } = await promisify(execFile)("npm", ["pack", "--dry-run", "--json"], {
    cwd: PACKAGE,
  });
  const [packed] = Object.values(JSON.parse(stdout));
  const files = packed.files.map((/** @type {{ path: string }} */ { path }) => `./${path}`);
  const { exports } = JSON.parse(await readFile(`${PACKAGE}package.json`, "utf8"));
  for (const entry of Object.values(exports)) {
    assert.equal(Object.keys(entry)[0], "types", "which TypeScript needs to be first");
    for (const file of Object.values(entry)) {
      assert.ok(files.includes(file), `${file} is not packed`);
    }
  }
});
