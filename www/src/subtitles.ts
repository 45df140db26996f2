/** What a file of subtitles, or a plain text, is made of: its speech, and all that stays as it is. */

export type Format = "srt" | "vtt" | "txt";

export interface Script {
  format: Format;
  /** Every line; line ends stand between them, so that they survive a translation. */
  readonly parts: readonly string[];
  /** Which of the parts are speech. */
  readonly speech: readonly number[];
}

const TITLE_CHARACTERS = 40;
const TIME_LINE = /^\s*(?:\d+:)?\d{1,2}:\d{2}[.,]\d{1,3}\s*-->/;

export function parse(text: string): Script {
  const parts = text.split(/(\r\n|\n|\r)/);
  const format = formatOf(text, parts);
  return { format, parts, speech: format === "txt" ? spoken(parts) : cueLines(parts) };
}

/** The lines to be translated. A line that is repeated is one: it is translated and paid once. */
export function phrasesOf({ parts, speech }: Script): string[] {
  return [...new Set(speech.map((at) => parts[at] ?? ""))];
}

/** All that is said, repetitions included: no translation of it costs more than this. */
export function speechOf({ parts, speech }: Script): string[] {
  return speech.map((at) => parts[at] ?? "");
}

/** The script with its speech translated, and everything else untouched. */
export function translated(script: Script, phrases: ReadonlyMap<string, string>): string {
  const parts = [...script.parts];
  for (const at of script.speech) parts[at] = phrases.get(parts[at] ?? "") ?? parts[at] ?? "";
  return parts.join("");
}

/** The first line of speech, short: a title for a text that has no file name. */
export function titleOf(script: Script): string {
  const line = (speechOf(script)[0] ?? "").replaceAll(/<[^>]*>/g, "").replaceAll(/\s+/g, " ");
  const title = [...line.trim()];
  return title.length <= TITLE_CHARACTERS
    ? title.join("")
    : `${title.slice(0, TITLE_CHARACTERS - 1).join("")}…`;
}

function formatOf(text: string, parts: readonly string[]): Format {
  if (/^\uFEFF?WEBVTT/.test(text)) return "vtt";
  return parts.some((line) => TIME_LINE.test(line)) ? "srt" : "txt";
}

function isLine(at: number): boolean {
  return at % 2 === 0;
}

function spoken(parts: readonly string[]): number[] {
  return parts.flatMap((part, at) => (isLine(at) && part.trim() !== "" ? [at] : []));
}

/**
 * The lines below a time line, up to the next empty one. So nobody speaks in WebVTT's NOTE, STYLE and
 * REGION, which have no time line.
 */
function cueLines(parts: readonly string[]): number[] {
  const speech: number[] = [];
  let speaking = false;
  parts.forEach((part, at) => {
    if (!isLine(at)) return;
    if (part.trim() === "") speaking = false;
    else if (TIME_LINE.test(part)) speaking = true;
    else if (speaking) speech.push(at);
  });
  return speech;
}
