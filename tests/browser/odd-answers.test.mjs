import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { patient, Stage } from "./support/stage.mjs";
import { until } from "./support/until.mjs";

const stage = new Stage();

const REQUEST = { taskId: "film", amount: 3, feature: "cloud_trans" };

/** A server of endless answers; it counts the bytes sent and the open connections. */
const endless = {
  sent: 0,
  open: 0,
  server: createServer((_, response) => {
    endless.open += 1;
    response.writeHead(201, {
      "content-type": "application/json",
      "access-control-allow-origin": "*",
    });
    const piece = Buffer.alloc(65_536, "x");
    const go = () => {
      while (!response.destroyed && response.write(piece)) endless.sent += piece.length;
    };
    response.on("drain", go);
    response.on("close", () => {
      endless.open -= 1;
    });
    go();
  }),
};
before(async () => {
  endless.server.listen(0, "127.0.0.1");
  await once(endless.server, "listening");
});
after(() => {
  endless.server.closeAllConnections();
  endless.server.close();
});

/**
 * Charges in a page whose `fetch` delivers the first answer to a charge in this way. Gives the
 * outcome then, and the final one.
 *
 * @param {string} way
 * @param {"en" | "zh-CN"} locale
 */
async function chargeBy(way, locale = "en") {
  const { page, account, options } = await stage.bare();
  const address = endless.server.address();
  const port = typeof address === "object" ? address?.port : 0;
  const seen = await page.evaluate(
    async ({ options: { token, ...options }, way, request, port }) => {
      const own = window.fetch;
      /** @type {Record<string, (response: Response) => any>} */
      const ways = {
        "a plain object": async (response) => {
          const { status, headers } = response;
          const text = await response.text();
          return { status, headers: { get: headers.get.bind(headers) }, text: async () => text };
        },
        "a proxy": (response) =>
          new Proxy(response, {
            get(target, name) {
              const value = Reflect.get(target, name);
              return typeof value === "function" ? value.bind(target) : value;
            },
          }),
        "a body that is read": async (response) => {
          await response.text();
          return response;
        },
        "a proxy that throws": (response) => new Proxy(response, {}),
        nothing: () => undefined,
        "a body without end": () => own(`http://127.0.0.1:${port}/`),
        "a page of a login": async () => {
          const response = new Response("<html>", { headers: { "content-type": "text/html" } });
          Object.defineProperty(response, "redirected", { value: true });
          return response;
        },
      };
      let odd = 0;
      window.fetch = async (...asked) => {
        const url = asked[0] instanceof Request ? asked[0].url : String(asked[0]);
        const response = await own(...asked);
        if (!url.endsWith("/charges") || odd > 0) return response;
        odd += 1;
        return ways[way]?.(response);
      };
      /** @type {string[]} */
      const log = [];
      const client = await globalThis.tollbox.openBilling({
        ...options,
        getToken: () => token,
        log: ({ message }) => log.push(message),
      });
      await client.refreshBalance();
      /** @type {string[]} */
      const alerts = [];
      client.on("alert", ({ detail }) => alerts.push(detail));
      /** @type {string[]} */
      const details = [];
      client.on("charge", ({ outcome }) => {
        if (outcome && "detail" in outcome) details.push(outcome.detail);
      });
      const { key } = await client.charge(request);
      const settled = await client.settled(key, { signal: AbortSignal.timeout(20_000) });
      const deaths = log.filter((line) => /has died/.test(line));
      return { status: settled.status, deaths, told: [...details, ...alerts, ...log].join("\n") };
    },
    { options: { ...patient(options), locale }, way, request: REQUEST, port },
  );
  const { charges } = await stage.server.ledger(account);
  assert.deepEqual(seen.deaths, []);
  assert.equal(seen.status, "charged", way);
  assert.equal(charges.length, 1);
  return seen.told;
}

test("an answer that is a library's object is read", async () => {
  for (const way of ["a plain object", "a proxy"]) {
    const told = await chargeBy(way);
    assert.doesNotMatch(told, /can't be read|connection failed/, way);
  }
});

test("an unreadable answer is reported as such, in the user's language", async () => {
  for (const [way, why] of /** @type {[string, RegExp][]} */ ([
    ["a body that is read", /can't be read: its body has been read by somebody else/],
    ["a proxy that throws", /can't be read: fetch, or the transport, gave what is not an answer/],
    ["nothing", /can't be read: fetch, or the transport, gave what is not an answer/],
    ["a page of a login", /redirected/],
  ])) {
    const told = await chargeBy(way);
    assert.match(told, why, way);
    assert.doesNotMatch(told, /connection failed/, way);
  }
  assert.match(
    await chargeBy("a body that is read", "zh-CN"),
    /无法读取应答：其 body 已被他人读取/,
  );
});

test("an endless body is read up to a limit, and its connection closed", async () => {
  const told = await chargeBy("a body without end");
  assert.match(told, /can't be read: its body is longer than 1 MiB/);
  await until("nobody reads any more", () => endless.open === 0);
  assert.ok(endless.sent < 64 * 1_048_576, `${endless.sent} bytes`);
});

test("a token that occurs in a receipt spoils no charge, and an escaped one is not disclosed", async () => {
  const { page, options } = await stage.bare();
  const { status, chargeId, told } = await page.evaluate(async ({ token: _, ...options }) => {
    const token = "cloud_trans";
    let refused = false;
    /** @type {string[]} */
    const told = [];
    const client = await globalThis.tollbox.openBilling({
      ...options,
      getToken: () => token,
      log: ({ message }) => told.push(message),
      /** @returns {Promise<import("tollbox").TransportResponse>} */
      transport: async ({ path, headers }) => {
        if (path.startsWith("balance")) {
          return { status: 200, headers: {}, body: '{"balance":120,"version":1}' };
        }
        if (!refused) {
          refused = true;
          const body = String.raw`{"type":"busy","detail":"no: \u0063loud\u005ftrans, cloud%5Ftrans"}`;
          return { status: 503, headers: { "content-type": "application/problem+json" }, body };
        }
        const idempotency_key = JSON.parse(headers["idempotency-key"] ?? "");
        const receipt = { charge_id: `${token}-1`, idempotency_key, amount: 3, balance: 117 };
        const body = JSON.stringify({ ...receipt, charged_at: "2026-01-01T00:00:00Z", version: 2 });
        return { status: 201, headers: {}, body };
      },
    });
    client.on("alert", ({ detail }) => told.push(detail));
    client.on("charge", ({ outcome }) => {
      if (outcome && "detail" in outcome) told.push(outcome.detail);
    });
    await client.refreshBalance();
    const { key } = await client.charge({ taskId: "t1", amount: 3, feature: "f" });
    const settled = await client.settled(key, { signal: AbortSignal.timeout(20_000) });
    const chargeId = settled.status === "charged" ? settled.chargeId : null;
    return { status: settled.status, chargeId, told };
  }, patient(options));
  assert.equal(status, "charged");
  assert.equal(chargeId, "cloud_trans-1");
  assert.ok(
    told.some((text) => text.includes("no: …, …")),
    told.join("\n"),
  );
  assert.ok(!told.some((text) => /cloud|loud_?trans/.test(text)), told.join("\n"));
});
