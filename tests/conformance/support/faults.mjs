// What a billing server may do wrong, one at a time, and the rules that it breaks.

import { usualAnswer } from "../../../pkg/server/problem.js";

/** @import { ServerRequest } from "../../../pkg/server/fields.js" */
/** @import { Book, Hold } from "../../../pkg/server/ledger.js" */
/** @import { Answer } from "../../../pkg/server/problem.js" */

/**
 * A request, and what the right server makes of it.
 *
 * @typedef {object} Asked
 * @property {ServerRequest} request
 * @property {string} account the token, which is the account's name; "" where there is none
 * @property {string | null} key of a charge, decoded; of a look-up too
 * @property {any} body as JSON; undefined where it is none
 * @property {Book} book the server's own
 * @property {() => number} now the server's clock
 * @property {(change?: Change) => Promise<Answer>} carryOut
 */

/**
 * A change to a request before it is carried out, and to the book that it is carried out with.
 *
 * @typedef {object} Change
 * @property {string} [key]
 * @property {unknown} [body]
 * @property {string} [account]
 * @property {Record<string, string | null>} [headers]
 * @property {Partial<Book>} [book]
 */

/**
 * @typedef {object} Fault
 * @property {string[]} breaks the rules that find it
 * @property {string[]} [mayBreak] those that find it where the requests happen to overlap
 * @property {() => (asked: Asked) => Promise<Answer>} start what answers, with a memory of its own
 * @property {boolean} [waitsForever] for a body that does not end
 * @property {"unless it must not" | "always"} [compresses] its answers
 */

/** When something was charged that never was. */
const FIRST = "2026-01-01T00:00:00Z";

/** No answer, but a connection that is closed. @type {Answer} */
const BROKEN_OFF = { status: 0, headers: {}, body: "" };

const CHARGES = "/charges";
const BATCH = "/charges/batch";
const HOLDS = "/holds";

/** @param {Asked} asked */
const isCharge = ({ request }) => request.method === "POST" && request.path === CHARGES;
/** @param {Asked} asked */
const isLookUp = ({ request }) => request.method === "GET" && request.path === CHARGES;
/** @param {Asked} asked */
const isBatch = ({ request }) => request.method === "POST" && request.path === BATCH;
/** @param {Asked} asked */
const isHold = ({ request }) => request.method === "POST" && request.path === HOLDS;
/** @param {Asked} asked */
const isRelease = ({ request }) => request.method === "DELETE" && request.path === HOLDS;
/** @param {Answer} given */
const isCharged = ({ status }) => status === 201;
/** @param {Answer} given */
const isReplay = ({ headers }) => headers["idempotent-replayed"] === "true";

/**
 * The answer with other members.
 *
 * @param {Answer} given
 * @param {(members: any) => object} change
 * @returns {Answer}
 */
function rewritten(given, change) {
  if (!given.body.startsWith("{")) {
    return given;
  }
  const members = JSON.parse(given.body);
  return { ...given, body: JSON.stringify({ ...members, ...change(members) }) };
}

/**
 * A charge under another key than the client's, which the answer does not show.
 *
 * @param {Asked} asked
 * @param {string} key
 */
async function under(asked, key) {
  const given = await asked.carryOut({ key });
  return rewritten(
    given,
    ({ idempotency_key }) => idempotency_key && { idempotency_key: asked.key },
  );
}

/** The account's holds of now. @param {Asked} asked */
function holdsNow({ account, book, now }) {
  return account === "" ? [] : book.holds(account, now());
}

/** The hold of a key. @param {Asked} asked @param {string | null} wanted */
function holdNow(asked, wanted) {
  return holdsNow(asked).find(({ key }) => key === wanted);
}

/** The points that they reserve. @param {Asked} asked */
function heldNow(asked) {
  return holdsNow(asked).reduce((points, { amount }) => points + amount, 0);
}

/**
 * Carries the request out as though there were no hold but that of this key.
 *
 * @param {Asked} asked
 * @param {string | null} key
 */
async function withoutOtherHolds(asked, key) {
  const { book } = asked;
  const holds = (/** @type {string} */ account, /** @type {number} */ now) =>
    book.holds(account, now).filter((hold) => hold.key === key);
  const given = await asked.carryOut({ book: { holds } });
  return rewritten(given, ({ held }) => (held === undefined ? {} : { held: heldNow(asked) }));
}

/**
 * The answer after a change of the version alone.
 *
 * @param {Asked} asked
 * @param {Answer} given
 */
function withNextVersion({ account, book }, given) {
  const { balance, version } = JSON.parse(given.body);
  book.setBalance(account, { points: balance, version: version + 1 });
  return rewritten(given, () => ({ version: version + 1 }));
}

/** What became of a batch's items; none where it is no batch. @param {Asked} asked @param {Answer} given */
function resultsOf(asked, given) {
  return isBatch(asked) && given.status === 200 ? JSON.parse(given.body).results : [];
}

/** The problem's type. @param {Answer} given */
function typeOf({ body }) {
  return /"type":"([^"]*)"/.exec(body)?.[1];
}

/**
 * A batch whose items are decided by their amounts, the highest first.
 *
 * @param {Asked} asked
 */
async function dearestFirst(asked) {
  const charges = asked.body?.charges;
  if (!Array.isArray(charges) || charges.length < 2 || charges.length > 100) {
    return asked.carryOut();
  }
  /** @type {any[]} */
  const results = [];
  let given = await asked.carryOut({ body: { charges: [] } });
  const order = [...charges.entries()].sort(([, one], [, other]) => other.amount - one.amount);
  for (const [at, charge] of order) {
    given = await asked.carryOut({ body: { charges: [charge] } });
    [results[at]] = resultsOf(asked, given);
  }
  return given.status === 200 ? rewritten(given, () => ({ results })) : given;
}

/**
 * A refusal with another status, and without a type that the protocol doesn't name.
 *
 * @param {Asked} asked
 * @param {Answer} given
 * @returns {Answer}
 */
