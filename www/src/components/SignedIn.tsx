import { useState } from "react";
import { useBalance, useBilling } from "../billing";
import { Desk } from "../desk";
import { useLocale } from "../i18n";
import type { Session } from "../session";
import { Header } from "./Header";
import { Workplace } from "./Workplace";
import "../styles/cards.css";
import "../styles/tasks.css";
import "../styles/gauges.css";

/** The page of one signed-in account. */
export function SignedIn(props: {
  session: Session;
  onSignOut: () => void;
  onSwitchLanguage: () => void;
}) {
  const { session, onSignOut, onSwitchLanguage } = props;
  const locale = useLocale();
  const [desk] = useState(() => new Desk(session));
  const opened = useBilling(desk, locale);
  const balance = useBalance(desk, opened);
  const signOut = async () => {
    await desk.signOut();
    onSignOut();
  };
  return (
    <>
      <Header
        onSwitchLanguage={onSwitchLanguage}
        signedIn={{ account: session.account, onSignOut: signOut, purse: desk.purse, balance }}
      />
      <main>
        <Workplace desk={desk} opened={opened} />
      </main>
    </>
  );
}
