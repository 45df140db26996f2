// Answers that the test runner's server can't give, in place of the network. The requests, answers
// and bodies are the browser's own objects.

/** A body that has begun, and fails when the request is aborted, as the standard demands. */
function body(/** @type {Request} */ request, /** @type {(end: any) => void} */ goOn) {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode('{"balance":'));
      request.signal.addEventListener("abort", () => controller.error(request.signal.reason));
    },
    pull: goOn,
  });
}

const TEXT = '{"text":"正文 🧾"}';
const HEADERS = { etag: '"v1"' };
const whole = () => new Response(TEXT, { status: 201, headers: HEADERS });
const plain = { status: 201, headers: new Map([["ETag", '"v1"']]) };

let pulled = 0;
let cancelled = false;
/** @type {AbortSignal | null} */
let signal = null;

/** A stream of these pieces. */
function streamOf(/** @type {any[]} */ ...pieces) {
  return new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(piece);
      controller.close();
    },
  });
}

/** A stream that counts the bytes pulled from it, and notes whether it is cancelled. */
function counted(/** @type {(controller: any) => void} */ pull) {
  return new ReadableStream({
    pull: (controller) => {
      pulled += 65_536;
      pull(controller);
    },
    cancel() {
      cancelled = true;
    },
  });
}

export const pulledBytes = () => pulled;
export const isCancelled = () => cancelled;
export const isAborted = () => signal?.aborted ?? false;

/** @type {Record<string, (request: Request) => any>} */
const ANSWERS = {
  endless: async (request) => new Response(body(request, () => new Promise(() => {}))),
  cut: async (request) =>
    new Response(body(request, (controller) => controller.error(new TypeError("network error")))),
  echo: async (request) =>
    new Response(
      JSON.stringify({
        method: request.method,
        url: request.url,
        headers: Object.fromEntries(request.headers),
        body: await request.text(),
        cache: request.cache,
        credentials: request.credentials,
      }),
      {
        status: 201,
        headers: { etag: '"v1"', "retry-after": "2", "idempotent-replayed": " True" },
      },
    ),
  // The substitutes of pages and libraries for `fetch` follow the standard only in part.
  "rejects with a text": () => Promise.reject("blocked"),
  "rejects with nothing": () => Promise.reject(),
  "answers nothing": async () => undefined,
  "an iframe's": async () => {
    const frame = document.createElement("iframe");
    document.body.append(frame);
    const { Response } = /** @type {typeof globalThis} */ (
      /** @type {any} */ (frame.contentWindow)
    );
    return new Response(TEXT, { status: 201, headers: HEADERS });
  },
  "a proxy that binds": async () =>
    new Proxy(whole(), {
      get(target, name) {
        const value = Reflect.get(target, name);
        return typeof value === "function" ? value.bind(target) : value;
      },
    }),
  "a plain object": async () => ({ ...plain, text: async () => TEXT }),
  "a plain object without promises": async () => ({ ...plain, text: () => TEXT }),
  "an object with its text": async () => ({ ...plain, body: TEXT }),
  "an object with JSON": async () => ({ ...plain, json: async () => JSON.parse(TEXT) }),
  "a stream of texts": async () => ({ ...plain, body: streamOf(TEXT.slice(0, 4), TEXT.slice(4)) }),
  "a stream of bytes of an iframe's": async () => {
    const frame = document.createElement("iframe");
    document.body.append(frame);
    const { TextEncoder } = /** @type {typeof globalThis} */ (
      /** @type {any} */ (frame.contentWindow)
    );
    const bytes = new TextEncoder().encode(TEXT);
    const view = new DataView(bytes.buffer, 11);
    return { ...plain, body: streamOf(bytes.subarray(0, 11), view) };
  },
  "a thenable that settles twice": () => ({
    // biome-ignore lint/suspicious/noThenProperty: libraries answer with their own kind of promises
    then(/** @type {any} */ resolve, /** @type {any} */ reject) {
      resolve(whole());
      reject(new Error("too late"));
      resolve(undefined);
    },
  }),
  "no promise": () => whole(),
  "a byte order mark": async () => ({
    ...plain,
    body: streamOf(new Uint8Array([0xef, 0xbb, 0xbf]), new TextEncoder().encode(TEXT)),
  }),
  "a proxy that does not bind": async () => new Proxy(whole(), {}),
  "an opaque one": async () => ({ ...plain, status: 0, type: "opaque" }),
  "an error's": async () => Response.error(),
  "one that is read already": async () => {
    const response = whole();
    await response.text();
    return response;
  },
  "one that somebody reads": async () => {
    const response = whole();
    response.body?.getReader();
    return response;
  },
  "a text that is refused": async () => ({ ...plain, text: () => Promise.reject() }),
  "a text that throws": async () => ({
    ...plain,
    text() {
      throw new Error("no");
    },
  }),
  "a text that is none": async () => ({ ...plain, text: async () => ({}) }),
  "a stream of objects": async () => ({ ...plain, body: streamOf({}) }),
  "a stream of a buffer given away": async () => {
    const bytes = new TextEncoder().encode(TEXT);
    const { byteLength, byteOffset } = bytes;
    const { buffer } = bytes;
    structuredClone(buffer, { transfer: [buffer] });
    return { ...plain, body: streamOf({ buffer, byteLength, byteOffset }, bytes) };
  },
  "a stream of nothing": async () => ({ ...plain, body: streamOf(null) }),
  "a stream whose end throws": async () => ({
    ...plain,
    body: {
      getReader: () => ({
        read: async () => ({
          get done() {
            throw new Error("no");
          },
        }),
      }),
    },
  }),
  "without end": async () =>
    new Response(counted((controller) => controller.enqueue(new Uint8Array(65_536)))),
  "400 MB that are stated": async () =>
    new Response(
      counted((controller) => controller.enqueue(new Uint8Array(1_000))),
      { headers: { "content-length": "400000000" } },
    ),
  "400 MB in one piece": async () => ({
    ...plain,
    body: counted((controller) => controller.enqueue({ byteLength: 400_000_000 })),
  }),
  "a long text of a plain object": async () => ({
    ...plain,
    text: async () => "字".repeat(500_000),
  }),
  "a text that never comes": async () => ({ ...plain, text: () => new Promise(() => {}) }),
  // biome-ignore lint/suspicious/noThenProperty: as above
  "a thenable that never settles": () => ({ then() {} }),
  redirected: async () => ({ ...plain, status: 200, redirected: true, text: async () => "<html>" }),
  "a redirect not followed": async () => ({ status: 0, type: "opaqueredirect" }),
  throws: () => {
    throw new Error("no");
  },
};

const own = window.fetch;

/** Answers the next `fetch`. */
export function answerNextFetch(/** @type {string} */ name) {
  pulled = 0;
  cancelled = false;
  window.fetch = (...request) => {
    window.fetch = own;
    const asked = new Request(...request);
    signal = asked.signal;
    return ANSWERS[name](asked);
  };
}
