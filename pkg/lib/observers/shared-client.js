// @ts-check

import { cachedBalance, openBilling } from "tollbox";
import { Observer } from "./observer.js";

/** @import * as Api from "tollbox" */
/** @import { BillingState } from "./states.js" */

/** @type {BillingState} */
const OPENING = Object.freeze({ status: "opening", client: null, error: null });

/** Pauses between attempts to open: doubled from the first to the last. */
const FIRST_PAUSE_MS = 1_000;
const LAST_PAUSE_MS = 60_000;

/** The options that are code. A component makes them anew at every render. */
const FUNCTIONS = /** @type {const} */ (["getToken", "transport", "log"]);

/** Those of them without which nothing may be sent, or sent elsewhere. */
const WIRES = /** @type {const} */ (["getToken", "transport"]);

/**
 * One client for all who want it. It opens when the first begins to listen and closes when the last
 * has left; acts that are under way count. A client that was given is never closed.
 *
 * The constructor touches nothing of the page, so that a server may render.
 *
 * @extends {Observer<BillingState>}
 */
export class SharedClient extends Observer {
  /** @type {Api.BillingClient | null} */
  #given;
  /** The latest. @type {Api.BillingOptions | null} */
  #options;
  /** What tells this account from others; null for a client that was given. */
  #identity;
  /** The attempt to open that counts, if any. @type {object | null} */
  #attempt = null;
  #failures = 0;
  /** The functions that the client was opened with. @type {Set<(typeof WIRES)[number]>} */
  #wires = new Set();
  /** Acts under way, each on the client that it was given. @type {Set<Promise<unknown>>} */
  #acts = new Set();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #pause;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #closing;
  /** @type {Api.Balance | null | undefined} */
  #cached;