function refusedOtherwise(asked, given) {
  switch (given.status < 400 ? "" : typeOf(given)) {
    case "price-mismatch":
      return rewritten({ ...given, status: 402 }, () => ({ type: undefined, declined: true }));
    case "invalid-request":
      return rewritten({ ...given, status: isCharge(asked) ? 409 : 400 }, () => ({
        type: undefined,
      }));
    case "unauthorized":
    case "invalid-json":
    case "idempotency-key-missing":
      return rewritten(given, () => ({ type: undefined }));
    default:
      return given;
  }
}

/** The one origin whose pages may use a server that lists them. */
export const ORIGIN = "https://app.example";

/**
 * The answer as only that origin may read it.
 *
 * @param {Asked} asked
 * @param {Answer} given
 * @returns {Answer}
 */
function forOneOrigin({ request }, { headers, ...given }) {
  const { "access-control-allow-origin": _, ...others } = headers;
  const isListed = request.header("origin").includes(ORIGIN);
  /** @type {Record<string, string>} */
  const allowed = isListed ? { "access-control-allow-origin": ORIGIN } : {};
  return { ...given, headers: { ...others, ...allowed } };
}

/**
 * A charge that names no hold.
 *
 * @param {any} members
 */
function namingNone({ hold: _, ...members }) {
  return members;
}

/**
 * @param {string[]} breaks
 * @param {(asked: Asked) => Promise<Answer>} answer
 * @returns {Fault}
 */
const fault = (breaks, answer) => ({ breaks, start: () => answer });

