import { useEffect, useMemo, useState } from "react";
import { useBalance, useBilling } from "../billing";
import { Desk } from "../desk";
import { type Locale, LocaleContext, MESSAGES, preferredLocale } from "../i18n";
import { forgetAccount, rememberedAccount, resume, type Session } from "../session";
import { Header } from "./Header";
import { SignIn } from "./SignIn";
import { Workplace } from "./Workplace";

export function App() {
  const [locale, setLocale] = useState(preferredLocale);
  const [session, setSession] = useState<Session | null>(() => {
    const account = rememberedAccount();
    return account === null ? null : resume(account);
  });
  const desk = useMemo(() => session && new Desk(session), [session]);
  const t = MESSAGES[locale];
  const switchLanguage = () => setLocale(locale === "en" ? "zh-CN" : "en");

  useEffect(() => {
    document.documentElement.lang = locale;
    document.title = t.documentTitle;
  }, [locale, t]);

  const signOut = async () => {
    await desk?.signOut();
    forgetAccount();
    setSession(null);
  };

  return (
    <LocaleContext value={locale}>
      {desk ? (
        <SignedIn
          key={desk.session.account}
          desk={desk}
          locale={locale}
          onSignOut={signOut}
          onSwitchLanguage={switchLanguage}
        />
      ) : (
        <>
          <Header onSwitchLanguage={switchLanguage} />
          <main>
            <SignIn onSignedIn={setSession} />
          </main>
        </>
      )}
      <footer className="footer">
        <p>{t.phraseTable}</p>
      </footer>
    </LocaleContext>
  );
}

function SignedIn(props: {
  desk: Desk;
  locale: Locale;
  onSignOut: () => void;
  onSwitchLanguage: () => void;
}) {
  const { desk, locale, onSignOut, onSwitchLanguage } = props;
  const opened = useBilling(desk, locale);
  const balance = useBalance(desk, opened);
  return (
    <>
      <Header
        onSwitchLanguage={onSwitchLanguage}
        signedIn={{ account: desk.session.account, onSignOut, purse: desk.purse, balance }}
      />
      <main>
        <Workplace desk={desk} opened={opened} />
      </main>
    </>
  );
}
