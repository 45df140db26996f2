import { useEffect, useState } from "react";
import type { Locale } from ".";

/** One for each language: making one takes longer than many uses of it. */
const CLOCKS = new Map<Locale, Intl.DateTimeFormat>();

/** The time of now, told again every second. */
export function useNow(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

/** "12 seconds ago", "in 3 seconds". */
export function relative(locale: Locale, instant: number, now: number): string {
  const seconds = Math.round((instant - now) / 1_000);
  const format = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
  if (Math.abs(seconds) < 60) return format.format(seconds, "second");
  if (Math.abs(seconds) < 3_600) return format.format(Math.round(seconds / 60), "minute");
  return format.format(Math.round(seconds / 3_600), "hour");
}

export function clock(locale: Locale, instant: number): string {
  let format = CLOCKS.get(locale);
  if (!format) {
    format = new Intl.DateTimeFormat(locale, { timeStyle: "medium" });
    CLOCKS.set(locale, format);
  }
  return format.format(instant);
}
