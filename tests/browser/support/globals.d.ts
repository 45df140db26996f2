import type { BillingClient, BillingOptions } from "tollbox";
import type { Watched } from "./watched.mjs";

/** The globals of the bare page (bare.mjs), for the functions that tests evaluate there. */
declare global {
  /** The package, as the page imported it. */
  var tollbox: typeof import("tollbox");
  /** Opens a client whose `getToken` answers with `token`. */
  var openClient: (
    options: Omit<BillingOptions, "getToken" | "transport" | "log"> & { token: string | null },
  ) => Promise<BillingClient>;
  /** The client of the test under way, for a test that evaluates in several steps. */
  var client: BillingClient;
  /** Values that one step of a test keeps for a later one. */
  var kept: Record<string, unknown>;
  /** The owners of the finalizers that have run (bfcache.test.mjs). */
  var collected: string[];
  /** The browser resources that the page holds, if watched.mjs watches it. */
  var watched: Watched;
  /** The lines that the client has logged (deaths.mjs). */
  var log: string[];
  /** Makes the module die (deaths.mjs). */
  var die: (place: import("./deaths.mjs").Place, way: import("./deaths.mjs").Way) => void;
}
