/** The devtools, as a page uses them. It is compiled, never run. */

import type { BillingClient, LogEntry } from "tollbox";
import { openBilling } from "tollbox";
import type { DevtoolsLog, LogSource, MountedDevtools } from "tollbox/devtools";
import { createDevtoolsLog, mountDevtools, TollboxDevtools } from "tollbox/devtools";

const log: DevtoolsLog = createDevtoolsLog({
  limit: 50,
  also: (entry) => console.log(entry.message),
});
const client: BillingClient = await openBilling({ baseUrl: "/billing/v1", account: "alice", log });
export const mounted: MountedDevtools = mountDevtools(client, {
  log,
  locale: "zh-CN",
  open: true,
  position: "bottom-left",
  theme: "dark",
  parent: document.body,
});
mounted.unmount();
mountDevtools(client);
// @ts-expect-error No such place.
mountDevtools(client, { position: "top" });

const entries: readonly LogEntry[] = [];
export const own: LogSource = { entries: () => entries, subscribe: () => () => {} };

export const element: TollboxDevtools = document.createElement("tollbox-devtools");
element.client = client;
element.log = own;
element.locale = "en";
element.open = element instanceof TollboxDevtools;