  /** @param {Api.BillingOptions | Api.BillingClient} source */
  constructor(source) {
    super(OPENING);
    this.#given = isClient(source) ? source : null;
    this.#options = isClient(source) ? null : source;
    this.#identity = this.#options && identityOf(this.#options);
    if (this.#given) {
      this.set({ status: "open", client: this.#given, error: null });
    }
  }

  /**
   * Whether this is the client of that source: the same client, or the same account of the same server.
   *
   * @param {Api.BillingOptions | Api.BillingClient} source
   */
  isFor(source) {
    return isClient(source) ? source === this.#given : identityOf(source) === this.#identity;
  }

  /**
   * Takes functions and language from newer options; the others count at the next opening. A client
   * knows from its opening whether it has a token and a transport: where one comes later, another opens.
   *
   * @param {Api.BillingOptions | Api.BillingClient} source
   */
  update(source) {
    if (isClient(source)) {
      return;
    }
    const { locale } = source;
    const before = this.#options;
    this.#options = source;
    if (this.#attempt && this.#isNewlyWired(source)) {
      this.#reopen();
    } else if (locale && locale !== before?.locale) {
      this.get().client?.setLocale(locale);
    }
  }

  /** Tries at once to open again, where that has failed. */
  retry = () => {
    if (this.get().status === "failed") {
      this.set(OPENING);
      this.#open();
    }
  };

  /**
   * The balance that is cached, for as long as no client is open: the same object every time.
   *
   * @returns {Api.Balance | null}
   */
  cached() {
    if (this.#cached === undefined) {
      this.#cached = this.#options && readCached(this.#options);
    }
    return this.#cached;
  }

  /**
   * Gives `act` the client, which stays open until the act is done, whoever leaves meanwhile. Rejects
   * where the client can't be opened.
   *
   * @template T
   * @param {(client: Api.BillingClient) => Promise<T>} act
   * @returns {Promise<T>}
   */
  async run(act) {
    const release = this.subscribe(() => {});
    try {
      this.retry();
      const acting = act(await this.#opened());
      this.#acts.add(acting);
      try {
        return await acting;
      } finally {
        this.#acts.delete(acting);
      }
    } finally {
      release();
    }
  }

  /**
   * Calls `attach` with the client whenever one is open; the function that it gives ends that. `changed`
   * is called when there is another client, or none any more.
   *
   * @param {(client: Api.BillingClient) => () => void} attach
   * @param {(state: BillingState) => void} [changed]
   * @returns {() => void}
   */
  attach(attach, changed = () => {}) {
    /** @type {Api.BillingClient | null} */
    let attached = null;
    let detach = () => {};
    const look = () => {
      const state = this.get();
      if (state.client !== attached) {
        detach();
        attached = state.client;
        detach = state.client ? attach(state.client) : () => {};
      }
      changed(state);
    };
    const leave = this.subscribe(look);
    look();
    return () => {
      leave();
      detach();
    };
  }

  /**
   * @protected
   * @override
   */
  start() {
    if (this.#given) {
      return () => {};
    }
    clearTimeout(this.#closing);
    this.#openSoon();
    return () => {
      // Not yet: what unmounts may be mounted again at once, as in React's StrictMode or after a
      // module was replaced.
      this.#closing = setTimeout(() => this.#close());
    };
  }

  /**
   * Opens a moment later, unless everybody has left by then: Vue sets props one by one, and each may come
   * to another owner.
   */
  #openSoon() {
    queueMicrotask(() => {
      if (this.isWatched && !this.#attempt) {
        this.#open();
      }
    });
  }

  #open() {
    clearTimeout(this.#pause);
    const attempt = {};
    this.#attempt = attempt;
    const openedIn = this.#options?.locale;
    openBilling(this.#openingOptions()).then(
      (client) => {
        if (this.#attempt !== attempt) {
          void client.close();
          return;
        }
        this.#failures = 0;
        const locale = this.#options?.locale;
        if (locale && locale !== openedIn) {
          client.setLocale(locale);
        }
        this.set({ status: "open", client, error: null });
      },
      (error) => {
        if (this.#attempt === attempt) {
          this.#fail(error);
        }
      },
    );
  }

  /** @param {Api.BillingError} error */
  #fail(error) {
    this.set({ status: "failed", client: null, error });
    // Wrong options stay wrong.
    if (error.code !== "invalid_argument") {
      const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** this.#failures, LAST_PAUSE_MS);
      this.#failures += 1;
      this.#pause = setTimeout(() => this.#open(), pauseMs);
    }
  }

  #close() {
    const { client } = this.get();
    this.#forget();
    void client?.close();
  }

  /**
   * Whether a function has come that the client was opened without. One that has charges in memory alone
   * goes on all the same: with it they would be lost.
   *
   * @param {Api.BillingOptions} options
   */
  #isNewlyWired(options) {
    const snapshot = this.get().client?.getSnapshot();
    const isAtStake = snapshot?.storage === "memory" && snapshot.queue.heldPoints > 0;
    return !isAtStake && WIRES.some((name) => options[name] && !this.#wires.has(name));
  }

  #reopen() {
    const { client } = this.get();
    this.#forget();
    this.#openSoon();
    // Not yet: an act that has waited for this client begins a moment later.
    setTimeout(() => Promise.allSettled(this.#acts).then(() => client?.close()));
  }

  /** Lets go of the client, or of the attempt to open one. */
  #forget() {
    this.#attempt = null;
    clearTimeout(this.#pause);
    this.#cached = undefined;
    this.set(OPENING);
  }

  /** The options, with functions that call the latest of their name. */
  #openingOptions() {
    const options = /** @type {Api.BillingOptions} */ (this.#options);
    const latest = (/** @type {(typeof FUNCTIONS)[number]} */ name) => {
      const own = this.#options?.[name];
      // One that has gone has nothing more to say; but the client sends by what it was opened with.
      const gone = name === "transport" ? options[name] : () => null;
      return /** @type {any} */ (typeof own === "function" ? own : gone);
    };
    this.#wires = new Set(WIRES.filter((name) => options[name]));
    /** @type {any} */
    const opening = { ...options };
    for (const name of FUNCTIONS) {
      if (typeof options[name] === "function") {
        opening[name] = (/** @type {any} */ argument) => latest(name)(argument);
      }
    }
    return /** @type {Api.BillingOptions} */ (opening);
  }

  /** @returns {Promise<Api.BillingClient>} */
  #opened() {
    return new Promise((resolve, reject) => {
      const leave = this.subscribe(look);
      const self = this;
      look();
      function look() {
        const { client, error } = self.get();
        if (client) {
          resolve(client);
        } else if (error) {
          reject(error);
        } else {
          return;
        }
        leave();
      }
    });
  }
}

/**
 * @param {Api.BillingOptions | Api.BillingClient} source
 * @returns {source is Api.BillingClient}
 */
function isClient(source) {
  if (typeof source !== "object" || source === null) {
    throw new TypeError("billing needs options, or a client");
  }
  return "getSnapshot" in source;
}

/** @param {Api.BillingOptions} options */
function identityOf({ baseUrl, account, namespace }) {
  return JSON.stringify([String(baseUrl), account, namespace]);
}

/** @param {Api.BillingOptions} options */
function readCached({ baseUrl, account, namespace }) {
  try {
    return cachedBalance({ baseUrl, account, ...(namespace === undefined ? {} : { namespace }) });
  } catch {
    // Opening says what is wrong with the options.
    return null;
  }
}
