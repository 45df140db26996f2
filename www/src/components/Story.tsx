import type { ReactNode } from "react";
import { useMessages } from "../i18n";

/** What the page is for: painted before anything of the desk is loaded. */
export function Story({ children }: { children?: ReactNode }) {
  const t = useMessages().story;
  return (
    <div className="story">
      <h1>{t.heading}</h1>
      <p>{t.lead}</p>
      {children}
    </div>
  );
}
