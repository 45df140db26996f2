import { useSyncExternalStore } from "react";
import type { BillingClient } from "tollbox";
import { useBilling } from "../billing";
import type { Desk } from "../desk";
import { useLocale, useMessages } from "../i18n";
import { BalanceCard } from "./BalanceCard";
import { Devtools } from "./Devtools";
import { FeedCard } from "./FeedCard";
import { LedgerCard } from "./LedgerCard";
import { NoticeLine } from "./NoticeLine";
import { QueueCard } from "./QueueCard";
import { StatsCard } from "./StatsCard";
import { TaskForm } from "./TaskForm";
import { TaskTable } from "./TaskTable";
import { TroubleCard } from "./TroubleCard";

/** Opens the billing client of the desk, and shows the desk once it is open. */
export function Workplace({ desk }: { desk: Desk }) {
  const t = useMessages();
  const opened = useBilling(desk, useLocale());
  switch (opened.state) {
    case "opening":
      return (
        <p className="opening" role="status">
          {t.opening}
        </p>
      );
    case "failed":
      return (
        <section className="sign-in" role="alert" data-testid="open-failed">
          <p className="refusal">{t.openFailed}</p>
          <p className="note">{String(opened.error)}</p>
          <button type="button" className="primary" data-testid="open-again" onClick={opened.again}>
            {t.tryAgain}
          </button>
        </section>
      );
    case "open":
      return <OpenDesk desk={desk} client={opened.client} />;
  }
}

function OpenDesk({ desk, client }: { desk: Desk; client: BillingClient }) {
  const snapshot = useSyncExternalStore(
    (listener) => client.subscribe(listener),
    () => client.getSnapshot(),
  );
  return (
    <div className="desk" data-testid="desk">
      <div className="desk-main">
        <TaskForm desk={desk} />
        <NoticeLine desk={desk} />
        <TaskTable desk={desk} network={snapshot.network} />
        <LedgerCard desk={desk} snapshot={snapshot} />
        <Devtools client={client} feed={desk.feed} />
      </div>
      <aside className="desk-side">
        <BalanceCard desk={desk} balance={snapshot.balance} />
        <QueueCard desk={desk} snapshot={snapshot} />
        <TroubleCard desk={desk} />
        <StatsCard stats={snapshot.stats} history={desk.history} />
        <FeedCard feed={desk.feed} goingOn={snapshot.alerts ?? []} />
      </aside>
    </div>
  );
}
