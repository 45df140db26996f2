import { useCallback, useEffect, useRef, useState } from "react";
import type { BillingSnapshot } from "tollbox";
import { agreementOf, type Reading } from "../agreement";
import type { Desk } from "../desk";
import { type Messages, useLocale, useMessages } from "../i18n";
import { clock, relative, useNow } from "../i18n/time";
import { type LedgerCharge, readLedger } from "../server";
import { useStore } from "../store";
import { Card } from "./Card";

const READ_EVERY_MS = 3_000;
const SETTLING_MS = 150;
const AGREEMENT_TONE = { agree: "good", behind: "wait", disagree: "bad" } as const;

/** The server's database beside the page: so that one sees whether they agree. */
export function LedgerCard({ desk, snapshot }: { desk: Desk; snapshot: BillingSnapshot }) {
  const t = useMessages();
  const locale = useLocale();
  const now = useNow();
  const { reading, failed, read } = useLedger(desk, snapshot);
  return (
    <Card heading={t.ledger.heading} testId="ledger">
      <p className="note">{t.ledger.lead}</p>
      {reading ? <Verdict desk={desk} reading={reading} /> : <p>{t.ledger.unread}</p>}
      {reading && (
        <details data-testid="ledger-charges">
          <summary>
            {t.ledger.charges} ({reading.ledger.charges.length})
          </summary>
          <ul className="ledger-charges">
            {reading.ledger.charges.map((charge) => (
              <LedgerLine key={charge.charge_id} charge={charge} t={t} />
            ))}
          </ul>
        </details>
      )}
      <p className="note" role="status">
        {failed && t.ledger.unreachable}{" "}
        {reading &&
          t.ledger.readAt(relative(locale, reading.askedAt, Math.max(now, reading.askedAt)))}
      </p>
      <button type="button" data-testid="ledger-refresh" onClick={read}>
        {t.ledger.refresh}
      </button>
    </Card>
  );
}

function Verdict({ desk, reading }: { desk: Desk; reading: Reading }) {
  const t = useMessages().ledger;
  const agreement = agreementOf(reading, useStore(desk.records).values());
  const { state } = agreement;
  return (
    <>
      <p role="status">
        <span
          className="badge"
          data-tone={AGREEMENT_TONE[state]}
          data-testid="agreement"
          data-state={state}
        >
          {state === "agree" ? t.agree : t[state](agreement.count)}
        </span>
      </p>
      <dl className="figures">
        <div>
          <dt>{t.balance}</dt>
          <dd data-testid="ledger-balance">{reading.ledger.balance}</dd>
        </div>
      </dl>
    </>
  );
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
