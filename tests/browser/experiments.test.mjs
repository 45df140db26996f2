/** The demo's experiments, and the truth that they are held against. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { freshAccount } from "./support/accounts.mjs";
import { DemoPage } from "./support/demo.mjs";
import { Stage } from "./support/stage.mjs";
import { until } from "./support/until.mjs";

const stage = new Stage();

/** What the page says, in the languages that it speaks. */
const WORDS = /** @type {const} */ ({
  "en-GB": {
    tabs: "20 calls in two tabs for 10 tasks: 10 charges in the ledger.",
    reload: /^3 charges, [123] of them taken .* Afterwards: 3 in the ledger, all known as paid\.$/,
    verdict: "Paid twice: 0. Lost: 0.",
    storm: ["Charges in the ledger", "Charges too many", "Lost", "Wrong reports"],
    rivals: ["Tollbox", "Retry loop", "TanStack"],
  },
  "zh-CN": {
    tabs: "两个标签页为 10 个任务共调用 20 次：账本中有 10 笔扣费。",
    reload: /^共 3 笔扣费，其中 [123] 笔在标签页死亡前已被扣走.*之后：账本中 3 笔，全部确认已付。$/,
    verdict: "重复扣费：0。丢失：0。",
    storm: ["账本中的扣费", "多扣的次数", "丢失", "误报结果"],
    rivals: ["Tollbox", "重试循环", "TanStack"],
  },
});
const LOCALES = /** @type {(keyof typeof WORDS)[]} */ (Object.keys(WORDS));

/** @param {import("./support/server.mjs").Ledger} ledger */
function tasksOf({ charges }) {
  return new Set(charges.map(({ task_id }) => task_id)).size;
}

for (const locale of LOCALES) {
  test(`two tabs that charge the same tasks at once pay each of them once, told in ${locale}`, async () => {
    const account = freshAccount();
    const demo = await stage.demo(locale);
    await demo.signIn(account);
    await demo.says("balance-confirmed", "120");
    // The experiment makes its own trouble, and ends the visitor's.
    await demo.weather("cut");
    await demo.at("go-offline").click();
    const opened = demo.page.context().waitForEvent("page");
    await demo.at("run-tabs").click();
    const second = new DemoPage(await opened, demo.url);
    await demo.hasWeather("none");
    for (const tab of [demo, second]) {
      const result = tab.at("result-tabs");
      await result.getByText(WORDS[locale].tabs, { exact: true }).waitFor();
      await result.getByText(WORDS[locale].verdict, { exact: true }).waitFor();
    }
    const ledger = await stage.server.ledger(account);
    assert.deepEqual([ledger.charges.length, tasksOf(ledger), ledger.balance], [10, 10, 120]);
    await demo.agreement("agree");
    assert.doesNotMatch(second.page.url(), /second-tab/, "a reload begins no second run");
  });

  test(`a tab that dies after the server has taken the points comes back and knows them paid, told in ${locale}`, async () => {
    const account = freshAccount();
    const demo = await stage.demo(locale);
    await demo.signIn(account);
    await demo.says("balance-confirmed", "120");
    const left = demo.page.waitForEvent("load");
    await demo.at("run-reload").click();
    await left;
    const result = demo.at("result-reload");
    await result.getByText(WORDS[locale].reload).waitFor();
    await result.getByText(WORDS[locale].verdict, { exact: true }).waitFor();
    await demo.page.waitForFunction(() => {
      const box = document.getElementById("experiment-reload")?.getBoundingClientRect();
      return box !== undefined && box.top >= 0 && box.bottom <= innerHeight;
    });
    const ledger = await stage.server.ledger(account);
    assert.deepEqual([ledger.charges.length, tasksOf(ledger), ledger.balance], [3, 3, 120]);
    await demo.says("page-charges", "3");
    await demo.says("ledger-charges-count", "3");
    await demo.agreement("agree");
  });
}

test("a tab that comes back to a server that refuses says that nothing is known as paid yet", async () => {
  const demo = await stage.demo();
  await demo.signIn(freshAccount());
  await demo.says("balance-confirmed", "120");
  const left = demo.page.waitForEvent("load");
  await demo.at("run-reload").click();
  await left;
  await demo.page.route("**/billing/v1/charges**", (route) => route.fulfill({ status: 500 }));
  const result = demo.at("result-reload");
  // Twenty attempts, with pauses.
  await result.waitFor({ timeout: 60_000 });
  await demo.says("queue-parked", "3");
  await result.getByText(/in the ledger, 0 known as paid\.$/).waitFor();
  assert.equal(await result.getAttribute("data-tone"), "bad");
});

