// The code of the pages and of the declarations' examples runs: in a page, with a billing server.

import assert from "node:assert/strict";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { DEADLINE_MS, launch } from "../browser/support/browser.mjs";
import { allBlocks, blocksOf, ROOT, runnerOf } from "./support/block.mjs";
import { BUILT_LANGUAGES, buildBlocks } from "./support/built.mjs";
import { Site } from "./support/site.mjs";

/** @typedef {import("./support/block.mjs").Block} Block */

const FOLDER = path.join(ROOT, "target/docs-code/run");

/** Of `tollbox dev`, which pages of another origin may ask. */
const DEV_SERVER = /^http:\/\/(?:127\.0\.0\.1|localhost):8787\//;

/** What page.mjs says at the end. */
const HAS_RUN = "the block has run";

/** What the console, and the client's log, say of requests that fail as the code wants them to. */
const WANTED = /^(?:Failed to load resource|❌)/;

/** Lines that say a line of the output: `show(…); // → Paid.` */
const OUTPUT = /\/\/ → (.+)$/gm;

/** The same code in two pages is run once. @param {Block[]} blocks */
const distinct = (blocks) =>
  blocks.filter(
    ({ language, code }, at) =>
      blocks.findIndex((first) => first.language === language && first.code === code) === at,
  );

const MADE = `
\`\`\`ts
throw new Error("as it must");
\`\`\`

\`\`\`ts
show(billing.balance()?.confirmed === 7 ? "7" : "120"); // → 7
\`\`\`

\`\`\`html
<script type="importmap">{ "imports": { "tollbox": "/node_modules/tollbox/dist/index.js" } }</script>
<script type="module" src="main.js"></script>
\`\`\`

\`\`\`js
// main.js
import { openBilling } from "tollbox";

const billing = await openBilling({
  baseUrl: "/billing/v1",
  account: "alice",
  getToken: () => "alice",
});
console.log((await billing.refreshBalance()).status); // → fresh
\`\`\`

\`\`\`tsx
import { useBilling } from "tollbox/react";

export function Pressed({ id }: { id: string }) {
  const { status } = useBilling();
  return <button onClick={() => show(\`\${id} in React, \${status}\`)}>Press</button>; // → film in React, open
}
\`\`\`

\`\`\`vue
<script setup lang="ts">
import { useBilling } from "tollbox/vue";

const props = defineProps<{ id: string }>();
const { state } = useBilling();
const pressed = () => console.log(\`\${props.id} in Vue, \${state.value.status}\`); // → film in Vue, open
</script>

<template><button @click="pressed">Press</button></template>
\`\`\`

\`\`\`svelte
<script lang="ts">
  import type { Billing } from "tollbox/svelte";

  const { billing, id }: { billing: Billing; id: string } = $props();
  const pressed = () => console.log(\`\${id} in Svelte, \${$billing.status}\`); // → film in Svelte, open
</script>

<button onclick={pressed}>Press</button>
\`\`\`
`;

const made = blocksOf("made.md", MADE);
const blocks = distinct(
  allBlocks().filter(
    (block) =>
      block.isRun &&
      runnerOf(block) === null &&
      [...BUILT_LANGUAGES, "html"].includes(block.language),
  ),
);
const all = [...blocks, ...made];
const built = await buildBlocks(
  FOLDER,
  all.filter(({ language }) => language !== "html"),
);

/** @type {import("playwright-core").Browser} */
let browser;
/** Pages that have run a block: the next one is on another site. @type {import("playwright-core").Page[]} */
const idle = [];
/** @type {Site} */
let site;

before(async () => {
  site = await Site.start(built, all);
  browser = await launch();
});
after(async () => {
  await browser?.close();
  site?.stop();
});

/**
 * Runs the block to its end, and until it has said what it says that it does.
 *
 * @param {Block} block
 * @param {number} [deadlineMs]
 */
async function run(block, deadlineMs = DEADLINE_MS) {
  const page = idle.pop() ?? (await (await browser.newContext()).newPage());
  /** @type {string[]} */
  const said = [];
  /** @type {string[]} */
  const complaints = [];
  let hasRun = false;
  const wanted = [...site.codeOf(block).matchAll(OUTPUT)].map(([, line = ""]) => line.trim());
  const missing = () => wanted.filter((line) => !said.includes(line));
  /** @type {() => void} */
  let look = () => {};
  const ended = new Promise((resolve) => {
    look = () => {
      if (complaints.length > 0 || (hasRun && missing().length === 0)) resolve(true);
    };
  });
  page.on("console", (message) => {
    const text = message.text();
    if (message.type() === "log") said.push(text);
    else if (message.type() === "debug") hasRun ||= text === HAS_RUN;
    else if (["warning", "error"].includes(message.type()) && !WANTED.test(text)) {
      complaints.push(text);
    }
    look();
  });
  page.on("pageerror", (error) => {
    complaints.push(String(error));
    look();
  });
  await page.route(DEV_SERVER, async (route) => {
    const request = route.request();
    const { status, headers, body } = await site.bill(block, {
      method: request.method(),
      path: request.url().replace(DEV_SERVER, "").replace("billing/v1/", ""),
      headers: await request.allHeaders(),
      body: request.postData(),
    });
    const open = { "access-control-allow-origin": "*", "access-control-expose-headers": "*" };
    await route.fulfill({ status, headers: { ...headers, ...open }, body });
  });
  await page.goto(site.urlOf(block));
  hasRun ||= block.language === "html";
  look();
  const late = new AbortController();
  const inTime = await Promise.race([
    ended,
    setTimeout(deadlineMs, false, { signal: late.signal }),
  ]);
  late.abort();
  // What the block does until then is its own.
  await page.goto("about:blank");
  page.removeAllListeners();
  await page.unrouteAll();
  idle.push(page);
  assert.equal(complaints.join("\n"), "");
  assert.ok(
    inTime,
    `it says ${JSON.stringify(missing())}, not only ${JSON.stringify(said)}; it has ${hasRun ? "" : "not "}run`,
  );
}

describe("the code runs", { concurrency: 4 }, () => {
  for (const block of blocks) {
    test(block.place, async () => {
      await run(block).catch((error) => {
        throw new Error(`${block.place}: ${error.message}`);
      });
    });
  }
});

test("code that fails, or does not say what it is to say, is noticed", async () => {
  const [failing, silent] = made;
  assert.ok(failing && silent);
  await assert.rejects(run(failing), /as it must/);
  // It has long run by then: what it does not say is not waited for in full.
  await assert.rejects(run(silent, 1_000), /it says \["7"\], not only \["120"\]/);
});

test("a page of HTML loads the block that has the name of its script", async () => {
  const page = made.find(({ language }) => language === "html");
  assert.ok(page);
  assert.match(site.codeOf(page), /→ fresh/);
  await run(page);
});

test("a component is mounted with its properties, and its button pressed", async () => {
  const components = made.filter(({ language }) => ["tsx", "vue", "svelte"].includes(language));
  assert.equal(components.length, 3);
  for (const component of components) await run(component);
});
