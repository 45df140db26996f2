import { BillingError, type ChargeOutcome, openBilling } from "tollbox";
import { openBilling as openInline } from "tollbox/inline";
import place from "tollbox/wasm";

/** Every outcome has its case: without one, this would not always return. */
export function inWords(outcome: ChargeOutcome): string {
  switch (outcome.status) {
    case "charged":
      return `${outcome.balance} points are left`;
    case "queued":
      return outcome.reason;
    case "unknown":
      return outcome.resolving ? "being asked" : "ask again";
    case "declined":
      return outcome.reason;
    case "failed":
      return outcome.retryable ? "try again" : outcome.detail;
  }
}

export async function charge(isInline: boolean): Promise<string> {
  const options = { baseUrl: "/billing/v1", account: "alice", getToken: () => null };
  try {
    const client = await (isInline
      ? openInline(options)
      : openBilling({ ...options, module: new URL(place, "https://app.example") }));
    return inWords(await client.charge({ taskId: "film", amount: 3, feature: "cloud_trans" }));
  } catch (error) {
    if (error instanceof BillingError) {
      return error.code;
    }
    throw error;
  }
}
