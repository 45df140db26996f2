import { remember } from "./choices";
import { Store } from "./store";

/** Light or dark: as the system has it, or the visitor's own choice. */
export type Theme = "system" | "light" | "dark";

export const THEMES: readonly Theme[] = ["system", "light", "dark"];

/** What is chosen. At first public/theme.js has set it, before anything is painted. */
export const theme = new Store<Theme>(themeOf(document.documentElement.dataset.theme));

export function choose(next: Theme): void {
  document.documentElement.dataset.theme = next;
  remember("theme", next);
  theme.set(next);
}

/** The theme of this name; any other name is the system's. */
export function themeOf(name: string | undefined): Theme {
  return THEMES.find((other) => other === name) ?? "system";
}
