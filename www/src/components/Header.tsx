import type { Ref } from "react";
import { useMessages } from "../i18n";
import icon from "../icon.svg";
import { ThemeSwitch } from "./ThemeSwitch";

/** Whose page it is, and what is left to spend: always in sight. */
export function Header(props: {
  /** Gets the place for the account, which comes with the desk: the switches beside it keep their focus. */
  accountPlace: Ref<HTMLDivElement>;
  onSwitchLanguage: () => void;
}) {
  const t = useMessages();
  return (
    <header className="header">
      <div className="header-line">
        <img src={icon} alt="" width="30" height="30" />
        <p className="brand">
          <strong>{t.brand}</strong>
          <span>{t.tagline}</span>
        </p>
        <div className="header-end">
          <div className="account" ref={props.accountPlace} />
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
