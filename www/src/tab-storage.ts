/**
 * What this tab keeps through a reload. The browser may refuse it: site data is blocked, or there is no
 * room. Then it lasts until the page is left.
 */

const PREFIX = "tollbox-demo:";

export function readInTab(name: string): string | null {
  try {
    return sessionStorage.getItem(PREFIX + name);
  } catch {
    return null;
  }
}

/** Whether it is kept. */
export function keepInTab(name: string, text: string): boolean {
  try {
    sessionStorage.setItem(PREFIX + name, text);
    return true;
  } catch {
    return false;
  }
}

export function removeInTab(name: string): void {
  try {
    sessionStorage.removeItem(PREFIX + name);
  } catch {
    // Nothing was kept.
  }
}
