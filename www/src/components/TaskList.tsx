import type { BillingSnapshot } from "tollbox";
import { type Desk, entriesOf } from "../desk";
import { useMessages } from "../i18n";
import { useStore } from "../store";
import { TaskItem } from "./TaskItem";

/** What was submitted, newest first. */
export function TaskList({ desk, network }: { desk: Desk; network: BillingSnapshot["network"] }) {
  const t = useMessages().tasks;
  const entries = entriesOf(useStore(desk.tasks), useStore(desk.records));
  return (
    <section className="tasks" aria-labelledby="tasks-heading" data-testid="tasks">
      <h2 id="tasks-heading">{t.heading}</h2>
      {entries.length === 0 ? (
        <p className="empty">{t.none}</p>
      ) : (
        <ol>
          {entries.map((entry) => (
            <TaskItem key={entry.key} desk={desk} entry={entry} network={network} />
          ))}
        </ol>
      )}
    </section>
  );
}
