import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

/** Other names of the languages that are tested. */
const LANGUAGES = /** @type {Record<string, string>} */ ({
  typescript: "ts",
  javascript: "js",
  mjs: "js",
  bash: "sh",
  shell: "sh",
  console: "sh",
});

const DIRECTIVE = /^<!-- test: (?:(skip|compile) because (\S.*)|(continues)) -->$/;

/**
 * A block of code that a reader may copy: from a page, or from an example of a declaration. A comment
 * in the line before it, which no reader sees, says how it is tested where that is not the usual way:
 *
 * - `<!-- test: continues -->`: after the block before it on the page, as one file.
 * - `<!-- test: compile because REASON -->`: its types are checked, it is not run.
 * - `<!-- test: skip because REASON -->`: not at all.
 */
export class Block {
  /** How many lines of the blocks before it stand before its own. */
  before = 0;

  /**
   * @param {string} page its file in the repository
   * @param {number} line that of its first line of code, from 1
   * @param {string} language
   * @param {string} code
   * @param {string | null} directive
   */
  constructor(page, line, language, code, directive) {
    this.page = page;
    this.line = line;
    this.language = LANGUAGES[language] ?? language;
    this.code = code;
    const [, how, , continues] = DIRECTIVE.exec(directive ?? "") ?? [];
    if (directive && !how && !continues) {
      throw new Error(`${this.place}: not how a block is tested: ${directive}`);
    }
    this.isSkipped = how === "skip";
    this.isRun = how === undefined;
    this.continues = continues !== undefined;
  }

  get place() {
    return `${this.page}:${this.line}`;
  }

  /** The place of a line, from 1, of its file. @param {number} line */
  placeOf(line) {
    return `${this.page}:${this.line + line - 1 - this.before}`;
  }

  /** The name of its file, without an extension. */
  get name() {
    return `${this.page.replace(/\W+/g, "-")}-${this.line}`;
  }

  /** The name that the code itself gives its file: `// pay.test.js` in its first line. */
  get ownName() {
    return /^\/\/ ([\w.-]+\.\w+)\n/.exec(this.code)?.[1] ?? null;
  }

  /** The modules that it imports. @returns {string[]} */
  get imports() {
    const found = this.code.matchAll(
      /(?:^import|^export|^\} from|\bfrom|\bimport\()[\s]*["']([^"'\n]+)["']/gm,
    );
    return [...found].map(([, name = ""]) => name);
  }

  /** Whether it uses this name, which it does not declare. @param {string} name */
  lacks(name) {
    const declared = new RegExp(
      `(?:const|let|var|function|class) +(?:\\{[^}]*)?\\b${name}\\b|import [^;]*\\b${name}\\b`,
    );
    return new RegExp(`(?<![./\\w"'])${name}\\b`).test(this.code) && !declared.test(this.code);
  }
}

/** The test runners, by the end of the name that a block gives its file. */
const RUNNERS = { test: "vitest", jest: "jest", node: "node" };

/**
 * The test runner that tests/packaging/runners.test.mjs runs the block with; null for one that a page
 * runs. It is named by the block's first line: `// pay.test.js`, `// pay.jest.js`, `// pay.node.js`.
 *
 * @param {Block} block
 */
export function runnerOf({ place, imports, ownName }) {
  const isOfNode = imports.some((name) => /^(?:node:|vitest$|@jest\/|@sinonjs\/)/.test(name));
  if (!isOfNode) return null;
  const [, ending = ""] = /\.(\w+)\.[jt]s$/.exec(ownName ?? "") ?? [];
  const runner = Object.entries(RUNNERS).find(([name]) => name === ending)?.[1];
  if (!runner)
    throw new Error(`${place}: its first line is to name its file, such as // pay.node.js`);
  return runner;
}

/** The pages and declarations whose code is tested. */
export function sources() {
  const below = (/** @type {string} */ folder, /** @type {RegExp} */ ending) =>
    readdirSync(path.join(ROOT, folder), { recursive: true, encoding: "utf8" })
      .filter((name) => ending.test(name) && !/(^|[\\/])(node_modules|wasm|dist|\.)/.test(name))
      .map((name) => path.posix.join(folder, name.replaceAll("\\", "/")))
      .sort();
  return ["README.md", "pkg/README.md", ...below("docs", /\.md$/), ...below("pkg", /\.d\.ts$/)];
}

/**
 * The blocks of a page, or of the comments of declarations.
 *
 * @param {string} page
 * @param {string} text
 */
export function blocksOf(page, text) {
  const isDeclarations = page.endsWith(".ts");
  const lines = text
    .split("\n")
    .map((line) => (isDeclarations ? line.replace(/^\s*\* ?/, "") : line));
  /** @type {Block[]} */
  const blocks = [];
  for (let at = 0; at < lines.length; at += 1) {
    const opening = /^(\s*)(`{3,}|~{3,})\s*([\w-]*)/.exec(lines[at] ?? "");
    if (!opening) continue;
    const [, indent = "", fence = "", language = ""] = opening;
    const first = at + 1;
    const end = lines.findIndex((line, index) => index > at && line.trim() === fence);
    if (end < 0) throw new Error(`${page}:${first}: the block has no end`);
    const code = lines
      .slice(first, end)
      .map((line) => line.slice(Math.min(indent.length, line.search(/\S|$/))));
    const above = lines.slice(0, at).findLast((line) => line.trim() !== "") ?? "";
    const directive = above.trim().startsWith("<!-- test:") ? above.trim() : null;
    const block = new Block(page, first + 1, language, `${code.join("\n")}\n`, directive);
    if (block.continues) {
      const earlier = blocks.findLast((earlier) => earlier.language === block.language);
      if (!earlier) throw new Error(`${block.place}: there is no block that it continues`);
      block.code = `${earlier.code}${block.code}`;
      block.before = earlier.code.split("\n").length - 1;
    }
    blocks.push(block);
    at = end;
  }
  return blocks;
}

/** Every block of every page, but those that say why not. */
export function allBlocks() {
  return sources()
    .flatMap((page) => blocksOf(page, readFileSync(path.join(ROOT, page), "utf8")))
    .filter((block) => !block.isSkipped);
}
