import { Store } from "./store";

/** True while this tab has been told that it is offline. */
export const offline = new Store(false);

/**
 * A page can't take itself off the network. What it can do is tell its own tab so: answer
 * `navigator.onLine` with false and send the event that the browser would send. Everything that
 * listens, Tollbox included, then acts as if the connection were gone.
 */
export function goOffline(): void {
  Object.defineProperty(navigator, "onLine", { configurable: true, get: () => false });
  window.dispatchEvent(new Event("offline"));
  offline.set(true);
}

/** Gives the browser's own answer back. */
export function comeBack(): void {
  Reflect.deleteProperty(navigator, "onLine");
  if (navigator.onLine) window.dispatchEvent(new Event("online"));
  offline.set(false);
}
