// @ts-check

/**
 * What relative addresses are relative to, as for `fetch`: the page, or the worker's script. Undefined
 * on a server, which has neither.
 *
 * @returns {string | undefined}
 */
export function base() {
  return globalThis.document?.baseURI ?? globalThis.location?.href;
}
