/** @typedef {import("playwright-core").Page} Page */
/** @typedef {"dedicated" | "shared" | "service"} WorkerKind */

/** Every kind of worker. @type {WorkerKind[]} */
export const WORKER_KINDS = ["dedicated", "shared", "service"];

/** A worker of the bare site that has imported the package, as seen from its page. */
export class BareWorker {
  #page;
  #kind;

  /**
   * @param {Page} page
   * @param {WorkerKind} kind
   */
  constructor(page, kind) {
    this.#page = page;
    this.#kind = kind;
  }

  /**
   * Starts it in a page of the bare site; one of each kind.
   *
   * @param {Page} page
   * @param {WorkerKind} kind
   * @param {{ script?: string, type?: WorkerType }} [set] where it is not the site's own for that
   */
  static async start(page, kind, { script = "/worker.js", type = "module" } = {}) {
    /** @typedef {{ kind: WorkerKind, script: string, type: WorkerType }} Given */
    const start = async (/** @type {Given} */ { kind, script, type }) => {
      if (kind === "dedicated") globalThis.kept[kind] = new Worker(script, { type });
      else if (kind === "shared") globalThis.kept[kind] = new SharedWorker(script, { type }).port;
      else {
        await navigator.serviceWorker.register(script, { type });
        globalThis.kept[kind] = (await navigator.serviceWorker.ready).active;
      }
      /** @type {Partial<MessagePort>} */ (globalThis.kept[kind]).start?.();
    };
    await page.evaluate(start, { kind, script, type });
    const worker = new BareWorker(page, kind);
    await worker.evaluate(() => null);
    return worker;
  }

  /**
   * Evaluates a function in the worker, as in a page.
   *
   * @type {Page["evaluate"]}
   */
  evaluate = async (/** @type {unknown} */ code, /** @type {unknown} */ value) =>
    this.#page.evaluate(
      async ({ kind, ...asked }) => {
        const worker = /** @type {Worker} */ (globalThis.kept[kind]);
        const { port1, port2 } = new MessageChannel();
        const answer = new Promise((resolve) => {
          port1.onmessage = ({ data }) => resolve(data);
        });
        worker.postMessage(asked, [port2]);
        const { result, error } = await answer;
        if (error) throw new Error(`in the ${kind} worker: ${error}`);
        return result;
      },
      { kind: this.#kind, code: String(code), value },
    );

  /** Ends it at once, whatever it is doing. */
  async kill() {
    if (this.#kind === "dedicated") {
      await this.#page.evaluate(() =>
        /** @type {Worker} */ (globalThis.kept.dedicated).terminate(),
      );
    } else if (this.#kind === "service") {
      const devtools = await this.#page.context().newCDPSession(this.#page);
      await devtools.send("ServiceWorker.enable");
      await devtools.send("ServiceWorker.stopAllWorkers");
    } else {
      // Its answer does not come any more.
      await this.#page.evaluate(() => {
        const worker = /** @type {MessagePort} */ (globalThis.kept.shared);
        worker.postMessage({ code: "() => close()" }, [new MessageChannel().port2]);
      });
    }
  }
}
