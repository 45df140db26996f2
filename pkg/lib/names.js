// @ts-check
/** Whose balance and queue they are: one account's of one billing server. */

import { base } from "./base.js";
import { mistake } from "./error.js";

/**
 * What tells the balance and the queue of a client from all others.
 *
 * @typedef {object} Owner
 * @property {string} account
 * @property {string} namespace names the billing server
 */

/**
 * Throws where the account or the namespace names nobody.
 *
 * @param {{ account: string; namespace?: string }} where
 */
export function checkOwner({ account, namespace }) {
  checkName("account", account);
  if (namespace !== undefined) {
    checkName("namespace", namespace);
  }
}

/**
 * @param {string} what
 * @param {unknown} name
 */
function checkName(what, name) {
  if (typeof name !== "string" || name === "") {
    throw mistake(what, "a string that is not empty", name);
  }
  // Like any other it would be stored as U+FFFD, and so two names as one.
  if (/\p{Surrogate}/u.test(name)) {
    throw mistake(what, "well formed, without lone surrogates", name);
  }
}

/**
 * The server's address in full: without what a client leaves out of it. By default it is the namespace.
 *
 * @param {string | URL} baseUrl relative to the page, or the worker
 * @returns {{ address: string, protocol: string }}
 */
export function addressOf(baseUrl) {
  if (typeof baseUrl !== "string" && !(baseUrl instanceof URL)) {
    throw mistake("baseUrl", "a string or a URL", baseUrl);
  }
  const url = urlOf(baseUrl);
  for (const part of /** @type {const} */ (["username", "password", "search", "hash"])) {
    url[part] = "";
  }
  return { address: url.href.replace(/\/+$/, ""), protocol: url.protocol };
}

/** @param {string | URL} baseUrl */
function urlOf(baseUrl) {
  try {
    return new URL(baseUrl, base());
  } catch {
    // A name and a password, or a query, are for nobody's log.
    const text = String(baseUrl)
      .replace(/\/\/.*@/s, "//")
      .replace(/[?#].*/s, "");
    throw mistake("baseUrl", "a URL", text);
  }
}

/**
 * What the names begin with of all that is stored or shared; `src/browser/names.rs` makes the same.
 *
 * @param {Owner} owner
 */
export function stemOf({ namespace, account }) {
  return `tollbox:${encode(namespace)}:${encode(account)}`;
}

/**
 * The localStorage entries that are read without the module.
 *
 * @param {Owner} owner
 */
export function entriesOf(owner) {
  const stem = stemOf(owner);
  return { balance: `${stem}:balance`, mark: `${stem}:mark`, journal: `${stem}:journal` };
}

/**
 * All but the unreserved characters of RFC 3986, section 2.3.
 *
 * @param {string} name
 */
function encode(name) {
  const hex = (/** @type {string} */ char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`;
  return encodeURIComponent(name).replace(/[!'()*]/g, hex);
}
