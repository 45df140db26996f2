// @ts-check
/** A run of the catalogue against a server: rule after rule, each with fresh keys. */

import { spawn } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { HTTP_DATE, isBusy, isWhole, memberAt, shown, wrongWith } from "./check.js";
import { exchange } from "./exchange.js";
import { curl, quoted, requestOf, titleOf } from "./request.js";
import { Scope } from "./template.js";

/** @import { Rule, Send, Step } from "./catalogue.js" */
/** @import { Answer, Exchange } from "./exchange.js" */
/** @import { Options } from "./options.js" */
/** @import { Request } from "./request.js" */

/** How often a request is sent again that the server puts off, and how long it is waited for at most. */
const TRIES = 5;
const LONGEST_WAIT_S = 60;

/** How often in a row a kind of request may get no answer, or be put off, before it is given up. */
const PATIENCE = 3;

/** The pause between two looks at a balance that is to change by itself. */
const PAUSE_MS = 100;

/** How long a server has for a request in the background until the next one comes. */
const BACKGROUND_MS = 50;

/** The kit can't run: the server or the options are not as it needs them. */
export class CannotRun extends Error {}

/** A rule is broken: why, in one sentence. */
class Broken extends Error {}

/** `free` is what may be spent. @typedef {{ balance: number, version: number, held?: number, free: number }} Balance */

/**
 * @typedef {object} Result
 * @property {string} id
 * @property {"kept" | "broken" | "skipped"} verdict
 * @property {string} duty
 * @property {string} source
 * @property {string | null} reason
 * @property {string | null} repeat a command that sends the last request again
 */

/** What it takes of the two accounts, and what they have. @typedef {{ needed: number, there: number }} Purse */

/** One run. */
export class Run {
  #options;
  #unknown;
  #hasBatches = false;
  #hasHolds = false;
  /** The points that all rules may take. */
  #needed = 0;
  /** What releases the holds that the rule has asked for. @type {Map<string, Request>} */
  #releases = new Map();
  /** The requests of the rule that are under way beside the others. @type {Promise<Exchange>[]} */
  #background = [];
  /** How often in a row each kind of request got no answer. @type {Map<string, number>} */
  #unanswered = new Map();
  /** Every answer so far that puts off. @type {{ request: Request, answer: Answer }[]} */
  #seen = [];

  /** @param {Options} options */
  constructor(options) {
    this.#options = options;
    this.#unknown = `00000000-0000-4000-8000-${options.run.padStart(12, "0")}`;
  }

