import { type SubmitEvent, useId, useState } from "react";
import { useMessages } from "../i18n";
import { type Session, signIn } from "../session";

export function SignIn(props: {
  /** How many charges the account that has signed out has left open. */
  leftOpen: number;
  onSignedIn: (session: Session) => void;
}) {
  const { leftOpen, onSignedIn } = props;
  const t = useMessages().signIn;
  const [account, setAccount] = useState("demo");
  const [busy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<string | null>(null);
  const hint = useId();

  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    setBusy(true);
    setRefusal(null);
    try {
      onSignedIn(await signIn(account.trim()));
    } catch (error) {
      setRefusal(error instanceof Error ? error.message : String(error));
      setBusy(false);
    }
  };

  return (
    <section className="sign-in">
      <h1>{t.heading}</h1>
      <p className="lead">{t.lead}</p>
      {leftOpen > 0 && (
        <p className="note" role="status" data-testid="left-open">
          {t.leftOpen(leftOpen)}
        </p>
      )}
      <form onSubmit={submit} data-testid="sign-in-form">
        <label>
          <span>{t.account}</span>
          <input
            data-testid="account-input"
            value={account}
            maxLength={64}
            autoComplete="username"
            aria-describedby={hint}
            onChange={(event) => setAccount(event.target.value)}
          />
        </label>
        <button
          type="submit"
          className="primary"
          data-testid="sign-in"
          disabled={busy || !account.trim()}
        >
          {busy ? t.busy : t.submit}
        </button>
      </form>
      <p id={hint} className="note">
        {t.hint}
      </p>
      <p role="alert" className="refusal" data-testid="sign-in-refusal">
        {refusal !== null && t.failed(refusal)}
      </p>
    </section>
  );
}
