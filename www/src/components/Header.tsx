import type { Balance } from "tollbox";
import { useLocale, useMessages } from "../i18n";
import icon from "../icon.svg";
import type { PurseHistory } from "../purse";
import { PurseLine } from "./PurseLine";
import { ThemeSwitch } from "./ThemeSwitch";

interface SignedIn {
  account: string;
  onSignOut: () => void;
  purse: PurseHistory;
  balance: Balance | null;
}

/** Whose page it is, and what is left to spend: always in sight. */
export function Header(props: { onSwitchLanguage: () => void; signedIn?: SignedIn }) {
  const t = useMessages();
  const { signedIn } = props;
  return (
    <header className="header">
      <div className="header-line">
        <img src={icon} alt="" width="30" height="30" />
        <p className="brand">
          <strong>{t.brand}</strong>
          <span>{t.tagline}</span>
        </p>
        <div className="header-end">
          {signedIn && <PurseChip {...signedIn} />}
          {signedIn && (
            <span className="signed-in">
              <span className="visually-hidden">{t.signIn.as} </span>
              <bdi data-testid="account">{signedIn.account}</bdi>
            </span>
          )}
          {signedIn && (
            <button
              type="button"
              className="quiet"
              data-testid="sign-out"
              onClick={signedIn.onSignOut}
            >
              {t.signIn.out}
            </button>
          )}
          <ThemeSwitch />
          <button
            type="button"
            className="quiet"
            data-testid="language"
            lang={t.otherLocale}
            onClick={props.onSwitchLanguage}
          >
            {t.otherLanguage}
          </button>
        </div>
      </div>
    </header>
  );
}

function PurseChip({ balance, purse }: SignedIn) {
  const t = useMessages().balance;
  const count = new Intl.NumberFormat(useLocale());
  return (
    <a className="purse-chip" href="#purse" data-testid="purse-chip">
      <PurseLine purse={purse} />
      <strong data-testid="purse-available">
        {balance ? count.format(balance.available) : "…"}
      </strong>
      <span>{t.available}</span>
      <span
        className="dot"
        data-tone={balance && !balance.stale ? "good" : "wait"}
        role="img"
        aria-label={balance && !balance.stale ? t.fresh : t.stale}
        title={balance && !balance.stale ? t.fresh : t.stale}
      />
    </a>
  );
}
