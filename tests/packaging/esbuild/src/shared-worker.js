import "./inline.js";

self.addEventListener("connect", ({ ports: [port] }) => {
  port.onmessage = async ({ data }) => {
    port.postMessage(await globalThis.charge(data).catch((error) => ({ error: String(error) })));
  };
});
