import type { ChargeOutcome, ChargeRequest, Declined, Failed } from "tollbox";
import { priceOf } from "./price";
import type { Language } from "./server";
import { Store } from "./store";
import { type Format, parse, phrasesOf, speechOf, titleOf } from "./subtitles";
import { keepInTab, readInTab, removeInTab } from "./tab-storage";

/** What is charged for: one task and feature are charged at most once. */
export const FEATURE = "cloud_trans";

/** The translation alone. Whether it is paid stands in the charge's record, and only there. */
export type TranslationState =
  | { state: "running"; done: number; total: number }
  /** Another tab translates it, of whose storage this tab has a copy. */
  | { state: "elsewhere" }
  | { state: "done"; text: string }
  | { state: "failed"; detail: string }
  | { state: "interrupted" }
  | { state: "not_started"; refusal: Declined | Failed };

export interface Task {
  id: string;
  /** Its file's name, or its first line of speech. */
  title: string;
  fileName: string | null;
  format: Format;
  source: string;
  target: Language;
  /** What it costs at most: so much is held while it is translated. */
  most: number;
  /** What it costs: repeated lines are translated, and paid, once. */
  price: number;
  createdAt: number;
  translation: TranslationState;
  /** True once the charge was given to the billing client, whatever became of it. */
  billed: boolean;
  /** What the client last said of it to this page. */
  told?: ChargeOutcome;
}

export function newTask(fileName: string | null, source: string, target: Language): Task {
  const script = parse(source);
  const phrases = phrasesOf(script);
  return {
    id: crypto.randomUUID(),
    title: fileName ?? titleOf(script),
    fileName,
    format: script.format,
    source,
    target,
    most: priceOf(speechOf(script)),
    price: priceOf(phrases),
    createdAt: Date.now(),
    translation: { state: "running", done: 0, total: phrases.length },
    billed: false,
  };
}

/** The charge of a task: the same task always makes the same request, hence the same key. */
export function chargeRequest(task: Task): ChargeRequest {
  return {
    taskId: task.id,
    feature: FEATURE,
    amount: task.price,
    metadata: { title: [...task.title].slice(0, 200).join(""), target: task.target },
  };
}

export function keyOf(task: Task): string {
  return `${FEATURE}:${task.id}`;
}

/**
 * The tasks of one account in this tab. Their texts are kept in sessionStorage, which a reload
 * leaves alone; the charges are the billing client's to keep.
 */
export class TaskList extends Store<readonly Task[]> {
  readonly #slot: string;
  #isForgotten = false;

  constructor(account: string) {
    const slot = `tasks:${account}`;
    super(read(slot));
    this.#slot = slot;
    for (const { id, translation } of this.get()) {
      if (translation.state === "elsewhere") void untilLetGo(id).then(() => this.#interrupted(id));
    }
  }

  find(id: string): Task | undefined {
    return this.get().find((task) => task.id === id);
  }

  put(task: Task): void {
    this.#keep([task, ...this.get().filter((other) => other.id !== task.id)]);
  }

  patch(id: string, change: Partial<Task>): void {
    this.#keep(this.get().map((task) => (task.id === id ? { ...task, ...change } : task)));
  }

  forget(): void {
    this.#isForgotten = true;
    removeInTab(this.#slot);
    this.set([]);
  }

  #interrupted(id: string): void {
    if (this.find(id)?.translation.state !== "elsewhere") return;
    this.patch(id, { translation: { state: "interrupted" } });
  }

  #keep(tasks: readonly Task[]): void {
    this.set(tasks);
    // The requests of a page that goes away fail, which says nothing about the task.
    if (isLeft || this.#isForgotten) return;
    // Where there is no room, the texts live as long as the page does.
    keepInTab(this.#slot, JSON.stringify(tasks));
  }
}

let isLeft = false;
addEventListener("pagehide", () => {
  isLeft = true;
});
addEventListener("pageshow", () => {
  isLeft = false;
});

/** Claims a task for this tab, until the function that is returned is called or the tab is gone. */
export function claim(id: string): () => void {
  let letGo = () => {};
  const over = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  // Without locks a copy of this tab takes the task for interrupted.
  navigator.locks?.request(lockOf(id), { mode: "shared" }, () => over).catch(() => {});
  return letGo;
}

/** Resolves when no tab has claimed the task, or that can't be known. */
async function untilLetGo(id: string): Promise<void> {
  await navigator.locks?.request(lockOf(id), () => {}).catch(() => {});
}

function lockOf(id: string): string {
  return `tollbox-demo:task:${id}`;
}

function read(slot: string): Task[] {
  try {
    const tasks = JSON.parse(readInTab(slot) ?? "[]") as Task[];
    // What was being translated when this was stored is interrupted, unless another tab is at it.
    return tasks.map((task) =>
      task.translation.state === "running"
        ? { ...task, translation: { state: "elsewhere" } }
        : task,
    );
  } catch {
    return [];
  }
}
