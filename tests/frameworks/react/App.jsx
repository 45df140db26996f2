import { StrictMode } from "react";
import { BillingProvider } from "tollbox/react";
import { Billing } from "./Billing.jsx";
import { Charge } from "./Charge.jsx";
import { Charges } from "./Charges.jsx";
import { Task } from "./Task.jsx";

export function App({ options, chargeKey, without = [] }) {
  const source = options
    ? { options: { ...options, getToken: "token" in options ? () => options.token : undefined } }
    : { client: globalThis.client };
  return (
    <StrictMode>
      <BillingProvider {...source}>
        <Billing />
        {!without.includes("charge") && <Charge name={chargeKey} />}
        {!without.includes("charges") && <Charges />}
        {!without.includes("task") && <Task />}
      </BillingProvider>
    </StrictMode>
  );
}
