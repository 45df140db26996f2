/**
 * The same as `tollbox`, with the WebAssembly module inside the script: no file has to be found.
 *
 * @module tollbox/inline
 */

export * from "./index.js";
