import { openBilling } from "./node_modules/tollbox/index.js";

globalThis.charge = async ({ token, request, ...options }) => {
  const client = await openBilling({ ...options, getToken: () => token });
  return client.charge(request);
};
