// `tollbox dev` answers as the reference server does, whatever it is asked.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, dev, serving } from "./support/servers.mjs";

/** @import { Question } from "./support/servers.mjs" */

const REFERENCE = process.env.TOLLBOX_SERVER ?? "";
const CHARGES = "/billing/v1/charges";
const BATCH = "/billing/v1/charges/batch";
const HOLDS = "/billing/v1/holds";

/**
 * Both servers, with the same accounts; what one answers is compared with what the other does.
 *
 * @param {import("node:test").TestContext} t
 * @param {string[]} [more] options of both
 */
async function both(t, more = []) {
  const flags = ["--demo", "--faults", ...more];
  const bases = await Promise.all([
    serving(t, [REFERENCE, "--port", "0", ...flags]),
    dev(t, ["--bare", ...flags]),
  ]);
  const tokens = await Promise.all(
    bases.map(async (base) => {
      const body = JSON.stringify({ account: "alice" });
      const headers = { "content-type": "application/json" };
      const answer = await ask(base, { method: "POST", path: "/demo/session", headers, body });
      return JSON.parse(answer.body).token;
    }),
  );
  /** @param {Question} question */
  return async (question) => {
    const answers = await Promise.all(
      bases.map(async (base, index) => {
        const authorization = `Bearer ${tokens[index]}`;
        const headers = { authorization, ...question.headers };
        return comparable(await ask(base, { ...question, headers }));
      }),
    );
    const asked = `${JSON.stringify(question)} ${question.body}`.slice(0, 400);
    assert.deepEqual(answers[1], answers[0], asked);
    return answers[0];
  };
}

/**
 * An answer without what differs from server to server: ids, instants, and the words of `detail`.
 *
 * @param {Awaited<ReturnType<typeof ask>>} answer
 */
function comparable({ status, headers, body }) {
  const {
    date,
    connection,
    "keep-alive": _,
    "content-length": __,
    // Only the reference server has a log that it leads to.
    "x-request-id": ___,
    ...rest
  } = headers;
  assert.ok(date);
  if (status !== 405) {
    // Only 405 must have it (RFC 9110, section 15.5.6); the reference server's router adds it to more.
    delete rest.allow;
  }
  const text = body
    .replace(/"(charge_id|charged_at|expires_at|token)":"[^"]+"/g, '"$1":"…"')
    .replace(/"detail":"(?:[^"\\]|\\.)*"/g, '"detail":"…"');
  return { status, headers: rest, closes: connection === "close", body: text };
}

const JSON_TYPE = { "content-type": "application/json" };
const GOOD = '{"task_id":"t","feature":"f","amount":1}';

/** @param {string} amount */
const charging = (amount) => `{"task_id":"t","feature":"f","amount":${amount}}`;

