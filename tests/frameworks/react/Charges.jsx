import { memo } from "react";
import { useCharges } from "tollbox/react";

export function Charges() {
  const { status, charges } = useCharges({ limit: 20 });
  return (
    <div>
      <b data-testid="charges">{status}</b>
      <ul>
        {charges.map((charge) => (
          <Line key={charge.key} charge={charge} />
        ))}
      </ul>
    </div>
  );
}

const Line = memo(({ charge }) => {
  globalThis.rendered?.(charge);
  return <li data-testid="line">{`${charge.key} ${charge.status}`}</li>;
});
