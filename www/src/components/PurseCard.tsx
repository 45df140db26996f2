import { type SubmitEvent, useState } from "react";
import type { Balance } from "tollbox";
import type { Desk } from "../desk";
import { useLocale, useMessages } from "../i18n";
import { relative, useNow } from "../i18n/time";
import { Card } from "./Card";
import { PurseLine } from "./PurseLine";

/** So large a number takes smaller letters. */
const LONG_FROM = 1e7;

/** What the server confirmed, what is held of it, and what is left to spend. */
export function PurseCard({ desk, balance }: { desk: Desk; balance: Balance | null }) {
  const t = useMessages().balance;
  return (
    <Card heading={t.heading} testId="balance" id="purse" end={<Freshness balance={balance} />}>
      {balance ? (
        <Figures desk={desk} balance={balance} />
      ) : (
        <p data-testid="balance-none">{t.none}</p>
      )}
      <div className="balance-actions">
        <TopUp desk={desk} />
        <button
          type="button"
          className="quiet"
          data-testid="balance-refresh"
          onClick={() => desk.refreshBalance()}
        >
          {t.refresh}
        </button>
      </div>
    </Card>
  );
}

function Freshness({ balance }: { balance: Balance | null }) {
  const t = useMessages().balance;
  const locale = useLocale();
  const now = useNow();
  if (!balance) return null;
  return (
    <span className="note freshness">
      <span
        className="dot"
        data-tone={balance.stale ? "wait" : "good"}
        data-testid="balance-freshness"
        data-stale={balance.stale}
        role="img"
        aria-label={balance.stale ? t.stale : t.fresh}
      />
      {t.asOf}{" "}
      <span data-testid="balance-age">
        {relative(locale, balance.asOf, Math.max(now, balance.asOf))}
      </span>
    </span>
  );
}

function Figures({ desk, balance }: { desk: Desk; balance: Balance }) {
  const t = useMessages().balance;
  const count = new Intl.NumberFormat(useLocale());
  const { available, confirmed, held } = balance;
  return (
    <>
      <div className="purse">
        <p className="purse-available">
          <strong data-testid="balance-available" data-long={available >= LONG_FROM || undefined}>
            {count.format(available)}
          </strong>
          <span>{t.available}</span>
        </p>
        <PurseLine purse={desk.purse} testId="purse-sparkline" />
      </div>
      <dl className="sum">
        <div>
          <dt>{t.confirmed}</dt>
          <dd data-testid="balance-confirmed">{count.format(confirmed)}</dd>
        </div>
        <span aria-hidden="true">−</span>
        <div>
          <dt>{t.held}</dt>
          <dd data-testid="balance-held">{count.format(held)}</dd>
        </div>
        <span aria-hidden="true">=</span>
        <div>
          <dt>{t.left}</dt>
          <dd>{count.format(available)}</dd>
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
