import { useEffect, useState } from "react";
import type { BillingClient } from "tollbox";
import type { TollboxDevtools } from "tollbox/devtools";
import type { Feed } from "../feed";
import { useLocale, useMessages } from "../i18n";
import { useStore } from "../store";
import { theme } from "../theme";

/** A switch for the package's devtools, which are loaded when they are first wanted. */
export function Devtools({ client, feed }: { client: BillingClient; feed: Feed }) {
  const t = useMessages();
  const locale = useLocale();
  const chosen = useStore(theme);
  const [isWanted, setWanted] = useState(false);
  const [panel, setPanel] = useState<TollboxDevtools | null>(null);

  useEffect(() => {
    if (!isWanted) return;
    let isOver = false;
    let unmount = () => {};
    void import("tollbox/devtools").then(({ mountDevtools }) => {
      if (isOver) return;
      const log = { entries: () => feed.logEntries(), subscribe: feed.subscribe };
      const mounted = mountDevtools(client, { log, open: true });
      unmount = mounted.unmount;
      setPanel(mounted.element);
    });
    return () => {
      isOver = true;
      unmount();
      setPanel(null);
    };
  }, [isWanted, client, feed]);

  useEffect(() => {
    if (panel) panel.locale = locale;
  }, [panel, locale]);

  useEffect(() => {
    if (chosen === "system") panel?.removeAttribute("theme");
    else panel?.setAttribute("theme", chosen);
  }, [panel, chosen]);

  return (
    <button
      type="button"
      className="quiet devtools"
      data-testid="devtools"
      aria-pressed={isWanted}
      onClick={() => setWanted(!isWanted)}
    >
      {t.devtools}
    </button>
  );
}
