import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { DeathWatch, DIED } from "../../pkg/lib/restart/death-watch.js";

const DEATH = { detail: "it died", goesOn: true };
const never = () => new Promise(() => {});

/** @param {() => void} [check] */
const watch = (check = () => {}) => new DeathWatch(check, 10);

test("work that ends gives its answer", async () => {
  assert.equal(await watch().orDeath(async () => 7), 7);
});

test("every work under way ends with a death", async () => {
  const watched = watch();
  const works = [watched.orDeath(never), watched.orDeath(never)];
  watched.tell(DEATH);
  assert.deepEqual(await Promise.all(works), [DIED, DIED]);
});

test("a death is told to listeners until they are removed", () => {
  const watched = watch();
  const listener = mock.fn();
  watched.add(listener);
  watched.tell(DEATH);
  watched.remove(listener);
  watched.tell(DEATH);
  assert.equal(listener.mock.callCount(), 1);
  assert.deepEqual(listener.mock.calls[0]?.arguments, [DEATH]);
});

test("an abort rejects with its reason, and the work is waited for no longer", async () => {
  const aborting = new AbortController();
  const work = watch().orDeath(never, aborting.signal);
  aborting.abort("enough");
  await assert.rejects(work, (reason) => reason === "enough");
});

test("a refusal, which is no Error, passes through", async () => {
  const refusal = { code: "not_found" };
  const refuse = () => Promise.reject(refusal);
  await assert.rejects(watch().orDeath(refuse), (error) => error === refusal);
});

test("one timer looks at the core while there is work, however much, and none afterwards", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const check = mock.fn();
  const watched = watch(check);
  t.mock.timers.tick(100);
  assert.equal(check.mock.callCount(), 0);

  const ended = watched.orDeath(async () => 1);
  /** @type {(value: unknown) => void} */
  let finish = () => {};
  const open = [
    watched.orDeath(never),
    watched.orDeath(() => new Promise((resolve) => (finish = resolve))),
  ];
  await ended;
  t.mock.timers.tick(30);
  assert.equal(check.mock.callCount(), 3);

  finish(2);
  watched.tell(DEATH);
  await Promise.all(open);
  t.mock.timers.tick(100);
  assert.equal(check.mock.callCount(), 3);
});
