import { askPrice, translate } from "./server";
import type { Session } from "./session";
import { parse, phrasesOf, translated } from "./subtitles";
import type { Task } from "./tasks";

const LINES_A_REQUEST = 20;

/** Translates the speech of a task, some lines at a time, and tells how far it has come. */
export async function translateTask(
  session: Session,
  task: Task,
  onProgress: (done: number, total: number) => void,
): Promise<{ text: string; price: number }> {
  const script = parse(task.source);
  const phrases = phrasesOf(script);
  const lines = new Map<string, string>();
  let price = task.price;
  for (let begin = 0; begin < phrases.length; begin += LINES_A_REQUEST) {
    const batch = phrases.slice(begin, begin + LINES_A_REQUEST);
    const isAll = batch.length === phrases.length;
    const id = isAll ? task.id : `${task.id}.${begin}`;
    const answer = await translate(session, { id, source: batch.join("\n"), target: task.target });
    if (isAll) price = answer.price;
    const answers = answer.translated.split("\n");
    batch.forEach((phrase, at) => {
      lines.set(phrase, answers[at] ?? phrase);
    });
    onProgress(lines.size, phrases.length);
  }
  // The server has priced the parts; the task as a whole is what is paid for.
  if (phrases.length > LINES_A_REQUEST) ({ price } = await askPrice(session, task.id, task.price));
  return { text: translated(script, lines), price };
}
