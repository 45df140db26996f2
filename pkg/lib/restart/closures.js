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
  // A browser may have none of these.
  if (typeof BroadcastChannel !== "undefined" && target instanceof BroadcastChannel) {
    return target.close();
  }
  if (typeof IDBDatabase === "undefined") {
    return;
  }
  if (target instanceof IDBDatabase) {
    target.close();
  } else if (target instanceof IDBTransaction) {
    target.db.close();
  } else if (target instanceof IDBRequest && target.transaction) {
    undo(target.transaction);
  } else if (target instanceof IDBRequest && target.readyState === "done") {
    // One that is blocked is not, and its result can't be read yet.
    if (target.result instanceof IDBDatabase) {
      target.result.close();
    }
  }
}

/**
 * Without this a transaction that nobody goes on with would commit the half that it holds.
 *
 * @param {IDBTransaction} transaction
 */
function undo(transaction) {
  transaction.db.close();
  try {
    transaction.abort();
  } catch {
    // It has ended already.
  }
}
