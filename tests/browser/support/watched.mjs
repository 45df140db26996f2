/**
 * The browser resources that a page holds: pending timers, listeners, channels, connections,
 * requests in flight and locks.
 *
 * @typedef {"timer" | "listener" | "channel" | "database" | "request"} Kind
 * @typedef {object} Watched
 * @property {() => Promise<Record<string, string[]>>} held what is held now, by kind; no empty kinds
 * @property {() => Counts} counts
 * @property {(held: (held: Record<string, string[]>) => boolean) => Promise<void>} comesTo
 *   waits until what is held is so; throws after some seconds, with what is held then
 * @typedef {{ transactions: number, requests: number, charges: number }} Counts readwrite transactions that
 *   were begun, and requests to the billing server that were sent
 */

/**
 * Makes every document of the page watch itself: `globalThis.watched` reports the held resources.
 *
 * @param {import("playwright-core").Page | import("playwright-core").BrowserContext} page
 */
export async function watch(page) {
  await page.addInitScript(install);
}

/** Runs in the page before its own scripts. */
function install() {
  /** @type {Record<Kind, Map<unknown, string>>} */
  const held = {
    timer: new Map(),
    listener: new Map(),
    channel: new Map(),
    database: new Map(),
    request: new Map(),
  };
  const counts = { transactions: 0, requests: 0, charges: 0 };
  /** Event types that Playwright itself listens for in a page. */
  const PLAYWRIGHTS = /^(__playwright|mouse|pointer|touch|contextmenu|(aux|dbl)?click)/;
  watchTimers();
  watchListeners();
  watchChannels();
  watchDatabases();
  watchRequests();
  globalThis.watched = { held: show, comesTo, counts: () => ({ ...counts }) };

  async function show() {
    /** @type {Record<string, string[]>} */
    const shown = {};
    for (const [kind, things] of Object.entries(held)) {
      if (things.size > 0) shown[kind] = [...things.values()].sort();
    }
    const { held: locks = [], pending = [] } = (await navigator.locks?.query()) ?? {};
    const names = [...locks, ...pending].map((lock) => lock.name ?? "");
    if (names.length > 0) shown.lock = names.sort();
    return shown;
  }

  /** @param {(shown: Record<string, string[]>) => boolean} holds */
  async function comesTo(holds) {
    const deadline = performance.now() + 15_000;
    for (;;) {
      const shown = await show();
      if (holds(shown)) return;
      if (performance.now() > deadline)
        throw new Error(`never came; held: ${JSON.stringify(shown)}`);
    }
  }

  function watchTimers() {
    const { setTimeout, clearTimeout, setInterval, clearInterval } = globalThis;
    globalThis.setTimeout = /** @type {any} */ (
      (/** @type {Function} */ then, /** @type {number} */ wait, /** @type {any[]} */ ...rest) => {
        const id = setTimeout(() => {
          held.timer.delete(id);
          then(...rest);
        }, wait);
        held.timer.set(id, `${wait} ms`);
        return id;
      }
    );
    globalThis.setInterval = /** @type {any} */ (
      (/** @type {Function} */ then, /** @type {number} */ wait, /** @type {any[]} */ ...rest) => {
        const id = setInterval(then, wait, ...rest);
        held.timer.set(id, `every ${wait} ms`);
        return id;
      }
    );
    globalThis.clearTimeout = (id) => {
      held.timer.delete(id);
      clearTimeout(id);
    };
    globalThis.clearInterval = (id) => {
      held.timer.delete(id);
      clearInterval(id);
    };
  }

  function watchListeners() {
    const { addEventListener, removeEventListener } = EventTarget.prototype;
    /** @type {WeakMap<object, number>} */
    const numbers = new WeakMap();
    const numberOf = (/** @type {object} */ thing) => {
      if (!numbers.has(thing)) numbers.set(thing, held.listener.size + Math.random());
      return numbers.get(thing);
    };
    const nameOf = (
      /** @type {any} */ target,
      /** @type {string} */ type,
      /** @type {any} */ then,
      /** @type {any} */ options,
    ) => {
      const capture = typeof options === "object" ? options?.capture : options;
      const on = target ?? globalThis;
      return {
        key: `${numberOf(on)} ${type} ${numberOf(then)} ${Boolean(capture)}`,
        name: `${on.constructor.name} ${type}`,
        lasts: (on === globalThis || on instanceof Node) && !PLAYWRIGHTS.test(type),
      };
    };
    EventTarget.prototype.addEventListener = function (type, then, options) {
      // Listeners go with a target that is garbage, such as a transaction.
      const { key, name, lasts } = nameOf(this, type, then ?? {}, options);
      if (lasts) held.listener.set(key, name);
      return addEventListener.call(this, type, then, options);
    };
    EventTarget.prototype.removeEventListener = function (type, then, options) {
      held.listener.delete(nameOf(this, type, then ?? {}, options).key);
      return removeEventListener.call(this, type, then, options);
    };
  }

  function watchChannels() {
    const { close } = BroadcastChannel.prototype;
    globalThis.BroadcastChannel = class extends BroadcastChannel {
      /** @param {string} name */
      constructor(name) {
        super(name);
        held.channel.set(this, name);
      }
    };
    BroadcastChannel.prototype.close = function () {
      held.channel.delete(this);
      return close.call(this);
    };
  }

  function watchDatabases() {
    const { open } = IDBFactory.prototype;
    const { close, transaction } = IDBDatabase.prototype;
    IDBFactory.prototype.open = function (name, version) {
      const request = open.call(this, name, version);
      request.addEventListener("success", () => held.database.set(request.result, name));
      return request;
    };
    IDBDatabase.prototype.close = function () {
      held.database.delete(this);
      return close.call(this);
    };
    IDBDatabase.prototype.transaction = function (stores, mode, options) {
      if (mode === "readwrite") counts.transactions += 1;
      return transaction.call(this, stores, mode, options);
    };
  }

  function watchRequests() {
    const { fetch } = globalThis;
    globalThis.fetch = async (request, init) => {
      const of = request instanceof Request ? request : new Request(request, init);
      if (!of.url.includes("/billing/")) return fetch(request, init);
      counts.requests += 1;
      if (of.method === "POST") counts.charges += 1;
      const id = {};
      held.request.set(id, `${of.method} ${of.url}`);
      const free = () => void held.request.delete(id);
      try {
        const response = await fetch(request, init);
        const { body } = response;
        if (!body) {
          free();
          return response;
        }
        const { getReader } = body;
        // The package reads bodies as streams.
        body.getReader = /** @type {any} */ (
          () => {
            const own = /** @type {ReadableStreamDefaultReader} */ (getReader.call(body));
            const { read, cancel } = own;
            const ended = (/** @type {{ done: boolean }} */ { done }) => done && free();
            own.read = () => {
              const piece = read.call(own);
              piece.then(ended, free);
              return piece;
            };
            own.cancel = (reason) => cancel.call(own, reason).finally(free);
            return own;
          }
        );
        return response;
      } catch (error) {
        free();
        throw error;
      }
    };
  }
}
