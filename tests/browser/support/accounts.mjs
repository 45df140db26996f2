import { randomUUID } from "node:crypto";

/**
 * The prefix of all names that a client of the account uses in storage, locks and channels, when
 * opened without a namespace.
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
