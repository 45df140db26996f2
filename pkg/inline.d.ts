/** The same as `tollbox`, with the WebAssembly module inside the script: no file has to be found. */

export * from "./index.js";
