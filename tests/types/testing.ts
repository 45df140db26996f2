// A user's test with `tollbox/testing`.

import { openBilling } from "tollbox";
import { createBillingServer, type Fault, faults, type SentRequest } from "tollbox/testing";

const server = createBillingServer({ balance: 100, authenticate: (token) => token });
const billing = await openBilling({
  baseUrl: "https://billing.test/v1",
  account: "alice",
  transport: server.transport,
});

const all: Fault[] = [
  faults.answerLost(),
  faults.delayed(100),
  faults.arrivesLate(100, { status: 504 }),
  faults.unavailable({ retryAfter: 60, body: { type: "busy" } }),
  faults.status(302, { headers: { location: "/login" }, after: true }),
  { kind: "status", status: 503, retry_after: "2" },
];
const injected = server.inject(faults.hangs(), {
  on: ["charge", "lookup"],
  times: Number.POSITIVE_INFINITY,
  when: ({ keys }: SentRequest) => keys.includes("cloud_trans:film"),
});
const left: number = injected.left + all.length;
injected.remove();

// @ts-expect-error there is no such fault
server.inject({ kind: "flood" });
// @ts-expect-error nor such an operation
server.inject(faults.garbage(), { on: "charges" });
// @ts-expect-error what was charged is looked at
server.charges = [];

export const seen: [number, string | undefined, number] = [
  server.balance,
  server.charges.at(0)?.key,
  left,
];
await billing.close();