/** Servers that keep holds, and break what a hold is. @type {Record<string, Fault>} */
const OF_HOLDS = {
  "charges points that are held": fault(["holds/reserved", "holds/settled-once"], (asked) =>
    isCharge(asked) ? withoutOtherHolds(asked, asked.body?.hold ?? asked.key) : asked.carryOut(),
  ),
  "settles one hold by all charges that come at once": {
    breaks: ["holds/settled-once"],
    start: () => {
      /** @type {Map<string, number>} */
      const underWay = new Map();
      return async (asked) => {
        const { account, body } = asked;
        if (!isCharge(asked) || !holdNow(asked, body?.hold)) {
          return asked.carryOut();
        }
        const name = `${account} ${body.hold}`;
        const others = underWay.get(name) ?? 0;
        underWay.set(name, others + 1);
        // Long enough for all that come at once.
        await new Promise((resolve) => setTimeout(resolve, 100));
        const given = others === 0 ? asked.carryOut() : withoutOtherHolds(asked, body.hold);
        return given.finally(() => underWay.delete(name));
      };
    },
  },
  "charges points that are held in a batch": fault(["holds/batch-reserved"], (asked) =>
    isBatch(asked) && asked.body?.charges?.length === 1 && asked.body.charges[0].amount === 1
      ? withoutOtherHolds(asked, asked.body.charges[0].idempotency_key)
      : asked.carryOut(),
  ),
  "holds points that are held": fault(["holds/at-once", "holds/too-little-tells"], (asked) =>
    isHold(asked) ? withoutOtherHolds(asked, asked.key) : asked.carryOut(),
  ),
  "lets no hold expire": fault(
    [
      "holds/renewed",
      "holds/never-shorter",
      "holds/expires",
      "holds/expired-is-none",
      "holds/etag-changes",
    ],
    (asked) =>
      asked.carryOut({
        book: { holds: (account) => asked.book.holds(account, 0), dropExpiredHolds() {} },
      }),
  ),
  "releases nothing": fault(
    [
      "holds/version-grows",
      "holds/released",
      "holds/released-again",
      "holds/held-again",
      "holds/odd-characters",
      "holds/reserved",
    ],
    (asked) => asked.carryOut(isRelease(asked) ? { key: "never" } : {}),
  ),
  "says 404 where nothing is held": fault(["holds/released-again"], (asked) =>
    isRelease(asked) && asked.account !== "" && !holdNow(asked, asked.key)
      ? Promise.resolve(usualAnswer(404, "Nothing is held."))
      : asked.carryOut(),
  ),
  "keeps the hold of what was charged": fault(
    [
      "holds/charge-settles",
      "holds/charge-of-less",
      "holds/charge-of-more",
      "holds/named",
      "holds/named-of-less",
      "holds/named-instead-of-own",
      "holds/batch-settles",
    ],
    (asked) => asked.carryOut(isCharge(asked) || isBatch(asked) ? { book: { dropHold() {} } } : {}),
  ),
  "settles the hold of the key beside the one that is named": fault(
    ["holds/named-instead-of-own"],
    async (asked) => {
      const given = await asked.carryOut();
      if (isCharge(asked) && isCharged(given) && asked.key !== null) {
        asked.book.dropHold(asked.account, asked.key);
      }
      return given;
    },
  ),
  "releases no rest": fault(["holds/charge-of-less", "holds/named-of-less"], async (asked) => {
    const { account, book, body } = asked;
    const before = holdNow(asked, body?.hold ?? asked.key);
    const given = await asked.carryOut();
    if (isCharge(asked) && isCharged(given) && before && before.amount > body.amount) {
      book.setHold(account, { ...before, amount: before.amount - body.amount });
    }
    return given;
  }),
  "hides what is held in a decline": fault(
    ["holds/told-with-a-decline", "holds/too-little-tells"],
    async (asked) => {
      const given = await asked.carryOut();
      return given.status === 402 ? rewritten(given, () => ({ held: undefined })) : given;
    },
  ),
  "tells what is held with the balance only": fault(
    [
      "holds/receipt",
      "holds/told-with-a-charge",
      "holds/told-with-a-look-up",
      "holds/told-with-a-decline",
      "holds/told-with-a-batch",
      "holds/again",
      "holds/too-little-tells",
      "holds/released",
      "holds/released-again",
    ],
    async (asked) => {
      const given = await asked.carryOut();
      return asked.request.path === "/balance"
        ? given
        : rewritten(given, () => ({ held: undefined }));
    },
  ),
  "takes what it holds off the balance": fault(
    [
      "holds/receipt",
      "holds/holds-points",
      "holds/too-little-tells",
      "holds/exceeded",
      "holds/reserved",
      "holds/settled-once",
      "holds/stays-after-a-decline",
      "holds/expired-is-none",
      "holds/batch-exceeded",
      "holds/batch-reserved",
    ],
    async (asked) => {
      const given = await asked.carryOut();
      return rewritten(given, ({ balance, held }) => held && { balance: balance - held });
    },
  ),
  "has one version for all that is held": fault(["holds/version-grows"], (asked) =>
    asked.carryOut(isHold(asked) || isRelease(asked) ? { book: { setBalance() {} } } : {}),
  ),
  "tags the balance by its version": fault(["holds/etag-changes"], async (asked) => {
    if (asked.request.path !== "/balance") {
      return asked.carryOut();
    }
    const given = await asked.carryOut({ headers: { "if-none-match": null } });
    const etag = `"${/"version":(\d+)/.exec(given.body)?.[1]}"`;
    const headers = { ...given.headers, etag };
    return asked.request.header("if-none-match").includes(etag)
      ? { status: 304, headers: { etag }, body: "" }
      : { ...given, headers };
  }),
  "holds again what it holds": {
    breaks: ["holds/again", "holds/again-at-once", "holds/renewed"],
    start: () => {
      let count = 0;
      return async (asked) => {
        const given = await asked.carryOut();
        if (isHold(asked) && given.status === 200 && asked.body.expires_in_s > 1) {
          count += 1;
          await asked.carryOut({ key: `${asked.key}#${count}` });
        }
        return given;
      };
    },
  },
  "renews no hold": fault(["holds/renewed"], (asked) => {
    const setHold = (/** @type {string} */ account, /** @type {Hold} */ hold) =>
      holdNow(asked, hold.key) ? undefined : asked.book.setHold(account, hold);
    return asked.carryOut({ book: { setHold } });
  }),
  "shortens a hold that is asked for again": fault(["holds/never-shorter"], async (asked) => {
    const { account, book, now, body, key } = asked;
    const given = await asked.carryOut();
    const hold = holdNow(asked, key);
    if (!isHold(asked) || given.status !== 200 || !hold) {
      return given;
    }
    book.setHold(account, { ...hold, expiresAt: now() + body.expires_in_s * 1_000 });
    return rewritten(given, () => ({ expires_in_s: body.expires_in_s }));
  }),
  "shortens a hold that is asked for again, and hides it": fault(
    ["holds/never-shorter"],
    async (asked) => {
      const { account, book, now, body, key } = asked;
      const given = await asked.carryOut();
      const hold = holdNow(asked, key);
      if (isHold(asked) && given.status === 200 && hold) {
        book.setHold(account, { ...hold, expiresAt: now() + body.expires_in_s * 1_000 });
      }
      return given;
    },
  ),
  "has another version after a renewal": fault(["holds/again"], async (asked) => {
    const given = await asked.carryOut();
    return isHold(asked) && given.status === 200 ? withNextVersion(asked, given) : given;
  }),
  "renews a hold whatever the body": {
    breaks: ["holds/another-body", "holds/problems"],
    start: () => {
      /** @type {Map<string, unknown>} */
      const first = new Map();
      return async (asked) => {
        const name = `${asked.account} ${asked.key}`;
        const given = await asked.carryOut();
        if (isHold(asked) && given.status === 201) {
          first.set(name, asked.body);
        }
        return isHold(asked) && given.status === 422
          ? asked.carryOut({ body: first.get(name) })
          : given;
      };
    },
  },
  "holds points for what was charged": fault(
    ["holds/already-charged", "holds/problems"],
    async (asked) => {
      const given = await asked.carryOut();
      return isHold(asked) && given.status === 409 ? under(asked, `${asked.key}#`) : given;
    },
  ),
  "charges more than the hold has": fault(["holds/exceeded", "holds/problems"], async (asked) => {
    const given = await asked.carryOut();
    return isCharge(asked) && typeOf(given) === "hold-exceeded"
      ? asked.carryOut({ body: namingNone(asked.body) })
      : given;
  }),
  "charges no more than the hold of the key has": fault(["holds/charge-of-more"], (asked) => {
    const own = holdNow(asked, asked.key);
    return isCharge(asked) && own && asked.body?.amount === own.amount + 1
      ? Promise.resolve(usualAnswer(400, "That is more than is held."))
      : asked.carryOut();
  }),
  "charges only what is held where a hold is named": fault(
    ["holds/named-that-never-was", "holds/settled-once", "holds/expired-is-none"],
    (asked) => {
      const { account, book, key, body } = asked;
      const isNamed = isCharge(asked) && key !== null && body?.hold !== undefined;
      return isNamed && !book.latestCharge(account, key) && !holdNow(asked, body.hold)
        ? Promise.resolve(usualAnswer(404, "There is no such hold."))
        : asked.carryOut();
    },
  ),
  "reads no hold in a charge": fault(
    [
      "holds/named",
      "holds/named-of-less",
      "holds/named-instead-of-own",
      "holds/exceeded",
      "holds/named-hold-pays",
      "holds/settled-once",
      "holds/problems",
    ],
    (asked) =>
      asked.carryOut(isCharge(asked) && asked.body ? { body: namingNone(asked.body) } : {}),
  ),
  "reads no hold in a batch": fault(["holds/batch-settles", "holds/batch-exceeded"], (asked) => {
    const charges = isBatch(asked) ? asked.body?.charges : undefined;
    return asked.carryOut(
      Array.isArray(charges) ? { body: { charges: charges.map(namingNone) } } : {},
    );
  }),
  "counts the hold of the key against its charge": fault(
    ["holds/own-hold-pays", "holds/named-hold-pays", "holds/settled-once"],
    (asked) => {
      const { account, book, body } = asked;
      const free = (book.balance(account)?.points ?? 0) - heldNow(asked);
      return isCharge(asked) && body?.amount === 1 && account !== "" && free < 1
        ? Promise.resolve(usualAnswer(402, "No point is free."))
        : asked.carryOut();
    },
  ),
  "takes the hold for a part of the charge": {
    breaks: ["holds/not-part-of-the-charge"],
    start: () => {
      /** @type {Map<string, unknown>} */
      const first = new Map();
      return async (asked) => {
        const name = `${asked.account} ${asked.key}`;
        const given = await asked.carryOut();
        if (isCharge(asked) && isCharged(given)) {
          first.set(name, asked.body?.hold);
        }
        return isReplay(given) && first.get(name) !== asked.body?.hold
          ? usualAnswer(422, "The same key with another hold.")
          : given;
      };
    },
  },
  "releases the hold of a declined charge": fault(
    ["holds/stays-after-a-decline"],
    async (asked) => {
      const given = await asked.carryOut();
      if (isCharge(asked) && given.status === 402 && asked.key !== null) {
        asked.book.dropHold(asked.account, asked.key);
      }
      return given;
    },
  ),
  "settles a hold by a replay": fault(["holds/replay-changes-none"], async (asked) => {
    const given = await asked.carryOut();
    if (isReplay(given)) {
      asked.book.dropHold(asked.account, asked.body?.hold ?? "");
    }
    return given;
  }),
  "settles the holds of other accounts": fault(["holds/another-accounts-hold"], async (asked) => {
    const given = await asked.carryOut();
    if (isCharge(asked) && isCharged(given) && asked.body?.hold !== undefined) {
      for (const account of asked.book.accounts()) {
        asked.book.dropHold(account, asked.body.hold);
      }
    }
    return given;
  }),
  "holds whole points of every amount": fault(["holds/amount", "holds/key-stays-free"], (asked) => {
    const amount = asked.body?.amount;
    return isHold(asked) && typeof amount === "number" && amount < 2
      ? asked.carryOut({ body: { ...asked.body, amount: Math.ceil(Math.abs(amount)) || 1 } })
      : asked.carryOut();
  }),
  "holds points for any time": fault(["holds/expires-in-s"], (asked) => {
    const seconds = asked.body?.expires_in_s;
    return isHold(asked) && asked.body?.amount === 1 && !(seconds >= 1 && seconds % 1 === 0)
      ? asked.carryOut({ body: { ...asked.body, expires_in_s: 60 } })
      : asked.carryOut();
  }),
  "holds points without a key": fault(["holds/key-missing"], (asked) =>
    isHold(asked) && asked.request.header("idempotency-key").length === 0
      ? asked.carryOut({ key: "none" })
      : asked.carryOut(),
  ),
  "allows methods in lower case": fault(["holds/preflight"], async (asked) => {
    const given = await asked.carryOut();
    const headers = { ...given.headers, "access-control-allow-methods": "get, post, delete" };
    return asked.request.method === "OPTIONS" ? { ...given, headers } : given;
  }),
  "lets no page release": fault(["holds/preflight"], async (asked) => {
    const given = await asked.carryOut();
    return asked.request.method === "OPTIONS"
      ? { ...given, headers: { ...given.headers, "access-control-allow-methods": "GET, POST" } }
      : given;
  }),
};

