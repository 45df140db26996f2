import { createContext, useContext } from "react";
import { en } from "./en";
import { zh } from "./zh";

/** The languages of the page, as the billing client names them. */
export type Locale = "en" | "zh-CN";
export type Messages = typeof en;

export const MESSAGES: Record<Locale, Messages> = { en, "zh-CN": zh };

/** The visitor's language at first: Chinese for any kind of Chinese, else English. */
export function preferredLocale(): Locale {
  return navigator.language.toLowerCase().startsWith("zh") ? "zh-CN" : "en";
}

export const LocaleContext = createContext<Locale>("en");

export function useLocale(): Locale {
  return useContext(LocaleContext);
}

export function useMessages(): Messages {
  return MESSAGES[useContext(LocaleContext)];
}
