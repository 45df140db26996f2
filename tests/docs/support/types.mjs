import { execFile } from "node:child_process";
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { ROOT } from "./block.mjs";

/** @typedef {import("./block.mjs").Block} Block */

/** The strict options of a user's project; JavaScript need not say the types of what it declares. */
const PROJECTS = {
  typescript: { languages: ["ts", "tsx"], options: {} },
  javascript: {
    languages: ["js", "jsx"],
    options: { allowJs: true, checkJs: true, noImplicitAny: false },
  },
};

/**
 * What TypeScript says against these blocks, each with its place.
 *
 * @param {string} folder for the files, made anew; below the repository, whose packages they import
 * @param {Block[]} blocks
 */
export async function typeErrors(folder, blocks) {
  rmSync(folder, { recursive: true, force: true });
  const errors = await Promise.all(
    Object.entries(PROJECTS).map(async ([name, { languages, options }]) => {
      const own = new Map(
        blocks
          .filter(({ language }) => languages.includes(language))
          .map((block) => [`${block.name}.${block.language}`, block]),
      );
      const project = path.join(folder, name);
      mkdirSync(project, { recursive: true });
      // Each is a module of its own, whether it imports anything or not.
      for (const [file, { code }] of own) {
        writeFileSync(path.join(project, file), `${code}export {};\n`);
      }
      cpSync(
        fileURLToPath(new URL("there.d.ts", import.meta.url)),
        path.join(project, "there.d.ts"),
      );
      const configuration = {
        extends: path.join(ROOT, "tests/types/tsconfig.json"),
        compilerOptions: {
          types: ["node"],
          exactOptionalPropertyTypes: false,
          noUnusedLocals: false,
          noUnusedParameters: false,
          ...options,
        },
        include: ["*"],
      };
      writeFileSync(path.join(project, "tsconfig.json"), JSON.stringify(configuration));
      return compile(project, own);
    }),
  );
  return errors.flat();
}

/**
 * @param {string} project
 * @param {Map<string, Block>} blocks by their files' names
 */
async function compile(project, blocks) {
  const tsc = path.join(ROOT, "node_modules/.bin/tsc");
  try {
    await promisify(execFile)(tsc, ["--noEmit", "--pretty", "false", "--project", "."], {
      cwd: project,
    });
    return [];
  } catch (error) {
    const { stdout = "" } = /** @type {{ stdout?: string }} */ (error);
    if (!stdout) throw error;
    return stdout
      .trimEnd()
      .split("\n")
      .map((said) => {
        const [, file = "", line, what] = /^(\S+?)\((\d+),\d+\): (.*)$/.exec(said) ?? [];
        const block = blocks.get(file);
        return block ? `${block.placeOf(Number(line))}: ${what}` : said;
      });
  }
}
