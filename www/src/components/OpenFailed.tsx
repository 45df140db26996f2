import { useMessages } from "../i18n";

/** Nothing can be charged here, why, and a way to try again. */
export function OpenFailed({ error, again }: { error: unknown; again: () => void }) {
  const t = useMessages();
  return (
    <section className="sign-in" role="alert" data-testid="open-failed">
      <p className="refusal">{t.openFailed}</p>
      <p className="note">{String(error)}</p>
      <button type="button" className="primary" data-testid="open-again" onClick={again}>
        {t.tryAgain}
      </button>
    </section>
  );
}
