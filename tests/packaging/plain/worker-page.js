const dedicated = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
const shared = new SharedWorker(new URL("./shared-worker.js", import.meta.url), { type: "module" });
shared.port.start();

const ask = (to, message) =>
  new Promise((resolve) => {
    to.addEventListener("message", ({ data }) => resolve(data), { once: true });
    to.postMessage(message);
  });

globalThis.charge = ({ worker, ...options }) =>
  ask(worker === "shared" ? shared.port : dedicated, options);
