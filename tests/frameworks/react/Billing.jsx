import { useBalance, useBilling, useSnapshot } from "tollbox/react";

export function Billing() {
  const billing = useBilling();
  const balance = useBalance();
  const snapshot = useSnapshot();
  return (
    <p>
      <b data-testid="billing">{billing.status}</b>
      <b data-testid="failure">{billing.error?.code ?? "none"}</b>
      <b data-testid="network">{snapshot?.network ?? "none"}</b>
      <b data-testid="balance">{balance?.available ?? "none"}</b>
      {balance?.stale && <b data-testid="stale">stale</b>}
      <button type="button" data-testid="reopen" onClick={billing.retry}>
        reopen
      </button>
    </p>
  );
}
