/** The demo's desk: what a customer hands in, sees, and takes home. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { freshAccount } from "./support/accounts.mjs";
import { DemoPage } from "./support/demo.mjs";
import { Stage } from "./support/stage.mjs";

const stage = new Stage();

const FILM =
  "1\r\n00:00:01,000 --> 00:00:02,000\r\nHello\r\n\r\n2\r\n00:00:03,000 --> 00:00:04,000\r\n<i>Thank you</i>\r\n";
const INTERVIEW = "WEBVTT\n\nNOTE Hello\n\nintro\n00:01.000 --> 00:02.000\nHello\n";
const LETTER = "Hello\n\nThank you\n";

/** @param {[name: string, text: string][]} files */
function filesOf(...files) {
  return files.map(([name, text]) => ({ name, mimeType: "text/plain", buffer: Buffer.from(text) }));
}

/** Something to wait at until it is opened. */
function gateway() {
  let open = () => {};
  /** @type {Promise<void>} */
  const opened = new Promise((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

/**
 * What the visitor downloads with the button of this task.
 *
 * @param {DemoPage} demo
 * @param {import("./support/demo.mjs").TaskLine} line
 */
async function downloaded(demo, line) {
  const coming = demo.page.waitForEvent("download");
  await line.click("download");
  const download = await coming;
  const text = await readFile(await download.path(), "utf8");
  return { name: download.suggestedFilename(), text };
}

test("several subtitle files become a task each, and only their speech is changed", async () => {
  const account = freshAccount();
  const demo = await stage.demo();
  await demo.signIn(account);
  await demo
    .at("task-file")
    .setInputFiles(
      filesOf(["film.srt", FILM], ["interview.vtt", INTERVIEW], ["letter.txt", LETTER]),
    );
  await demo.says("task-price", "3 points for 42 characters");
  assert.equal(await demo.at("task-submit").textContent(), "Translate all 3");
  await demo.at("task-submit").click();

  const film = demo.row("film.srt");
  const interview = demo.row("interview.vtt");
  const letter = demo.row("letter.txt");
  for (const line of [film, interview, letter]) await line.paid("charged");
  assert.deepEqual(await downloaded(demo, film), {
    name: "film.zh.srt",
    text: FILM.replace("Hello", "你好").replace("Thank you", "谢谢"),
  });
  assert.deepEqual(await downloaded(demo, interview), {
    name: "interview.zh.vtt",
    text: INTERVIEW.replace("\nHello\n", "\n你好\n"),
  });
  assert.deepEqual(await downloaded(demo, letter), {
    name: "letter.zh.txt",
    text: LETTER.replace("Hello", "你好").replace("Thank you", "谢谢"),
  });
  const ledger = await stage.server.ledger(account);
  assert.deepEqual(
    ledger.charges.map(({ amount }) => amount),
    [1, 1, 1],
  );
  await demo.agreement("agree");
});

test("a dropped file waits beside the others until it is submitted or removed", async () => {
  const account = freshAccount();
  const demo = await stage.demo();
  await demo.signIn(account);
  const files = await demo.page.evaluateHandle(
    (texts) => {
      const dropped = new DataTransfer();
      for (const [name, text] of texts) dropped.items.add(new File([text], name));
      return dropped;
    },
    /** @type {[string, string][]} */ ([
      ["film.srt", FILM],
      ["other.srt", FILM],
    ]),
  );
  await demo.at("task-form").dispatchEvent("drop", { dataTransfer: files });
  await demo.at("draft").filter({ hasText: "other.srt" }).getByTestId("draft-remove").click();
  await demo.at("task-submit").click();
  await demo.row("film.srt").paid("charged");
  assert.equal(await demo.at("task-row").count(), 1);
});

test("a file that is no text is named and not taken", async () => {
  const demo = await stage.demo();
  await demo.signIn(freshAccount());
  await demo.at("task-file").setInputFiles([
    {
      name: "film.mkv",
      mimeType: "video/x-matroska",
      buffer: Buffer.from([0x1a, 0x45, 0xff, 0xa3]),
    },
    ...filesOf(["film.srt", FILM]),
  ]);
  await demo.at("task-refusal").filter({ hasText: "film.mkv" }).waitFor();
  await demo.at("draft").filter({ hasText: "film.srt" }).waitFor();
  assert.equal(await demo.at("draft").count(), 1);
});

test("what is said in a cue is translated, however it begins", async () => {
  const demo = await stage.demo();
  await demo.signIn(freshAccount());
  const film = "1\n00:00:01,000 --> 00:00:02,000\nNOTE TO SELF\nHello\n";
  await demo.at("task-file").setInputFiles(filesOf(["film.srt", film]));
  await demo.at("draft").getByText("2 lines of speech").waitFor();
});

test("text that is dropped is left to the browser", async () => {
  const demo = await stage.demo();
  await demo.signIn(freshAccount());
  const isLeft = await demo.at("task-text").evaluate((field) => {
    const dataTransfer = new DataTransfer();
    dataTransfer.setData("text/plain", "Hello");
    const drop = new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true });
    return field.dispatchEvent(drop);
  });
  assert.ok(isLeft);
});

test("where the browser lets nothing be copied, the button says so", async () => {
  const demo = await stage.demo();
  /** @type {string[]} */
  const uncaught = [];
  demo.page.on("pageerror", (error) => uncaught.push(error.message));
  await demo.page.addInitScript(() => {
    navigator.clipboard.writeText = () => Promise.reject(new DOMException("", "NotAllowedError"));
  });
  await demo.signIn(freshAccount());
  const line = await demo.submit("Hello");
  await line.translated("done");
  await line.click("open-text");
  await demo.at("copy").click();
  await demo.says("copy", "The browser did not let it be copied");
  assert.deepEqual(uncaught, []);
});

test("pasted subtitles are titled by their first line of speech", async () => {
  const demo = await stage.demo();
  await demo.signIn(freshAccount());
  await demo.at("task-text").fill(FILM.replace("Hello", "<b>Good   morning</b>"));
  await demo.at("task-submit").click();
  const line = demo.row("Good morning");
  await line.paid("charged");
  assert.equal(await line.locator.getByRole("heading").textContent(), "Good morning");
});

test("repeated lines are held and not charged, and a retry of the task agrees", async () => {
  const account = freshAccount();
  const demo = await stage.demo();
  await demo.signIn(account);
  await demo.says("balance-confirmed", "120");
  const refrain = "Thank you very much. ".repeat(5).trim();
  const song = `${refrain}\n`.repeat(5);
  const gate = gateway();
  await demo.page.route("**/demo/translate", async (route) => {
    await gate.opened;
    await route.continue();
  });
  await demo.at("task-text").fill(song);
  assert.equal(await demo.at("task-price").textContent(), "2 points for 104 characters");
  await demo.at("task-submit").click();
  const line = demo.row("Thank you very much.");
  await line.paid("held");
  await demo.says("balance-held", "6");
  gate.open();
  await line.paid("charged");
  await demo.says("balance-confirmed", "118");
  await line.click("payAgain");
  await demo.at("notice").filter({ hasText: "not charged again" }).waitFor();
  assert.equal((await stage.server.ledger(account)).balance, 118);
  await demo.agreement("agree");
});

test("a long file is translated in parts, shows how far it has come, and is one charge", async () => {
  const account = freshAccount();
  const demo = await stage.demo();
  await demo.signIn(account);
  const text = Array.from({ length: 45 }, (_, at) => `Good morning ${at + 1}`).join("\n");
  let parts = 0;
  const gate = gateway();
  await demo.page.route("**/demo/translate", async (route) => {
    parts += 1;
    if (parts === 3) await gate.opened;
    await route.continue();
  });
  await demo.at("task-file").setInputFiles(filesOf(["long.txt", text]));
  await demo.at("task-submit").click();
  const line = demo.row("long.txt");
  await line.locator.getByText("40 of 45 lines").waitFor();
  gate.open();
  await line.paid("charged");
  const { charges, balance } = await stage.server.ledger(account);
  assert.deepEqual([charges.length, balance], [1, 120 - 8]);
});

test("a task beyond the balance says what to do, and its own top-up makes it affordable", async () => {
  const account = freshAccount();
  const demo = await stage.demo();
  await demo.signIn(account);
  await demo.says("balance-confirmed", "120");
  const line = await demo.submit("Thank you. ".repeat(1_100));
  assert.equal(await line.paid("declined"), "insufficient_balance");
  await line.locator.getByText("Nothing was taken. Top up, then try again.").waitFor();
  await line.click("topUp");
  await demo.says("balance-confirmed", "320");
  await line.click("translateAgain");
  await line.paid("charged");
  assert.equal((await stage.server.ledger(account)).balance, 320 - 121);
});

test("the purse is painted from the cache while the module has not loaded", async () => {
  const account = freshAccount();
  const demo = await stage.demo();
  await demo.signIn(account);
  await (await demo.submit("Hello")).paid("charged");
  await demo.says("purse-available", "119");
  const gate = gateway();
  await demo.page.route("**/*.wasm", async (route) => {
    await gate.opened;
    await route.continue();
  });
  await demo.page.reload();
  await demo.says("purse-available", "119");
  assert.equal(await demo.at("desk").count(), 0, "no client is open yet");
  gate.open();
  await demo.at("desk").waitFor();
  await demo.says("purse-available", "119");
});

test("a charge whose answer was lost is told as taken once, and not as paid before", async () => {
  const demo = await stage.demo();
  await demo.signIn(freshAccount());
  await demo.weather("lose_answers");
  const line = await demo.submit("Thank you");
  await demo
    .at("notice")
    .filter({ hasText: /“Thank you” paid: 1 point/ })
    .waitFor();
  await line.paid("charged");
  await line.click("payAgain");
  await demo.at("notice").filter({ hasText: "was paid before" }).waitFor();
});

test("what was said last of a charge is told anew when that is paid", async () => {
  const demo = await stage.demo();
  await demo.signIn(freshAccount());
  await demo.weather("cut");
  const line = await demo.submit("Thank you");
  await demo.page.locator('[data-testid="notice"][data-tone="wait"]').waitFor();
  await demo.weather("none");
  await line.paid("charged");
  await demo
    .at("notice")
    .filter({ hasText: /“Thank you” paid: 1 point/ })
    .waitFor();
});

test("a task that was not started is tried again by the button that its advice names", async () => {
  const demo = await stage.demo();
  await demo.signIn(freshAccount());
  await demo.says("balance-confirmed", "120");
  await demo.at("go-offline").click();
  await demo.network("offline");
  const line = await demo.submit("Thank you. ".repeat(1_100));
  assert.equal(await line.paid("failed"), "offline_spend_denied");
  await line.locator.getByTestId("advice").getByText("Try again begins anew.").waitFor();
  await line.locator.getByTestId("translateAgain").waitFor();
  assert.equal(await line.locator.getByTestId("retry").count(), 0);
});

test("the outbox shows what waits and why, and sends or gives up one charge", async () => {
  const account = freshAccount();
  const demo = await stage.demo();
  await demo.signIn(account);
  await demo.says("balance-confirmed", "120");
  await demo.at("go-offline").click();
  await demo.network("offline");
  const hello = await demo.submit("Hello");
  const goodbye = await demo.submit("Goodbye");
  for (const line of [hello, goodbye]) assert.equal(await line.paid("queued"), "offline");
  await demo.says("queue-open", "2");
  const waiting = demo.at("outbox-line").filter({ hasText: "Goodbye" });
  await waiting.getByText("this tab is offline").waitFor();
  await waiting.getByTestId("outbox-cancel").click();
  assert.equal(await goodbye.paid("failed"), "cancelled");
  await demo.says("queue-open", "1");
  await demo.at("come-online").click();
  await hello.paid("charged");
  await demo.says("queue-open", "0");
  await demo.says("queue-settled", "2");
  assert.equal((await stage.server.ledger(account)).charges.length, 1);
});

test("what is sent after an outage has a progress bar until it is paid", async () => {
  const account = freshAccount();
  const demo = await stage.demo();
  await demo.signIn(account);
  await demo.says("balance-confirmed", "120");
  await demo.at("go-offline").click();
  await demo.network("offline");
  const lines = [await demo.submit("Hello"), await demo.submit("Goodbye")];
  for (const line of lines) await line.paid("queued");
  const gate = gateway();
  await demo.page.route("**/billing/v1/charges**", async (route) => {
    await gate.opened;
    await route.continue();
  });
  await demo.at("come-online").click();
  await demo.at("flush-progress").waitFor();
  assert.equal(await demo.at("flush-progress").getAttribute("max"), "2");
  gate.open();
  for (const line of lines) await line.paid("charged");
  await demo.at("flush-progress").waitFor({ state: "detached" });
  assert.equal((await stage.server.ledger(account)).charges.length, 2);
});

test("a parked charge asks for the customer, whose retry pays it", async () => {
  const account = freshAccount();
  const demo = await stage.demo();
  await demo.signIn(account);
  await demo.says("balance-confirmed", "120");
  await demo.weather("broken");
  const line = await demo.submit("Hello");
  // Twenty attempts, with pauses.
  await line.locator.locator('[data-resolving="false"]').waitFor({ timeout: 60_000 });
  assert.equal(await line.paid("unknown"), "retries_exhausted");
  await line.locator.getByText("Needs you").waitFor();
  await demo.says("queue-parked", "1");
  await demo.weather("none");
  await demo.at("outbox-retry").click();
  await line.paid("charged");
  await demo.says("queue-parked", "0");
  assert.equal((await stage.server.ledger(account)).charges.length, 1);
});

for (const [locale, words] of /** @type {const} */ ([
  ["en-GB", { waits: "Nothing has been taken.", next: "next attempt in", effect: "Retry-After" }],
  ["zh-CN", { waits: "目前没有扣费。", next: "下次尝试", effect: "10 秒" }],
])) {
  test(`during maintenance a charge waits as long as the server asks, and the page says so in ${locale}`, async () => {
    const account = freshAccount();
    const demo = await stage.demo(locale);
    await demo.signIn(account);
    await demo.weather("busy");
    await demo.at("weather-effect").filter({ hasText: words.effect }).waitFor();
    const line = await demo.submit("Hello");
    await line.paid("queued");
    await line.because("busy");
    await line.locator.getByText(words.waits).waitFor();
    await demo.at("outbox-line").getByText(words.next).waitFor();
    await demo.weather("none");
    // On a slow machine the time that the server asked for may be over by now.
    await Promise.any([demo.at("outbox-retry").click(), line.paid("charged")]);
    await line.paid("charged");
    assert.equal((await stage.server.ledger(account)).charges.length, 1);
  });
}

test("why a charge waits that was never sent is told alike in the list and the outbox, and as of now", async () => {
  const account = freshAccount();
  const demo = await stage.demo();
  await demo.signIn(account);
  await demo.says("balance-confirmed", "120");
  await stage.server.breakFor(account, { kind: "status", status: 503, retry_after: "600" });
  const line = await demo.submit("Hello");
  await line.because("busy");
  await demo.at("outbox-line").getByText("the server is busy").waitFor();
  await demo.at("go-offline").click();
  await line.because("offline");
  await demo.at("outbox-line").getByText("this tab is offline").waitFor();
  await demo.at("come-online").click();
  await line.because("busy");
  assert.deepEqual((await stage.server.ledger(account)).charges, []);
});

test("a first look at the weather that fails is repeated", async () => {
  const account = freshAccount();
  const demo = await stage.demo();
  await stage.server.breakFor(account, { kind: "drop_before" });
  await demo.page.route("**/faults", (route) => route.abort(), { times: 1 });
  await demo.signIn(account);
  await demo.hasWeather("cut");
});

test("a fault that is none of the page's weathers is named, and ended by “Fair”", async () => {
  const account = freshAccount();
  const demo = await stage.demo();
  await stage.server.breakFor(account, { kind: "garbage" });
  await demo.signIn(account);
  await demo.at("weather-effect").getByText("Another fault").waitFor();
  await demo.weather("none");
  await (await demo.submit("Thank you")).paid("charged");
});

test("a late answer about the weather before does not undo the visitor's choice", async () => {
  const demo = await stage.demo();
  const gate = gateway();
  let asked = 0;
  await demo.page.route("**/faults", async (route) => {
    asked += 1;
    const response = await route.fetch();
    if (asked === 1) await gate.opened;
    await route.fulfill({ response });
  });
  await demo.signIn(freshAccount());
  await demo.weather("broken");
  const late = demo.page.waitForResponse("**/faults");
  gate.open();
  await late;
  await (await demo.submit("Hello")).translated("done");
  await demo.hasWeather("broken");
});

for (const [locale, words] of /** @type {const} */ ([
  [
    "en-GB",
    {
      cut: "No request arrives.",
      slow: "Every answer takes 3 s.",
      broken: "Every answer is 500.",
      gateway: "A proxy answers 503 with a web page",
      paid: "Paid",
      agree: "Page and ledger agree",
    },
  ],
  [
    "zh-CN",
    {
      cut: "请求无法到达。",
      slow: "每个应答都要 3 秒。",
      broken: "每个应答都是 500。",
      gateway: "代理返回 503 网页",
      paid: "已付费",
      agree: "本页与账本一致",
    },
  ],
])) {
  for (const kind of /** @type {const} */ (["cut", "slow", "broken", "gateway"])) {
    test(`a charge made in the weather “${kind}” is paid once afterwards, told in ${locale}`, async () => {
      const account = freshAccount();
      const demo = await stage.demo(locale);
      await demo.signIn(account);
      await demo.says("balance-confirmed", "120");
      await demo.weather(kind);
      await demo.at("weather-effect").filter({ hasText: words[kind] }).waitFor();
      const line = await demo.submit("Hello");
      await line.translated("done");
      await demo.says("queue-open", "1");
      await demo.page.reload();
      await demo.hasWeather(kind);
      await demo.weather("none");
      await line.paid("charged");
      await line.locator.getByText(words.paid, { exact: true }).waitFor();
      assert.equal((await stage.server.ledger(account)).charges.length, 1);
      await demo.agreement("agree");
      await demo.says("agreement", words.agree);
    });
  }
}

for (const [locale, words] of /** @type {const} */ ([
  ["en-GB", { effect: "Somebody else has signed in", why: "the sign-in was not accepted" }],
  ["zh-CN", { effect: "其他人已登录", why: "登录未被接受" }],
])) {
  test(`while somebody else is signed in nobody pays, and the charge is the account's own afterwards, told in ${locale}`, async () => {
    const account = freshAccount();
    const demo = await stage.demo(locale);
    await demo.signIn(account);
    await demo.says("balance-confirmed", "120");
    await demo.weather("stranger");
    await demo.at("weather-effect").filter({ hasText: words.effect }).waitFor();
    const line = await demo.submit("Hello");
    await line.paid("queued");
    await line.because("unauthorized");
    await line.locator.getByText(words.why).waitFor();
    assert.deepEqual((await stage.server.ledger(account)).charges, []);
    assert.deepEqual((await stage.server.ledger(`${account}-sibling`)).charges, []);
    await demo.weather("none");
    await line.paid("charged");
    assert.equal((await stage.server.ledger(account)).balance, 119);
  });
}

test("an expired token is replaced without the customer", async () => {
  const account = freshAccount();
  const demo = await stage.demo();
  await demo.signIn(account);
  await demo.says("balance-confirmed", "120");
  const refused = demo.page.waitForResponse((response) => response.status() === 401);
  await demo.at("expire-token").click();
  await refused;
  await demo.at("notice").filter({ hasText: "a new one was asked for" }).waitFor();
  await (await demo.submit("Hello")).paid("charged");
  assert.equal((await stage.server.ledger(account)).balance, 119);
});

test("the module is killed once, though the button is pressed twice", async () => {
  const demo = await stage.demo();
  /** @type {string[]} */
  const uncaught = [];
  demo.page.on("pageerror", (error) => uncaught.push(error.message));
  await demo.signIn(freshAccount());
  await demo.says("balance-confirmed", "120");
  await demo.at("kill-module").evaluate((button) => {
    for (const _ of [1, 2]) /** @type {HTMLButtonElement} */ (button).click();
  });
  await demo.at("notice").filter({ hasText: "The billing module died" }).waitFor();
  await (await demo.submit("Hello")).paid("charged");
  assert.ok(await demo.page.evaluate(() => Date.now() > 0));
  assert.deepEqual(uncaught, []);
});

for (const [locale, words] of /** @type {const} */ ([
  ["en-GB", "A fresh one has taken over, with 2 open charges from the journal."],
  ["zh-CN", "新的模块已接手，日志中有 2 笔未结扣费。"],
])) {
  test(`the module is killed while charges wait, and a fresh one pays each of them once, told in ${locale}`, async () => {
    const account = freshAccount();
    const demo = await stage.demo(locale);
    /** @type {string[]} */
    const uncaught = [];
    demo.page.on("pageerror", (error) => uncaught.push(error.message));
    await demo.signIn(account);
    await demo.says("balance-confirmed", "120");
    await demo.weather("cut");
    const lines = [await demo.submit("Hello"), await demo.submit("Goodbye")];
    for (const line of lines) await line.translated("done");
    await demo.says("queue-open", "2");
    await demo.at("kill-module").click();
    await demo.at("notice").filter({ hasText: words }).waitFor();
    await demo.weather("none");
    for (const line of lines) await line.paid("charged");
    assert.equal((await stage.server.ledger(account)).balance, 118);
    await demo.agreement("agree");
    assert.deepEqual(uncaught, []);
  });
}
