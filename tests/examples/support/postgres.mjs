/** A real PostgreSQL in a folder of its own. */

import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

/** Where Debian has the programs, by version. */
const VERSIONS = "/usr/lib/postgresql";

/** The folder of initdb and pg_ctl; null where there is none. */
export function programs() {
  if (process.env.TOLLBOX_POSTGRES) return process.env.TOLLBOX_POSTGRES;
  const versions = existsSync(VERSIONS) ? readdirSync(VERSIONS) : [];
  const folders = versions
    .sort((one, other) => Number(other) - Number(one))
    .map((version) => path.join(VERSIONS, version, "bin"));
  return folders.find((folder) => existsSync(path.join(folder, "initdb"))) ?? null;
}

/**
 * Starts one that ends with the test.
 *
 * @param {import("node:test").TestContext} t
 * @param {string} folder that of its programs
 */
export function postgres(t, folder) {
  const place = mkdtempSync(path.join(tmpdir(), "tollbox-pg-"));
  // PostgreSQL doesn't run as root; Debian's package has made a user for it.
  const isRoot = process.getuid?.() === 0;
  if (isRoot) execFileSync("chown", ["postgres", place]);
  const run = (/** @type {string} */ name, /** @type {string[]} */ args) => {
    const own = [path.join(folder, name), ...args];
    const [program = "", ...rest] = isRoot ? ["runuser", "-u", "postgres", "--", ...own] : own;
    execFileSync(program, rest, { cwd: "/", stdio: ["ignore", "ignore", "inherit"] });
  };
  const database = path.join(place, "db");
  run("initdb", ["-D", database, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]);
  const options = `-c listen_addresses='' -c unix_socket_directories='${place}' -c fsync=off`;
  const log = path.join(place, "log");
  run("pg_ctl", ["start", "-w", "-s", "-D", database, "-l", log, "-o", options]);
  t.after(() => {
    run("pg_ctl", ["stop", "-w", "-s", "-D", database, "-m", "immediate"]);
    rmSync(place, { recursive: true, force: true });
  });
  return {
    url: `postgres://postgres@localhost/postgres?host=${place}`,
    psql: [path.join(folder, "psql"), "-h", place, "-U", "postgres", "-q", "-v", "ON_ERROR_STOP=1"],
  };
}
