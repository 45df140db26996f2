import type { ChargeOutcome } from "tollbox";

declare global {
  /** Every fixture's page has it: opens a client with these options, and charges what is asked for. */
  var charge: (order: object) => Promise<ChargeOutcome>;
}