  /**
   * Looks whether the rules can be run, and buys points where a command does that.
   *
   * @param {Rule[]} rules
   * @returns {Promise<{ own: Purse, other: Purse | null }>}
   */
  async prepare(rules) {
    const { held } = await this.#balanceAtStart("own", "token");
    // A member that is null is as good as none.
    this.#hasHolds = held !== undefined && held !== null;
    const { otherToken } = this.#options;
    if (otherToken !== null) {
      await this.#balanceAtStart("other", "other-token");
    }
    this.#hasBatches = await this.#asksForBatches();
    const running = rules.filter((rule) => this.#reasonToSkip(rule) === null);
    const beside = Math.max(0, ...running.map(({ holding = 0 }) => holding));
    this.#needed = sum(running.map(({ points = 0 }) => points)) + beside;
    const own = await this.#purse("own", this.#needed);
    const others = sum(running.map(({ other_points = 0 }) => other_points));
    const other = otherToken === null ? null : await this.#purse("other", others);
    return { own, other };
  }

  /**
   * @param {Rule} rule
   * @returns {Promise<Result>}
   */
  async check(rule) {
    if (this.#isGivenUp("GET balance")) {
      throw new CannotRun(`GET balance was not answered ${PATIENCE} times in a row`);
    }
    const skip = this.#reasonToSkip(rule) ?? (await this.#lackOfPoints(rule));
    const { duty, steps } = this.#variant(rule);
    const { id, source } = rule;
    const result = { id, duty, source, reason: null, repeat: null };
    if (skip !== null) {
      return { ...result, verdict: "skipped", reason: skip };
    }
    const { run, feature, account, origin } = this.#options;
    const prefix = `kit-${run}-${id.replace("/", "-")}`;
    const known = { feature, account: quoted(account ?? ""), origin, run };
    const scope = new Scope(prefix, Object.entries(known));
    /** @type {{ request: Request | null, times: number }} */
    const last = { request: null, times: 1 };
    this.#releases = new Map();
    try {
      for (const step of steps) {
        const skipped = await this.#step(step, scope, last);
        if (skipped) {
          return { ...result, verdict: "skipped", reason: skipped };
        }
      }
    } catch (error) {
      if (!(error instanceof Broken)) {
        throw error;
      }
      const { request, times } = last;
      const repeat = request && curl(this.#options.baseUrl, request, times, this.#unknown);
      return { ...result, verdict: "broken", reason: error.message, repeat };
    } finally {
      await Promise.all(this.#background.splice(0));
      await this.#releaseAll();
    }
    return { ...result, verdict: "kept" };
  }

  /** What a rule holds, kept or broken, is in no other's way. */
  async #releaseAll() {
    for (const request of this.#releases.values()) {
      await this.#answerTo(request);
    }
  }

  /** The rule as the first profile has it that changes it. @param {Rule} rule */
  #variant(rule) {
    const { duty, steps } = rule;
    for (const profile of this.#options.profiles) {
      const variant = rule.profiles?.[profile];
      if (variant) {
        return variant.skip ? { duty, steps, profile } : variant;
      }
    }
    return { duty, steps };
  }

  /** @param {Rule} rule */
  #reasonToSkip(rule) {
    const variant = this.#variant(rule);
    if ("profile" in variant) {
      return `profile ${variant.profile}`;
    }
    const { otherToken, account, topUpCommand, priceCommand } = this.#options;
    const lacking = {
      "other-token": otherToken === null && "needs --other-token",
      account: account === null && "needs --account",
      batch: !this.#hasBatches && "the server has no batches",
      holds: !this.#hasHolds && "the server has no holds",
      "top-up": topUpCommand === null && "needs --top-up-cmd",
      price: priceCommand === null && "needs --price-cmd",
    };
    return (rule.needs ?? []).map((need) => lacking[need]).find((reason) => reason) || null;
  }

