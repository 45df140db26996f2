// The shell commands of the pages run.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { promisify } from "node:util";
import { TOLLBOX } from "../server/support/servers.mjs";
import { allBlocks, ROOT } from "./support/block.mjs";

/** @typedef {import("./support/block.mjs").Block} Block */

/** What a command of `cargo xtask` is called. */
const XTASK = [
  ...readFileSync(path.join(ROOT, "dev/xtask/src/main.rs"), "utf8").matchAll(
    /^ {4}(\w+)(?:\(|,$)/gm,
  ),
].map(([, name = ""]) => name.toLowerCase());

/** Installs a package, or changes to a folder: what has no end of its own to look at. */
const OF_THE_READER = /^(?:npm (?:install|i|create|ci|init)|pnpm|yarn|bun|cd|mkdir|git clone)\b/;

/** The commands of a block, lines that end with `\` joined. @param {Block} block */
const commandsOf = ({ code }) =>
  code
    .replaceAll("\\\n", " ")
    .split("\n")
    .map((line) => line.replace(/^\$ /, "").trim())
    .filter((line) => line !== "" && !line.startsWith("#"));

/**
 * `tollbox dev` with the options of the page, on a free port.
 *
 * @param {import("node:test").TestContext} t
 * @param {string} options
 */
async function dev(t, options) {
  const folder = mkdtempSync(path.join(tmpdir(), "tollbox-docs-"));
  const args = options.split(/\s+/).filter((word) => word !== "" && word !== "&");
  const child = spawn(process.execPath, [TOLLBOX, ...args, "--port", "0"], {
    cwd: folder,
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(async () => {
    if (child.exitCode === null) {
      child.kill();
      await once(child, "exit");
    }
    rmSync(folder, { recursive: true, force: true });
  });
  const lines = createInterface(child.stdout);
  const [line = ""] = await Promise.race([once(lines, "line"), once(lines, "close")]);
  assert.match(String(line), /^listening on http/, `tollbox ${options} does not listen`);
  return String(line).replace("listening on ", "");
}

/**
 * @param {import("node:test").TestContext} t
 * @param {string} command
 * @param {{ base: string | null }} session of the block
 */
async function run(t, command, session) {
  const [, options] = /^npx (?:--\S+ )*tollbox (.*)$/.exec(command) ?? [];
  if (options !== undefined) {
    if (options.startsWith("conformance ")) {
      session.base ??= await dev(t, "dev");
      const args = options.replace("http://localhost:8787", session.base).split(/\s+/);
      await promisify(execFile)(process.execPath, [TOLLBOX, ...args]);
    } else if (/--(?:help|version)\b/.test(options)) {
      const { stdout } = await promisify(execFile)(process.execPath, [
        TOLLBOX,
        ...options.split(" "),
      ]);
      assert.notEqual(stdout, "");
    } else {
      session.base = await dev(t, options);
    }
  } else if (/\bcurl\b/.test(command)) {
    session.base ??= await dev(t, "dev");
    const { host } = new URL(session.base);
    const real = command.replaceAll(/(?:localhost|127\.0\.0\.1):8787/g, host);
    assert.notEqual(real, command, "it asks no server of ours");
    await promisify(execFile)("sh", [
      "-ec",
      real.replaceAll("curl ", "curl -sS --fail-with-body "),
    ]);
  } else if (command.startsWith("cargo xtask ")) {
    const [, , name = ""] = command.split(" ");
    assert.ok(XTASK.includes(name), `there is no command ${name}`);
  } else {
    assert.match(command, OF_THE_READER, "nobody knows how to test it");
  }
}

for (const block of allBlocks().filter(({ language, isRun }) => language === "sh" && isRun)) {
  test(block.place, async (t) => {
    const session = { base: null };
    for (const command of commandsOf(block)) {
      await run(t, command, session).catch((error) => {
        throw new Error(`${block.place}: ${command}: ${error.message}`);
      });
    }
  });
}
