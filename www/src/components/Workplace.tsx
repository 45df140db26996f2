import type { BillingClient } from "tollbox";
import { useAddressedPart } from "../address";
import { type Opened, useSnapshot } from "../billing";
import type { Desk } from "../desk";
import { Devtools } from "./Devtools";
import { ExperimentsCard } from "./ExperimentsCard";
import { FeedCard } from "./FeedCard";
import { GaugesCard } from "./GaugesCard";
import { NoticeLine } from "./NoticeLine";
import { OpenFailed } from "./OpenFailed";
import { Opening } from "./Opening";
import { OutboxCard } from "./OutboxCard";
import { PurseCard } from "./PurseCard";
import { Sections } from "./Sections";
import { Story } from "./Story";
import { TaskForm } from "./TaskForm";
import { TaskList } from "./TaskList";
import { Tour } from "./Tour";
import { TruthCard } from "./TruthCard";
import { WeatherCard } from "./WeatherCard";

/** The desk, once its billing client is open. */
export function Workplace({ desk, opened }: { desk: Desk; opened: Opened }) {
  switch (opened.state) {
    case "opening":
      return <Opening />;
    case "failed":
      return <OpenFailed error={opened.error} again={opened.again} />;
    case "open":
      return <OpenDesk desk={desk} client={opened.client} />;
  }
}

function OpenDesk({ desk, client }: { desk: Desk; client: BillingClient }) {
  const snapshot = useSnapshot(client);
  useAddressedPart();

  return (
    <>
      <Story>
        <Tour />
      </Story>
      <Sections />
      <div className="desk" data-testid="desk">
        <div className="half">
          <div className="column area-desk" id="desk">
            <TaskForm desk={desk} />
            <NoticeLine desk={desk} />
            <TaskList desk={desk} network={snapshot.network} />
          </div>
          <div className="column area-trouble">
            <WeatherCard desk={desk} />
            <ExperimentsCard desk={desk} client={client} />
          </div>
        </div>
        <div className="half">
          <div className="column area-money">
            <PurseCard desk={desk} balance={snapshot.balance} />
            <OutboxCard desk={desk} snapshot={snapshot} />
            <TruthCard desk={desk} snapshot={snapshot} />
            <FeedCard feed={desk.feed} goingOn={snapshot.alerts ?? []} />
          </div>
          <div className="column area-gauges" id="gauges">
            <GaugesCard desk={desk} stats={snapshot.stats} />
          </div>
        </div>
      </div>
      <Devtools client={client} desk={desk} />
    </>
  );
}
