import type { BillingClient } from "tollbox";

/**
 * Kills the WebAssembly module, as a bug in it would. It asks JavaScript for the time: in the one call
 * that is made here it gets an exception in place of that, which goes through all of its frames and
 * leaves it beyond repair. The package starts a fresh one from the journal.
 *
 * Resolves once that one has answered.
 */
export async function killModule(client: BillingClient): Promise<void> {
  const now = Date.now;
  Date.now = () => {
    Date.now = now;
    throw new Error("killed by the visitor");
  };
  try {
    await client.getCharge("the-call-that-dies");
  } finally {
    Date.now = now;
  }
}
