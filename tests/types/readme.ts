// The code of README.md, as it stands there.

declare function getToken(): Promise<string>;
declare function show(text: string): void;

import { openBilling } from "tollbox";

const billing = await openBilling({ baseUrl: "/billing/v1", account: "alice", getToken });
const outcome = await billing.charge({ taskId: "task-7", amount: 12, feature: "cloud_trans" });

if (outcome.status === "charged") {
  show(`Paid: ${outcome.balance} points are left.`);
} else if (outcome.status === "queued") {
  show("Not paid yet: it will be, by itself, when the server can be reached.");
} else if (outcome.status === "unknown") {
  show("Perhaps paid: the server is being asked. It is never paid twice.");
} else if (outcome.status === "declined") {
  show(`Not paid, nothing taken: ${outcome.reason}, ${outcome.balance ?? "?"} points are left.`);
} else {
  show(`Not paid, nothing taken: ${outcome.detail}${outcome.retryable ? " Try again?" : ""}`);
}
