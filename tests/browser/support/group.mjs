import { spawn } from "node:child_process";
import { once } from "node:events";
import { until } from "./until.mjs";

/** The leaders of the running groups. */
const running = new Set();

// A test run that ends early leaves no browser behind.
process.on("exit", () => {
  for (const leader of running) signal(leader, "SIGKILL");
});
for (const name of /** @type {const} */ (["SIGINT", "SIGTERM"])) {
  process.once(name, () => process.exit(1));
}

/** A program and its descendants, as one process group, which can be killed outright. */
export class ProcessGroup {
  #child;

  /**
   * @param {string} program
   * @param {string[]} args
   * @param {NodeJS.ProcessEnv} environment added to the test's own
   */
  constructor(program, args, environment = {}) {
    this.#child = spawn(program, args, {
      detached: true,
      stdio: "ignore",
      env: { ...process.env, ...environment },
    });
    if (this.#child.pid) running.add(this.#child.pid);
    this.#child.on("error", (error) => {
      this.error = error;
    });
  }

  /** Throws where the program couldn't be started or has ended by itself. */
  check() {
    if (this.error) throw this.error;
    const { exitCode, signalCode, spawnfile } = this.#child;
    if (exitCode !== null || signalCode !== null)
      throw new Error(`${spawnfile} ended by itself: ${exitCode ?? signalCode}`);
    return true;
  }

  /** Whether the program has ended by itself. */
  hasEnded() {
    const { exitCode, signalCode } = this.#child;
    return exitCode !== null || signalCode !== null;
  }

  /** Kills every program of the group at once with SIGKILL, and waits until all are gone. */
  async kill() {
    const { pid, exitCode, signalCode } = this.#child;
    if (!pid) return;
    const gone = exitCode === null && signalCode === null ? once(this.#child, "exit") : null;
    signal(pid, "SIGKILL");
    await gone;
    await until("the end of the process group", () => !signal(pid, 0));
    running.delete(pid);
  }
}

/**
 * Sends a signal to the group. False if it has no member any more.
 *
 * @param {number} leader
 * @param {NodeJS.Signals | 0} name
 */
function signal(leader, name) {
  try {
    return process.kill(-leader, name);
  } catch {
    return false;
  }
}
