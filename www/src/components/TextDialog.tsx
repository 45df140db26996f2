import { useEffect, useId, useRef, useState } from "react";
import { useMessages } from "../i18n";
import type { Task } from "../tasks";

/** The whole of a translation beside its original. */
export function TextDialog({ task, onClose }: { task: Task; onClose: () => void }) {
  const t = useMessages();
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useId();
  const [copied, setCopied] = useState(false);
  const translated = task.translation.state === "done" ? task.translation.text : "";

  useEffect(() => {
    dialog.current?.showModal();
  }, []);

  const copy = async () => {
    await navigator.clipboard.writeText(translated);
    setCopied(true);
  };

  return (
    <dialog ref={dialog} aria-labelledby={heading} data-testid="text-dialog" onClose={onClose}>
      <h2 id={heading}>{task.title}</h2>
      <div className="texts">
        <section>
          <h3>{t.tasks.source}</h3>
          <pre>{task.source}</pre>
        </section>
        <section>
          <h3>{t.tasks.translated}</h3>
          <pre data-testid="translated-text">{translated}</pre>
        </section>
      </div>
      <form method="dialog" className="form-line">
        <button type="button" onClick={copy}>
          {copied ? t.tasks.copied : t.tasks.copy}
        </button>
        <button type="submit" className="primary" data-testid="close-text">
          {t.close}
        </button>
      </form>
    </dialog>
  );
}