  /**
   * A rule that was broken may have taken more than it should, and that must not break another.
   *
   * @param {Rule} rule
   */
  async #lackOfPoints({ points = 0, holding = 0 }) {
    const needed = points + holding;
    const read = needed > 0 ? await this.#readBalance("own") : "";
    if (typeof read === "string" || read.free >= needed) {
      return null;
    }
    if (this.#options.topUpCommand === null) {
      return "the account has run out of points";
    }
    await this.#topUp("own", this.#needed - read.free);
    return null;
  }

  /**
   * @param {Step} step
   * @param {Scope} scope
   * @param {{ request: Request | null, times: number }} last
   * @returns {Promise<string | null>} why the rule is skipped after all
   */
  async #step(step, scope, last) {
    if (step.send !== undefined) {
      await this.#send(step, step.send, scope, last);
    } else if (step.balance !== undefined) {
      const { balance, version, held, free } = await this.#balance(step.as ?? "own");
      for (const [name, value] of Object.entries({ balance, version, held, free })) {
        scope.save(`${step.balance}.${name}`, value);
      }
    } else if (step.taken !== undefined) {
      await this.#taken(step, step.taken, scope);
    } else if (step.held !== undefined) {
      await this.#held(step, step.held, scope);
    } else if (step.top_up !== undefined) {
      await this.#topUp("own", Number(scope.value(step.top_up)));
    } else if (step.price !== undefined) {
      const task = scope.text(step.task_id ?? "");
      await this.#command("price", { TOLLBOX_TASK_ID: task, TOLLBOX_PRICE: String(step.price) });
    } else if (step.ascending !== undefined) {
      const all = step.ascending.map((one) => scope.value(one));
      if (
        !all.every((one, at) => isWhole(one) && (at === 0 || Number(one) > Number(all[at - 1])))
      ) {
        throw new Broken(`the version was ${all.map(shown).join(", then ")}`);
      }
    } else if (step.equal !== undefined) {
      const [given, wanted] = step.equal.map((one) => scope.value(one));
      if (given !== wanted) {
        throw new Broken(`${step.named} is ${shown(given)}, not ${shown(wanted)}`);
      }
    } else if (step.seen !== undefined) {
      return this.#seenSoFar(step, step.seen, scope, last);
    }
    return null;
  }

  /**
   * @param {Step} step
   * @param {Send} send
   * @param {Scope} scope
   * @param {{ request: Request | null, times: number }} last
   */
  async #send({ at_once: times = 1, ...step }, send, scope, last) {
    const all = Array.from({ length: times }, (_, n) => requestOf(send, scope.with({ n })));
    const any = times === 1 ? all[0] : requestOf(send, scope.with({ n: "{n}" }));
    Object.assign(last, { request: any, times });
    if (send.hold !== undefined) {
      for (let n = 0; n < times; n += 1) {
        const release = requestOf({ release: send.hold, as: send.as }, scope.with({ n }));
        this.#releases.set(`${release.as} ${release.path}`, release);
      }
    }
    if (send.delivery === "in the background") {
      await this.#begin(all[0]);
      return;
    }
    const ends = await this.#ends(all);
    const [end] = ends;
    if (step.expect !== undefined) {
      for (const [n, one] of ends.entries()) {
        const wrong = wrongWith(all[n], one, step.expect, scope);
        if (wrong !== null) {
          throw new Broken(times === 1 ? wrong : `one of ${times} at once: ${wrong}`);
        }
      }
    }
    const answers = ends.flatMap((one) => ("answer" in one ? [one.answer] : []));
    for (const [status, wanted] of Object.entries(step.count ?? {})) {
      const given = answers.filter((answer) => String(answer.status) === status).length;
      if (given !== wanted) {
        throw new Broken(`of ${times} at once, ${given} were answered ${status}, not ${wanted}`);
      }
    }
    const receipts = answers.filter(({ status }) => status === 200 || status === 201);
    for (const name of step.same ?? []) {
      if (new Set(receipts.map(({ json }) => memberAt(json, name))).size > 1) {
        throw new Broken(`of ${times} at once, not all have the same ${name}`);
      }
    }
    for (const name of step.different ?? []) {
      if (new Set(receipts.map(({ json }) => memberAt(json, name))).size < receipts.length) {
        throw new Broken(`of ${times} at once, two have the same ${name}`);
      }
    }
    if (step.agree !== undefined) {
      const [first, second] = step.agree;
      const pairs = receipts.map(({ json }) => step.agree?.map((name) => memberAt(json, name)));
      const kinds = (/** @type {unknown[]} */ all) =>
        new Set(all.map((one) => JSON.stringify(one)));
      if (kinds(pairs).size > kinds(pairs.map((pair) => pair?.[0])).size) {
        throw new Broken(`of ${times} at once, two have the same ${first} and another ${second}`);
      }
    }
    for (const [name, what] of Object.entries(step.save ?? {})) {
      const [, status] = /^count:(.*)/.exec(what) ?? [];
      const count = answers.filter((answer) => String(answer.status) === status).length;
      scope.save(name, status === undefined ? saved(end, what) : count);
    }
  }

  /**
   * What comes of requests of one kind that are sent at once. A kind that is never answered is not
   * waited for in every rule.
   *
   * @param {Request[]} all
   * @returns {Promise<Exchange[]>}
   */
  async #ends(all) {
    const title = titleOf(all[0]);
    if (this.#isGivenUp(title)) {
      return all.map(() => ({ silence: "given up, after 3 without an answer" }));
    }
    const ends = await Promise.all(all.map((request) => this.#answerTo(request)));
    const isLate = (/** @type {Exchange} */ end) =>
      "answer" in end ? isPutOff(end.answer) : end.silence === "no answer in time";
    if (all[0].delivery !== "without end") {
      const before = this.#unanswered.get(title) ?? 0;
      this.#unanswered.set(title, ends.every(isLate) ? before + 1 : 0);
    }
    return ends;
  }

  /** @param {string} title */
  #isGivenUp(title) {
    return (this.#unanswered.get(title) ?? 0) >= PATIENCE;
  }

  /** Sends a request whose answer nobody waits for before the rule's end. @param {Request} request */
  async #begin(request) {
    const { base, answerWithinMs } = this.#options;
    await new Promise((resolve) => {
      const sent = () => resolve(null);
      this.#background.push(
        exchange(base, request, this.#credentials(request), answerWithinMs, sent),
      );
    });
    await delay(BACKGROUND_MS);
  }

  /** @param {Request} request @returns {Record<string, string>} */
  #credentials({ as }) {
    const { token, otherToken } = this.#options;
    const own = { own: token, other: otherToken, unknown: this.#unknown, nobody: null }[as];
    return own === null ? {} : { authorization: `Bearer ${own}` };
  }

  /**
   * Sends a request, and again where the server puts it off: nothing was taken then, or another
   * request with the key is under way.
   *
   * @param {Request} request
   * @returns {Promise<Exchange>}
   */
  async #answerTo(request) {
    const { answerWithinMs, bodyWithinMs, base } = this.#options;
    const within = request.delivery === "without end" ? bodyWithinMs : answerWithinMs;
    for (let left = TRIES; ; left -= 1) {
      const end = await exchange(base, request, this.#credentials(request), within);
      if (!("answer" in end)) {
        return end;
      }
      const { answer } = end;
      if (isPutOff(answer)) {
        this.#seen.push({ request, answer });
      }
      const isWhole = request.delivery === null || request.delivery === "in pieces";
      if (left === 1 || !(isPutOff(answer) || isBusy(answer)) || !isWhole) {
        return end;
      }
      await delay(Math.min(secondsToWait(answer), LONGEST_WAIT_S) * 1_000);
    }
  }

  /**
   * @param {Step} step
   * @param {number | [number, number]} wanted
   * @param {Scope} scope
   */
  async #taken({ since, as = "own", version }, wanted, scope) {
    const now = await this.#balance(as);
    const taken = Number(scope.value(`$${since}.balance`)) - now.balance;
    const [least, most] = Array.isArray(wanted) ? wanted : [wanted, wanted];
    if (taken < least || taken > most) {
      const of = as === "own" ? "" : " of the other account";
      const range = least === most ? `${least}` : `${least} to ${most}`;
      throw new Broken(
        `points taken${of}: ${taken}, not ${range} (a balance of ${now.balance} now)`,
      );
    }
    if (
      wanted === 0 &&
      version !== "any" &&
      now.version < Number(scope.value(`$${since}.version`))
    ) {
      throw new Broken("the version has gone back, and nothing was taken");
    }
  }

  /**
   * @param {Step} step
   * @param {number | string} wanted
   * @param {Scope} scope
   */
  async #held({ since, as = "own", within_s = 0 }, wanted, scope) {
    const started = performance.now();
    const before = Number(scope.value(`$${since}.held`));
    const points = scope.value(wanted);
    for (;;) {
      const { held = 0 } = await this.#balance(as, { withHeld: true });
      const isLate = performance.now() - started >= within_s * 1_000;
      if (held - before === points) {
        return;
      }
      if (isLate) {
        const of = as === "own" ? "" : " of the other account";
        const later = within_s > 0 ? ` after ${within_s} s` : "";
        throw new Broken(
          `points held${of}: ${held - before}, not ${points}${later} (${held} held now)`,
        );
      }
      await delay(PAUSE_MS);
    }
  }

  /**
   * @param {Step} step
   * @param {number[]} statuses
   * @param {Scope} scope
   * @param {{ request: Request | null, times: number }} last
   */
  #seenSoFar({ expect = {} }, statuses, scope, last) {
    const seen = this.#seen.filter(({ answer }) => statuses.includes(answer.status));
    for (const { request, answer } of seen) {
      const wrong = wrongWith(request, { answer }, expect, scope);
      if (wrong !== null) {
        Object.assign(last, { request, times: 1 });
        throw new Broken(wrong);
      }
    }
    return seen.length === 0 ? `no answer was ${statuses.join(" or ")}` : null;
  }

  /**
   * @param {"own" | "other"} as
   * @param {{ withHeld?: boolean }} [how]
   * @returns {Promise<Balance>}
   */
  async #balance(as, how) {
    const read = await this.#readBalance(as, how);
    if (typeof read === "string") {
      throw new Broken(read);
    }
    return read;
  }

  /**
   * @param {"own" | "other"} as
   * @param {{ withHeld?: boolean }} [how] whether there has to be `held`
   * @returns {Promise<Balance | string>} what is wrong, where it can't be read
   */
  async #readBalance(as, { withHeld = false } = {}) {
    const request = requestOf({ path: "balance", as }, new Scope("", []));
    const [end] = await this.#ends([request]);
    const body = {
      balance: { is: "points" },
      version: { is: "version" },
      ...(withHeld && { held: { is: "points" } }),
    };
    const wrong = wrongWith(request, end, { status: [200], body }, new Scope("", []));
    if (wrong !== null || !("answer" in end)) {
      return wrong ?? "";
    }
    const { balance, version, held } = end.answer.json;
    return {
      balance,
      version,
      held,
      free: balance - (isWhole(held) ? Math.min(held, balance) : 0),
    };
  }

  /**
   * @param {"own" | "other"} as
   * @param {string} option
   */
  async #balanceAtStart(as, option) {
    const read = await this.#readBalance(as);
    if (typeof read === "string") {
      throw new CannotRun(`with --${option}, ${read}`);
    }
    return read;
  }

  /** Whether the server takes batches: they are optional, and it says so where it takes none. */
  async #asksForBatches() {
    const send = { method: "POST", path: "charges/batch", text: "{}" };
    const end = await this.#answerTo(requestOf(send, new Scope("", [])));
    return !("answer" in end && [404, 405, 501].includes(end.answer.status));
  }

  /**
   * @param {"own" | "other"} as
   * @param {number} needed
   * @returns {Promise<Purse>}
   */
  async #purse(as, needed) {
    const option = as === "own" ? "token" : "other-token";
    let there = (await this.#balanceAtStart(as, option)).free;
    if (there < needed && this.#options.topUpCommand !== null) {
      await this.#topUp(as, needed - there);
      there = (await this.#balanceAtStart(as, option)).free;
    }
    if (there < needed) {
      throw new CannotRun(
        `the account of --${option} has ${there} points, and the rules may take ${needed}`,
      );
    }
    return { needed, there };
  }

  /**
   * @param {"own" | "other"} as
   * @param {number} points
   */
  async #topUp(as, points) {
    const token = as === "own" ? this.#options.token : this.#options.otherToken;
    await this.#command("top-up", { TOLLBOX_POINTS: String(points), TOLLBOX_TOKEN: token ?? "" });
  }

  /**
   * @param {"top-up" | "price"} name
   * @param {Record<string, string>} variables
   */
  async #command(name, variables) {
    const { topUpCommand, priceCommand, token } = this.#options;
    const command = (name === "top-up" ? topUpCommand : priceCommand) ?? "";
    const env = { ...process.env, TOLLBOX_TOKEN: token, ...variables };
    const child = spawn(command, { shell: true, stdio: ["ignore", "ignore", "inherit"], env });
    const code = await new Promise((resolve) => {
      child.once("error", () => resolve(null));
      child.once("close", resolve);
    });
    if (code !== 0) {
      throw new CannotRun(`the command of --${name}-cmd failed`);
    }
  }
}

/**
 * @param {Exchange} end
 * @param {string} what a member, `header:NAME` or `status`
 */
function saved(end, what) {
  if (!("answer" in end)) {
    return undefined;
  }
  const { status, headers, json } = end.answer;
  if (what === "status") {
    return status;
  }
  return what.startsWith("header:") ? headers[what.slice(7)] : memberAt(json, what);
}

/** @param {Answer} answer */
function isPutOff({ status }) {
  return status === 429 || status === 503;
}

/** How long the server asks for; an HTTP date counts from that of the answer. @param {Answer} answer */
function secondsToWait({ headers: { "retry-after": after = "", date } }) {
  if (/^\d+$/.test(after)) {
    return Number(after);
  }
  const from = date === undefined ? Date.now() : Date.parse(date);
  const seconds = HTTP_DATE.test(after) ? (Date.parse(after) - from) / 1_000 : Number.NaN;
  return Number.isNaN(seconds) ? 1 : Math.max(seconds, 0);
}

/** @param {number[]} numbers */
function sum(numbers) {
  return numbers.reduce((all, one) => all + one, 0);
}
