import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { freshAccount, stemOf } from "./support/accounts.mjs";
import { BareSite } from "./support/bare.mjs";
import { patient, Stage } from "./support/stage.mjs";

const stage = new Stage();

const MODULE = await readFile(
  fileURLToPath(new URL("../../pkg/wasm/tollbox_bg.wasm", import.meta.url)),
);
const PLACE = "/wasm/tollbox_bg.wasm";
const FOR_EVER = { "cache-control": "public, max-age=31536000, immutable" };
const WASM = { "content-type": "application/wasm", ...FOR_EVER };
const REQUEST = { taskId: "film", amount: 3, feature: "cloud_trans" };

/** The module with another mark at its end. */
const OTHER_BUILD = Buffer.from(MODULE);
OTHER_BUILD.write("feedfacefeedface", OTHER_BUILD.length - 16);
/** A module that exports nothing. */
const LEAST = Buffer.from([0, 97, 115, 109, 1, 0, 0, 0]);

/**
 * @typedef {object} File
 * @property {number} [status]
 * @property {Record<string, string>} headers
 * @property {string | Buffer} content
 * @property {boolean} [breaksOff] the connection ends after that
 * @property {Record<string, string>} [page] headers of the page that loads it
 */

/** @type {BareSite[]} */
const sites = [];
after(() => Promise.all(sites.map((site) => site.stop())));

/**
 * A page of a site that answers the first request for the module with this file, and later ones with the
 * module itself.
 *
 * @param {File | null} first
 */
async function pageWith(first) {
  const served = { bad: 0, good: 0 };
  const site = await BareSite.start({
    async answer({ url }, response) {
      if (url === "/" && first?.page) {
        for (const [name, value] of Object.entries(first.page)) response.setHeader(name, value);
      }
      if (url !== PLACE) return false;
      if (first && served.bad === 0) {
        served.bad += 1;
        response.writeHead(first.status ?? 200, first.headers);
        if (first.breaksOff) response.write(first.content, () => response.destroy());
        else response.end(first.content);
      } else {
        served.good += 1;
        response.writeHead(200, WASM).end(MODULE);
      }
      return true;
    },
  });
  sites.push(site);
  const context = await stage.context();
  const page = await context.newPage();
  await site.visit(page);
  const account = freshAccount();
  return { page, account, served, site, options: patient(await stage.options(account)) };
}

/**
 * The result of a call of `openBilling`: "opened", or the error.
 *
 * @param {import("playwright-core").Page} page
 * @param {Awaited<ReturnType<typeof pageWith>>["options"]} options
 */
function open(page, options) {
  return page.evaluate(async (options) => {
    try {
      globalThis.client = await globalThis.openClient(options);
      return "opened";
    } catch (error) {
      const ours = error instanceof globalThis.tollbox.BillingError;
      return ours ? `${error.code}: ${error.message}` : String(error);
    }
  }, options);
}

const HTML = "<!doctype html><title>My app</title>";

/** @type {Record<string, { file: File, told: RegExp }>} */
const NO_MODULES = {
  "a page of HTML": {
    file: { headers: { "content-type": "text/html; charset=utf-8", ...FOR_EVER }, content: HTML },
    told: /tollbox_bg\.wasm is an HTML page \(text\/html\)/,
  },
  "a page of HTML that is called a module": {
    file: { headers: WASM, content: `\n ${HTML}` },
    told: /is an HTML page \(application\/wasm\)/,
  },
  "a Git LFS pointer": {
    file: { headers: FOR_EVER, content: "version https://git-lfs.github.com/spec/v1\n" },
    told: /is not WebAssembly \(no content type\): it begins with "version https:/,
  },
  "another build's": {
    file: { headers: WASM, content: OTHER_BUILD },
    told: /is not this package's module \(\w{16}\) but that of another build \(feedfacefeedface\)/,
  },
  "another module": {
    file: { headers: WASM, content: LEAST },
    told: /is not this package's module \(\w{16}\) but another's, or of another build/,
  },
  "cut off": {
    file: { headers: WASM, content: MODULE.subarray(0, 100_000) },
    told: /is cut off after 100000 bytes/,
  },
  "cut off in its first bytes": {
    file: { headers: WASM, content: MODULE.subarray(0, 6) },
    told: /is cut off after 6 bytes/,
  },
  "cut off, without a content type": {
    file: { headers: FOR_EVER, content: MODULE.subarray(0, MODULE.length - 100) },
    told: /is cut off after \d+ bytes/,
  },
  "cut off in front of its mark": {
    file: { headers: WASM, content: MODULE.subarray(0, MODULE.length - 26) },
    told: /is not this package's module/,
  },
  "broken off in transit": {
    file: {
      headers: { ...WASM, "content-length": String(MODULE.length) },
      content: MODULE.subarray(0, 50_000),
      breaksOff: true,
    },
    told: /broke off on its way|can't be fetched/,
  },
  empty: { file: { headers: WASM, content: "" }, told: /is empty/ },
  missing: {
    file: { status: 404, headers: { "content-type": "text/html", ...FOR_EVER }, content: HTML },
    told: /is answered with HTTP 404 \(text\/html\)/,
  },
};

