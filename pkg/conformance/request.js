// @ts-check
/** A rule's request, filled in: what goes over the wire, and the curl command that repeats it. */

/** @import { Delivery, Item, Send } from "./catalogue.js" */
/** @import { Scope } from "./template.js" */

/**
 * @typedef {object} Request
 * @property {string} method
 * @property {string} path below the base URL
 * @property {Record<string, string>} headers without the token, names in lower case
 * @property {string | null} body
 * @property {"own" | "other" | "unknown" | "nobody"} as
 * @property {Delivery | null} delivery
 */

/** How long a hold lasts that nobody ends, in seconds: longer than a rule takes. */
const HOLD_S = 60;

/** How a command differs from what was sent. @type {Record<Delivery, string>} */
const NOTES = {
  "in pieces": "the body in 4 pieces",
  "without end": "without the last byte of the body",
  "gone in the body": "closed after half of the body",
  "gone before the answer": "closed after the body",
  "in the background": "while the next request is sent",
};

/**
 * @param {Send} send
 * @param {Scope} scope
 * @returns {Request}
 */
export function requestOf(send, scope) {
  const { as = "own", delivery = null } = send;
  const { method, path, headers = {}, body } = usual(send, scope);
  /** @type {Record<string, string>} */
  const all = body === null ? { ...headers } : { "content-type": "application/json", ...headers };
  for (const [name, value] of Object.entries(send.headers ?? {})) {
    if (value === null) {
      delete all[name];
    } else {
      all[name] = scope.text(value);
    }
  }
  return { method: send.method ?? method, path, headers: all, body, as, delivery };
}

/**
 * @param {Send} send
 * @param {Scope} scope
 * @returns {{ method: string, path: string, headers?: Record<string, string>, body: string | null }}
 */
function usual(send, scope) {
  const text = send.text === undefined ? null : scope.text(send.text);
  if (send.charge !== undefined) {
    const key = scope.text(send.charge);
    const headers = { "idempotency-key": quoted(key) };
    return {
      method: "POST",
      path: "charges",
      headers,
      body: text ?? json(charge(key, send, scope)),
    };
  }
  if (send.hold !== undefined) {
    const key = scope.text(send.hold);
    const headers = { "idempotency-key": quoted(key) };
    return { method: "POST", path: "holds", headers, body: text ?? json(hold(key, send, scope)) };
  }
  if (send.release !== undefined) {
    const key = encoded(scope.text(send.release), /[A-Za-z0-9._~-]/);
    return { method: "DELETE", path: `holds?key=${key}`, body: null };
  }
  if (send.lookup !== undefined) {
    const key = encoded(scope.text(send.lookup), /[A-Za-z0-9._~-]/);
    return { method: "GET", path: `charges?key=${key}`, body: null };
  }
  const items = itemsOf(send, scope);
  if (items) {
    return { method: "POST", path: "charges/batch", body: json({ charges: items }) };
  }
  return { method: "GET", path: scope.text(send.path ?? ""), body: text };
}

/**
 * @param {Send} send
 * @param {Scope} scope
 */
function itemsOf({ batch, batch_of, key = "", with: members }, scope) {
  if (batch_of !== undefined) {
    return Array.from({ length: batch_of }, (_, i) =>
      item({ key, ...(members && { with: members }) }, scope.with({ i })),
    );
  }
  return batch?.map((one) => item(one, scope));
}

/**
 * @param {Item} given
 * @param {Scope} scope
 */
function item(given, scope) {
  const key = scope.text(given.key);
  return { idempotency_key: key, ...charge(key, given, scope) };
}

/**
 * @param {string} key
 * @param {Pick<Send, "with" | "without">} more
 * @param {Scope} scope
 */
function charge(key, more, scope) {
  const note = {
    created_at: "2026-01-01T00:00:00.000Z",
    metadata: { sent_by: "tollbox conformance" },
  };
  return members(key, note, more, scope);
}

/**
 * @param {string} key
 * @param {Pick<Send, "with" | "without">} more
 * @param {Scope} scope
 */
function hold(key, more, scope) {
  return members(key, { expires_in_s: HOLD_S }, more, scope);
}

/**
 * @param {string} key
 * @param {Record<string, unknown>} own what only a charge, or only a hold has
 * @param {Pick<Send, "with" | "without">} more
 * @param {Scope} scope
 */
function members(key, own, { with: members = {}, without = [] }, scope) {
  /** @type {Record<string, unknown>} */
  const body = { task_id: key, feature: scope.text("{feature}"), amount: 1, ...own };
  for (const [name, value] of Object.entries(members)) {
    body[name] = scope.value(value);
  }
  for (const name of without) {
    delete body[name];
  }
  return body;
}

/**
 * A key or an account as a header has it: a quoted string (RFC 8941, section 3.3.3) in which `%` and
 * what a header can't carry are percent-encoded.
 *
 * @param {string} text
 */
export function quoted(text) {
  return `"${encoded(text, /[ -$&-~]/).replace(/["\\]/g, "\\$&")}"`;
}

/**
 * @param {string} text
 * @param {RegExp} plain the characters that stand for themselves
 */
function encoded(text, plain) {
  return [...text]
    .map((char) => {
      const bytes = [...Buffer.from(char)].map((byte) => byte.toString(16).toUpperCase());
      return plain.test(char) ? char : bytes.map((byte) => `%${byte.padStart(2, "0")}`).join("");
    })
    .join("");
}

/**
 * JSON with the members of each object by name.
 *
 * @param {unknown} value
 * @returns {string}
 */
export function json(value) {
  return JSON.stringify(value, (_, one) =>
    typeof one === "object" && one !== null && !Array.isArray(one)
      ? Object.fromEntries(byName(one))
      : one,
  );
}

/**
 * The members of an object by name, so that all who run the catalogue say the same.
 *
 * @template T
 * @param {Record<string, T>} members
 */
export function byName(members) {
  return Object.entries(members).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** What a request is called: its method and its path without the query. @param {Request} request */
export function titleOf({ method, path }) {
  return `${method} ${path.split("?")[0]}`;
}

/**
 * The command that sends it again. The tokens stand in variables of the shell, and so does `{n}`.
 *
 * @param {string} base
 * @param {Request} request
 * @param {number} times how often at once
 * @param {string} unknown the token that nobody has
 */
export function curl(base, request, times, unknown) {
  const { method, path, headers, body, as, delivery } = request;
  const tokens = { own: "$TOKEN", other: "$OTHER_TOKEN", unknown };
  const parts = [
    "curl -i",
    ...(method === "GET" ? [] : [`-X ${method}`]),
    shell(`${base}/${path}`),
  ];
  if (as !== "nobody") {
    parts.push(`-H "Authorization: Bearer ${tokens[as]}"`);
  }
  for (const [name, value] of byName(headers)) {
    parts.push(`-H ${shell(value === "" ? `${name};` : `${name}: ${value}`)}`);
  }
  if (body !== null) {
    parts.push(`--data-raw ${shell(body)}`);
  }
  // The path has it percent-encoded.
  const one = parts.join(" ").replace(/\{n\}|%7Bn%7D/g, "'$i'");
  const all = times === 1 ? one : `for i in $(seq 0 ${times - 1}); do ${one} & done; wait`;
  return delivery === null ? all : `${all} # ${NOTES[delivery]}`;
}

/** @param {string} text */
function shell(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
