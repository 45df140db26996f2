import { type SubmitEvent, useState } from "react";
import type { Balance } from "tollbox";
import type { Desk } from "../desk";
import { useLocale, useMessages } from "../i18n";
import { relative, useNow } from "../i18n/time";
import { Card } from "./Card";

/** What the server confirmed, what is held of it, and what is left to spend. */
export function BalanceCard({ desk, balance }: { desk: Desk; balance: Balance | null }) {
  const t = useMessages().balance;
  return (
    <Card heading={t.heading} testId="balance">
      {balance ? <Figures balance={balance} /> : <p data-testid="balance-none">{t.none}</p>}
      <div className="balance-actions">
        <button type="button" data-testid="balance-refresh" onClick={() => desk.refreshBalance()}>
          {t.refresh}
        </button>
        <TopUp desk={desk} />
      </div>
    </Card>
  );
}

function Figures({ balance }: { balance: Balance }) {
  const t = useMessages().balance;
  const locale = useLocale();
  const now = useNow();
  const count = new Intl.NumberFormat(locale);
  return (
    <>
      <p className="balance-available">
        <strong data-testid="balance-available">{count.format(balance.available)}</strong>{" "}
        <span>{t.available}</span>
      </p>
      <dl className="figures">
        <div>
          <dt>{t.confirmed}</dt>
          <dd data-testid="balance-confirmed">{count.format(balance.confirmed)}</dd>
        </div>
        <div>
          <dt>{t.held}</dt>
          <dd data-testid="balance-held">{count.format(balance.held)}</dd>
        </div>
        <div>
          <dt>{t.asOf}</dt>
          <dd>
            <span data-testid="balance-age">
              {relative(locale, balance.asOf, Math.max(now, balance.asOf))}
            </span>{" "}
            <span
              className="badge"
              data-tone={balance.stale ? "wait" : "good"}
              data-testid="balance-freshness"
              data-stale={balance.stale}
            >
              {balance.stale ? t.stale : t.fresh}
            </span>
          </dd>
        </div>
      </dl>
    </>
  );
}

function TopUp({ desk }: { desk: Desk }) {
  const t = useMessages().balance;
  const [points, setPoints] = useState("100");
  const amount = Number(points);
  const valid = Number.isSafeInteger(amount) && amount > 0;
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (valid) void desk.topUp(amount);
  };
  return (
    <form className="top-up" onSubmit={submit}>
      <label>
        <span className="visually-hidden">{t.topUpPoints}</span>
        <input
          inputMode="numeric"
          data-testid="topup-points"
          value={points}
          aria-invalid={!valid}
          onChange={(event) => setPoints(event.target.value)}
        />
      </label>
      <button type="submit" data-testid="topup" disabled={!valid}>
        {t.topUp}
      </button>
    </form>
  );
}
