import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { until } from "./until.mjs";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

/** The built demo. */
export const WWW = path.resolve(ROOT, process.env.TOLLBOX_WWW ?? "www/dist");
const BINARY = path.resolve(ROOT, process.env.TOLLBOX_SERVER ?? "target/debug/tollbox-server");

/**
 * @typedef {{ idempotency_key: string, charge_id: string, task_id: string, feature: string,
 *   amount: number, charged_at: string, requests: number }} LedgerCharge
 * @typedef {{ balance: number, version: number, charges: LedgerCharge[] }} Ledger
 * @typedef {{ kind: string, status?: number, ms?: number, retry_after?: string, body?: string }} Fault
 * @typedef {{ on: "any" | "balance" | "charge" | "batch" | "lookup", account: string | null,
 *   fault: Fault, times: number | null }} Rule
 */

/** The reference server as a child of the test, with a database file of its own. */
export class BillingServer {
  /** @type {import("node:child_process").ChildProcess | null} */
  #child = null;
  #folder = mkdtempSync(path.join(tmpdir(), "tollbox-server-"));
  #port = 0;
  /** @type {string[]} */
  #flags;

  /** @param {string[]} flags more of the server's flags */
  constructor(flags = []) {
    this.#flags = flags;
  }

  /** @param {string[]} flags */
  static async start(...flags) {
    const server = new BillingServer(flags);
    try {
      await server.start();
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  get url() {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** The base URL of the charge protocol. */
  get billing() {
    return `${this.url}/billing/v1`;
  }

  get isRunning() {
    return this.#child !== null;
  }

  /**
   * Starts the server: the first time on any free port, later on the same port and database. Somebody
   * else may have been given the port meanwhile.
   */
  async start() {
    await until("its port", async () => {
      try {
        await this.#startOnce();
        return true;
      } catch (error) {
        if (/address already in use/i.test(String(error))) return false;
        throw error;
      }
    });
  }

  async #startOnce() {
    const args = ["--port", String(this.#port), "--demo", "--faults", "--static", WWW];
    args.push("--database", path.join(this.#folder, "ledger.sqlite"), ...this.#flags);
    const child = spawn(BINARY, args, { stdio: ["ignore", "pipe", "pipe"] });
    this.#child = child;
    let complaints = "";
    child.stderr.on("data", (chunk) => {
      complaints = (complaints + chunk).slice(-4_000);
    });
    const lines = createInterface({ input: child.stdout });
    const [line] = await Promise.race([
      once(lines, "line"),
      once(child, "error").then(([error]) => Promise.reject(error)),
      once(child, "exit").then(() => Promise.reject(new Error(`no server: ${complaints}`))),
    ]);
    this.#port = Number(/^listening on http:\/\/127\.0\.0\.1:(\d+)$/.exec(line)?.[1]);
    if (!this.#port) throw new Error(`not the line that says where it listens: ${line}`);
  }

  /** Kills the server, as a crash would. */
  async kill() {
    await this.#end("SIGKILL");
  }

  /** Stops the server as an operator would, and removes its database. */
  async stop() {
    await this.#end("SIGTERM");
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** @param {NodeJS.Signals} signal */
  async #end(signal) {
    const child = this.#child;
    this.#child = null;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill(signal);
    await gone;
  }

  /**
   * Signs in, which creates the account if it is new.
   *
   * @param {string} account
   * @returns {Promise<string>} the token
   */
  async token(account) {
    const session = await this.#call("POST", "/demo/session", { account });
    return session.token;
  }

  /**
   * The account's ledger in the server's database.
   *
   * @param {string} account
   * @returns {Promise<Ledger>}
   */
  async ledger(account) {
    return this.#call("GET", "/demo/ledger", undefined, await this.token(account));
  }

  /**
   * Waits until the account's ledger meets the condition, and gives it.
   *
   * @param {string} account
   * @param {string} what
   * @param {(ledger: Ledger) => boolean} holds
   */
  async ledgerWhen(account, what, holds) {
    return until(what, async () => {
      const ledger = await this.ledger(account);
      return holds(ledger) ? ledger : null;
    });
  }

  /**
   * @param {string} account
   * @param {number} points
   */
  async topUp(account, points) {
    await this.#call("POST", "/demo/top-up", { points }, await this.token(account));
  }

  /**
   * Makes requests of the account fail, until `repair`. Each test has its own account and server,
   * so no other test's rules are replaced.
   *
   * @param {string} account
   * @param {Fault} fault
   * @param {Partial<Rule>} rule
   */
  async breakFor(account, fault, rule = {}) {
    await this.breakBy(account, [{ fault, ...rule }]);
  }

  /**
   * As `breakFor`, with several rules; the first that matches a request applies.
   *
   * @param {string} account
   * @param {(Pick<Rule, "fault"> & Partial<Rule>)[]} rules
   */
  async breakBy(account, rules) {
    await this.#call("PUT", "/faults", {
      rules: rules.map((rule) => ({ on: "any", account, times: null, ...rule })),
    });
  }

  /** Whether the fault of `breakFor` has hit all the requests of its limit. */
  async faultIsUsedUp() {
    const { rules } = await this.#call("GET", "/faults");
    return rules.every((/** @type {Rule} */ rule) => rule.times === 0);
  }

  /** How many more requests the limited faults of `breakBy` will hit in all. */
  async faultsLeft() {
    const { rules } = await this.#call("GET", "/faults");
    return rules.reduce((/** @type {number} */ sum, /** @type {Rule} */ rule) => {
      return sum + (rule.times ?? 0);
    }, 0);
  }

  async repair() {
    await this.#call("DELETE", "/faults");
  }

  /**
   * @param {string} method
   * @param {string} place
   * @param {unknown} [body]
   * @param {string} [token]
   * @returns {Promise<any>}
   */
  async #call(method, place, body, token) {
    /** @type {Record<string, string>} */
    const headers = { "content-type": "application/json", connection: "close" };
    if (token) headers.authorization = `Bearer ${token}`;
    const init = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
    const response = await fetch(this.url + place, init);
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${place}: ${response.status} ${text}`);
    return text ? JSON.parse(text) : null;
  }
}