/** Bodies of a charge: good ones, wrong ones, and what is no JSON. @type {(string | Buffer)[]} */
const BODIES = [
  GOOD,
  ...["0", "-0", "1", "12", "12.0", "1.2e1", "120e-1", "0.12E+2", "1.5", "-1", "1e300", "1e400"],
  ...["9007199254740991", "9007199254740992", "9007199254740993", "9007199254740991.0"],
  ...["9007199254740992.0", "18446744073709551615", "18446744073709551616", '"5"', "true", "null"],
  ...["01", "+1", "1.", ".5", "1e", "NaN", "Infinity", "0x1", "[1]", "{}"],
].map((text, index) => (index === 0 ? text : charging(text)));
BODIES.push(
  ...["", " ", "{", "{}", "[", "[]", "null", "nul", "5", "5x", '"text"', '"open', "\ufeff{}", "{]"],
  ...[`${GOOD}{}`, `${GOOD} `, `\t\r\n ${GOOD}\n`, `${GOOD},`, `\f${GOOD}`, "{,}", '{"a":1,}'],
  ...['{"task_id":"t","feature":"f","amount":1,"amount":2}', '{"a":1,"a":2}'],
  '{"task_id":"t","feature":"f","amount":1,"new":1,"new":2}',
  '{"task_id":"t","feature":"f","amount":1,"created_at":null,"metadata":null}',
  ...["2026-03-01T12:00:00Z", "2026-03-01t12:00:00.123+02:00", "yesterday", "2026-02-29T00:00:00Z"]
    .concat(["2024-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-03-01T24:00:00Z", "2026-03-01"])
    .map((at) => `{"task_id":"t","feature":"f","amount":1,"created_at":"${at}"}`),
  ...['{"a":"b"}', '{"a":"b","a":"c"}', '{"a":1}', "[]", '"a"'].map(
    (metadata) => `{"task_id":"t","feature":"f","amount":1,"metadata":${metadata}}`,
  ),
  ...['"\\ud800"', '"\\ud83d\\ude00"', '"\\u0000"', '"a\nb"', '"\\x"', '"\\u12"', "5", '""', "null"]
    .concat([`"${"字".repeat(500)}"`, `"${"字".repeat(501)}"`, `"${"😀".repeat(500)}"`])
    .map((id) => `{"task_id":${id},"feature":"f","amount":1}`),
  ...[100, 126, 127, 128, 200].map(
    (depth) =>
      `{"task_id":"t","feature":"f","amount":1,"deep":${"[".repeat(depth)}${"]".repeat(depth)}}`,
  ),
  Buffer.from('{"task_id":"\xff","feature":"f","amount":1}', "latin1"),
  '{"__proto__":{"amount":1},"task_id":"t","feature":"f"}',
);

test("both servers read the body of a charge alike", async (t) => {
  const compare = await both(t);
  let place = 0;
  const statuses = new Set();
  for (const body of BODIES) {
    place += 1;
    const headers = { ...JSON_TYPE, "idempotency-key": `"k${place}"` };
    const { status } = await compare({ method: "POST", path: CHARGES, headers, body });
    statuses.add(status);
    await compare({ method: "POST", path: BATCH, headers: JSON_TYPE, body });
  }
  assert.deepEqual([...statuses].sort(), [201, 400, 402]);
  const headers = { ...JSON_TYPE, "idempotency-key": '"bytes"' };
  const body = Buffer.from(`${GOOD}\xff`, "latin1");
  await compare({ method: "POST", path: CHARGES, headers, body });
});

test("both servers read the body of a hold alike", async (t) => {
  const compare = await both(t);
  const written = (/** @type {string | Buffer} */ body) =>
    typeof body === "string" ? body.replace(/^\{(?!\})/, '{"expires_in_s":60,') : body;
  const bodies = [
    ...BODIES.map(written),
    ...["0", "1", "-1", "60.0", "6e1", "1.5", '"60"', "null", "86400", "86401", "9007199254740991"]
      .concat(["9007199254740992", "1e300", "18446744073709551616"])
      .map((seconds) => GOOD.replace("}", `,"expires_in_s":${seconds}}`)),
    GOOD,
    GOOD.replace("}", ',"expires_in_s":1,"expires_in_s":1}'),
  ];
  const statuses = new Set();
  for (const [place, body] of bodies.entries()) {
    const headers = { ...JSON_TYPE, "idempotency-key": `"k${place}"` };
    const { status } = await compare({ method: "POST", path: HOLDS, headers, body });
    statuses.add(status);
    await compare({ method: "DELETE", path: `${HOLDS}?key=k${place}` });
  }
  assert.deepEqual([...statuses].sort(), [201, 400, 402]);
  await compare({ method: "POST", path: HOLDS, headers: JSON_TYPE, body: bodies[0] });
});

