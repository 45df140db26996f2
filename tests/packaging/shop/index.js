import { openBilling } from "tollbox";

/** Buys something: a package between the page and tollbox. */
export async function buy({ token, request, ...options }) {
  const client = await openBilling({ ...options, getToken: () => token });
  return client.charge(request);
}
