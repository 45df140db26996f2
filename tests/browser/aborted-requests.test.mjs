import assert from "node:assert/strict";
import { test } from "node:test";
import { patient, Stage } from "./support/stage.mjs";

const stage = new Stage();

test("requests that end with their transaction's abort are prevented from being the page's errors", async () => {
  const { page, options } = await stage.bare();
  const seen = await page.evaluate(async (options) => {
    /** @type {Event[]} */
    const errors = [];
    const { open } = IDBFactory.prototype;
    IDBFactory.prototype.open = function (...given) {
      const request = open.apply(this, given);
      request.addEventListener("success", () =>
        request.result.addEventListener("error", (event) => errors.push(event)),
      );
      return request;
    };
    const client = await globalThis.openClient(options);
    await client.refreshBalance();
    const { commit } = IDBTransaction.prototype;
    // As where another tab has been first.
    IDBTransaction.prototype.commit = function () {
      IDBTransaction.prototype.commit = commit;
      this.abort();
    };
    const { key } = await client.charge({ taskId: "film", amount: 1, feature: "f" });
    const { status } = await client.settled(key);
    const ends = errors.map(({ target, defaultPrevented }) => ({
      name: /** @type {IDBRequest} */ (target).error?.name,
      defaultPrevented,
    }));
    return { status, ends };
  }, patient(options));
  assert.equal(seen.status, "charged");
  assert.ok(seen.ends.length > 0, "a transaction was aborted");
  for (const end of seen.ends) {
    assert.deepEqual(end, { name: "AbortError", defaultPrevented: true });
  }
});