test("both servers read the hold of a charge alike, and none without holds", async (t) => {
  const holds = ['"h"', "null", "5", '""', '"\\ud800"', `"${"h".repeat(4_096)}"`, '"h","hold":"h"']
    .concat([`"${"h".repeat(4_097)}"`, "[]"])
    .map((hold) => GOOD.replace("}", `,"hold":${hold}}`));
  for (const more of [[], ["--no-holds"]]) {
    const compare = await both(t, more);
    for (const [place, body] of holds.entries()) {
      const headers = { ...JSON_TYPE, "idempotency-key": `"k${place}"` };
      await compare({ method: "POST", path: CHARGES, headers, body });
      const item = body.replace("{", `{"idempotency_key":"b${place}",`);
      const batch = `{"charges":[${item}]}`;
      await compare({ method: "POST", path: BATCH, headers: JSON_TYPE, body: batch });
    }
    await compare({ method: "GET", path: "/billing/v1/balance" });
    await compare({ method: "GET", path: "/demo/ledger" });
    for (const method of ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"]) {
      await compare({ method, path: HOLDS });
    }
  }
});

test("both servers read the items of a batch alike", async (t) => {
  const compare = await both(t);
  const items = BODIES.filter((body) => typeof body === "string" && isJson(body)).map((body, n) =>
    String(body)
      .trim()
      .replace(/^\{(?!\})/, `{"idempotency_key":"k${n}",`),
  );
  for (const item of items) {
    const body = `{"charges":[${item},{"idempotency_key":"last","task_id":"z","feature":"f","amount":1}]}`;
    await compare({ method: "POST", path: BATCH, headers: JSON_TYPE, body });
  }
  for (const charges of [
    "[]",
    "{}",
    "5",
    "null",
    `[${Array(101).fill(GOOD)}]`,
    '[{"idempotency_key":7},null,5,"a",[]]',
    '[{"idempotency_key":"a"},{"idempotency_key":"a"}]',
  ]) {
    const body = `{"charges":${charges}}`;
    await compare({ method: "POST", path: BATCH, headers: JSON_TYPE, body });
  }
  await compare({
    method: "POST",
    path: BATCH,
    headers: JSON_TYPE,
    body: '{"charges":[],"charges":[]}',
  });
});

test("both servers read keys and accounts alike", async (t) => {
  const compare = await both(t);
  const strings = [
    ...[
      '"k"',
      ' "k" ',
      '"a b"',
      '"a\\"b\\\\c"',
      '"k";v=1',
      '"k";v',
      '"k"; v="x";w=?1',
      '"k";V=1',
      '"k";v=',
      '"k"x',
    ],
    ...[
      "",
      '""',
      "k",
      "12",
      "1.5",
      ":aGk=:",
      "?1",
      '%"hi"',
      '"open',
      '"bad \\escape"',
      '"one", "two"',
      '"\t"',
    ],
    ...[
      '"%41"',
      '"%E6%9D%8E"',
      '"%FF"',
      '"%2541"',
      '"100%"',
      '"%"',
      '"%4"',
      '"%zz"',
      '"%E6"',
      '"a\'b"',
    ],
    ...[
      `"${"k".repeat(255)}"`,
      `"${"k".repeat(256)}"`,
      `"${"k".repeat(4096)}"`,
      `"${"k".repeat(4097)}"`,
    ],
    ...[
      `"${"%E5%AD%97".repeat(1365)}"`,
      `"${"%E5%AD%97".repeat(1366)}"`,
      '"alice"',
      '"Alice"',
      '"ali%63e"',
    ],
  ];
  for (const text of strings) {
    const headers = { ...JSON_TYPE, "idempotency-key": text };
    await compare({ method: "POST", path: CHARGES, headers, body: GOOD });
    await compare({
      method: "GET",
      path: "/billing/v1/balance",
      headers: { "billing-account": text },
    });
  }
  const twice = { ...JSON_TYPE, "idempotency-key": ['"a"', '"a"'] };
  await compare({ method: "POST", path: CHARGES, headers: twice, body: GOOD });
  await compare({ method: "POST", path: CHARGES, headers: JSON_TYPE, body: GOOD });
  for (const query of [
    "",
    "?",
    "?key",
    "?key=",
    "?key=k",
    "?key=k&t=1",
    "?t=1&key=a+b",
    "?key=%61+b",
    "?key=a%2Bb",
    "?key=%ff",
    "?key=100%",
    "?key=%E6%9D%8E",
    "?key=a&key=a",
    "?keys=a",
    "?KEY=k",
  ]) {
    await compare({ method: "GET", path: `${CHARGES}${query}` });
  }
});

