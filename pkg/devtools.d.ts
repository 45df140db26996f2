/**
 * tollbox/devtools: a floating panel that shows a client at work, for development and for support. It is
 * a custom element with a shadow root, needs no framework, and keeps to a strict Content Security Policy
 * (no inline style, no markup from strings). It shows what the client's public API gives, in English and
 * Chinese, and is loaded only where it is imported.
 *
 * @module tollbox/devtools
 */

import type { BillingClient, LogEntry } from "./index.js";

export type { LogEntry };

/** Where the panel reads the log: what `createDevtoolsLog` gives, or your own. */
export interface LogSource {
  /**
   * Oldest first; another array once there are more.
   *
   * @example
   * ```ts
   * import { createDevtoolsLog } from "tollbox/devtools";
   *
   * const log = createDevtoolsLog({ limit: 100 });
   * log({ level: "info", message: "a line of my own", at: Date.now() });
   * show(log.entries().at(-1)?.message ?? ""); // → a line of my own
   * ```
   */
  entries(): readonly LogEntry[];
  /**
   * Calls `listener` after every new entry; the function that is returned ends that.
   *
   * @example
   * ```ts
   * import { createDevtoolsLog } from "tollbox/devtools";
   *
   * const log = createDevtoolsLog();
   * const stop = log.subscribe(() => show(`lines: ${log.entries().length}`)); // → lines: 1
   * log({ level: "info", message: "a line of my own", at: Date.now() });
   * stop();
   * ```
   */
  subscribe(listener: () => void): () => void;
}

/** A log for `openBilling`'s option `log` that the panel shows. */
export interface DevtoolsLog extends LogSource {
  (entry: LogEntry): void;
}

/**
 * A client's log goes to one function, which is given at its opening. This makes one that keeps the
 * latest `limit` entries (default 500) for the panel, and hands each on to `also`.
 *
 * @example
 * ```ts
 * import { openBilling } from "tollbox";
 * import { createDevtoolsLog, mountDevtools } from "tollbox/devtools";
 *
 * const log = createDevtoolsLog({ also: ({ level, message }) => console.debug(level, message) });
 * const client = await openBilling({ baseUrl: "/billing/v1", account: "alice", getToken, log });
 * mountDevtools(client, { log });
 * ```
 */
export function createDevtoolsLog(options?: {
  limit?: number;
  also?: (entry: LogEntry) => void;
}): DevtoolsLog;

/** How the panel looks, and where it is. */
export interface DevtoolsOptions {
  /** Without it, the panel shows no log. */
  log?: LogSource;
  /** Default: that of the page's `lang`, else of the browser. */
  locale?: "en" | "zh-CN";
  /** Whether the panel is open at first; else only its button is seen. Default false. */
  open?: boolean;
  /** Default "bottom-right". */
  position?: "bottom-right" | "bottom-left";
  /** Default: the user's. */
  theme?: "light" | "dark";
  /** Where the element goes. Default: the page's body. */
  parent?: Element;
}

/** A panel that is shown. */
export interface MountedDevtools {
  /** The panel's element. */
  element: TollboxDevtools;
  /**
   * Removes the panel, and lets go of the client, which stays open.
   *
   * @example
   * ```ts
   * import { mountDevtools } from "tollbox/devtools";
   *
   * const { element, unmount } = mountDevtools(billing);
   * unmount();
   * show(String(element.isConnected)); // → false
   * ```
   */
  unmount(): void;
}

/**
 * Shows a panel for this client.
 *
 * @example
 * ```ts
 * import { mountDevtools } from "tollbox/devtools";
 *
 * if (location.search.includes("debug") || location.hostname.endsWith("localhost")) {
 *   mountDevtools(billing, { open: true, position: "bottom-left" });
 * }
 * show(String(document.querySelectorAll("tollbox-devtools").length)); // → 1
 * ```
 */
export function mountDevtools(client: BillingClient, options?: DevtoolsOptions): MountedDevtools;

/**
 * `<tollbox-devtools>`, with the attributes `open`, `position` and `theme`. It listens to its client for
 * as long as it is in the page.
 *
 * @example
 * ```ts
 * import { TollboxDevtools } from "tollbox/devtools";
 *
 * const panel = new TollboxDevtools();
 * panel.client = billing;
 * panel.open = true;
 * document.body.append(panel);
 * ```
 */
export class TollboxDevtools extends HTMLElement {
  client: BillingClient | null;
  log: LogSource | null;
  locale: "en" | "zh-CN";
  open: boolean;
}

declare global {
  interface HTMLElementTagNameMap {
    "tollbox-devtools": TollboxDevtools;
  }
}
