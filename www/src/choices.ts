/** What the visitor chose, for the next visit. Without storage it lasts until the page is left. */

export type Choice = "locale" | "theme" | "toured";

const PREFIX = "tollbox-demo:";

export function recall(choice: Choice): string | null {
  try {
    return localStorage.getItem(PREFIX + choice);
  } catch {
    return null;
  }
}

export function remember(choice: Choice, value: string): void {
  try {
    localStorage.setItem(PREFIX + choice, value);
  } catch {
    // As said above.
  }
}
