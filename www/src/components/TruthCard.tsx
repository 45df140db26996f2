import { useCallback, useEffect, useRef, useState } from "react";
import type { BillingSnapshot } from "tollbox";
import { type Agreement, agreementOf, type Reading } from "../agreement";
import type { Desk } from "../desk";
import { type Messages, useLocale, useMessages } from "../i18n";
import { clock, relative, useNow } from "../i18n/time";
import { type LedgerCharge, readLedger } from "../server";
import { useStore } from "../store";
import { truthOf } from "../truth";
import { Card } from "./Card";
import { Icon } from "./Icon";

const READ_EVERY_MS = 3_000;
const SETTLING_MS = 150;
const AGREEMENT_TONE = { agree: "good", more: "plain", behind: "wait", disagree: "bad" } as const;

/** The server's database beside the page: so that one sees whether they agree. */
export function TruthCard({ desk, snapshot }: { desk: Desk; snapshot: BillingSnapshot }) {
  const t = useMessages();
  const { reading, failed, read } = useLedger(desk, snapshot);
  const [isListed, setListed] = useState(false);
  return (
    <Card heading={t.ledger.heading} lead={t.ledger.lead} testId="ledger" id="truth">
      {reading ? (
        <Verdict desk={desk} reading={reading} confirmed={snapshot.balance?.confirmed ?? null} />
      ) : (
        <p>{t.ledger.unread}</p>
      )}
      {reading && reading.ledger.charges.length > 0 && (
        <details
          data-testid="ledger-charges"
          onToggle={(event) => setListed(event.currentTarget.open)}
        >
          <summary>
            {t.ledger.charges} ({reading.ledger.charges.length})
          </summary>
          {isListed && (
            <ul className="ledger-charges">
              {reading.ledger.charges.map((charge) => (
                <LedgerLine key={charge.charge_id} charge={charge} t={t} />
              ))}
            </ul>
          )}
        </details>
      )}
      <div className="card-end">
        <button type="button" data-testid="ledger-refresh" onClick={read}>
          {t.ledger.refresh}
        </button>
        <span className="note">
          <span role="status">{failed && t.ledger.unreachable}</span>{" "}
          {reading && <ReadAt askedAt={reading.askedAt} />}
        </span>
      </div>
    </Card>
  );
}

function ReadAt({ askedAt }: { askedAt: number }) {
  const t = useMessages().ledger;
  const locale = useLocale();
  const now = useNow();
  return t.readAt(relative(locale, askedAt, Math.max(now, askedAt)));
}

function Verdict(props: { desk: Desk; reading: Reading; confirmed: number | null }) {
  const t = useMessages().ledger;
  const count = new Intl.NumberFormat(useLocale());
  const { reading, confirmed } = props;
  const records = useStore(props.desk.records);
  const agreement = agreementOf(reading, records.values());
  const truth = truthOf(reading.ledger, reading.askedAt, records.values());
  const { state } = agreement;
  const rows = [
    ["charges", truth.page.charges, truth.ledger.charges],
    ["points", truth.page.points, truth.ledger.points],
    ["balance", confirmed, reading.ledger.balance],
  ] as const;
  return (
    <>
      <p
        className="verdict"
        data-tone={AGREEMENT_TONE[state]}
        data-testid="agreement"
        data-state={state}
        role="status"
      >
        {state === "agree" && <Icon name="check" />}
        {sentenceOf(agreement, t)}
      </p>
      <dl className="proof">
        <div data-tone={truth.doubles > 0 ? "bad" : "good"}>
          <dd data-testid="doubles">{truth.doubles}</dd>
          <dt>{t.doubles}</dt>
        </div>
        <div data-tone={truth.losses > 0 ? "bad" : "good"}>
          <dd data-testid="losses">{truth.losses}</dd>
          <dt>{t.losses}</dt>
        </div>
        <div>
          <dd data-testid="repeats">{count.format(truth.repeats)}</dd>
          <dt>{t.repeats}</dt>
        </div>
      </dl>
      <table className="sides">
        <thead>
          <tr>
            <td />
            <th scope="col">{t.page}</th>
            <th scope="col">{t.server}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(([name, page, there]) => (
            <tr key={name}>
              <th scope="row">{t.rows[name]}</th>
              <td data-testid={`page-${name}`}>{page === null ? "–" : count.format(page)}</td>
              <td data-testid={`ledger-${name}${name === "charges" ? "-count" : ""}`}>
                {count.format(there)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

function sentenceOf(agreement: Agreement, t: Messages["ledger"]): string {
  switch (agreement.state) {
    case "agree":
      return t.agree;
    case "more":
      return t.more(agreement.known, agreement.more);
    case "behind":
      return t.behind(agreement.count);
    case "disagree":
      return t.disagree(agreement.differences);
  }
}

function LedgerLine({ charge, t }: { charge: LedgerCharge; t: Messages }) {
  const locale = useLocale();
  return (
    <li data-testid="ledger-charge" data-key={charge.idempotency_key}>
      <span>{t.tasks.points(charge.amount)}</span>
      <span className="key">{charge.idempotency_key}</span>
      <span className="note">
        {clock(locale, Date.parse(charge.charged_at))} · {t.ledger.sent(charge.requests)}
      </span>
    </li>
  );
}

/** Reads the ledger when a charge or the balance has changed, and now and then. */
function useLedger(desk: Desk, snapshot: BillingSnapshot) {
  const records = useStore(desk.records);
  const [reading, setReading] = useState<Reading | null>(null);
  const [failed, setFailed] = useState(false);
  const latest = useRef(0);

  const read = useCallback(async () => {
    const askedAt = Date.now();
    try {
      const ledger = await readLedger(desk.session);
      // A slow answer must not replace a younger one.
      if (askedAt < latest.current) return;
      latest.current = askedAt;
      setReading({ ledger, askedAt });
      setFailed(false);
    } catch {
      setFailed(true);
    }
  }, [desk]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: a change of these is what it waits for
  useEffect(() => {
    const soon = setTimeout(read, SETTLING_MS);
    const again = setInterval(read, READ_EVERY_MS);
    return () => {
      clearTimeout(soon);
      clearInterval(again);
    };
  }, [read, records, snapshot.balance?.version]);

  return { reading, failed, read };
}
