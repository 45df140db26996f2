// @ts-check
/**
 * Reading an answer, whoever gave it: the browser's own, another window's, a library's in its place, or
 * a transport's. Nothing is taken for granted but that it is to look like an answer. Whatever its members
 * throw, this passes nothing on.
 */

/** What keeps an answer from being read; "lost" where the rest of it never comes. */
/** @typedef {"lost" | "not_an_answer" | "no_status" | "failing" | "too_long" | "already_read" | "no_text"} Trouble */

/** What the core reads of an answer, in this order. */
const HEADERS = ["etag", "retry-after", "date", "age", "content-type", "idempotent-replayed"];

/** No server sends longer ones. */
const LONGEST_HEADER = 8_192;

class Unreadable extends Error {
  /** @param {Trouble} trouble */
  constructor(trouble) {
    super(trouble);
    this.trouble = trouble;
  }
}

/**
 * The status, whether it was redirected, the body and the headers; null for a redirect that nobody has
 * followed, of which the browser tells nothing else.
 *
 * @param {any} answer
 * @param {number} limit the most bytes of the body
 * @param {AbortSignal} signal ends the reading; what was read in part is let go of
 * @returns {Promise<any[] | Trouble | null>}
 */
export async function readAnswer(answer, limit, signal) {
  try {
    if (!isObject(answer)) {
      throw new Unreadable("not_an_answer");
    }
    if (member(answer, "type") === "opaqueredirect") {
      return null;
    }
    const status = statusOf(member(answer, "status"));
    const headers = new AnswerHeaders(member(answer, "headers"));
    const body = await new Body(answer, limit, signal).read(headers.get("content-length"));
    const isRedirected = member(answer, "redirected") === true;
    return [status, isRedirected, body, ...HEADERS.map((name) => headers.get(name))];
  } catch (error) {
    return error instanceof Unreadable ? error.trouble : "failing";
  }
}

/**
 * A number, or its digits.
 *
 * @param {any} status
 */
function statusOf(status) {
  if (status === undefined) {
    throw new Unreadable("not_an_answer");
  }
  const number = typeof status === "string" && /^\d{3}$/.test(status) ? Number(status) : status;
  if (!Number.isInteger(number) || number < 100 || number >= 600) {
    throw new Unreadable("no_status");
  }
  return number;
}

/** An answer's headers: a `Headers`, a library's own kind of it, a map, pairs or a plain object. */
class AnswerHeaders {
  #given;
  /** Names and values, where it can list them. @type {[string, any][] | undefined} */
  #listed;

  /** @param {any} given */
  constructor(given) {
    this.#given = given;
  }

  /** @param {string} name in lower case */
  get(name) {
    const asked = headerText(call(this.#given, "get", name));
    if (asked !== undefined || this.#isBrowsers()) {
      return asked;
    }
    this.#listed ??= listed(this.#given);
    const named = this.#listed.filter(([other]) => other === name);
    return named.map(([, value]) => headerText(value)).find((text) => text !== undefined);
  }

  #isBrowsers() {
    try {
      return typeof Headers === "function" && this.#given instanceof Headers;
    } catch {
      // Of a proxy that was revoked nothing can be asked.
      return false;
    }
  }
}

/**
 * HTTP's header names have no case, and a transport passes on what its backend calls them.
 *
 * @param {any} given
 * @returns {[string, any][]}
 */
function listed(given) {
  if (!isObject(given)) {
    return [];
  }
  try {
    const pairs =
      typeof given[Symbol.iterator] === "function"
        ? Array.from(given, (entry) => [member(entry, 0), member(entry, 1)])
        : Reflect.ownKeys(given).map((name) => [name, member(given, name)]);
    return pairs
      .filter(([name]) => typeof name === "string" && name.length <= LONGEST_HEADER)
      .map(([name, value]) => [name.toLowerCase(), value]);
  } catch {
    return [];
  }
}

/**
 * A header's value as a text. Some libraries make numbers and lists of them.
 *
 * @param {any} value
 * @returns {string | undefined}
 */
function headerText(value) {
  const given = isObject(value) ? call(value, "join", ", ") : value;
  const isPlain = ["string", "number", "boolean"].includes(typeof given);
  const text = isPlain ? String(given) : "";
  if (text.length > LONGEST_HEADER) {
    return undefined;
  }
  // RFC 9110, section 5.5: what may stand in a header. An `ETag` is sent back.
  const trimmed = text.trim();
  return /^[\x20-\x7e]+$/.test(trimmed) ? trimmed : undefined;
}

/** An answer's body, as far as it may be read: a server, or whoever answers for it, may never end it. */
class Body {
  #answer;
  #limit;
  #signal;

  /**
   * @param {any} answer
   * @param {number} limit
   * @param {AbortSignal} signal
   */
  constructor(answer, limit, signal) {
    this.#answer = answer;
    this.#limit = limit;
    this.#signal = signal;
  }

