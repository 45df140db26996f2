import { useEffect, useState } from "react";
import { remember } from "../choices";
import { LocaleContext, MESSAGES, preferredLocale } from "../i18n";
import { useLoaded } from "../loading";
import { forgetAccount, rememberedAccount, resume, type Session } from "../session";
import { Header } from "./Header";
import { OpenFailed } from "./OpenFailed";
import { Opening } from "./Opening";
import { SignIn } from "./SignIn";

/** The desk and the billing client, without which the page is painted, and a visitor signs in. */
const loadSignedIn = () => import("./SignedIn");

export function App() {
  const [locale, setLocale] = useState(preferredLocale);
  const [session, setSession] = useState<Session | null>(() => {
    const account = rememberedAccount();
    return account === null ? null : resume(account);
  });
  const [leftOpen, setLeftOpen] = useState(0);
  const signedIn = useLoaded(loadSignedIn);
  const [accountPlace, setAccountPlace] = useState<Element | null>(null);
  const t = MESSAGES[locale];
  const switchLanguage = () => {
    const next = locale === "en" ? "zh-CN" : "en";
    remember("locale", next);
    setLocale(next);
  };

  useEffect(() => {
    document.documentElement.lang = locale;
    document.title = t.documentTitle;
  }, [locale, t]);

  const signedOut = (open: number) => {
    forgetAccount();
    setLeftOpen(open);
    setSession(null);
  };

  return (
    <LocaleContext value={locale}>
      <Header accountPlace={setAccountPlace} onSwitchLanguage={switchLanguage} />
      {session && signedIn.state === "loaded" ? (
        <signedIn.part.SignedIn
          key={session.account}
          session={session}
          accountPlace={accountPlace}
          onSignOut={signedOut}
        />
      ) : (
        <main>
          {!session && <SignIn leftOpen={leftOpen} onSignedIn={setSession} />}
          {session && signedIn.state === "loading" && <Opening />}
          {session && signedIn.state === "failed" && (
            <OpenFailed error={signedIn.error} again={() => location.reload()} />
          )}
        </main>
      )}
      <footer className="footer">
        <p>{t.phraseTable}</p>
      </footer>
    </LocaleContext>
  );
}
