// @ts-check
/**
 * The module's code: where it comes from, and what is wrong with it if it is not the module that this
 * package belongs to. A file server may answer with a page of its own, an older build, or half a file,
 * and a browser keeps what it was given.
 */

import { BUILD } from "../wasm/build.js";
import { base } from "./base.js";
import { ADVICE, defaultModule } from "./default-module.js";
import { messageOf, mistake } from "./error.js";

/** @import * as Api from "../index.js" */

/** The least that is a module: what a page may compile at all, it may compile this of. */
const LEAST = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]);

/** The custom section that names the build; dev/xtask/src/mark.rs writes it. */
const SECTION = "tollbox";

/** Places from which came what was not the module: from them it is fetched past the cache. */
/** @type {Set<string>} */
const failed = new Set();

/**
 * Whether the option is one that `compiled` takes, as far as can be told before a promise has resolved.
 *
 * @param {unknown} source
 */
export function checkSource(source) {
  const isPlace = typeof source === "string" ? isUrl(source) : source instanceof URL;
  const isLater = typeof (/** @type {any} */ (source)?.then) === "function";
  const given = isPlace || isLater || isModule(source) || isBytes(source) || isResponse(source);
  if (source !== undefined && source !== null && !given) {
    throw mistake(
      "module",
      "a URL, a Response or the promise of one, a WebAssembly.Module, or its bytes",
      source,
    );
  }
}

/**
 * The compiled module; an error says what is wrong with it.
 *
 * @param {Api.BillingOptions["module"]} given
 * @returns {Promise<WebAssembly.Module>}
 */
export async function compiled(given) {
  if (typeof WebAssembly !== "object" || typeof WebAssembly.compile !== "function") {
    throw new Error("this browser has no WebAssembly, or has turned it off");
  }
  try {
    return await from(await (given ?? defaultModule()));
  } catch (error) {
    if (!given) {
      /** @type {Error} */ (error).message += ADVICE;
    }
    throw error;
  }
}

/**
 * @param {any} source what `module` is, or its promise gives
 * @returns {Promise<WebAssembly.Module>}
 */
async function from(source) {
  if (isModule(source)) {
    return ours(source, "what `module` gives");
  }
  if (isBytes(source)) {
    return ours(await fromBytes(source, "what `module` gives"), "what `module` gives");
  }
  if (isResponse(source)) {
    return fromResponse(source, source.url || "the Response");
  }
  if (typeof source !== "string" && !(source instanceof URL)) {
    throw new Error("the promise `module` gives no Response");
  }
  return fromUrl(new URL(source, base()));
}

/** @param {URL} url */
async function fromUrl({ href }) {
  // Node.js, in a test of a page, has no fetch for its files, nor Jest's jsdom any Response. Bundlers
  // look for no import here.
  const files = /** @type {any} */ (globalThis).process?.getBuiltinModule?.("fs");
  if (files && href.startsWith("file:")) {
    return ours(await fromBytes(files.readFileSync(new URL(href)), href), href);
  }
  const cache = failed.has(href) ? "reload" : "default";
  failed.add(href);
  const module = await fromResponse(await fetched(href, cache), href);
  failed.delete(href);
  return module;
}

/**
 * @param {string} href
 * @param {RequestCache} cache
 * @returns {Promise<Response>}
 */
async function fetched(href, cache) {
  /** @type {string[]} */
  const violated = [];
  const onViolation = (/** @type {SecurityPolicyViolationEvent} */ event) => {
    violated.push(event.effectiveDirective);
  };
  // A page's comes up to its window; a worker has it from the start.
  // Node.js has no such events.
  globalThis.addEventListener?.("securitypolicyviolation", onViolation);
  try {
    return await fetch(href, { cache });
  } catch (error) {
    // The browser may tell of the violation a turn after it has failed the request.
    await new Promise((resolve) => setTimeout(resolve));
    throw new Error(
      violated.includes("connect-src")
        ? `the page's Content-Security-Policy does not let it be fetched: connect-src needs ${href}`
        : `${href} can't be fetched (${messageOf(error)})`,
    );
  } finally {
    globalThis.removeEventListener?.("securitypolicyviolation", onViolation);
  }
}

/**
 * @param {Response} response
 * @param {string} name
 */
async function fromResponse(response, name) {
  const type = contentTypeOf(response);
  if (!response.ok) {
    throw new Error(`${name} is answered with HTTP ${response.status} (${type})`);
  }
  if (response.bodyUsed) {
    throw new Error(`${name} has been read by somebody else`);
  }
  // One of another window, or of a library's own, is no stream for this one's WebAssembly.
  const isStream = response instanceof Response && type === "application/wasm";
  let unread = response;
  if (isStream && "compileStreaming" in WebAssembly) {
    unread = response.clone();
    const module = await WebAssembly.compileStreaming(response).catch(() => null);
    if (module) {
      unread.body?.cancel().catch(() => {});
      return ours(module, name);
    }
  }
  return ours(await fromBytes(await bytesOf(unread, name), name, type), name);
}

