/**
 * `tollbox/testing/jsdom`: a setup file for Jest. It gives a jsdom that lacks them `TextDecoder` and
 * `TextEncoder`, as every browser has.
 *
 * @module tollbox/testing/jsdom
 */

export {};
