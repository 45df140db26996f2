import { useEffect, useId, useState } from "react";
import type { Desk } from "../desk";
import { currentTrouble, makeTrouble, type Trouble } from "../faults";
import { useMessages } from "../i18n";
import { comeBack, goOffline, pretendsOffline } from "../network";
import { about } from "../server";
import { useStore } from "../store";
import { Card } from "./Card";

const TROUBLES: Trouble[] = ["none", "cut", "lose_answers", "slow", "busy", "broken"];

/** What a visitor can break on purpose. */
export function TroubleCard({ desk }: { desk: Desk }) {
  const t = useMessages().trouble;
  const [offline, setOffline] = useState(pretendsOffline);
  const faults = useFaultPanel();
  const note = useId();

  const toggle = () => {
    if (offline) comeBack();
    else goOffline();
    setOffline(pretendsOffline());
  };

  return (
    <Card heading={t.heading} testId="trouble">
      <p className="note">{t.lead}</p>
      <button
        type="button"
        aria-describedby={note}
        data-testid={offline ? "come-online" : "go-offline"}
        onClick={toggle}
      >
        {offline ? t.online : t.offline}
      </button>
      <p className="note" id={note}>
        {t.offlineNote}
      </p>
      {faults && <ServerTrouble desk={desk} />}
    </Card>
  );
}

function ServerTrouble({ desk }: { desk: Desk }) {
  const t = useMessages().trouble;
  const { account } = desk.session;
  const records = useStore(desk.records);
  const [trouble, setTrouble] = useState<Trouble>("none");
  const [failed, setFailed] = useState(false);
  const [before, setBefore] = useState<ReadonlySet<string>>(new Set());

  const choose = async (next: Trouble) => {
    try {
      await makeTrouble(account, next);
      setBefore(unknownKeys(records.values()));
      setTrouble(next);
      setFailed(false);
    } catch {
      setFailed(true);
    }
  };

  useEffect(() => {
    // Rules outlive a reload of the page.
    currentTrouble(account).then(setTrouble, () => setFailed(true));
  }, [account]);

  // One lost answer is enough: the next attempt may find out.
  const lost =
    trouble === "lose_answers" &&
    [...unknownKeys(records.values())].some((key) => !before.has(key));
  // biome-ignore lint/correctness/useExhaustiveDependencies: once, when the answer has been lost
  useEffect(() => {
    if (lost) void choose("none");
  }, [lost]);

  return (
    <fieldset className="troubles">
      <legend>{t.server}</legend>
      {TROUBLES.map((name) => (
        <label key={name}>
          <input
            type="radio"
            name="trouble"
            data-testid={`trouble-${name}`}
            checked={trouble === name}
            onChange={() => choose(name)}
          />
          {t[name]}
        </label>
      ))}
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

/** Whether this server lets its visitors break it. */
function useFaultPanel(): boolean {
  const [faults, setFaults] = useState(false);
  useEffect(() => {
    let wanted = true;
    about().then(
      (answer) => wanted && setFaults(answer.faults),
      () => {},
    );
    return () => {
      wanted = false;
    };
  }, []);
  return faults;
}
