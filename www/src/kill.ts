import type { BillingClient } from "tollbox";

/**
 * Kills the WebAssembly module, as a bug in it would. It asks JavaScript for the time: in the one call
 * that is made here it gets an exception in place of that, which goes through all of its frames and
 * leaves it beyond repair. The package starts a fresh one from the journal.
 *
 * Resolves once that one has answered.
 */
export function killModule(client: BillingClient): Promise<void> {
  // One at a time: a second would take the first one's clock for the browser's.
  dying ??= die(client).finally(() => {
    dying = null;
  });
  return dying;
}

let dying: Promise<void> | null = null;

async function die(client: BillingClient): Promise<void> {
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