test("both servers route alike, and say the same about tags, tokens and media types", async (t) => {
  const compare = await both(t);
  const paths = [
    "/",
    "/nowhere",
    "/billing/v1",
    "/billing/v1/",
    "/billing/v1/nowhere",
    "/billing/v1/charges/",
    "/billing/v1/charges/k",
    "/billing/v2/balance",
    HOLDS,
    `${HOLDS}?key=k`,
    `${HOLDS}/k`,
    "/billing/v1/balance",
    "/billing/v1/balance?t=1",
    CHARGES,
    BATCH,
    "/demo/session",
    "/demo/ledger",
    "/demo/about",
    "/demo/nowhere",
    "/faults",
    "/demo/top-up",
    "/demo/price",
  ];
  for (const path of paths) {
    for (const method of ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]) {
      await compare({ method, path });
      await compare({ method, path, headers: { origin: "https://shop.example" } });
    }
  }
  for (const authorization of [
    "",
    "Bearer",
    "Bearer ",
    "bearer x",
    "BEARER  x",
    "Basic YTpi",
    "Bearer a b",
    "x",
  ]) {
    await compare({ method: "GET", path: "/billing/v1/balance", headers: { authorization } });
  }
  for (const tag of [
    "*",
    '"v1-0"',
    'W/"v1-0"',
    '"v1"',
    '"v2-0"',
    '"v0", "v1-0"',
    "v1-0",
    "",
    "nonsense",
    '"v1-0',
    '"a,b"',
    "W/*",
  ]) {
    await compare({
      method: "GET",
      path: "/billing/v1/balance",
      headers: { "if-none-match": tag },
    });
  }
  for (const type of [
    "application/json",
    "Application/JSON; charset=utf-8",
    "application/problem+json",
    "text/plain",
    "nonsense",
    "",
    "application/jsonx",
  ]) {
    const headers = { "content-type": type, "idempotency-key": '"k"' };
    await compare({ method: "POST", path: CHARGES, headers, body: GOOD });
  }
  for (const size of [1024 * 1024, 1024 * 1024 + 1]) {
    const body = GOOD.padEnd(size);
    const headers = { ...JSON_TYPE, "idempotency-key": '"large"' };
    await compare({ method: "POST", path: CHARGES, headers, body });
  }
});

test("both servers keep the same ledger", async (t) => {
  const compare = await both(t);
  const random = dice(7);
  for (let step = 0; step < 300; step += 1) {
    const key = `k${random(20)}`;
    const body = JSON.stringify({ task_id: `t${random(3)}`, feature: "f", amount: 1 + random(9) });
    const headers = { ...JSON_TYPE, "idempotency-key": `"${key}"` };
    const hold = JSON.stringify({ ...JSON.parse(body), expires_in_s: 60 });
    const naming = JSON.stringify({ ...JSON.parse(body), hold: `k${random(20)}` });
    const item = (/** @type {number} */ n) => ({
      idempotency_key: `b${n}`,
      task_id: `t${n}`,
      feature: "f",
      amount: 1 + random(20),
      hold: `k${random(20)}`,
    });
    const points = JSON.stringify({ points: random(30) });
    const price = JSON.stringify({ task_id: `t${random(3)}`, price: 1 + random(9) });
    const batch = JSON.stringify({ charges: [item(random(9)), item(9 + random(9))] });
    /** @type {Question[]} */
    const questions = [
      { method: "POST", path: CHARGES, headers, body },
      { method: "POST", path: CHARGES, headers, body },
      { method: "POST", path: HOLDS, headers, body: hold },
      { method: "POST", path: HOLDS, headers, body: hold },
      { method: "POST", path: CHARGES, headers, body: naming },
      { method: "DELETE", path: `${HOLDS}?key=${key}` },
      { method: "POST", path: BATCH, headers: JSON_TYPE, body: batch },
      { method: "GET", path: `${CHARGES}?key=${key}` },
      { method: "GET", path: "/billing/v1/balance" },
      { method: "POST", path: "/demo/top-up", headers: JSON_TYPE, body: points },
      { method: "POST", path: "/demo/price", headers: JSON_TYPE, body: price },
      { method: "GET", path: "/demo/ledger" },
    ];
    await compare(questions[random(questions.length)]);
  }
});

