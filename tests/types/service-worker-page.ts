// The page's code of docs/service-worker.md, as it stands there.

declare function getToken(): Promise<string>;

import { openBilling } from "tollbox";

await navigator.serviceWorker.register("/service-worker.js", { type: "module" });
const billing = await openBilling({
  baseUrl: "/billing/v1",
  account: "alice",
  getToken,
  backgroundSync: true,
});

await billing.flush();
