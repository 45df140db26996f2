// @ts-check
/**
 * Where the module is unless the caller says so: beside the package. `tollbox/inline` has
 * inline-module.js instead, by dev/xtask/rolldown.config.js.
 */

/** What to do where the file is not there, which the error has told. */
export const ADVICE = "; if a bundler left it out, import tollbox/inline or give `module`";

/** A literal URL beside this file: bundlers see it and take the module along. */
export const defaultModule = () => new URL("../wasm/tollbox_bg.wasm", import.meta.url);