  /**
   * To its end, as text.
   *
   * @param {string | undefined} stated its length, in bytes
   * @returns {Promise<string>}
   */
  async read(stated) {
    const answer = this.#answer;
    // It may throw.
    const body = answer.body;
    if (/^\d+$/.test(stated ?? "") && Number(stated) > this.#limit) {
      cancel(body);
      throw new Unreadable("too_long");
    }
    if (typeof body === "string") {
      return this.#whole(body);
    }
    if (member(answer, "bodyUsed")) {
      throw new Unreadable("already_read");
    }
    const reader = call(body, "getReader");
    if (reader !== undefined) {
      return this.#streamed(reader);
    }
    if (hasMethod(answer, "text")) {
      return this.#whole(await this.#awaited(answer, "text"));
    }
    if (hasMethod(answer, "json")) {
      return this.#stringified(await this.#awaited(answer, "json"));
    }
    if (hasMethod(body, "text")) {
      return this.#whole(await this.#awaited(body, "text"));
    }
    if (typeof member(body, "byteLength") === "number") {
      return decoded([bytesOf(body, this.#limit)]);
    }
    return body === undefined || body === null ? "" : this.#stringified(body);
  }

  /**
   * What the method comes to.
   *
   * @param {any} object
   * @param {string} name
   */
  async #awaited(object, name) {
    return this.#inTime(object[name]());
  }

  /**
   * A text that has been read already.
   *
   * @param {any} text
   */
  #whole(text) {
    if (typeof text !== "string") {
      throw new Unreadable("no_text");
    }
    if (text.length > this.#limit) {
      throw new Unreadable("too_long");
    }
    return text;
  }

  /**
   * A library has made an object of the JSON.
   *
   * @param {any} value
   */
  #stringified(value) {
    /** @type {any} */
    let text;
    try {
      text = JSON.stringify(value);
    } catch {
      // It is a circle, or has numbers that JSON has not.
    }
    return this.#whole(text);
  }

  /**
   * Reads piece by piece, so that no more is ever held than may be read.
   *
   * @param {any} reader
   */
  async #streamed(reader) {
    const pieces = [];
    let room = this.#limit;
    try {
      for (;;) {
        const next = await this.#inTime(reader.read(), "lost");
        if (next.done) {
          return decoded(pieces);
        }
        const piece = bytesOf(member(next, "value"), room);
        room -= piece.length;
        pieces.push(piece);
      }
    } catch (error) {
      cancel(reader);
      throw error;
    }
  }

  /**
   * @param {any} called a promise, or what it would come to
   * @param {Trouble} [rejected] what it is where that rejects: a connection that breaks does
   * @returns {Promise<any>}
   */
  async #inTime(called, rejected = "failing") {
    const signal = this.#signal;
    /** @type {() => void} */
    let abort = () => {};
    const aborted = new Promise((_, reject) => {
      abort = () => reject(new Unreadable("lost"));
    });
    signal.addEventListener("abort", abort);
    try {
      return await Promise.race([called, aborted]);
    } catch {
      throw new Unreadable(signal.aborted ? "lost" : rejected);
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }
}

/**
 * One piece of a stream, if it is no larger than the room for it.
 *
 * @param {any} value
 * @param {number} room
 * @returns {Uint8Array}
 */
function bytesOf(value, room) {
  const bytes = typeof value === "string" ? new TextEncoder().encode(value) : copied(value, room);
  if (bytes.length > room) {
    throw new Unreadable("too_long");
  }
  return bytes;
}

/**
 * @param {any} value
 * @param {number} room
 */
function copied(value, room) {
  const length = member(value, "byteLength");
  if (typeof length !== "number") {
    throw new Unreadable("no_text");
  }
  if (length > room) {
    throw new Unreadable("too_long");
  }
  try {
    // Of a buffer that has been given away it can't be made.
    return ArrayBuffer.isView(value)
      ? new Uint8Array(value.buffer, value.byteOffset, length)
      : new Uint8Array(value);
  } catch {
    throw new Unreadable("no_text");
  }
}

/**
 * As `Response.text` decodes: without a byte order mark, and whatever is not UTF-8 replaced.
 *
 * @param {Uint8Array[]} pieces
 */
function decoded(pieces) {
  const decoder = new TextDecoder();
  return pieces.map((piece) => decoder.decode(piece, { stream: true })).join("") + decoder.decode();
}

/**
 * Tells a stream, or its reader, that nobody reads on.
 *
 * @param {any} stream
 */
function cancel(stream) {
  // It rejects where the stream is broken, and would be reported as unhandled.
  (async () => call(stream, "cancel"))().catch(() => {});
}

/** @param {any} value */
function isObject(value) {
  return typeof value === "object" && value !== null;
}

/**
 * An object's member; undefined where it has none, where it throws, and of what is no object.
 *
 * @param {any} object
 * @param {string | symbol | number} name
 * @returns {any}
 */
function member(object, name) {
  try {
    return isObject(object) || typeof object === "function"
      ? (object[name] ?? undefined)
      : undefined;
  } catch {
    return undefined;
  }
}

/**
 * @param {any} object
 * @param {string} name
 */
function hasMethod(object, name) {
  return typeof member(object, name) === "function";
}

/**
 * What the method gives; undefined where there is none, and where it throws.
 *
 * @param {any} object
 * @param {string} name
 * @param {any[]} given
 * @returns {any}
 */
function call(object, name, ...given) {
  try {
    return hasMethod(object, name) ? object[name](...given) : undefined;
  } catch {
    return undefined;
  }
}
