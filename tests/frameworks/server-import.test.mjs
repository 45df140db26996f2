/** The entries for frameworks, imported on a server. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";

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
