import { useEffect, useMemo, useState } from "react";
import { Desk } from "../desk";
import { LocaleContext, MESSAGES, preferredLocale } from "../i18n";
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
      <Header
        account={session?.account ?? null}
        onSignOut={signOut}
        onSwitchLanguage={() => setLocale(locale === "en" ? "zh-CN" : "en")}
      />
      <main>{desk ? <Workplace desk={desk} /> : <SignIn onSignedIn={setSession} />}</main>
      <footer className="footer">
        <p>{t.phraseTable}</p>
      </footer>
    </LocaleContext>
  );
}
