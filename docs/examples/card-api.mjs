/** An API in Stripe's manner, as far as card-transport.js uses it. It saves every answer by its key. */

import { createServer } from "node:http";

export async function startCardApi() {
  const charges = [];
  const answers = new Map();
  /** What befalls the next requests for a charge: "declined", "lost", "failing", "in use". */
  const faults = [];
  const requests = [];
  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url, "http://api");
    const text = Buffer.concat(await request.toArray()).toString();
    const say = (status, body) =>
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    requests.push(`${request.method} ${pathname}`);
    if (request.headers.authorization !== "Bearer secret") {
      return say(401, { error: { type: "invalid_request_error", message: "Invalid API Key" } });
    }
    if (pathname === "/customers/cus_1") {
      return say(200, { id: "cus_1" });
    }
    if (request.method === "GET") {
      const group = searchParams.get("transfer_group");
      return say(200, { data: charges.filter((charge) => charge.transfer_group === group) });
    }
    const key = request.headers["idempotency-key"];
    const fault = faults.shift();
    const saved = answers.get(key);
    if (fault === "in use") {
      return say(409, { error: { type: "idempotency_error", code: "idempotency_key_in_use" } });
    }
    if (saved && saved.text !== text) {
      const message = "Keys for idempotent requests can only be used with the same parameters";
      return say(400, { error: { type: "idempotency_error", message } });
    }
    if (!saved) {
      const { transfer_group, amount } = Object.fromEntries(new URLSearchParams(text));
      const status = fault === "declined" ? "failed" : "succeeded";
      const id = `ch_${charges.length + 1}`;
      const created = Math.floor(Date.now() / 1000);
      const charge = { id, amount: Number(amount), created, status, transfer_group };
      charges.unshift(charge);
      const error = {
        type: "card_error",
        code: "card_declined",
        message: "Your card was declined.",
      };
      answers.set(key, {
        text,
        answer: { declined: [402, { error }], failing: [500, { error: { type: "api_error" } }] }[
          fault
        ] ?? [200, charge],
      });
    }
    return fault === "lost" ? request.socket.destroy() : say(...answers.get(key).answer);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = `http://127.0.0.1:${server.address().port}`;
  return { address, charges, faults, requests, close: () => server.close() };
}
