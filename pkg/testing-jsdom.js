// @ts-check
/**
 * `tollbox/testing/jsdom`: a setup file that gives a jsdom of Jest's what every browser has and it
 * lacks, and the client needs.
 */

import { TextDecoder, TextEncoder } from "node:util";

for (const [name, value] of Object.entries({ TextDecoder, TextEncoder })) {
  if (!(name in globalThis)) {
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  }
}
