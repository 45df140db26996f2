import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { createHost } from "../../pkg/lib/host.js";
import { Port } from "../../pkg/lib/restart/port.js";
import { OWNER } from "./support/page.mjs";

const LOCK = "tollbox:token";
const LIMIT_MS = 1_000;

let clock = performance.now();
mock.method(performance, "now", () => clock);

/** Where a page hears that it is hidden; Node.js has none. */
const page = new EventTarget();
for (const name of /** @type {const} */ (["addEventListener", "removeEventListener"])) {
  Object.defineProperty(globalThis, name, { value: page[name].bind(page), configurable: true });
}

/** `navigator.locks`, of which one lock is used. */
class LockOfOneName {
  /** Who has it, and who waits, in their order. @type {(() => void)[]} */
  #queue = [];

  /**
   * @param {string} _name
   * @param {{ ifAvailable?: boolean, signal?: AbortSignal }} options
   * @param {(lock: object | null) => any} use
   */
  async request(_name, { ifAvailable, signal }, use) {
    if (ifAvailable && this.#queue.length > 0) {
      return use(null);
    }
    /** @type {Promise<void>} */
    const turn = new Promise((resolve, reject) => {
      this.#queue.push(resolve);
      signal?.addEventListener("abort", () => {
        this.#queue = this.#queue.filter((waiting) => waiting !== resolve);
        reject(signal.reason);
      });
    });
    this.#queue[0]?.();
    await turn;
    try {
      return await use({});
    } finally {
      this.#queue.shift();
      this.#queue[0]?.();
    }
  }
}

/** A token's source whose calls are answered by the test. */
function source() {
  /** @type {{ refresh: boolean, give: (token: string) => void }[]} */
  const calls = [];
  /** @param {{ refresh: boolean }} context */
  const getToken = ({ refresh }) =>
    new Promise((/** @type {(token: string) => void} */ give) => calls.push({ refresh, give }));
  const port = () => new Port(createHost({ ...OWNER, log: "silent", getToken }), null, false);
  return { calls, port };
}

/** Another tab refreshes the token, under the lock, and this one waits for that. */
async function waitForAnother() {
  const locks = new LockOfOneName();
  Object.defineProperty(navigator, "locks", { value: locks, configurable: true });
  /** @type {() => void} */
  let refreshed = () => {};
  /** @type {Promise<void>} */
  const refreshing = new Promise((resolve) => {
    refreshed = resolve;
  });
  locks.request(LOCK, {}, () => refreshing);
  const { calls, port: open } = source();
  const port = open();
  port.rejected("old");
  const token = Promise.resolve(port.token(true, LIMIT_MS, LOCK));
  token.catch(() => {});
  await turn();
  assert.deepEqual(of(calls), []);
  return { calls, port, token, refreshed };
}

/** @param {{ refresh: boolean }[]} calls */
const of = (calls) => calls.map(({ refresh }) => refresh);

const hide = () => page.dispatchEvent(new Event("pagehide"));

for (const [end, leave] of /** @type {const} */ ([
  ["is hidden", hide],
  ["loses its module", (/** @type {Port} */ port) => port.cut()],
])) {
  test(`a tab that ${end} while another refreshes the token does not refresh it, too`, async () => {
    const { calls, port, token } = await waitForAnother();
    leave(port);
    await turn();
    // What it has may be new already.
    calls[0]?.give("old");
    await assert.rejects(token);
    assert.deepEqual(of(calls), [false]);
  });
}

test("a tab that is hidden between its look for a newer token and its refresh does not refresh", async () => {
  const { calls, token, refreshed } = await waitForAnother();
  refreshed();
  await turn();
  assert.deepEqual(of(calls), [false]);
  hide();
  calls[0]?.give("old");
  await assert.rejects(token);
  assert.deepEqual(of(calls), [false]);
});

test("a tab that was hidden waits for another's refresh as long as ever when it is back", async (t) => {
  const { calls, port, token, refreshed } = await waitForAnother();
  hide();
  await turn();
  calls[0]?.give("old");
  await assert.rejects(token);
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const again = port.token(true, LIMIT_MS, LOCK);
  await turn();
  t.mock.timers.tick(LIMIT_MS / 2);
  await turn();
  assert.equal(calls.length, 1, "it still waits");
  refreshed();
  await turn();
  calls[1]?.give("new");
  assert.equal(await again, "new");
  assert.deepEqual(of(calls), [false, false]);
});

test("a tab waits for one that stands still in its refresh no longer than a request may take", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { calls, token } = await waitForAnother();
  t.mock.timers.tick(LIMIT_MS);
  await turn();
  calls[0]?.give("old");
  await turn();
  calls[1]?.give("new");
  assert.equal(await token, "new");
  assert.deepEqual(of(calls), [false, true]);
});

test("a token that came after its request's limit is used by a retry that begins later", async () => {
  const { calls, port } = source();
  const requests = port();
  const late = requests.token(false, LIMIT_MS, LOCK);
  clock += 3 * LIMIT_MS;
  calls[0]?.give("late");
  await late;
  clock += LIMIT_MS;
  const retried = requests.token(false, LIMIT_MS, LOCK);
  assert.equal(calls.length, 1, "there is one");
  assert.equal(await retried, "late");
});

test("a late token that the next request still waits for is used by that alone", async () => {
  const { calls, port } = source();
  const requests = port();
  const late = requests.token(false, LIMIT_MS, LOCK);
  clock += LIMIT_MS;
  const retried = requests.token(false, LIMIT_MS, LOCK);
  calls[0]?.give("late");
  await late;
  assert.equal(await retried, "late");
  requests.token(false, LIMIT_MS, LOCK);
  assert.equal(calls.length, 3);
});

/** Whatever is ready has run. */
function turn() {
  return new Promise((resolve) => setImmediate(resolve));
}