test("both servers take and inject the same faults", async (t) => {
  const compare = await both(t);
  const faults = [
    ...[
      200, 201, 204, 301, 302, 304, 400, 401, 402, 403, 404, 405, 408, 409, 410, 413, 415, 418, 422,
      425, 429, 431, 451, 500, 501, 502, 503, 504, 505, 507, 511, 599,
    ].map((status) => ({ kind: "status", status })),
    ...[
      { kind: "status", status: 503, retry_after: "2" },
      { kind: "status", status: 503, body: "<h1>" },
      { kind: "status", status: 200, body: "{}" },
    ],
    ...[
      { kind: "status", status: 500, after: true },
      { kind: "garbage" },
      { kind: "latency", ms: 1 },
      { kind: "late", ms: 1, answer: { status: 504 } },
    ],
    ...[
      {
        kind: "status",
        status: 302,
        headers: { Location: "/login", "cache-control": "max-age=9" },
      },
    ],
    ...[
      { kind: "status", status: 600 },
      { kind: "status", status: 503, retry_after: "a\nb" },
      { kind: "status" },
      { kind: "flood" },
      {},
      5,
      null,
    ],
    ...[
      { kind: "hang", ms: 1 },
      { kind: "latency" },
      { kind: "latency", ms: -1 },
      { kind: "status", status: 200, headers: { connection: "close" } },
    ],
    ...[
      { kind: "late", ms: 1, answer: { status: 503, after: true } },
      { kind: "status", status: 503, afterwards: true },
    ],
  ];
  for (const [n, fault] of faults.entries()) {
    const rules = ["charge", "hold", "release"].map((on) => ({ on, fault, times: 1 }));
    const body = JSON.stringify({ rules });
    await compare({ method: "PUT", path: "/faults", headers: JSON_TYPE, body });
    const headers = { ...JSON_TYPE, "idempotency-key": `"k${n}"` };
    await compare({ method: "POST", path: CHARGES, headers, body: GOOD });
    // What is carried out late may come before what follows, or after it.
    if (Object(fault).kind !== "late") {
      const hold = GOOD.replace("}", ',"expires_in_s":60}');
      const key = { ...headers, "idempotency-key": `"h${n}"` };
      await compare({ method: "POST", path: HOLDS, headers: key, body: hold });
      await compare({ method: "DELETE", path: `${HOLDS}?key=h${n}` });
    }
    await compare({ method: "GET", path: "/faults" });
  }
  for (const rules of [
    "{}",
    "[5]",
    '[{"on":"any"}]',
    '[{"on":"all","fault":{"kind":"hang"}}]',
    '[{"on":"any","fault":{"kind":"hang"},"times":-1}]',
    '[{"on":"any","fault":{"kind":"hang"},"key":"k"}]',
    '[{"on":"any","fault":{"kind":"hang"},"account":5}]',
  ]) {
    const body = `{"rules":${rules}}`;
    await compare({ method: "PUT", path: "/faults", headers: JSON_TYPE, body });
  }
  await compare({ method: "DELETE", path: "/faults" });
});

/** @param {string} text */
function isJson(text) {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/**
 * The same numbers in every run.
 *
 * @param {number} seed
 * @returns {(below: number) => number}
 */
function dice(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
