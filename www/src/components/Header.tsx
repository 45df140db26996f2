import { useMessages } from "../i18n";
import icon from "../icon.svg";

export function Header(props: {
  account: string | null;
  onSignOut: () => void;
  onSwitchLanguage: () => void;
}) {
  const t = useMessages();
  return (
    <header className="header">
      <img src={icon} alt="" width="28" height="28" />
      <p className="brand">
        <strong>{t.brand}</strong>
        <span>{t.tagline}</span>
      </p>
      <div className="header-end">
        {props.account !== null && (
          <>
            <span className="signed-in">
              <span className="visually-hidden">{t.signIn.as} </span>
              <bdi data-testid="account">{props.account}</bdi>
            </span>
            <button
              type="button"
              className="quiet"
              data-testid="sign-out"
              onClick={props.onSignOut}
            >
              {t.signIn.out}
            </button>
          </>
        )}
        <button
          type="button"
          className="quiet"
          data-testid="language"
          aria-label={t.switchLanguage}
          onClick={props.onSwitchLanguage}
        >
          {t.otherLanguage}
        </button>
      </div>
    </header>
  );
}
