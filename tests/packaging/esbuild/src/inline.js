import { openBilling } from "tollbox/inline";

globalThis.charge = async ({ token, request, ...options }) => {
  const client = await openBilling({ ...options, getToken: () => token });
  return client.charge(request);
};
