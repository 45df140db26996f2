/** An API that reserves credits, and settles what the work has cost, as credits-transport.js uses it. */

import { createServer } from "node:http";

export async function startCreditsApi(credits) {
  const account = { credits, revision: 1 };
  const reservations = new Map();
  /** "lost" for each of the next requests whose answer is to be lost. */
  const faults = [];
  const requests = [];
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, "http://api");
    const text = Buffer.concat(await request.toArray()).toString();
    const asked = text ? JSON.parse(text) : {};
    const [, folder, encoded, action] = pathname.split("/");
    const name = decodeURIComponent(encoded ?? "");
    const what = `${request.method} ${action ?? folder}`;
    requests.push(what);
    const change = (difference) => {
      account.credits += difference;
      account.revision += 1;
    };
    const answer = () => {
      const there = reservations.get(name);
      const isHeld = there?.state === "held";
      if (request.headers.authorization !== "Bearer secret") {
        return [401, { error: "unauthorized" }];
      }
      if (folder === "account") {
        return [200, account];
      }
      if (request.method === "PUT") {
        if (!there && asked.credits > account.credits) {
          return [402, { error: "insufficient_credits", account }];
        }
        if (!there) {
          change(-asked.credits);
          reservations.set(name, { state: "held", credits: asked.credits });
        }
        return [200, reservations.get(name)];
      }
      if (!there) {
        return [404, { error: "no_reservation" }];
      }
      if (request.method === "DELETE" && isHeld) {
        change(there.credits);
        reservations.delete(name);
        return [204, null];
      }
      if (action === "settle") {
        if (!isHeld && there.credits !== asked.credits) {
          return [409, { error: "settled_otherwise" }];
        }
        if (isHeld) {
          change(there.credits - asked.credits);
          const settled_at = new Date().toISOString();
          Object.assign(there, { state: "settled", credits: asked.credits, settled_at });
          there.transaction = `tx-${reservations.size}`;
        }
      }
      return [200, { ...there, account }];
    };
    const [status, body] = answer();
    if (what !== "GET account" && faults.shift() === "lost") {
      return request.socket.destroy();
    }
    return response
      .writeHead(status, { "content-type": "application/json" })
      .end(body ? JSON.stringify(body) : "");
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = `http://127.0.0.1:${server.address().port}`;
  return { address, account, reservations, faults, requests, close: () => server.close() };
}
