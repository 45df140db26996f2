import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { Builder, Capabilities } from "selenium-webdriver";
import { ProcessGroup } from "../../browser/support/group.mjs";
import { until } from "../../browser/support/until.mjs";
import { PATIENCE_MS } from "./tab.mjs";

/**
 * Calls the script in the page, and reports in JSON. `window.eval`, because a driver may run this
 * function with another global object than the page's.
 */
const CALL = `
const [source, argument, done] = arguments;
(async () => window.eval("(" + source + ")")(window.JSON.parse(argument)))().then(
  (value) => done(JSON.stringify({ value })),
  (error) => done(JSON.stringify({ error: String(error) })),
);`;

/** A browser driven by WebDriver. Its driver leads the process group, which is killed as a whole. */
export class DrivenBrowser {
  #command;
  #capabilities;
  /** @type {ProcessGroup | null} */
  #group = null;
  /** @type {import("selenium-webdriver").WebDriver | null} */
  #session = null;

  /**
   * @param {(port: number) => { program: string, args: string[], environment?: NodeJS.ProcessEnv }} command
   *   starts the driver on a port
   * @param {Record<string, unknown>} capabilities
   */
  constructor(command, capabilities) {
    this.#command = command;
    this.#capabilities = capabilities;
  }

  /**
   * Starts the browser, with one tab a site.
   *
   * @param {import("./pilot.mjs").PilotedSite[]} sites
   */
  async open(...sites) {
    const port = await freePort();
    const { program, args, environment } = this.#command(port);
    const group = new ProcessGroup(program, args, environment);
    this.#group = group;
    const address = `http://127.0.0.1:${port}`;
    const answers = () =>
      group.check() &&
      fetch(`${address}/status`).then(
        (answer) => answer.ok,
        () => false,
      );
    await until("the driver", answers, PATIENCE_MS);
    const session = await new Builder()
      .usingServer(address)
      .withCapabilities(new Capabilities(this.#capabilities))
      .build();
    this.#session = session;
    await session.manage().setTimeouts({ script: PATIENCE_MS, pageLoad: PATIENCE_MS });
    const turns = new Turns();
    const tabs = [];
    for (const site of sites) {
      if (tabs.length > 0) await session.switchTo().newWindow("tab");
      await session.get(site.url);
      const tab = new DrivenTab(session, turns, await session.getWindowHandle());
      await tab.arrive();
      tabs.push(tab);
    }
    return tabs;
  }

  /**
   * Sets all tabs offline or online, by WebDriver BiDi.
   *
   * @param {boolean} offline
   */
  async setOffline(offline) {
    const session = this.#session;
    if (!session) throw new Error("the browser is not open");
    const bidi = await session.getBidi();
    const networkConditions = offline ? { type: "offline" } : null;
    const params = { networkConditions, contexts: await session.getAllWindowHandles() };
    const answer = await bidi.send({ method: "emulation.setNetworkConditions", params });
    assert.equal(/** @type {{ type: string }} */ (answer).type, "success", JSON.stringify(answer));
  }

  /** Kills the driver and every process of the browser at once, as a crash would. */
  async kill() {
    const group = this.#group;
    this.#group = null;
    this.#session = null;
    await group?.kill();
  }
}

/** One tab. WebDriver runs one script at a time, in the tab it was last switched to. */
class DrivenTab {
  #session;
  #turns;
  #window;

  /**
   * @param {import("selenium-webdriver").WebDriver} session
   * @param {Turns} turns of the session
   * @param {string} window
   */
  constructor(session, turns, window) {
    this.#session = session;
    this.#turns = turns;
    this.#window = window;
  }

  /**
   * @template A, R
   * @param {(argument: A) => R} script
   * @param {A} [argument]
   * @returns {Promise<Awaited<R>>}
   */
  evaluate(script, argument) {
    return this.#turns.take(async () => {
      await this.#session.switchTo().window(this.#window);
      const report = await this.#session.executeAsyncScript(
        CALL,
        String(script),
        JSON.stringify(argument ?? null),
      );
      const { value, error } = JSON.parse(String(report));
      if (error) throw new Error(error);
      return value;
    });
  }

  async reload() {
    await this.#turns.take(async () => {
      await this.#session.switchTo().window(this.#window);
      await this.#session.navigate().refresh();
    });
    await this.arrive();
  }

  /** Waits until the page has imported the package. */
  async arrive() {
    const arrived = () => this.evaluate(() => globalThis.tollbox !== undefined);
    await until("the page's import of the package", arrived, PATIENCE_MS);
  }
}

class Turns {
  /** @type {Promise<unknown>} */
  #last = Promise.resolve();

  /**
   * @template T
   * @param {() => Promise<T>} work
   * @returns {Promise<T>}
   */
  take(work) {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => {});
    return turn;
  }
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" ? (address?.port ?? 0) : 0;
}
