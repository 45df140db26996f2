import { type DragEvent, type SubmitEvent, useId, useState } from "react";
import type { Desk } from "../desk";
import { useMessages } from "../i18n";
import { characters, priceOf } from "../price";
import { SAMPLE } from "../sample";
import type { Language } from "../server";
import { parse, phrasesOf, speechOf } from "../subtitles";
import { newTask } from "../tasks";
import { Icon } from "./Icon";

const LARGEST_FILE_BYTES = 1_000_000;

interface Draft {
  id: string;
  name: string;
  text: string;
}

/** Takes subtitle files and pasted text, says what they will cost, and submits them. */
export function TaskForm({ desk }: { desk: Desk }) {
  const t = useMessages().form;
  const [text, setText] = useState("");
  const [drafts, setDrafts] = useState<readonly Draft[]>([]);
  const [target, setTarget] = useState<Language>("zh");
  const [refused, setRefused] = useState<readonly string[]>([]);
  const [over, setOver] = useState(false);
  const tariff = useId();
  const sources = [...drafts.map((draft) => draft.text), text].filter(hasSpeech);

  const take = async (files: Iterable<File>) => {
    const read = await Promise.all([...files].map(readText));
    const taken = read.filter((file): file is Draft => "text" in file);
    setDrafts((before) => [...before, ...taken]);
    setRefused(read.flatMap((file) => ("text" in file ? [] : [file.name])));
  };

  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    for (const { name, text } of drafts) {
      if (hasSpeech(text)) void desk.submit(newTask(name, text, target));
    }
    if (hasSpeech(text)) void desk.submit(newTask(null, text, target));
    setText("");
    setDrafts([]);
    setRefused([]);
  };

  // What is no file, e.g. selected text, is dropped as the browser does it.
  const hasFiles = (event: DragEvent) => event.dataTransfer.types.includes("Files");
  const drop = (event: DragEvent) => {
    setOver(false);
    if (!hasFiles(event)) return;
    event.preventDefault();
    void take(event.dataTransfer.files);
  };

  return (
    <form
      className="card task-form"
      aria-labelledby={`${tariff}-heading`}
      data-over={over}
      data-testid="task-form"
      onSubmit={submit}
      onDragOver={(event) => {
        if (!hasFiles(event)) return;
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      <header className="card-head">
        <h2 id={`${tariff}-heading`}>{t.heading}</h2>
        <label className="target">
          <span>{t.target}</span>
          <select
            data-testid="task-target"
            value={target}
            onChange={(event) => setTarget(event.target.value === "en" ? "en" : "zh")}
          >
            <option value="zh">{t.zh}</option>
            <option value="en">{t.en}</option>
          </select>
        </label>
      </header>
      <div className="composer">
        <label>
          <span className="visually-hidden">{t.text}</span>
          <textarea
            data-testid="task-text"
            rows={4}
            value={text}
            placeholder={t.placeholder}
            onChange={(event) => setText(event.target.value)}
          />
        </label>
        <div className="composer-tools">
          <label className="file-button">
            <input
              type="file"
              multiple
              accept=".srt,.vtt,.txt,text/plain,text/vtt,application/x-subrip"
              className="visually-hidden"
              data-testid="task-file"
              onChange={(event) => {
                const files = [...(event.target.files ?? [])];
                event.target.value = "";
                void take(files);
              }}
            />
            <span>
              <Icon name="upload" />
              {t.file}
            </span>
          </label>
          <button
            type="button"
            className="quiet"
            data-testid="task-sample"
            onClick={() => setText(SAMPLE[target])}
          >
            {t.sample}
          </button>
          <span className="note drop-hint">{t.drop}</span>
        </div>
      </div>
      {drafts.length > 0 && (
        <ul className="drafts" aria-label={t.drafts}>
          {drafts.map((draft) => (
            <DraftLine
              key={draft.id}
              draft={draft}
              onRemove={() => setDrafts(drafts.filter(({ id }) => id !== draft.id))}
            />
          ))}
        </ul>
      )}
      <p role="alert" className="refusal" data-testid="task-refusal">
        {refused.map(t.unreadable).join(" ")}
      </p>
      <div className="form-end">
        <div>
          <Quote sources={sources} />
          <p className="note" id={tariff}>
            {t.tariff}
          </p>
        </div>
        <button
          type="submit"
          className="primary"
          data-testid="task-submit"
          aria-describedby={tariff}
          disabled={sources.length === 0}
        >
          {sources.length > 1 ? t.submitAll(sources.length) : t.submit}
        </button>
      </div>
    </form>
  );
}

/** What all of it will cost, and what is held meanwhile where that is more. */
function Quote({ sources }: { sources: readonly string[] }) {
  const t = useMessages().form;
  const scripts = sources.map(parse);
  const sum = (count: (lines: readonly string[]) => number, of: typeof phrasesOf) =>
    scripts.reduce((total, script) => total + count(of(script)), 0);
  const price = sum(priceOf, phrasesOf);
  const most = sum(priceOf, speechOf);
  return (
    <p>
      <output data-testid="task-price">
        {sources.length > 0 && t.price(price, sum(characters, phrasesOf))}
      </output>{" "}
      {most > price && <span className="note">{t.atMost(most)}</span>}
    </p>
  );
}

function DraftLine({ draft, onRemove }: { draft: Draft; onRemove: () => void }) {
  const t = useMessages();
  const phrases = phrasesOf(parse(draft.text));
  const lines = speechOf(parse(draft.text)).length;
  return (
    <li data-testid="draft">
      <Icon name="file" />
      <span className="title">{draft.name}</span>
      <span className="note">
        {lines === 0
          ? t.form.speechless
          : `${t.form.lines(lines)} · ${t.tasks.points(priceOf(phrases))}`}
      </span>
      <button
        type="button"
        className="quiet icon-button"
        aria-label={`${t.form.remove}: ${draft.name}`}
        data-testid="draft-remove"
        onClick={onRemove}
      >
        <Icon name="close" />
      </button>
    </li>
  );
}

function hasSpeech(text: string): boolean {
  return parse(text).speech.length > 0;
}

/** The text of a file; its name alone where it is too large or not text. */
async function readText(file: File): Promise<Draft | { name: string }> {
  const { name } = file;
  if (file.size > LARGEST_FILE_BYTES) return { name };
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
    // Quotes and the like are longer as they are sent.
    if (new Blob([JSON.stringify(text)]).size > LARGEST_FILE_BYTES) return { name };
    return { id: crypto.randomUUID(), name, text };
  } catch {
    return { name };
  }
}
