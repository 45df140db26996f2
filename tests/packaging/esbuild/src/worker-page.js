const dedicated = new Worker("worker.js");
const shared = new SharedWorker("shared-worker.js");
shared.port.start();

const ask = (to, message) =>
  new Promise((resolve) => {
    to.addEventListener("message", ({ data }) => resolve(data), { once: true });
    to.postMessage(message);
  });

globalThis.charge = ({ worker, ...options }) =>
  ask(worker === "shared" ? shared.port : dedicated, options);
