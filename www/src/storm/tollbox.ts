import { openBilling } from "tollbox";
import type { OpenRival } from "./rival";

/** The package, as everywhere else on this page. */
export const openTollbox: OpenRival = async (session) => {
  const client = await openBilling({
    baseUrl: "/billing/v1",
    account: session.account,
    getToken: (context) => session.getToken(context),
    retry: { baseDelayMs: 500, maxDelayMs: 5_000, requestTimeoutMs: 6_000 },
  });
  await client.refreshBalance();
  return {
    async charge(charge) {
      const { key } = await client.charge(charge);
      const { status } = await client.settled(key);
      if (status === "unknown") return "open";
      return status === "charged" ? "paid" : "not_paid";
    },
    async close() {
      await client.signOut();
      await client.close();
    },
  };
};
