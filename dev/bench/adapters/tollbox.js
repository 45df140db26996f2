// Ours, as the package is built. "Offline" is the browser's own word, navigator.onLine and its events,
// set here, so that no failing fetch is timed.
import { cachedBalance, openBilling } from "tollbox";

const OPEN = ["pending", "retrying", "unknown"];

const asked = new URLSearchParams(location.search);
const owner = { baseUrl: "/v1", account: asked.get("account") ?? "a" };

let online = false;
Object.defineProperty(Navigator.prototype, "onLine", { configurable: true, get: () => online });

function goOnline() {
  if (online) return;
  online = true;
  dispatchEvent(new Event("online"));
}

let client;

function open() {
  const { queue } = client.getSnapshot();
  return queue.pending + queue.retrying + queue.unknown;
}

async function until(status, answer) {
  const outcome = await answer;
  if (outcome.status !== status) throw new Error(`${outcome.status}: ${outcome.detail}`);
  return outcome;
}

const request = ({ taskId, amount, feature, note }) => ({
  taskId,
  amount,
  feature,
  metadata: { note },
});

const nextChange = () =>
  new Promise((resolve) => {
    const stop = client.subscribe(() => {
      stop();
      resolve();
    });
    setTimeout(resolve, 100);
  });

export default {
  async open() {
    client = await openBilling({
      ...owner,
      log: "silent",
      queue: { offlineSpend: "unlimited", maxEntries: 200_000 },
    });
  },
  count: async () => open(),
  load: () => client.charges({ status: OPEN }),
  enqueue: (charge) => until("queued", client.charge(request(charge))),
  async flush() {
    goOnline();
    await client.flush();
    // What was put off is sent by itself when its time has come.
    while (open()) await nextChange();
  },
  charge(charge) {
    goOnline();
    return until("charged", client.charge(request(charge)));
  },
  balance: () => client.balance(),
  snapshot: () => client.getSnapshot(),
  cached: () => cachedBalance(owner),
};
