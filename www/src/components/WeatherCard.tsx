import { useEffect, useState } from "react";
import type { Desk } from "../desk";
import { useFaultPanel } from "../fault-panel";
import { useMessages } from "../i18n";
import { comeBack, goOffline, offline } from "../network";
import { useStore } from "../store";
import { WEATHERS, type Weather } from "../weather";
import { Card } from "./Card";
import { Icon } from "./Icon";

/** What a visitor can break on purpose. */
export function WeatherCard({ desk }: { desk: Desk }) {
  const t = useMessages().weather;
  const isOffline = useStore(offline);
  const faults = useFaultPanel();

  return (
    <Card heading={t.heading} lead={t.lead} testId="weather" id="weather">
      {faults && <Conditions desk={desk} />}
      <div className="strikes">
        <button
          type="button"
          className={isOffline ? "struck" : undefined}
          aria-description={t.offlineNote}
          title={t.offlineNote}
          data-testid={isOffline ? "come-online" : "go-offline"}
          onClick={isOffline ? comeBack : goOffline}
        >
          <Icon name="offline" />
          {isOffline ? t.online : t.offline}
        </button>
        <button
          type="button"
          aria-description={t.expireNote}
          title={t.expireNote}
          data-testid="expire-token"
          onClick={() => desk.expireToken()}
        >
          <Icon name="token" />
          {t.expire}
        </button>
        <button
          type="button"
          className="danger"
          aria-description={t.killNote}
          title={t.killNote}
          data-testid="kill-module"
          onClick={() => desk.killModule()}
        >
          <Icon name="skull" />
          {t.kill}
        </button>
      </div>
    </Card>
  );
}

function Conditions({ desk }: { desk: Desk }) {
  const t = useMessages().weather;
  const records = useStore(desk.records);
  const weather = useStore(desk.weather);
  const [failed, setFailed] = useState(false);
  const [before, setBefore] = useState<ReadonlySet<string>>(new Set());

  const choose = async (next: Weather) => {
    try {
      await desk.makeWeather(next);
      setBefore(unknownKeys(records.values()));
      setFailed(false);
    } catch {
      setFailed(true);
    }
  };

  // Rules outlive a reload of the page, and other tabs make some.
  useEffect(() => desk.followWeather(setFailed), [desk]);

  // One lost answer is enough: the next attempt may find out.
  const lost =
    weather === "lose_answers" &&
    [...unknownKeys(records.values())].some((key) => !before.has(key));
  // biome-ignore lint/correctness/useExhaustiveDependencies: once, when the answer has been lost
  useEffect(() => {
    if (lost) void choose("none");
  }, [lost]);

  return (
    <fieldset className="conditions">
      <legend className="visually-hidden">{t.server}</legend>
      {WEATHERS.map((name) => (
        <label key={name}>
          <input
            type="radio"
            name="weather"
            data-testid={`weather-${name}`}
            checked={weather === name}
            onChange={() => choose(name)}
          />
          <span>
            <Icon name={name} />
            <b>{t[name]}</b>
          </span>
        </label>
      ))}
      <p className="note effect" data-testid="weather-effect">
        {weather === null ? t.unknown : t.effect[weather]}
      </p>
      <p role="alert" className="refusal">
        {failed && t.failed}
      </p>
    </fieldset>
  );
}

function unknownKeys(
  records: Iterable<{ key: string; outcome: { status: string } | null }>,
): Set<string> {
  const keys = new Set<string>();
  for (const { key, outcome } of records) if (outcome?.status === "unknown") keys.add(key);
  return keys;
}
