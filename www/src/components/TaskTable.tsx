import { useState } from "react";
import type { BillingSnapshot } from "tollbox";
import { type Desk, type Entry, entriesOf } from "../desk";
import { useMessages } from "../i18n";
import { useStore } from "../store";
import { TaskRow } from "./TaskRow";
import { TextDialog } from "./TextDialog";

/** "Translated" and "paid" are two columns: a translation can be done and its charge still open. */
export function TaskTable(props: { desk: Desk; network: BillingSnapshot["network"] }) {
  const { desk, network } = props;
  const t = useMessages().tasks;
  const entries = entriesOf(useStore(desk.tasks), useStore(desk.records));
  const [shown, setShown] = useState<Entry | null>(null);
  return (
    <section aria-labelledby="tasks-heading" data-testid="tasks">
      <h2 id="tasks-heading">{t.heading}</h2>
      {entries.length === 0 ? (
        <p className="note empty">{t.none}</p>
      ) : (
        <table className="tasks">
          <thead>
            <tr>
              <th scope="col">{t.task}</th>
              <th scope="col" className="number">
                {t.price}
              </th>
              <th scope="col">{t.translated}</th>
              <th scope="col">{t.paid}</th>
              <th scope="col" className="number">
                {t.attempts}
              </th>
              <th scope="col">
                <span className="visually-hidden">{t.actions}</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {entries.map((entry) => (
              <TaskRow
                key={entry.key}
                desk={desk}
                entry={entry}
                network={network}
                onShow={() => setShown(entry)}
              />
            ))}
          </tbody>
        </table>
      )}
      {shown?.task && <TextDialog task={shown.task} onClose={() => setShown(null)} />}
    </section>
  );
}