for (const [name, { file, told }] of Object.entries(NO_MODULES)) {
  test(`a module file that is ${name} is reported so, and the next call bypasses the cache`, async () => {
    const { page, account, options, served } = await pageWith(file);
    const first = await open(page, options);
    assert.match(first, /^module_load_failed: the billing module can't be loaded: /);
    assert.match(first, told);
    assert.equal(await open(page, options), "opened");
    assert.deepEqual(served, { bad: 1, good: 1 });
    const outcome = await page.evaluate((it) => globalThis.client.charge(it), REQUEST);
    assert.equal(outcome.status, "charged");
    assert.equal((await stage.server.ledger(account)).charges.length, 1);
  });
}

test("an intact module is taken from the cache", async () => {
  const { page, options, served, site } = await pageWith(null);
  assert.equal(await open(page, options), "opened");
  await site.visit(page);
  assert.equal(await open(page, options), "opened");
  assert.deepEqual(served, { bad: 0, good: 1 });
});

test("openBilling reports a page policy that forbids WebAssembly or the module's fetch", async () => {
  const policies = {
    "script-src 'self'": /Content-Security-Policy .*script-src needs 'wasm-unsafe-eval'/,
    "script-src 'self' 'wasm-unsafe-eval'; connect-src 'none'":
      /Content-Security-Policy does not let it be fetched: connect-src needs http:.*tollbox_bg\.wasm/,
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'": /connect-src needs/,
  };
  for (const [policy, told] of Object.entries(policies)) {
    const { page, options } = await pageWith({
      headers: WASM,
      content: MODULE,
      page: { "content-security-policy": policy },
    });
    const answer = await open(page, options);
    assert.match(answer, /^module_load_failed: /, policy);
    assert.match(answer, told, policy);
  }
});

test("a page whose policy allows WebAssembly, but no other eval, opens a client", async () => {
  const policy = `script-src 'self' 'wasm-unsafe-eval'; connect-src 'self' ${stage.server.url}`;
  const { page, options } = await pageWith({
    headers: WASM,
    content: MODULE,
    page: { "content-security-policy": policy },
  });
  assert.equal(await open(page, options), "opened");
});

test("openBilling reports a browser without WebAssembly", async () => {
  for (const without of ["all of it", "its functions"]) {
    const { page, options } = await pageWith(null);
    await page.evaluate((without) => {
      if (without === "all of it") Reflect.deleteProperty(globalThis, "WebAssembly");
      else Reflect.deleteProperty(WebAssembly, "compile");
    }, without);
    const answer = await open(page, options);
    assert.match(answer, /^module_load_failed: .*no WebAssembly, or has turned it off/, without);
  }
});

test("the module option takes every documented form", async () => {
  const forms = [
    "a path",
    "a URL",
    "a Response",
    "a promise of a Response",
    "a Response of no type",
    "an iframe's Response",
    "a buffer",
    "a view of a buffer",
    "a compiled module",
    "an iframe's compiled module",
    "null",
  ];
  for (const form of forms) {
    const { page, account, options, served } = await pageWith(null);
    const outcome = await page.evaluate(
      async ({ options, form, place, request }) => {
        const frame = document.createElement("iframe");
        document.body.append(frame);
        const inner = /** @type {Window & typeof globalThis} */ (frame.contentWindow);
        const bytes = async () => (await fetch(place)).arrayBuffer();
        const padded = async () => {
          const all = new Uint8Array([7, ...new Uint8Array(await bytes()), 7]);
          return all.subarray(1, -1);
        };
        /** @type {Record<string, () => any>} */
        const given = {
          "a path": () => place,
          "a URL": () => new URL(place, location.href),
          "a Response": () => fetch(place),
          "a promise of a Response": () => ({ promise: fetch(place) }),
          "a Response of no type": async () => new Response(await bytes()),
          "an iframe's Response": () => inner.fetch(new URL(place, location.href)),
          "a buffer": bytes,
          "a view of a buffer": padded,
          "a compiled module": async () => WebAssembly.compile(await bytes()),
          "an iframe's compiled module": async () => inner.WebAssembly.compile(await bytes()),
          null: () => null,
        };
        const made = await given[form]?.();
        const module = made?.promise ?? made;
        const client = await globalThis.openClient({ ...options, module });
        return client.charge(request);
      },
      { options, form, place: PLACE, request: REQUEST },
    );
    assert.equal(outcome.status, "charged", form);
    assert.equal(served.good, 1, `${form}: the default file is not fetched besides`);
    assert.equal((await stage.server.ledger(account)).charges.length, 1, form);
  }
});

test("a module option that is no module is rejected, and the next call may give another", async () => {
  const { page, options } = await pageWith(null);
  const answers = await page.evaluate(
    async ({ options, place }) => {
      const read = await fetch(place);
      await read.arrayBuffer();
      /** @type {Record<string, () => any>} */
      const given = {
        "a number": () => 7,
        true: () => true,
        "a function": () => () => place,
        "an empty text": () => "",
        "no URL": () => "http://",
        "a plain object": () => ({}),
        "a promise of nothing": async () => {},
        "a promise of an object": async () => ({}),
        "a promise that is rejected": () => Promise.reject(new Error("the user's own")),
        "a Response that has been read": () => read,
        "an error's Response": () => Response.error(),
        "another file": () => "/index.js",
        "a detached buffer": () => {
          const buffer = new ArrayBuffer(8);
          structuredClone(buffer, { transfer: [buffer] });
          return buffer;
        },
        "half a module": async () =>
          new Response((await (await fetch(place)).arrayBuffer()).slice(0, 5_000)),
      };
      /** @type {Record<string, string>} */
      const answers = {};
      for (const [name, make] of Object.entries(given)) {
        const module = make();
        try {
          await globalThis.openClient({ ...options, module });
          answers[name] = "opened";
        } catch (error) {
          const ours = error instanceof globalThis.tollbox.BillingError;
          answers[name] = ours ? `${error.code}: ${error.message}` : String(error);
        }
      }
      await globalThis.openClient({ ...options, module: place });
      return answers;
    },
    { options, place: PLACE },
  );
  const expected = {
    "a number": /^invalid_argument: module must be/,
    true: /^invalid_argument: /,
    "a function": /^invalid_argument: /,
    "an empty text": /^invalid_argument: /,
    "no URL": /^invalid_argument: /,
    "a plain object": /^invalid_argument: /,
    "a promise of nothing": /^module_load_failed: .*gives no Response/,
    "a promise of an object": /^module_load_failed: .*gives no Response/,
    "a promise that is rejected": /^module_load_failed: .*the user's own/,
    "a Response that has been read": /^module_load_failed: .*has been read/,
    "an error's Response": /^module_load_failed: .*HTTP 0/,
    "another file": /^module_load_failed: .*index\.js is not WebAssembly \(text\/javascript\)/,
    "a detached buffer": /^module_load_failed: .*detached/,
    "half a module": /^module_load_failed: .*is cut off after 5000 bytes/,
  };
  assert.deepEqual(Object.keys(answers), Object.keys(expected));
  for (const [name, told] of Object.entries(expected)) assert.match(String(answers[name]), told);
});

test("a call with a bad module option does not disturb one with a good module", async () => {
  const { page, options } = await pageWith(null);
  const answers = await page.evaluate(
    async ({ options, place }) => {
      const given = ["/nothing.wasm", place, "/nothing.wasm", undefined];
      const opened = given.map((module) =>
        globalThis.openClient(module === undefined ? options : { ...options, module }),
      );
      return (await Promise.allSettled(opened)).map(({ status }) => status);
    },
    { options, place: PLACE },
  );
  // The others may find the module that these have loaded, or hear first that theirs is not there.
  assert.deepEqual([answers[1], answers[3]], ["fulfilled", "fulfilled"]);
});

test("a database that is opened while the module comes is in nobody's way, and used by nobody after a failure", async () => {
  const { page, site, options } = await pageWith(null);
  const name = stemOf(stage.server, options.account);
  assert.equal(await open(page, options), "opened");
  await page.evaluate(() => globalThis.client.close());
  await site.visit(page);
  const ends = await page.evaluate(
    async ({ options, name }) => {
      const { open } = IDBFactory.prototype;
      const begun = () =>
        new Promise((resolve) => {
          IDBFactory.prototype.open = function (...asked) {
            const request = open.apply(this, asked);
            request.addEventListener("success", () => setTimeout(resolve));
            return request;
          };
        });
      const deleted = () =>
        new Promise((resolve) => {
          const request = indexedDB.deleteDatabase(name);
          request.onsuccess = () => resolve("deleted");
          request.onerror = () => resolve("failed");
          request.onblocked = () => resolve("blocked");
        });
      /** @type {(reason: Error) => void} */
      let fail = () => {};
      const module = new Promise((_, reject) => {
        fail = reject;
      });
      let openedAhead = begun();
      const opened = globalThis.openClient({ ...options, module });
      const end = opened.then(
        () => "opened",
        () => "rejected",
      );
      await openedAhead;
      const meanwhile = await deleted();
      openedAhead = begun();
      const again = globalThis.openClient({ ...options, module }).catch(() => {});
      await openedAhead;
      fail(new Error("the user's own"));
      const rejected = await end;
      await again;
      return [meanwhile, rejected, await deleted()];
    },
    { options, name },
  );
  assert.deepEqual(ends, ["deleted", "rejected", "deleted"]);
});
