import type { ChargeOutcome } from "tollbox";

/** It has no case for `unknown`, and must not compile. */
export function inWords(outcome: ChargeOutcome): string {
  switch (outcome.status) {
    case "charged":
      return `${outcome.balance} points are left`;
    case "queued":
      return outcome.reason;
    case "declined":
      return outcome.reason;
    case "failed":
      return outcome.detail;
  }
}
