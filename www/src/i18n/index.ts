import { createContext, useContext } from "react";
import { recall } from "../choices";
import { en } from "./en";
import { zh } from "./zh";

/** The languages of the page, as the billing client names them. */
export type Locale = "en" | "zh-CN";
export type Messages = typeof en;

export const MESSAGES: Record<Locale, Messages> = { en, "zh-CN": zh };

/** The language that the visitor chose, else the browser's: Chinese for any kind of it, else English. */
export function preferredLocale(): Locale {
  const chosen = recall("locale");
  if (chosen === "en" || chosen === "zh-CN") return chosen;
  return navigator.language.toLowerCase().startsWith("zh") ? "zh-CN" : "en";
}

export const LocaleContext = createContext<Locale>("en");

export function useLocale(): Locale {
  return useContext(LocaleContext);
}

export function useMessages(): Messages {
  return MESSAGES[useContext(LocaleContext)];
}
