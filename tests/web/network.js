// Answers that the test runner's server can't give, in place of the network: the request, the
// answer and its body are the browser's own.

/** A body that has begun, and ends with an error when the request is aborted, as the standard says. */
function body(/** @type {Request} */ request, /** @type {(end: any) => void} */ goOn) {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode('{"balance":'));
      request.signal.addEventListener("abort", () => controller.error(request.signal.reason));
    },
    pull: goOn,
  });
}

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
  // What pages and their libraries put in place of `fetch` keeps to the standard only so far.
  "rejects with a text": () => Promise.reject("blocked"),
  "rejects with nothing": () => Promise.reject(),
  "answers nothing": async () => undefined,
  "answers with an object": async () => ({ status: 200, text: async () => "{}" }),
  throws: () => {
    throw new Error("no");
  },
};

const own = window.fetch;

/** Answers the next `fetch`. */
export function answerNextFetch(/** @type {string} */ name) {
  window.fetch = (...request) => {
    window.fetch = own;
    return ANSWERS[name](new Request(...request));
  };
}
