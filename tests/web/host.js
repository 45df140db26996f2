// A host, as the facade is one for the shell, with user code of all sorts behind it.

const never = () => new Promise(() => {});

/** @type {Record<string, (refresh: boolean) => any>} */
const TOKENS = {
  null: async () => null,
  undefined: async () => undefined,
  good: async () => "a.good-token_~+/=",
  slow: () => new Promise((resolve) => setTimeout(resolve, 2_000, "a.slow-token")),
  refresh: async (refresh) => (refresh ? "fresh" : "used"),
  never,
  rejects: () => Promise.reject(new Error("signed out")),
  throws: () => {
    throw new Error("signed out");
  },
  newline: async () => "token\nx-evil: 1",
  "carriage return": async () => "token\r",
  space: async () => "two words",
  "not ASCII": async () => "令牌",
  number: async () => 7,
  object: async () => ({ token: "t" }),
};

const ANSWER = { status: 200, headers: {}, body: "{}" };

/** @type {Record<string, (request: any) => any>} */
const TRANSPORTS = {
  good: async () => ({
    status: 201,
    headers: {
      etag: '"v1"',
      "retry-after": "2",
      "content-type": "application/json",
      "idempotent-replayed": "true",
    },
    body: "正文 🧾",
  }),
  shouts: async () => ({
    status: 503,
    headers: {
      ETag: '"v1"',
      "Retry-After": "2",
      DATE: "Thu, 01 Jan 2026 00:00:00 GMT",
      "CONTENT-TYPE": "application/problem+json",
      "Idempotent-Replayed": "true",
    },
    body: "{}",
  }),
  quotes: async ({ headers }) => ({ ...ANSWER, status: 401, body: `no: ${headers.authorization}` }),
  never,
  "status as text": async () => ({ ...ANSWER, status: "200" }),
  "headers of the browser's": async () => ({ ...ANSWER, headers: new Headers({ ETag: '"v1"' }) }),
  "a map of headers": async () => ({ ...ANSWER, headers: new Map([["ETag", '"v1"']]) }),
  "pairs of headers": async () => ({ ...ANSWER, headers: [["ETag", '"v1"'], 7, null, [], ["a"]] }),
  "a header of numbers": async () => ({ ...ANSWER, headers: { etag: '"v1"', age: 7, date: {} } }),
  "lists of values": async () => ({ ...ANSWER, headers: { etag: ['"v1"'], vary: ["a", "b"] } }),
  "a library's headers": async () => ({
    ...ANSWER,
    headers: { get: (/** @type {string} */ name) => (name === "etag" ? '"v1"' : undefined) },
  }),
  "a Response": async () => new Response("{}", { headers: { etag: '"v1"' } }),
  "no body": async () => ({ status: 200, headers: {} }),
  "body as null": async () => ({ ...ANSWER, body: null }),
  "body as object": async () => ({ ...ANSWER, body: { balance: 12 } }),
  "headers that throw": async () => ({
    ...ANSWER,
    headers: {
      get etag() {
        throw new Error("no etag");
      },
    },
  }),
  "headers that can't be listed": async () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return { ...ANSWER, headers: proxy };
  },
  "no headers": async () => ({ ...ANSWER, headers: null }),
  "status that throws": async () => ({
    get status() {
      throw new Error("no status");
    },
  }),
  "body that throws": async () => ({
    status: 200,
    get body() {
      throw new Error("no body");
    },
    text: () => Promise.reject(new Error("nor text")),
  }),
  "a revoked proxy": async () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return { proxy, status: proxy };
  },
  "a body that refers to itself": async () => {
    /** @type {any} */
    const body = {};
    body.body = body;
    return { ...ANSWER, body };
  },
  "a body too long": async () => ({ ...ANSWER, body: "x".repeat(1_048_577) }),
  "a status of nothing": async () => ({ ...ANSWER, status: 0 }),
  rejects: () => Promise.reject(new TypeError("Failed to fetch")),
  throws: () => {
    throw new Error("no");
  },
  undefined: async () => undefined,
  null: async () => null,
  string: async () => "200",
  "no status": async () => ({ headers: {}, body: "{}" }),
  "half a status": async () => ({ ...ANSWER, status: 200.5 }),
  "status below 0": async () => ({ ...ANSWER, status: -1 }),
  "status too large": async () => ({ ...ANSWER, status: 70_000 }),
};

/** A transport that answers balance requests, and nothing else. */
const bank = (/** @type {number} */ balance) => (/** @type {any} */ request) =>
  request.path.startsWith("balance?")
    ? Promise.resolve({ ...ANSWER, body: JSON.stringify({ balance, version: 1 }) })
    : never();

class TestHost {
  #token;
  #transport;
  /** @type {any[]} */
  #requests = [];
  #snapshot = "null";
  /** @type {any[]} */
  #alerts = [];
  /** The calls about tokens that the host received. @type {string[]} */
  #tokens = [];

  /**
   * @param {(refresh: boolean) => any} token
   * @param {((request: any) => any) | undefined} transport
   */
  constructor(token, transport) {
    this.#token = token;
    this.#transport = transport;
  }

  token(/** @type {boolean} */ refresh) {
    return this.#token(refresh);
  }

  rejected(/** @type {string} */ token) {
    this.#tokens.push(`rejected ${token}`);
  }

  keepToken(/** @type {string} */ token) {
    this.#tokens.push(`keep ${token}`);
  }

  refreshedElsewhere() {}

  get hearsCharges() {
    return true;
  }

  get hasTransport() {
    return this.#transport !== undefined;
  }

  transport(/** @type {any} */ request) {
    this.#requests.push(request);
    return this.#transport?.(request);
  }

  showAhead() {}

  notice(/** @type {string} */ kind, /** @type {any} */ subject) {
    if (kind === "snapshot") {
      this.#snapshot = subject;
    }
    if (kind === "alert") {
      this.#alerts.push(subject);
    }
  }

  charges() {}

  logs() {
    return true;
  }

  /** Grants every lock. */
  lock() {
    return { granted: Promise.resolve(true), letGo() {} };
  }

  /** The requests that the transport received, as JSON. */
  requests() {
    return JSON.stringify(
      this.#requests.map(({ signal, ...request }) => ({ ...request, aborted: signal.aborted })),
    );
  }

  /** The calls about tokens that the host received, as JSON. */
  tokens() {
    return JSON.stringify(this.#tokens);
  }

  /** The last snapshot, as JSON. */
  snapshot() {
    return this.#snapshot;
  }

  /** All alerts, as JSON. */
  alerts() {
    return JSON.stringify(this.#alerts);
  }
}

export function transportHost(/** @type {string} */ token, /** @type {string} */ transport) {
  return new TestHost(TOKENS[token], TRANSPORTS[transport]);
}

export function fetchHost(/** @type {string} */ token) {
  return new TestHost(TOKENS[token], undefined);
}

export function bankHost(/** @type {number} */ balance) {
  return new TestHost(TOKENS.null, bank(balance));
}

/** Resolves after everything that is due now has had its turn. */
export function nextTurn() {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
