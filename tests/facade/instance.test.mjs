import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { mock, test } from "node:test";
import { load } from "../../pkg/lib/restart/instance.js";
import { MODULE } from "./support/page.mjs";

const FILE = new URL("../../pkg/wasm/tollbox_bg.wasm", import.meta.url);

test("a load that hangs stops nobody who has the module from elsewhere, and all get that one", async () => {
  const compile = mock.method(WebAssembly, "compile");
  const instantiate = mock.method(WebAssembly, "instantiate");
  const hanging = load(new Promise(() => {}));
  const failing = load(Promise.reject(new Error("the user's own")));
  await assert.rejects(failing, { code: "module_load_failed", message: /the user's own/ });
  await Promise.all([hanging, load(MODULE()), load(new URL(FILE)), load(new URL(FILE))]);
  const { size } = statSync(FILE);
  // Node.js compiles modules of its own.
  const ours = compile.mock.calls.filter(({ arguments: [bytes] }) => bytes?.byteLength === size);
  assert.ok(ours.length <= 2, "one of each place");
  assert.equal(instantiate.mock.callCount(), 1);
  await load("https://nowhere.example/another.wasm");
});