/**
 * @param {Response} response
 * @param {string} name
 */
async function bytesOf(response, name) {
  try {
    return await response.arrayBuffer();
  } catch (error) {
    throw new Error(`${name} broke off on its way (${messageOf(error)})`);
  }
}

/**
 * @param {BufferSource} source
 * @param {string} name
 * @param {string} [type] the content type it came with
 */
async function fromBytes(source, name, type = "no content type") {
  const view = ArrayBuffer.isView(source)
    ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
    : new Uint8Array(source);
  // Nobody changes these meanwhile, nor are they shared, which WebAssembly does not take.
  const bytes = view.slice();
  const wrong = wrongWith(bytes, type);
  if (wrong) {
    throw new Error(`${name} ${wrong}`);
  }
  try {
    return await WebAssembly.compile(bytes);
  } catch (error) {
    const why = messageOf(error);
    throw new Error(
      mayCompile()
        ? `${name} is damaged (${why})`
        : `the page's Content-Security-Policy lets no WebAssembly run: script-src needs 'wasm-unsafe-eval' (${why})`,
    );
  }
}

/**
 * What these bytes are, if they are not a whole module.
 *
 * @param {Uint8Array} bytes
 * @param {string} type
 * @returns {string | null}
 */
function wrongWith(bytes, type) {
  if (bytes.length === 0) {
    return "is empty";
  }
  const begins = new TextDecoder().decode(bytes.subarray(0, 100)).trimStart();
  if (begins.startsWith("<") || type === "text/html") {
    return `is an HTML page (${type}) and not the module`;
  }
  if (!LEAST.subarray(0, 4).every((byte, at) => at >= bytes.length || bytes[at] === byte)) {
    return `is not WebAssembly (${type}): it begins with ${JSON.stringify(begins.slice(0, 20))}`;
  }
  return isWhole(bytes) ? null : `is cut off after ${bytes.length} bytes`;
}

/**
 * Whether the sections that it begins end in it, too. Each has an id of one byte and its length in
 * seven bits a byte, the lowest first.
 *
 * @param {Uint8Array} bytes
 */
function isWhole(bytes) {
  let at = LEAST.length;
  while (at < bytes.length) {
    at += 1;
    let length = 0;
    let byte = 0x80;
    for (let scale = 1; byte >= 0x80; scale *= 0x80) {
      byte = bytes[at] ?? 0;
      length += (byte % 0x80) * scale;
      at += 1;
    }
    at += length;
  }
  return at === bytes.length;
}

/** Whether the page may compile any module. */
function mayCompile() {
  try {
    return new WebAssembly.Module(LEAST) !== null;
  } catch {
    return false;
  }
}

/**
 * A module of another build may link, and then do anything.
 *
 * @param {WebAssembly.Module} module
 * @param {string} name
 */
function ours(module, name) {
  const [mark] = WebAssembly.Module.customSections(module, SECTION);
  const build = mark && new TextDecoder().decode(mark);
  if (build !== BUILD) {
    const whose = build ? `that of another build (${build})` : "another's, or of another build";
    throw new Error(`${name} is not this package's module (${BUILD}) but ${whose}`);
  }
  return module;
}

/** @param {Response} response */
function contentTypeOf(response) {
  return (
    response.headers?.get?.("content-type")?.split(";")[0].trim().toLowerCase() ?? "no content type"
  );
}

/** @param {string} text */
function isUrl(text) {
  const page = base();
  try {
    // Without `canParse`, which is younger than all else that is needed here.
    return text !== "" && (page === undefined || Boolean(new URL(text, page)));
  } catch {
    return false;
  }
}

/**
 * By its tag, as the next two: one of another window does as well.
 *
 * @param {unknown} source
 * @returns {source is WebAssembly.Module}
 */
function isModule(source) {
  return tagOf(source) === "WebAssembly.Module";
}

/**
 * @param {unknown} source
 * @returns {source is BufferSource}
 */
function isBytes(source) {
  return ArrayBuffer.isView(source) || /^(Shared)?ArrayBuffer$/.test(tagOf(source));
}

/**
 * @param {unknown} source
 * @returns {source is Response}
 */
function isResponse(source) {
  return typeof (/** @type {any} */ (source)?.arrayBuffer) === "function";
}

/** @param {unknown} value */
function tagOf(value) {
  return Object.prototype.toString.call(value).slice("[object ".length, -1);
}