/** @type {Record<string, Fault>} */
export const FAULTS = {
  "charges twice what comes at once": {
    breaks: ["replay/same-key-64-at-once", "reuse/bodies-at-once", "robustness/many-gone"],
    mayBreak: ["robustness/gone-before-the-answer", "lookup/begun"],
    start: () => {
      /** @type {Map<string, number>} */
      const underWay = new Map();
      return async (asked) => {
        if (!isCharge(asked) || asked.key === null) {
          return asked.carryOut();
        }
        const name = `${asked.account} ${asked.key}`;
        const others = underWay.get(name) ?? 0;
        underWay.set(name, others + 1);
        // Long enough for all that come at once.
        await new Promise((resolve) => setTimeout(resolve, 100));
        const given = others === 0 ? asked.carryOut() : under(asked, `${asked.key}#${others}`);
        return given.finally(() => underWay.delete(name));
      };
    },
  },
  "remembers the last key only": {
    breaks: ["replay/remembered"],
    start: () => {
      /** @type {Map<string, string[]>} */
      const charged = new Map();
      return async (asked) => {
        const { account, key } = asked;
        const keys = charged.get(account) ?? [];
        if (!isCharge(asked) || key === null) {
          return asked.carryOut();
        }
        const isForgotten = keys.includes(key) && keys.at(-1) !== key;
        const given = await (isForgotten
          ? under(asked, `${key}#${keys.length}`)
          : asked.carryOut());
        if (isCharged(given)) {
          charged.set(account, [...keys, key]);
        }
        return given;
      };
    },
  },
  "takes the points of a replay again": {
    breaks: [
      "replay/takes-nothing",
      "replay/remembered",
      "replay/other-created-at",
      "replay/other-metadata",
      "replay/amount-written-otherwise",
      "replay/same-key-64-at-once",
      "robustness/many-gone",
      "batch/before-single",
      "holds/replay-changes-none",
      "holds/not-part-of-the-charge",
    ],
    mayBreak: ["robustness/gone-before-the-answer"],
    start: () => {
      let count = 0;
      return async (asked) => {
        const given = await asked.carryOut();
        if (!isReplay(given)) {
          return given;
        }
        count += 1;
        await asked.carryOut({ key: `${asked.key}#${count}` });
        return asked.carryOut();
      };
    },
  },
  "declines a replay that could not be paid any more": fault(
    ["hooks/replayed-with-nothing-left"],
    async (asked) => {
      const { account, book, key, body } = asked;
      const balance = book.balance(account);
      return isCharge(asked) && key !== null && balance && body?.amount > balance.points
        ? asked.carryOut({ book: { latestCharge: () => null } })
        : asked.carryOut();
    },
  ),
  "refuses a replay of a task with a new price": fault(
    ["hooks/replayed-after-a-new-price"],
    async (asked) => {
      const { account, book, body } = asked;
      const price = isCharge(asked) && account !== "" && book.price(account, body?.task_id ?? "");
      return price === 3 ? usualAnswer(400, "The price is another.") : asked.carryOut();
    },
  ),
  "looks at the balance before its turn": {
    breaks: ["hooks/overdraft-at-once"],
    start: () => async (asked) => {
      const { account, book, body } = asked;
      const balance = book.balance(account);
      if (!isCharge(asked) || !balance || body?.amount !== balance.points) {
        return asked.carryOut();
      }
      // Long enough for all that come at once.
      await new Promise((resolve) => setTimeout(resolve, 100));
      const version = book.balance(account)?.version ?? 0;
      book.setBalance(account, { points: balance.points, version });
      return asked.carryOut();
    },
  },
  "takes a declined item for a charge when it comes again": {
    breaks: ["batch/declined-item"],
    start: () => {
      /** @type {Map<string, number>} */
      const declined = new Map();
      return async (asked) => {
        const { account, key, book } = asked;
        const amount = declined.get(`${account} ${key}`);
        const balance = book.balance(account);
        if ((isCharge(asked) || isLookUp(asked)) && amount !== undefined && balance) {
          const { points, version } = balance;
          const receipt = { charge_id: "free", idempotency_key: key, amount, charged_at: FIRST };
          const body = JSON.stringify({ ...receipt, balance: points, version, held: 0 });
          return { status: 200, headers: { "content-type": "application/json" }, body };
        }
        const given = await asked.carryOut();
        for (const [at, item] of resultsOf(asked, given).entries()) {
          if (item.status === "declined") {
            declined.set(`${account} ${item.idempotency_key}`, asked.body.charges[at].amount);
          }
        }
        return given;
      };
    },
  },
  "uses a key up by a decline": {
    breaks: ["declines/key-not-used-up", "hooks/declined-then-topped-up"],
    start: () => {
      /** @type {Map<string, Answer>} */
      const declined = new Map();
      return async (asked) => {
        const name = `${asked.account} ${asked.key}`;
        const kept = isCharge(asked) ? declined.get(name) : undefined;
        const given = kept ?? (await asked.carryOut());
        if (isCharge(asked) && given.status === 402) {
          declined.set(name, given);
        }
        return given;
      };
    },
  },
  "replays with a new charge id": {
    breaks: ["replay/first-receipt", "replay/same-key-64-at-once", "batch/before-single"],
    start: () => {
      let count = 0;
      return async (asked) => {
        const given = await asked.carryOut();
        count += isReplay(given) ? 1 : 0;
        return isReplay(given) ? rewritten(given, () => ({ charge_id: `new-${count}` })) : given;
      };
    },
  },
  "replays with the balance of then": {
    breaks: ["replay/balance-of-now"],
    start: () => {
      /** @type {Map<string, { balance: number, version: number }>} */
      const first = new Map();
      return async (asked) => {
        const given = await asked.carryOut();
        const name = `${asked.account} ${asked.key}`;
        if (isCharged(given)) {
          first.set(name, JSON.parse(given.body));
        }
        const { balance, version } = first.get(name) ?? {};
        return isReplay(given) ? rewritten(given, () => ({ balance, version })) : given;
      };
    },
  },
  "does not say that it replays": fault(["replay/says-so"], async (asked) => {
    const given = await asked.carryOut();
    const { "idempotent-replayed": _, ...headers } = given.headers;
    return { ...given, headers };
  }),
  "has versions that go back": fault(
    [
      "balance/version-grows",
      "batch/balance-of-now",
      "hooks/version-grows-with-top-up",
      "holds/version-grows",
    ],
    async (asked) => {
      const given = await asked.carryOut();
      return rewritten(given, ({ version }) => version && { version: 1_000_000 - version });
    },
  ),
  "declines with a version of its own": fault(
    ["batch/declined-item-tells-now", "declines/tells-the-balance"],
    async (asked) => {
      const given = await asked.carryOut();
      const version = Number.MAX_SAFE_INTEGER;
      if (isCharge(asked) && given.status === 402) {
        return rewritten(given, () => ({ version }));
      }
      const items = resultsOf(asked, given);
      const told = (/** @type {any} */ item) =>
        item.status === "declined" ? { ...item, problem: { ...item.problem, version } } : item;
      return items.length > 0 ? rewritten(given, () => ({ results: items.map(told) })) : given;
    },
  ),
  "has one version for charges that come at once": {
    breaks: ["charge/many-at-once"],
    start: () => {
      /** @type {number | undefined} */
      let first;
      return async (asked) => {
        const given = await asked.carryOut();
        if (!isCharge(asked) || !isCharged(given) || !asked.key?.includes("many-at-once")) {
          return given;
        }
        return rewritten(given, ({ version }) => {
          first ??= version;
          return { version: first };
        });
      };
    },
  },
  "has one ETag for all balances": fault(
    ["balance/etag-changes", "hooks/etag-changes-with-top-up", "holds/etag-changes"],
    async (asked) => {
      if (asked.request.path !== "/balance") {
        return asked.carryOut();
      }
      const given = await asked.carryOut({ headers: { "if-none-match": null } });
      const headers = { ...given.headers, etag: '"balance"' };
      return asked.request.header("if-none-match").includes('"balance"')
        ? { status: 304, headers: { etag: '"balance"' }, body: "" }
        : { ...given, headers };
    },
  ),
  "has no ETag": fault(["balance/etag", "balance/not-modified"], async (asked) => {
    const given = await asked.carryOut({ headers: { "if-none-match": null } });
    const { etag: _, ...headers } = given.headers;
    return { ...given, headers };
  }),
  "reads the query of the balance": fault(["balance/query-ignored"], async (asked) => {
    const given = await asked.carryOut();
    const balance = new URLSearchParams(asked.request.query ?? "").get("balance");
    return balance === null ? given : rewritten(given, () => ({ balance: Number(balance) }));
  }),
  "answers batches in another order": fault(["batch/results-in-order"], async (asked) => {
    const given = await asked.carryOut();
    return isBatch(asked)
      ? rewritten(given, ({ results }) => results && { results: results.reverse() })
      : given;
  }),
  "refuses a batch for one wrong item": fault(
    ["batch/poisoned-item", "batch/rejected-item"],
    async (asked) => {
      const { charges } = (isBatch(asked) && asked.body) || {};
      const isWrong = (/** @type {any} */ one) => !(one.amount >= 1) || one.task_id === undefined;
      return Array.isArray(charges) && charges.some(isWrong)
        ? usualAnswer(400, "An item is wrong.")
        : asked.carryOut();
    },
  ),
  "stops a batch at a decline": fault(["batch/partial-decline"], async (asked) => {
    const charges = asked.body?.charges;
    if (!isBatch(asked) || !Array.isArray(charges) || charges.length % 100 < 2) {
      return asked.carryOut();
    }
    /** @type {any[]} */
    const results = [];
    let given = await asked.carryOut({ body: { charges: [] } });
    for (const one of charges) {
      const last = results.at(-1);
      if (last?.status === "declined") {
        results.push({ ...last, idempotency_key: one.idempotency_key });
      } else {
        given = await asked.carryOut({ body: { charges: [one] } });
        results.push(...(JSON.parse(given.body).results ?? []));
      }
    }
    return given.status === 200 ? rewritten(given, () => ({ results })) : given;
  }),
  "tells other receipts in a batch": fault(
    ["batch/replays", "batch/after-single"],
    async (asked) => {
      const given = await asked.carryOut();
      const items = resultsOf(asked, given);
      const told = (/** @type {any} */ item) => (item.replayed ? { ...item, amount: 2 } : item);
      return items.length > 0 ? rewritten(given, () => ({ results: items.map(told) })) : given;
    },
  ),
  "numbers what was charged in a batch anew": {
    breaks: ["batch/before-single", "batch/look-up"],
    start: () => {
      /** @type {Set<string>} */
      const charged = new Set();
      return async (asked) => {
        const given = await asked.carryOut();
        for (const { idempotency_key } of resultsOf(asked, given)) {
          charged.add(`${asked.account} ${idempotency_key}`);
        }
        return given.status === 200 &&
          !isBatch(asked) &&
          charged.has(`${asked.account} ${asked.key}`)
          ? rewritten(given, () => ({ charge_id: "new" }))
          : given;
      };
    },
  },
  "names the problem of no item": fault(["batch/reused-key"], async (asked) => {
    const given = await asked.carryOut();
    const items = resultsOf(asked, given);
    const told = (/** @type {any} */ item) =>
      item.status === "rejected" ? { ...item, problem: { type: "about:blank" } } : item;
    return items.length > 0 ? rewritten(given, () => ({ results: items.map(told) })) : given;
  }),
  "looks up in a copy that lags": {
    breaks: [
      "lookup/receipt",
      "lookup/right-after-the-answer",
      "lookup/many-right-after",
      "lookup/begun",
      "lookup/odd-characters",
      "batch/look-up",
      "robustness/many-gone",
    ],
    start: () => {
      /** The keys of each account's last change. @type {Map<string, string[]>} */
      const last = new Map();
      return async (asked) => {
        const { account, key, body } = asked;
        if (isLookUp(asked) && last.get(account)?.includes(key ?? "")) {
          const { status, headers, body } = await asked.carryOut({ key: "never" });
          return { status, headers, body };
        }
        if (isCharge(asked) && key !== null) {
          last.set(account, [key]);
        } else if (isBatch(asked) && Array.isArray(body?.charges)) {
          last.set(
            account,
            body.charges.map((/** @type {any} */ one) => one?.idempotency_key),
          );
        }
        return asked.carryOut();
      };
    },
  },
  "looks up what has been decided": fault(["lookup/begun"], async (asked) => {
    if (isCharge(asked) && asked.key?.includes("lookup-begun")) {
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    return asked.carryOut();
  }),
  "shares keys between accounts": {
    breaks: [
      "accounts/same-key-of-two",
      "accounts/same-key-other-body",
      "accounts/look-up-of-another",
      "holds/another-account",
    ],
    start: () => {
      /** @type {Map<string, string>} */
      const owners = new Map();
      return async (asked) => {
        const isNew = asked.key === null || asked.account === "";
        const owner = isNew ? undefined : owners.get(asked.key ?? "");
        const given = await asked.carryOut(owner === undefined ? {} : { account: owner });
        if (asked.key !== null && isCharged(given)) {
          owners.set(asked.key, asked.account);
        }
        return given;
      };
    },
  },
  "does not look at Billing-Account": fault(
    [
      "accounts/mismatch-charge",
      "accounts/mismatch-batch",
      "accounts/mismatch-reading",
      "problems/account-mismatch",
      "problems/batch",
      "holds/account-mismatch",
    ],
    (asked) => asked.carryOut({ headers: { "billing-account": null } }),
  ),
  "tells errors as plain text": fault(
    [
      "problems/invalid-body",
      "problems/not-json",
      "problems/key-missing",
      "problems/unknown-token",
      "problems/account-mismatch",
      "problems/charge-not-found",
      "problems/insufficient-balance",
      "problems/idempotency-key-reused",
      "problems/batch",
      "declines/tells-the-balance",
      "holds/told-with-a-decline",
      "holds/too-little-tells",
      "holds/problems",
    ],
    async (asked) => {
      const given = await asked.carryOut();
      return given.status < 400
        ? given
        : { ...given, headers: { ...given.headers, "content-type": "text/plain" }, body: "No." };
    },
  ),
  "tells errors of all but charges as plain text": fault(
    [
      "problems/unknown-token",
      "problems/account-mismatch",
      "problems/charge-not-found",
      "problems/batch",
    ],
    async (asked) => {
      const given = await asked.carryOut();
      const isOther = !isCharge(asked) && asked.request.path !== HOLDS;
      return isOther && given.status >= 400
        ? { ...given, headers: { ...given.headers, "content-type": "text/plain" }, body: "No." }
        : given;
    },
  ),
  "makes whole points of every amount": fault(
    [
      "malformed/amount-zero",
      "malformed/amount-negative",
      "malformed/amount-fraction",
      "malformed/key-stays-free",
      "problems/invalid-body",
      "lookup/refused-is-never-charged",
    ],
    (asked) => {
      const amount = asked.body?.amount;
      const isOdd = typeof amount === "number" && Math.abs(amount) < 10 && !(amount >= 1);
      const isFraction = typeof amount === "number" && amount < 10 && amount % 1 !== 0;
      return isCharge(asked) && (isOdd || isFraction)
        ? asked.carryOut({ body: { ...asked.body, amount: Math.ceil(Math.abs(amount)) || 1 } })
        : asked.carryOut();
    },
  ),
  "charges what it answers 401": {
    breaks: [
      "accounts/unknown-token",
      "accounts/no-token",
      "accounts/key-free-after-401",
      "holds/token",
    ],
    start: () => {
      let last = "";
      return async (asked) => {
        const given = await asked.carryOut();
        if (given.status === 401 && (isCharge(asked) || isHold(asked))) {
          await asked.carryOut({ account: last });
        } else if (given.status < 400) {
          last = asked.account;
        }
        return given;
      };
    },
  },
  "hides its headers from pages": fault(["cors/exposed-headers"], async (asked) => {
    const given = await asked.carryOut();
    return { ...given, headers: { ...given.headers, "access-control-expose-headers": "date" } };
  }),
  "refuses the headers of pages": fault(
    ["cors/preflight", "cors/preflight-batch"],
    async (asked) => {
      const given = await asked.carryOut();
      return asked.request.method === "OPTIONS"
        ? { ...given, headers: { ...given.headers, "access-control-allow-headers": "*" } }
        : given;
    },
  ),
  "takes created_at for a part of the charge": {
    breaks: ["replay/other-created-at"],
    start: () => {
      /** @type {Map<string, string>} */
      const first = new Map();
      return async (asked) => {
        const name = `${asked.account} ${asked.key}`;
        const given = await asked.carryOut();
        if (isCharged(given)) {
          first.set(name, asked.body?.created_at);
        }
        const isOther = first.has(name) && first.get(name) !== asked.body?.created_at;
        return isReplay(given) && isOther
          ? usualAnswer(400, "The same key with another body.")
          : given;
      };
    },
  },
  "replays whatever the body": {
    breaks: [
      "reuse/other-amount",
      "reuse/other-task",
      "reuse/other-feature",
      "reuse/bodies-at-once",
      "problems/idempotency-key-reused",
    ],
    start: () => {
      /** @type {Map<string, unknown>} */
      const first = new Map();
      return async (asked) => {
        const name = `${asked.account} ${asked.key}`;
        const body = first.get(name);
        if (!isCharge(asked)) {
          return asked.carryOut();
        }
        const given = await asked.carryOut(body ? { body } : {});
        if (isCharged(given)) {
          first.set(name, asked.body);
        }
        // Of what comes at once, the body was not known yet.
        const known = first.get(name);
        return given.status === 422 && known ? asked.carryOut({ body: known }) : given;
      };
    },
  },
  "cuts keys at 255 characters": fault(["keys/256-characters"], (asked) =>
    isCharge(asked) && asked.key !== null && asked.key.length > 255
      ? under(asked, asked.key.slice(0, 255))
      : asked.carryOut(),
  ),
  "compares keys without blanks at the end": fault(["keys/compared-exactly"], (asked) =>
    isCharge(asked) && asked.key?.endsWith(" ")
      ? asked.carryOut({ key: asked.key.trimEnd() })
      : asked.carryOut(),
  ),
  "compares keys without accents": fault(["keys/compared-exactly"], (asked) =>
    isCharge(asked) && asked.key?.includes("ä")
      ? asked.carryOut({ key: asked.key.replace("ä", "a") })
      : asked.carryOut(),
  ),
  "ends keys at a NUL": fault(["keys/nul"], (asked) =>
    isCharge(asked) && asked.key?.includes("\0")
      ? under(asked, asked.key.split("\0")[0] ?? "")
      : asked.carryOut(),
  ),
  "fails at a NUL": fault(["keys/nul"], (asked) =>
    isCharge(asked) && JSON.stringify([asked.key, asked.body]).includes("\\u0000")
      ? Promise.resolve(usualAnswer(500, "It has failed."))
      : asked.carryOut(),
  ),
  "takes keys as the header has them": fault(
    ["keys/percent-encoded", "lookup/odd-characters", "batch/keys-as-they-are"],
    (asked) => {
      const spelt = asked.request
        .header("idempotency-key")[0]
        ?.slice(1, -1)
        .replace(/\\(.)/g, "$1");
      return isCharge(asked) && asked.key !== null && spelt !== asked.key
        ? asked.carryOut({ key: spelt })
        : asked.carryOut();
    },
  ),
  "redirects to a page to sign in": fault(
    [
      "accounts/unknown-token",
      "accounts/no-token",
      "accounts/token-for-reading",
      "accounts/token-for-batches",
      "problems/unknown-token",
      "problems/batch",
      "robustness/no-redirect",
      "holds/token",
    ],
    async (asked) => {
      const given = await asked.carryOut();
      return given.status === 401
        ? { status: 302, headers: { ...given.headers, location: "/sign-in" }, body: "" }
        : given;
    },
  ),
  "decides late": fault(["robustness/decided-in-time"], async (asked) => {
    if (isCharge(asked) && asked.key?.includes("decided-in-time")) {
      await new Promise((resolve) => setTimeout(resolve, 6_500));
    }
    return asked.carryOut();
  }),
  "waits for a body for ever": {
    breaks: ["robustness/body-without-end"],
    waitsForever: true,
    start: () => (asked) => asked.carryOut(),
  },
  "says soon where it is busy": {
    breaks: ["robustness/retry-after"],
    start: () => {
      let isFirst = true;
      return (asked) => {
        const isPutOff = isFirst && asked.request.path === "/balance";
        isFirst = isFirst && !isPutOff;
        const { status, headers, body } = usualAnswer(503, "Come back.");
        return isPutOff
          ? Promise.resolve({ status, headers: { ...headers, "retry-after": "soon" }, body })
          : asked.carryOut();
      };
    },
  },
  ...OF_HOLDS,
};

/** Servers that differ on purpose. @type {Record<string, Fault>} */
export const DIFFERENT = {
  nothing: fault([], (asked) => asked.carryOut()),
  "conflict-409": fault(
    [
      "holds/another-body",
      "holds/problems",
      "reuse/other-amount",
      "reuse/other-task",
      "reuse/other-feature",
      "problems/idempotency-key-reused",
    ],
    async (asked) => {
      const given = await asked.carryOut();
      return given.status === 422 && typeOf(given) === "idempotency-key-reused"
        ? rewritten({ ...given, status: 409 }, () => ({ status: 409, type: "key-conflict" }))
        : given;
    },
  ),
  "all that is left open": {
    breaks: [],
    compresses: "unless it must not",
    start: () => {
      let isPutOff = false;
      return async (asked) => {
        const { request, account, key, book } = asked;
        if (request.path === HOLDS) {
          return usualAnswer(404, "There are no holds.");
        }
        if (isCharge(asked) && key?.includes("body-in-pieces") && !isPutOff) {
          isPutOff = true;
          return usualAnswer(429, "Too many requests.");
        }
        const before = book.balance(account);
        if (request.method === "POST" && before) {
          book.setBalance(account, { ...before, version: before.version + 1 });
        }
        const given = await (isBatch(asked) ? dearestFirst(asked) : asked.carryOut());
        if (isCharged(given)) {
          // Long enough for others that have come at once.
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
        const { points, version } = book.balance(account) ?? {};
        const told = rewritten(given, ({ balance }) =>
          balance === undefined ? {} : { balance: points, version, held: null },
        );
        return forOneOrigin(asked, refusedOtherwise(asked, told));
      };
    },
  },
  "has tags with an accent": fault([], async (asked) => {
    const given = await asked.carryOut({ headers: { "if-none-match": null } });
    const etag = `"é${/"version":(\d+)/.exec(given.body)?.[1]}"`;
    return asked.request.header("if-none-match").includes(etag)
      ? { status: 304, headers: { etag }, body: "" }
      : { ...given, headers: { ...given.headers, etag } };
  }),
  "has many headers": fault([], async (asked) => {
    const given = await asked.carryOut();
    const more = Array.from({ length: 300 }, (_, at) => [`x-${at}`, "x".repeat(100)]);
    return { ...given, headers: { ...given.headers, ...Object.fromEntries(more) } };
  }),
  "always compresses": { ...fault([], (asked) => asked.carryOut()), compresses: "always" },
  "has no end to its receipts": fault([], async (asked) => {
    const given = await asked.carryOut();
    return isCharge(asked) ? rewritten(given, () => ({ more: "x".repeat(5 * 2 ** 20) })) : given;
  }),
  "answers no charge": fault([], (asked) =>
    isCharge(asked) ? new Promise(() => {}) : asked.carryOut(),
  ),
  "answers nothing after the first receipt": {
    breaks: [],
    start: () => {
      let isOver = false;
      return async (asked) => {
        if (isOver) {
          return new Promise(() => {});
        }
        isOver = isCharge(asked);
        return asked.carryOut();
      };
    },
  },
  "waits until a time of day": {
    breaks: [],
    start: () => {
      let until = 0;
      return async (asked) => {
        until ||= Date.now() + 6_000;
        const put = usualAnswer(503, "Come back then.");
        const headers = { ...put.headers, "retry-after": new Date(until).toUTCString() };
        return Date.now() < until ? { ...put, headers } : asked.carryOut();
      };
    },
  },
  "declines more points than there can be": fault([], async (asked) => {
    const given = await asked.carryOut();
    const isMore = asked.body === undefined || asked.body?.amount > Number.MAX_SAFE_INTEGER;
    return isMore && given.status === 400
      ? rewritten({ ...given, status: 402 }, () => ({ type: "insufficient-balance", status: 402 }))
      : given;
  }),
  "first-answer": FAULTS["uses a key up by a decline"],
  "always fails": fault([], async (asked) => {
    const given = await asked.carryOut();
    return asked.request.path === "/balance" ? given : usualAnswer(500, "It has failed.");
  }),
  "no holds": fault([], async (asked) => {
    if (asked.request.path === HOLDS) {
      return usualAnswer(404, "There is nothing at this path.");
    }
    return rewritten(await asked.carryOut(), () => ({ held: undefined }));
  }),
  "no batches": fault([], async (asked) =>
    isBatch(asked) ? usualAnswer(404, "There is nothing at this path.") : asked.carryOut(),
  ),
  "breaks off every batch": fault([], (asked) =>
    isBatch(asked) && asked.request.method === "POST"
      ? Promise.resolve(BROKEN_OFF)
      : asked.carryOut(),
  ),
  "reads no balance while a hold is about to expire": fault([], async (asked) => {
    const isShort = (/** @type {Hold} */ { expiresAt }) => expiresAt - asked.now() < 5_000;
    while (asked.request.path === "/balance" && holdsNow(asked).some(isShort)) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return asked.carryOut();
  }),
  "puts off": {
    breaks: [],
    start: () => {
      let count = 0;
      return async (asked) => {
        count += 1;
        const put = usualAnswer(429, "Too many requests.");
        const headers = { ...put.headers, "retry-after": "0" };
        const isWhole = asked.request.body !== null && asked.request.method !== "OPTIONS";
        return count % 7 === 0 && isWhole ? { ...put, headers } : asked.carryOut();
      };
    },
  },
};
