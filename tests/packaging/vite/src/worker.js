import "./main.js";

self.addEventListener("message", async ({ data }) => {
  self.postMessage(await globalThis.charge(data).catch((error) => ({ error: String(error) })));
});
