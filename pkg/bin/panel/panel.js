// @ts-check
/** The panel of `tollbox dev`: sets faults, and shows the ledger. */

/** @import { Fault, Rule } from "../../server/faults.js" */

/** How often it looks at the server, in milliseconds, while somebody looks at it. */
const EVERY_MS = 1_000;

/** Faults by what they are called here. @type {Record<string, Fault>} */
const FAULTS = {
  "lost before it arrives": { kind: "drop_before" },
  "charged, and the answer lost": { kind: "drop_after" },
  "never answered": { kind: "hang" },
  "charged, and never answered": { kind: "hang_after" },
  "charged only after 10 s": { kind: "late", ms: 10_000 },
  "answered 3 s later": { kind: "latency", ms: 3_000 },
  "a web page, as of a captive portal": { kind: "garbage" },
  "401, token not accepted": { kind: "status", status: 401 },
  "402, declined": {
    kind: "status",
    status: 402,
    body: '{"type":"rejected","title":"Not charged","detail":"The account is closed.","declined":true}',
  },
  "403, not allowed": { kind: "status", status: 403 },
  "403, somebody else is signed in": {
    kind: "status",
    status: 403,
    body: '{"type":"account-mismatch","title":"Somebody else is signed in"}',
  },
  "409, in progress": { kind: "status", status: 409 },
  "422, key used for another charge": {
    kind: "status",
    status: 422,
    body: '{"type":"idempotency-key-reused","title":"The key was used for another charge"}',
  },
  "429, again after 5 s": { kind: "status", status: 429, retry_after: "5" },
  "500, nothing charged": { kind: "status", status: 500 },
  "500, charged": { kind: "status", status: 500, after: true },
  "502, a proxy's page": { kind: "status", status: 502, body: "<h1>Bad gateway</h1>" },
  "503, again after 5 s": { kind: "status", status: 503, retry_after: "5" },
  "503, a proxy's page": { kind: "status", status: 503, body: "<h1>Unavailable</h1>" },
};

/** Tokens by account. @type {Map<string, Promise<string>>} */
const tokens = new Map();

/** The end of all work so far, and how much is not done. */
let turn = Promise.resolve();
let underWay = 0;
/** Whether the server could not be looked at, which the status line says. */
let isAway = false;

const statusLine = element("status");
const faultForm = form("fault-form");
const topUpForm = form("top-up-form");
const accounts = /** @type {HTMLSelectElement} */ (element("accounts"));

element("base-url").textContent = `${location.origin}/billing/v1`;
element("fault-kinds").replaceChildren(...Object.keys(FAULTS).map((name) => new Option(name)));

faultForm.addEventListener("submit", (event) => {
  event.preventDefault();
  const { fault, on, times, account } = fieldsOf(faultForm);
  /** @type {Rule} */
  const rule = {
    on: /** @type {Rule["on"]} */ (on),
    fault: FAULTS[fault],
    times: times === "" ? null : Number(times),
    account: account === "" ? null : account,
  };
  telling(`Added: ${fault}.`, async () => {
    await putRules([...(await readRules()), rule]);
  });
});

topUpForm.addEventListener("submit", (event) => {
  event.preventDefault();
  const { account, points } = fieldsOf(topUpForm);
  telling(`${points} points more.`, async () => {
    await asked("/demo/top-up", { account, body: { points: Number(points) } });
  });
});

accounts.addEventListener("change", () => telling("", async () => {}));
document.addEventListener("visibilitychange", () => telling("", async () => {}));
setInterval(() => document.hidden || underWay > 0 || looking(), EVERY_MS);
telling("", async () => {});

/**
 * Does the work, shows what is there then, and says how it went.
 *
 * @param {string} done
 * @param {() => Promise<void>} work
 */
function telling(done, work) {
  return inTurn(async () => {
    await work();
    await refresh();
    isAway = false;
    statusLine.textContent = done;
  });
}

/** Shows what is there. What was said of the last work stays, but that the server is away. */
function looking() {
  return inTurn(async () => {
    try {
      await refresh();
    } catch (error) {
      isAway = true;
      throw error;
    }
    if (isAway) {
      statusLine.textContent = "";
    }
    isAway = false;
  });
}

/**
 * One after the other: an older answer never covers a newer one.
 *
 * @param {() => Promise<void>} work
 */
function inTurn(work) {
  underWay += 1;
  turn = turn.then(work).then(
    () => {
      underWay -= 1;
    },
    (error) => {
      underWay -= 1;
      statusLine.textContent = error instanceof Error ? error.message : String(error);
    },
  );
  return turn;
}

