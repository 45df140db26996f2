/**
 * The WebAssembly module's file. What a bundler that emits it gives, by a rule for `.wasm` or by a
 * suffix such as Vite's `?url`, is its address: for the option `module`.
 *
 * @module tollbox/wasm
 */

/** The address of the file. */
declare const url: string;
export default url;
