import { useMessages } from "../i18n";
import type { PurseHistory } from "../purse";
import { useStore } from "../store";
import { Plot } from "./Plot";

/** How the purse has gone since the page was opened; nothing while it has not changed. */
export function PurseLine({
  purse,
  testId = "purse-line",
}: {
  purse: PurseHistory;
  testId?: string;
}) {
  const t = useMessages().balance;
  const points = useStore(purse);
  const last = points.at(-1);
  if (points.length < 2 || !last) return null;
  const available = points.map((point) => point.available);
  const lowest = Math.min(...available);
  const spread = Math.max(...available) - lowest;
  return (
    <Plot
      label={t.line(available[0] ?? 0, last.available)}
      lines={[{ values: available.map((value) => value - lowest), tone: "main" }]}
      highest={Math.max(1, spread)}
      testId={testId}
    />
  );
}