for (const [locale, words] of /** @type {const} */ ([
  [
    "en-GB",
    {
      none: "No charge on this page to compare; 1 in the ledger is not known here",
      more: "Agree on this page’s 1 charge; 1 more in the ledger is not known here",
      amount: "Disagree: 1 has another amount there",
    },
  ],
  [
    "zh-CN",
    {
      none: "本页没有可对照的扣费；账本中有 1 笔本页不知道的扣费",
      more: "本页的 1 笔扣费与账本一致；账本中另有 1 笔本页不知道的扣费",
      amount: "不一致：1 笔在账本中的点数不同",
    },
  ],
])) {
  test(`the truth names charges that only the ledger has, and amounts that differ, in ${locale}`, async () => {
    const account = freshAccount();
    const demo = await stage.demo(locale);
    await demo.signIn(account);
    await (await demo.submit("Good morning")).paid("charged");
    await demo.agreement("agree");
    await demo.at("sign-out").click();
    await demo.at("sign-in-form").waitFor();
    await demo.signIn(account);
    await demo.agreement("more");
    await demo.says("agreement", words.none);
    await (await demo.submit("Good night")).paid("charged");
    await demo.says("agreement", words.more);
    await demo.page.route("**/demo/ledger", async (route) => {
      const response = await route.fetch();
      const ledger = await response.json();
      for (const charge of ledger.charges) charge.amount += 1;
      await route.fulfill({ response, json: ledger });
    });
    await demo.agreement("disagree");
    await demo.says("agreement", words.amount);
  });
}

test("where the second tab is closed, the experiment says so and can be begun again", async () => {
  const demo = await stage.demo();
  await demo.signIn(freshAccount());
  const opened = demo.page.context().waitForEvent("page");
  await demo.at("run-tabs").click();
  await (await opened).close();
  await demo.at("experiment-tabs").getByText("the other tab was closed").waitFor();
  assert.ok(await demo.at("run-tabs").isEnabled());
});

test("a reload in the middle of the experiment leaves no fault behind", async () => {
  const account = freshAccount();
  const demo = await stage.demo();
  await demo.signIn(account);
  await demo.says("balance-confirmed", "120");
  // The experiment never learns that the points are taken.
  await demo.page.route("**/demo/ledger", () => {});
  await demo.at("run-reload").click();
  await stage.server.ledgerWhen(account, "a charge", ({ charges }) => charges.length > 0);
  await demo.page.unroute("**/demo/ledger");
  await demo.page.reload();
  await until("the end of the fault", () => stage.server.faultIsUsedUp());
  await demo.hasWeather("none");
  await demo.says("queue-settled", "3");
});

test("a storm that breaks off can be begun again", async () => {
  const demo = await stage.demo();
  await demo.signIn(freshAccount(), "stormCharges=40&gustMs=100");
  let aborted = 0;
  await demo.page.route("**/faults", async (route) => {
    if (route.request().method() !== "PUT" || aborted > 0) return route.continue();
    aborted += 1;
    return route.abort();
  });
  await demo.at("run-storm").click();
  await demo.at("experiment-storm").getByText("The storm broke off").waitFor();
  await demo.at("run-storm").click();
  await demo.at("experiment-storm").getByText("Tollbox:").waitFor();
  assert.equal(aborted, 1);
});

test("the truth counts the repeats that took nothing", async () => {
  const account = freshAccount();
  const demo = await stage.demo();
  await demo.signIn(account);
  await demo.weather("lose_answers");
  const line = await demo.submit("Thank you");
  await line.paid("charged");
  await demo.agreement("agree");
  const { charges } = await stage.server.ledger(account);
  await demo.says("repeats", String((charges[0]?.requests ?? 0) - 1));
  for (const figure of ["doubles", "losses"]) await demo.says(figure, "0");
  for (const side of ["page", "ledger"]) await demo.says(`${side}-points`, "1");
});

for (const locale of LOCALES) {
  test(`the storm: Tollbox charges each task once and says so, and every rival is counted in its own ledger, told in ${locale}`, async () => {
    const demo = await stage.demo(locale);
    const account = freshAccount();
    await demo.signIn(account, "stormCharges=40&gustMs=100");
    await demo.at("run-storm").click();
    const storm = demo.at("experiment-storm");
    // The rivals have to stand it one after the other, each with its own delays.
    await demo.page
      .locator('[data-testid="experiment-storm"][data-state="done"]')
      .waitFor({ timeout: 120_000 });
    const { storm: figures, rivals } = WORDS[locale];
    for (const name of figures) {
      await storm.getByRole("rowheader", { name, exact: true }).waitFor();
    }
    for (const name of rivals) {
      await storm.getByRole("columnheader", { name, exact: true }).waitFor();
    }
    const run = await storm.getAttribute("data-run");
    for (const rival of ["tollbox", "loop", "tanstack"]) {
      const ledger = await stage.server.ledger(`${account}-storm-${run}-${rival}`);
      await demo.says(`storm-${rival}-charged`, String(ledger.charges.length));
      await demo.says(`storm-${rival}-doubles`, String(ledger.charges.length - tasksOf(ledger)));
      await demo.says(`storm-${rival}-losses`, String(40 - tasksOf(ledger)));
    }
    await demo.says("storm-tollbox-charged", "40");
    for (const feared of ["doubles", "losses", "wrong"]) {
      await demo.says(`storm-tollbox-${feared}`, "0");
    }
    await demo.says("balance-confirmed", "120");
    await until("nothing is stored of the storm's accounts", () =>
      demo.page.evaluate(async (part) => {
        const databases = (await indexedDB.databases()).map(({ name }) => name);
        return ![...databases, ...Object.keys(localStorage)].some((name) => name?.includes(part));
      }, `-storm-${run}-`),
    );
  });
}
