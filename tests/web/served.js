// A service worker that answers what the test runner's server can't: echoes, and bodies that end
// badly or never. It serves a frame, and the test fetches through that.

// As the test runner serves the crate's folder.
const SCRIPT = "/tests/web/served.js";
const SCOPE = "/tests/web/served/";

/** @returns {Response} */
const withBody = (/** @type {UnderlyingDefaultSource<Uint8Array>} */ source) =>
  new Response(new ReadableStream(source));

const begin = (/** @type {ReadableStreamDefaultController<Uint8Array>} */ controller) =>
  controller.enqueue(new TextEncoder().encode('{"balance":'));

/** @type {Record<string, (request: Request) => Response | Promise<Response>>} */
const ANSWERS = {
  frame: () => new Response("<!doctype html>", { headers: { "content-type": "text/html" } }),
  endless: () => withBody({ start: begin }),
  cut: () =>
    withBody({
      start: begin,
      pull: (controller) => controller.error(new Error("the connection is gone")),
    }),
  echo: async (request) =>
    new Response(
      JSON.stringify({
        method: request.method,
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
};

/** Lets `fetch` go through the worker; the function that is returned ends that. */
export async function fetchThroughWorker() {
  const worker = await navigator.serviceWorker.register(SCRIPT, { scope: SCOPE, type: "module" });
  const starting = worker.installing ?? worker.waiting;
  while (starting && starting.state !== "activated") {
    await new Promise((resolve) => starting.addEventListener("statechange", resolve));
  }
  const frame = document.createElement("iframe");
  frame.src = `${SCOPE}frame`;
  await new Promise((resolve) => {
    frame.onload = resolve;
    document.body.append(frame);
  });
  const ownFetch = window.fetch;
  window.fetch = (...request) => /** @type {any} */ (frame.contentWindow).fetch(...request);
  return async () => {
    window.fetch = ownFetch;
    frame.remove();
    await worker.unregister();
  };
}

if (typeof document === "undefined") {
  self.addEventListener("fetch", (/** @type {any} */ event) => {
    const name = new URL(event.request.url).pathname.slice(SCOPE.length);
    event.respondWith(ANSWERS[name](event.request));
  });
}