async function refresh() {
  showRules(await readRules());
  const { accounts: all } = await asked("/demo/accounts");
  showAccounts(all.map((/** @type {{ account: string }} */ { account }) => account));
  if (accounts.value !== "") {
    showLedger(await asked("/demo/ledger", { account: accounts.value }));
  }
}

/** @param {Rule[]} rules */
function showRules(rules) {
  const rows = rules.map((rule, index) => {
    const remove = document.createElement("button");
    remove.textContent = "Remove";
    remove.setAttribute("aria-label", `Remove: ${nameOf(rule.fault)}`);
    remove.addEventListener("click", () =>
      telling("Removed.", async () => {
        // Those that stay are put back with what they have left now.
        const now = await readRules();
        await putRules(now.filter((other, place) => place !== index || !isSame(other, rule)));
      }),
    );
    const { on, account, times, fault } = rule;
    return row([nameOf(fault), on, account ?? "any", times === null ? "all" : `${times}`, remove]);
  });
  fill("rules", rows);
}

/** @param {string[]} names */
function showAccounts(names) {
  const shown = [...accounts.options].map(({ value }) => value);
  if (shown.join("\n") !== names.join("\n")) {
    const { value } = accounts;
    accounts.replaceChildren(...names.map((name) => new Option(name)));
    accounts.value = names.includes(value) ? value : (names[0] ?? "");
  }
}

/** @param {{ balance: number, held?: number, charges: any[] }} ledger */
function showLedger({ balance, held, charges }) {
  element("balance").textContent = held ? `${balance}, of which ${held} are held` : `${balance}`;
  fill(
    "charges",
    charges.map((charge) =>
      row([
        charge.idempotency_key,
        charge.task_id,
        `${charge.amount}`,
        new Date(charge.charged_at).toLocaleString(),
        `${charge.requests}`,
      ]),
    ),
  );
}

/**
 * Puts rows in a table's body, unless they are there already: whoever has the focus in one keeps it.
 *
 * @param {string} id
 * @param {HTMLTableRowElement[]} rows
 */
function fill(id, rows) {
  const body = element(id);
  if (rows.map((row) => row.outerHTML).join("") !== body.innerHTML) {
    body.replaceChildren(...rows);
  }
}

/** @param {(string | HTMLElement)[]} cells */
function row(cells) {
  const row = document.createElement("tr");
  for (const cell of cells) {
    row.insertCell().append(cell);
  }
  return row;
}

/**
 * Whether they hit the same requests in the same way, however many they have left.
 *
 * @param {Rule} one
 * @param {Rule} other
 */
function isSame(one, other) {
  const [a, b] = [one, other].map(({ on, account, fault }) => JSON.stringify([on, account, fault]));
  return a === b;
}

/** @param {Fault} fault */
function nameOf(fault) {
  const text = JSON.stringify(fault);
  const known = Object.entries(FAULTS).find(([, other]) => JSON.stringify(other) === text);
  return known?.[0] ?? text;
}

/** @returns {Promise<Rule[]>} */
async function readRules() {
  return (await asked("/faults")).rules;
}

/** @param {Rule[]} rules */
async function putRules(rules) {
  await asked("/faults", { method: "PUT", body: { rules } });
}

/**
 * @param {string} path
 * @param {{ account?: string, method?: string, body?: unknown }} [how]
 * @returns {Promise<any>}
 */
async function asked(path, { account, method, body } = {}) {
  /** @type {Record<string, string>} */
  const headers = body === undefined ? {} : { "content-type": "application/json" };
  if (account !== undefined) {
    headers.authorization = `Bearer ${await tokenOf(account)}`;
  }
  const response = await fetch(path, {
    method: method ?? (body === undefined ? "GET" : "POST"),
    headers,
    body: JSON.stringify(body),
  });
  const answer = await response.json();
  if (response.status === 401 && account !== undefined) {
    // It has expired, or the server was started anew: the next one asks for another.
    tokens.delete(account);
  }
  if (!response.ok) {
    throw new Error(answer.detail);
  }
  return answer;
}

/** @param {string} account */
function tokenOf(account) {
  const kept =
    tokens.get(account) ?? asked("/demo/session", { body: { account } }).then(({ token }) => token);
  tokens.set(account, kept);
  kept.catch(() => tokens.delete(account));
  return kept;
}

/**
 * @param {HTMLFormElement} form
 * @returns {Record<string, string>}
 */
function fieldsOf(form) {
  const entries = [...new FormData(form)];
  return Object.fromEntries(entries.map(([name, value]) => [name, String(value)]));
}

/** @param {string} id */
function element(id) {
  const found = document.getElementById(id);
  if (!found) {
    throw new Error(`there is no #${id}`);
  }
  return found;
}

/** @param {string} id */
function form(id) {
  return /** @type {HTMLFormElement} */ (element(id));
}
