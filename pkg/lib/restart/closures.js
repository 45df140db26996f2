// @ts-check
/**
 * What the generated glue asks and tells here about the functions by which the browser calls the
 * module: timers, listeners, what follows a promise. `cargo xtask build` writes the calls into it.
 */

/** The instance in use has died, and no other is in its place yet. */
let abandoned = false;

/** @type {(error: unknown) => void} */
let tell = () => {};

/** @param {(error: unknown) => void} listener hears what such a function throws */
export function onThrow(listener) {
  tell = listener;
}

/** From now on nothing calls the instance in use. */
export function abandon() {
  abandoned = true;
}

/** Another instance is in use. */
export function replaced() {
  abandoned = false;
}

export function isAbandoned() {
  return abandoned;
}

/** @param {unknown} error */
export function threw(error) {
  tell(error);
}

/**
 * The browser has called a dead instance. What it called for is let go of: nobody else knows of it.
 *
 * @param {unknown} event
 * @param {(...args: any[]) => unknown} closure
 */
export function stale(event, closure) {
  const target = event instanceof Event ? event.currentTarget : null;
  if (!(event instanceof Event) || !target) {
    return;
  }
  target.removeEventListener(event.type, closure);
  // A browser may not have them.
  if (typeof BroadcastChannel !== "undefined" && target instanceof BroadcastChannel) {
    target.close();
  }
}
