// @ts-check
/** The results of a run: a line a rule, JSON, and JUnit's XML. */

/** @import { Options } from "./options.js" */
/** @import { Purse, Result } from "./run.js" */

/**
 * @param {Options} options
 * @param {number} rules
 * @param {{ own: Purse, other: Purse | null }} purses
 */
export function head({ baseUrl, profiles, run }, rules, { own, other }) {
  const others = other && `, and ${other.needed} of the other account, which has ${other.there}`;
  return [
    `tollbox conformance, run ${run}, against ${baseUrl}`,
    ...(profiles.length > 0 ? [`profiles: ${profiles.join(", ")}`] : []),
    `${rules} rules take up to ${own.needed} points of the account, which has ${own.there}${others ?? ""}.`,
    "",
    "",
  ].join("\n");
}

/** @param {Result} result */
export function line({ id, verdict, duty, source, reason, repeat }) {
  switch (verdict) {
    case "kept":
      return `kept     ${id}\n`;
    case "skipped":
      return `skipped  ${id}: ${reason}\n`;
    case "broken":
      return [
        `BROKEN   ${id}: ${reason}`,
        `         duty:   ${duty} (${source})`,
        ...(repeat === null ? [] : [`         repeat: ${repeat}`]),
        "",
      ].join("\n");
  }
}

/** @param {Result[]} results */
export function foot(results) {
  const { broken, kept, skipped } = counts(results);
  return `\n${kept} kept, ${broken} broken, ${skipped} skipped\n`;
}

/**
 * @param {Options} options
 * @param {Result[]} results
 */
export function asJson({ baseUrl, profiles, run }, results) {
  const rules = results.map(({ duty, id, reason, repeat, source, verdict }) => ({
    duty,
    id,
    reason,
    repeat,
    source,
    verdict,
  }));
  const { broken, kept, skipped } = counts(results);
  const all = { base_url: baseUrl, broken, kept, profiles, rules, run, skipped };
  return `${JSON.stringify(all, null, 2)}\n`;
}

/** @param {Result[]} results */
export function asJunit(results) {
  const { broken, skipped } = counts(results);
  const topics = [...new Set(results.map(({ id }) => topicOf(id)))];
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="tollbox conformance" tests="${results.length}" failures="${broken}" skipped="${skipped}">`,
    ...topics.flatMap((topic) =>
      suite(
        topic,
        results.filter(({ id }) => topicOf(id) === topic),
      ),
    ),
    "</testsuites>",
    "",
  ].join("\n");
}

/**
 * @param {string} topic
 * @param {Result[]} results
 */
function suite(topic, results) {
  const { broken, skipped } = counts(results);
  return [
    `  <testsuite name="${topic}" tests="${results.length}" failures="${broken}" skipped="${skipped}">`,
    ...results.flatMap(testCase),
    "  </testsuite>",
  ];
}

/** @param {Result} result */
function testCase({ id, verdict, duty, source, reason, repeat }) {
  const start = `    <testcase classname="${topicOf(id)}" name="${id}"`;
  if (verdict === "kept") {
    return [`${start}/>`];
  }
  const told =
    verdict === "skipped"
      ? `<skipped message="${escaped(reason ?? "")}"/>`
      : `<failure message="${escaped(reason ?? "")}">${escaped(`${duty} (${source})\n${repeat ?? ""}`)}</failure>`;
  return [`${start}>`, `      ${told}`, "    </testcase>"];
}

/** @param {string} id */
function topicOf(id) {
  return id.split("/")[0];
}

/** @param {Result[]} results */
function counts(results) {
  const count = (/** @type {string} */ wanted) =>
    results.filter(({ verdict }) => verdict === wanted).length;
  return { kept: count("kept"), broken: count("broken"), skipped: count("skipped") };
}

/** As XML can have it: control characters can't be written in any way. @param {string} text */
function escaped(text) {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replace(/[^\t\n\r\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, "\ufffd");
}
