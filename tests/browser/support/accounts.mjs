import { randomUUID } from "node:crypto";

/**
 * What everything begins with that a client of the account stores or shares, where it is opened without
 * a namespace.
 *
 * @param {{ billing: string }} server
 * @param {string} account
 */
export function stemOf(server, account) {
  return `tollbox:${encodeURIComponent(server.billing)}:${encodeURIComponent(account)}`;
}

/** A name that no other test uses. */
export function freshAccount(purpose = "test") {
  return `${purpose}-${randomUUID().slice(0, 8)}`;
}
