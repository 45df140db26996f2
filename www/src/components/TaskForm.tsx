import { type DragEvent, type SubmitEvent, useId, useState } from "react";
import type { Desk } from "../desk";
import { useMessages } from "../i18n";
import { characters, priceOf } from "../price";
import { SAMPLE } from "../sample";
import type { Language } from "../server";
import { newTask } from "../tasks";

const LARGEST_FILE_BYTES = 1_000_000;
const TITLE_CHARACTERS = 40;

/** Takes a text or a subtitle file, says what it will cost, and submits it. */
export function TaskForm({ desk }: { desk: Desk }) {
  const t = useMessages().form;
  const [text, setText] = useState("");
  const [file, setFile] = useState<string | null>(null);
  const [target, setTarget] = useState<Language>("zh");
  const [refusal, setRefusal] = useState<string | null>(null);
  const [over, setOver] = useState(false);
  const tariff = useId();
  const empty = text.trim() === "";

  const take = async (chosen: File | undefined) => {
    if (!chosen) return;
    const read = await readText(chosen);
    setRefusal(read === null ? t.unreadable(chosen.name) : null);
    if (read === null) return;
    setText(read);
    setFile(chosen.name);
  };

  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (empty) return;
    void desk.submit(newTask(file ?? firstWords(text), text, target));
    setText("");
    setFile(null);
  };

  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    void take(event.dataTransfer.files[0]);
  };

  return (
    <section className="task-form" aria-labelledby={`${tariff}-heading`}>
      <h1 id={`${tariff}-heading`}>{t.heading}</h1>
      <form onSubmit={submit}>
        <label className="text-field" data-over={over}>
          <span className="visually-hidden">{t.text}</span>
          <textarea
            data-testid="task-text"
            rows={5}
            value={text}
            placeholder={t.placeholder}
            onChange={(event) => {
              setText(event.target.value);
              setFile(null);
            }}
            onDragOver={(event) => {
              event.preventDefault();
              setOver(true);
            }}
            onDragLeave={() => setOver(false)}
            onDrop={drop}
          />
        </label>
        <div className="form-line">
          <label className="file-button">
            <input
              type="file"
              accept=".srt,.txt,text/plain,application/x-subrip"
              className="visually-hidden"
              data-testid="task-file"
              onChange={(event) => {
                void take(event.target.files?.[0]);
                event.target.value = "";
              }}
            />
            <span>{file ?? t.file}</span>
          </label>
          <button
            type="button"
            className="quiet"
            data-testid="task-sample"
            onClick={() => {
              setText(SAMPLE[target]);
              setFile(null);
            }}
          >
            {t.sample}
          </button>
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
        </div>
        <div className="form-line form-end">
          <p>
            <output data-testid="task-price">
              {empty ? "" : t.price(priceOf(text), characters(text))}
            </output>{" "}
            <span className="note" id={tariff}>
              {t.tariff}
            </span>
          </p>
          <button
            type="submit"
            className="primary"
            data-testid="task-submit"
            aria-describedby={tariff}
            disabled={empty}
          >
            {t.submit}
          </button>
        </div>
        <p role="alert" className="refusal" data-testid="task-refusal">
          {refusal}
        </p>
      </form>
    </section>
  );
}

/** The text of a file, or null where it is too large or not text. */
async function readText(file: File): Promise<string | null> {
  if (file.size > LARGEST_FILE_BYTES) return null;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
  } catch {
    return null;
  }
}

function firstWords(text: string): string {
  const line = [...text.trim().replaceAll(/\s+/g, " ")];
  return line.length <= TITLE_CHARACTERS
    ? line.join("")
    : `${line.slice(0, TITLE_CHARACTERS - 1).join("")}…`;
}
