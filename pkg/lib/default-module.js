// @ts-check
/**
 * Where the module is unless the caller says so: beside the package. `tollbox/inline` has
 * inline-module.js instead, by pkg/rolldown.config.js.
 */

/** A literal URL beside this file: bundlers see it and take the module along. */
export const defaultModule = () => new URL("../wasm/tollbox_bg.wasm", import.meta.url);
