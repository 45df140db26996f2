import { openBilling } from "tollbox";
import url from "tollbox/wasm";

globalThis.charge = async ({ token, request, ...options }) => {
  const module = new URL(url, import.meta.url);
  const client = await openBilling({ ...options, module, getToken: () => token });
  return client.charge(request);
};
