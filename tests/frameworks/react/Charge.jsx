import { useCharge } from "tollbox/react";

export function Charge({ name }) {
  const charge = useCharge(name);
  const request = { taskId: name, amount: 4, feature: "film" };
  return (
    <p>
      <b data-testid="charge">{charge.status}</b>
      <b data-testid="charge-outcome">{charge.outcome?.status ?? "none"}</b>
      <b data-testid="charge-acting">{charge.acting ?? "none"}</b>
      <button type="button" data-testid="charge-make" onClick={() => charge.charge(request)}>
        charge
      </button>
      <button type="button" data-testid="charge-retry" onClick={charge.retry}>
        retry
      </button>
      <button type="button" data-testid="charge-cancel" onClick={charge.cancel}>
        cancel
      </button>
    </p>
  );
}
