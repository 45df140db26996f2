import { BillingError, cachedBalance } from "tollbox";
import { Shop } from "./shop.jsx";

// Rendered by the server at every request, which may import the package too.
export const dynamic = "force-dynamic";

export default function Page() {
  const balance = cachedBalance({ baseUrl: "/billing/v1", account: "alice" });
  return (
    <main data-balance={String(balance)} data-error={BillingError.name}>
      <Shop />
    </main>
  );
}
