import { useEffect, useState } from "react";
import { createPortal } from "react-dom";
import { useBalance, useBilling } from "../billing";
import { Desk } from "../desk";
import { useLocale } from "../i18n";
import type { Session } from "../session";
import { useStore } from "../store";
import { Account } from "./Account";
import { Workplace } from "./Workplace";
import "../styles/cards.css";
import "../styles/tasks.css";
import "../styles/gauges.css";

/** The page of one signed-in account. */
export function SignedIn(props: {
  session: Session;
  /** Where in the header the account has its place. */
  accountPlace: Element | null;
  onSignOut: (open: number) => void;
}) {
  const { session, accountPlace, onSignOut } = props;
  const locale = useLocale();
  const [desk] = useState(() => new Desk(session));
  const opened = useBilling(desk, locale);
  const balance = useBalance(desk, opened);
  const isOver = useStore(desk.isOver);
  const signOut = async () => onSignOut(await desk.signOut());

  // biome-ignore lint/correctness/useExhaustiveDependencies: once, when another tab has signed out
  useEffect(() => {
    if (isOver) onSignOut(0);
  }, [isOver]);

  return (
    <>
      {accountPlace &&
        createPortal(
          <Account
            account={session.account}
            onSignOut={signOut}
            purse={desk.purse}
            balance={balance}
          />,
          accountPlace,
        )}
      <main>
        <Workplace desk={desk} opened={opened} />
      </main>
    </>
  );
}
