import type { BillingClient } from "tollbox";
import type { Desk } from "../desk";
import { type ExperimentName, type ExperimentResult, isSetback } from "../experiments";
import { useFaultPanel } from "../fault-panel";
import { useMessages } from "../i18n";
import { useStore } from "../store";
import { Card } from "./Card";
import { Icon } from "./Icon";
import { Permalink } from "./Permalink";
import { StormExperiment } from "./StormExperiment";

/** What people fear, at one click, and what came of it in the server's ledger. */
export function ExperimentsCard({ desk, client }: { desk: Desk; client: BillingClient }) {
  const t = useMessages().experiments;
  const { experiments } = desk;
  const faults = useFaultPanel();
  return (
    <Card heading={t.heading} lead={t.lead} testId="experiments" id="experiments">
      <Experiment desk={desk} name="tabs" act={() => experiments.openSecondTab(client)} />
      {faults && (
        <Experiment desk={desk} name="reload" act={() => experiments.killThisTab(client)} />
      )}
      {faults && <StormExperiment desk={desk} />}
    </Card>
  );
}

function Experiment(props: { desk: Desk; name: ExperimentName; act: () => Promise<void> }) {
  const { desk, name, act } = props;
  const t = useMessages().experiments;
  const state = useStore(desk.experiments[name]);
  const running = state.state === "running";
  return (
    <div
      className="experiment"
      id={`experiment-${name}`}
      data-testid={`experiment-${name}`}
      data-state={state.state}
    >
      <p>
        {t.story[name]}
        <Permalink id={`experiment-${name}`} label={t.link(t[name])} />
      </p>
      <button type="button" data-testid={`run-${name}`} disabled={running} onClick={act}>
        <Icon name={name} />
        {running ? t.running : t[name]}
      </button>
      <div role="status">
        {state.state === "done" && <Result name={name} result={state.result} />}
        {state.state === "failed" && (
          <p className="refusal">
            {isSetback(state.why) ? t.setback[state.why] : t.failed(state.why)}
          </p>
        )}
      </div>
    </div>
  );
}

function Result({ name, result }: { name: ExperimentName; result: ExperimentResult }) {
  const t = useMessages().experiments;
  const { wanted, before, charged, known, doubles, losses } = result;
  const isGood = doubles === 0 && losses === 0 && known === wanted;
  return (
    <div className="result" data-tone={isGood ? "good" : "bad"} data-testid={`result-${name}`}>
      <p>
        {name === "tabs"
          ? t.tabsResult(result.asked, wanted, charged)
          : t.reloadResult({ wanted, before, charged, known })}
      </p>
      <p>
        <b>{t.verdict(doubles, losses)}</b>
      </p>
    </div>
  );
}
