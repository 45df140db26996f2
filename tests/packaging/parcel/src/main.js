import { openBilling } from "tollbox";

globalThis.charge = async ({ token, request, ...options }) => {
  const client = await openBilling({ ...options, getToken: () => token });
  return client.charge(request);
};
