import { openBilling } from "tollbox";
import module from "tollbox/wasm";

globalThis.charge = async ({ token, request, ...options }) => {
  const client = await openBilling({ ...options, module, getToken: () => token });
  return client.charge(request);
};
