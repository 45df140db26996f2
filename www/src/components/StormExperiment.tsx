import type { Desk } from "../desk";
import { useLocale, useMessages } from "../i18n";
import { useStore } from "../store";
import { RIVALS, type StormResult, type StormState } from "../storm";
import { Icon } from "./Icon";
import { Permalink } from "./Permalink";

const FIGURES = ["charged", "doubles", "losses", "wrong", "seconds"] as const;
const FEARED: ReadonlySet<string> = new Set(["doubles", "losses", "wrong"]);

/** The same storm for three ways to send charges, and what the ledger says of each. */
export function StormExperiment({ desk }: { desk: Desk }) {
  const t = useMessages().storm;
  const { storm } = desk;
  const { run, running, results, failure } = useStore(storm.state);
  const told = RIVALS.filter((name) => results[name]);
  return (
    <div
      className="experiment"
      id="experiment-storm"
      data-testid="experiment-storm"
      data-run={run}
      data-state={running ? "running" : told.length > 0 ? "done" : "idle"}
    >
      <p>
        {t.story}
        <Permalink id="experiment-storm" label={t.link} />
      </p>
      <button
        type="button"
        data-testid="run-storm"
        disabled={running !== null}
        onClick={() => storm.run()}
      >
        <Icon name="broken" />
        {t.run}
      </button>
      {running && <Progress running={running} />}
      <p role="status" className="visually-hidden">
        {running && `${t.rivals[running.rival]}. ${running.calm ? t.calm : t.stormy}`}
        {!running && told.length === RIVALS.length && t.over}
      </p>
      {failure !== null && (
        <p role="alert" className="refusal">
          {t.failed(failure)}
        </p>
      )}
      {told.length > 0 && (
        <div className="storm-results">
          <table className="sides">
            <thead>
              <tr>
                <td />
                {told.map((name) => (
                  <th key={name} scope="col" title={t.how[name]}>
                    {t.rivals[name]}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {FIGURES.map((figure) => (
                <tr key={figure}>
                  <th scope="row">{t.figures[figure]}</th>
                  {told.map((name) => (
                    <Figure key={name} figure={figure} name={name} result={results[name]} />
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
          <ul className="note">
            {told.map((name) => (
              <li key={name}>
                <b>{t.rivals[name]}</b>: {t.how[name]}
              </li>
            ))}
          </ul>
        </div>
      )}
    </div>
  );
}

function Figure(props: {
  figure: (typeof FIGURES)[number];
  name: string;
  result: StormResult | undefined;
}) {
  const locale = useLocale();
  const { figure, name, result } = props;
  if (!result) return <td />;
  const value = result[figure];
  const tone = FEARED.has(figure) ? (value > 0 ? "bad" : "good") : undefined;
  const format = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
  return (
    <td data-tone={tone} data-testid={`storm-${name}-${figure}`}>
      {format.format(value)}
    </td>
  );
}

function Progress({ running }: { running: NonNullable<StormState["running"]> }) {
  const t = useMessages().storm;
  const { rival, known, asked, calm } = running;
  return (
    <label className="progress storm-progress">
      <span className="note">
        {t.progress(t.rivals[rival], known, asked)} {calm ? t.calm : t.stormy}
      </span>
      <progress value={known} max={asked} />
    </label>
  );
}
