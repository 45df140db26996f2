import { useId, useState } from "react";
import { useMessages } from "../i18n";
import type { Task } from "../tasks";

/** A translation beside its original. */
export function TaskTexts({ task }: { task: Task }) {
  const t = useMessages().tasks;
  const id = useId();
  const [copying, setCopying] = useState<"copy" | "copied" | "notCopied">("copy");
  const translated = task.translation.state === "done" ? task.translation.text : "";
  const source = task.target === "zh" ? "en" : "zh-CN";

  const copy = async () => {
    try {
      await navigator.clipboard.writeText(translated);
      setCopying("copied");
    } catch {
      setCopying("notCopied");
    }
  };

  return (
    <div className="texts">
      <section aria-labelledby={`${id}-source`}>
        <h4 id={`${id}-source`}>{t.source}</h4>
        <pre
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
          tabIndex={0}
          lang={source}
        >
          {task.source}
        </pre>
      </section>
      <section aria-labelledby={`${id}-result`}>
        <h4 id={`${id}-result`}>
          {t.result}
          <button type="button" className="quiet" data-testid="copy" onClick={copy}>
            {t[copying]}
          </button>
        </h4>
        <pre
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
          tabIndex={0}
          lang={task.target === "zh" ? "zh-CN" : "en"}
          data-testid="translated-text"
        >
          {translated}
        </pre>
      </section>
    </div>
  );
}
