import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify, stripVTControlCharacters } from "node:util";

const exec = promisify(execFile);
const FIXTURES = fileURLToPath(new URL("..", import.meta.url));
const ROOT = path.resolve(FIXTURES, "../..");

/** npm's archive of the package. */
export const ARCHIVE = path.resolve(
  ROOT,
  process.env.TOLLBOX_ARCHIVE ?? "target/xtask/pack/tollbox-0.1.0.tgz",
);
/** Where the projects are installed and built. They are outside of the sources, as a user's are. */
const SCRATCH = path.resolve(ROOT, process.env.TOLLBOX_PROJECTS ?? "target/packaging");

/** The limit of one command, in ms. */
const LIMIT_MS = 600_000;

/**
 * A user's project: a fixture's copy, its packages, and among them the packed package and `shop`, a
 * package that uses it.
 */
export class Project {
  /**
   * @param {string} name
   * @param {string} folder
   */
  constructor(name, folder) {
    this.name = name;
    this.folder = folder;
  }

  /**
   * Lays the fixture `name` anew. Its packages are installed unless they are there from its lock file.
   *
   * @param {string} name
   */
  static async of(name) {
    const fixture = path.join(FIXTURES, name);
    const project = new Project(name, path.join(SCRATCH, name));
    const lock = path.join(fixture, "package-lock.json");
    const lay = () => cpSync(fixture, project.folder, { recursive: true });
    await project.#once("installed", fingerprint([lock]), async () => {
      rmSync(project.folder, { recursive: true, force: true });
      lay();
      mkdirSync(project.at("node_modules"), { recursive: true });
      if (existsSync(lock)) await project.run("npm", "ci", "--no-audit", "--no-fund");
      rmSync(project.#note("unpacked"), { force: true });
    });
    lay();
    await project.#once("unpacked", fingerprint([ARCHIVE]), () => project.#unpack());
    cpSync(path.join(FIXTURES, "shop"), project.at("node_modules/shop"), { recursive: true });
    return project;
  }

  /**
   * The fixture `name`, built by its script `build`.
   *
   * @param {string} name
   */
  static async built(name) {
    const project = await Project.of(name);
    await project.build({}, "npm", "run", "build");
    return project;
  }

  /**
   * The file or folder of this name.
   *
   * @param {string[]} names
   */
  at(...names) {
    return path.join(this.folder, ...names);
  }

  /**
   * Runs a program that builds the project, unless it has done so from the same files.
   *
   * @param {Record<string, string>} variables
   * @param {string} program
   * @param {string[]} args
   */
  async build(variables, program, ...args) {
    const files = [path.join(FIXTURES, this.name), path.join(FIXTURES, "shop"), ARCHIVE];
    const what = [...Object.values(variables), program, ...args].join(" ").replace(/\W+/g, "-");
    await this.#once(what, fingerprint(files), () => this.runWith(variables, program, ...args));
  }

  /**
   * Runs a program of the project's packages, or of the computer's, and gives what it printed.
   *
   * @param {string} program
   * @param {string[]} args
   */
  run(program, ...args) {
    return this.runWith({}, program, ...args);
  }

  /**
   * As `run`, with these variables.
   *
   * @param {Record<string, string>} variables
   * @param {string} program
   * @param {string[]} args
   */
  async runWith(variables, program, ...args) {
    try {
      const { stdout, stderr } = await exec(program, args, {
        cwd: this.folder,
        env: { ...this.#environment(), ...variables },
        timeout: LIMIT_MS,
        maxBuffer: 64 * 1024 * 1024,
      });
      return stdout + stderr;
    } catch (error) {
      const { stdout, stderr } = /** @type {any} */ (error);
      throw new Error(`${program} ${args.join(" ")}: ${error}\n${stdout}\n${stderr}`);
    }
  }

  /**
   * Starts a server among the project's programs, which prints its address.
   *
   * @param {string} program
   * @param {string[]} args
   */
  serve(program, ...args) {
    return this.serveWith({}, program, ...args);
  }

  /**
   * As `serve`, with these variables.
   *
   * @param {Record<string, string>} variables
   * @param {string} program
   * @param {string[]} args
   */
  async serveWith(variables, program, ...args) {
    const child = spawn(program, args, {
      cwd: this.folder,
      env: { ...this.#environment(), ...variables },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const stop = async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, "exit");
      child.kill();
      await gone;
    };
    let printed = "";
    const url = await new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("exit", () => reject(new Error(`${program} ended: ${printed}`)));
      child.stdout.on("data", (chunk) => {
        printed += chunk;
        const [address] = /http:\/\/[\w.]+:\d+\S*/.exec(stripVTControlCharacters(printed)) ?? [];
        if (address) resolve(address);
      });
    });
    return { url, stop };
  }

  /**
   * Unpacks the package, which has no dependencies, as npm would. Bundlers' caches are dropped: for
   * them a package of the same version is the same.
   */
  async #unpack() {
    for (const folder of [this.folder, this.at("node_modules")]) {
      const hidden = readdirSync(folder).filter((name) => /^\.(?!bin$|package-lock)/.test(name));
      for (const name of hidden) rmSync(path.join(folder, name), { recursive: true });
    }
    const folder = this.at("node_modules/tollbox");
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    await exec("tar", ["-xzf", ARCHIVE, "-C", folder, "--strip-components=1"]);
  }

  /**
   * Does the work unless it has been done with the same inputs.
   *
   * @param {string} what
   * @param {string} inputs
   * @param {() => Promise<unknown>} work
   */
  async #once(what, inputs, work) {
    const note = this.#note(what);
    if (existsSync(note) && readFileSync(note, "utf8") === inputs) return;
    rmSync(note, { force: true });
    await work();
    writeFileSync(note, inputs);
  }

  /** @param {string} what */
  #note(what) {
    return path.join(SCRATCH, `${this.name}.${what}`);
  }

  #environment() {
    return {
      ...process.env,
      PATH: `${this.at("node_modules/.bin")}${path.delimiter}${process.env.PATH}`,
      // A test runner of the project's is nobody's child.
      NODE_TEST_CONTEXT: undefined,
      CI: "1",
    };
  }
}

/**
 * A hash of these files, and of those in these folders, by name and content.
 *
 * @param {string[]} paths
 */
function fingerprint(paths) {
  const hash = createHash("sha256");
  for (const place of paths.filter((place) => existsSync(place))) {
    const isFolder = statSync(place).isDirectory();
    const names = isFolder ? readdirSync(place, { recursive: true, encoding: "utf8" }) : [""];
    for (const name of names.sort()) {
      const file = path.join(place, name);
      if (statSync(file).isFile()) hash.update(name).update(readFileSync(file));
    }
  }
  return hash.digest("hex");
}
