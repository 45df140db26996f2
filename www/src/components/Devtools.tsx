import { useEffect, useState } from "react";
import type { BillingClient } from "tollbox";
import type { TollboxDevtools } from "tollbox/devtools";
import type { Desk } from "../desk";
import { useLocale, useMessages } from "../i18n";
import { useStore } from "../store";
import { theme } from "../theme";

/** A switch for the package's devtools, which are loaded when they are first wanted. */
export function Devtools({ client, desk }: { client: BillingClient; desk: Desk }) {
  const t = useMessages();
  const locale = useLocale();
  const chosen = useStore(theme);
  const [isWanted, setWanted] = useState(false);
  const [panel, setPanel] = useState<TollboxDevtools | null>(null);

  useEffect(() => {
    if (!isWanted) return;
    let isOver = false;
    let unmount = () => {};
    const mount = async () => {
      const { mountDevtools } = await import("tollbox/devtools");
      if (isOver) return;
      const { feed } = desk;
      const log = { entries: () => feed.logEntries(), subscribe: feed.subscribe };
      const mounted = mountDevtools(client, { log, open: true });
      unmount = mounted.unmount;
      setPanel(mounted.element);
    };
    mount().catch((error: unknown) => {
      if (isOver) return;
      setWanted(false);
      desk.notice.set({ kind: "error", detail: String(error) });
    });
    return () => {
      isOver = true;
      unmount();
      setPanel(null);
    };
  }, [isWanted, client, desk]);

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
