// @ts-check

import init, { Client } from "../wasm/tollbox.js";
import { BillingError } from "./error.js";

/** @type {Promise<unknown> | null} */
let loading = null;

/**
 * The core's class, once its module is there. A load that failed is tried again by the next call.
 *
 * @returns {Promise<typeof Client>}
 */
export async function loadModule() {
  // A literal URL beside this file: bundlers see it and take the module along.
  loading ??= init({ module_or_path: new URL("../wasm/tollbox_bg.wasm", import.meta.url) });
  try {
    await loading;
  } catch (error) {
    loading = null;
    const cause = error instanceof Error ? error.message : String(error);
    throw new BillingError("module_load_failed", `the billing module can't be loaded: ${cause}`);
  }
  return Client;
}
