// @ts-check
/** The default module of `tollbox/inline`, which stands in its own script. */

import { unzlibSync } from "fflate";
import { DEFLATED } from "../wasm/deflated.js";

export const ADVICE = "";

/** @returns {Promise<BufferSource>} */
export async function defaultModule() {
  const deflated = Uint8Array.from(atob(DEFLATED), (char) => char.charCodeAt(0));
  try {
    return await inflated(deflated);
  } catch {
    // An older browser, or a test's page without streams.
    return unzlibSync(deflated);
  }
}

/** @param {Uint8Array<ArrayBuffer>} deflated */
function inflated(deflated) {
  const { readable, writable } = new DecompressionStream("deflate");
  const writer = writable.getWriter();
  // What fails here fails at the other end too.
  Promise.all([writer.write(deflated), writer.close()]).catch(() => {});
  return new Response(readable).arrayBuffer();
}
