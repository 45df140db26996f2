// Direct access to the browser's storage, behind the back of the code under test.

/** @type {<T>(request: IDBRequest<T>) => Promise<T>} */
const done = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

/**
 * Opens the database as it is, runs one transaction, and closes it again.
 *
 * @template T
 * @param {string} name
 * @param {string} store
 * @param {(store: IDBObjectStore) => IDBRequest<T>} work
 */
async function inDatabase(name, store, work) {
  const database = await done(indexedDB.open(name));
  try {
    const transaction = database.transaction(store, "readwrite");
    const committed = new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onabort = () => reject(transaction.error);
    });
    const result = await done(work(transaction.objectStore(store)));
    await committed;
    return result;
  } finally {
    database.close();
  }
}

/** All rows of a store, as JSON; of the charges' without those that are no charge's. */
export async function readRows(/** @type {string} */ name, /** @type {string} */ store) {
  const range = store === "charges" ? IDBKeyRange.upperBound([], true) : undefined;
  return JSON.stringify(await inDatabase(name, store, (rows) => rows.getAll(range)));
}

/** Writes a row, given as JSON, in place of the one with its key. */
export async function putRow(/** @type {string} */ name, /** @type {string} */ row) {
  await inDatabase(name, "charges", (rows) => rows.put(JSON.parse(row)));
}

/** The row of this key, both as JSON; "null" where there is none. */
export async function readRow(/** @type {string} */ name, /** @type {string} */ key) {
  const row = await inDatabase(name, "charges", (rows) => rows.get(JSON.parse(key)));
  return JSON.stringify(row ?? null);
}

/** Deletes the row of this key, given as JSON. */
export async function deleteRow(/** @type {string} */ name, /** @type {string} */ key) {
  await inDatabase(name, "charges", (rows) => rows.delete(JSON.parse(key)));
}

/** Deletes a database; rejects while a connection to it is open. */
export function deleteDatabase(/** @type {string} */ name) {
  return new Promise((resolve, reject) => {
    const request = indexedDB.deleteDatabase(name);
    request.onsuccess = () => resolve(undefined);
    request.onerror = () => reject(request.error);
    request.onblocked = () => reject(new Error(`${name} is still open`));
  });
}

/** Makes the database as a newer version of this package would. */
export async function makeNewerDatabase(/** @type {string} */ name) {
  const request = indexedDB.open(name, 1_000);
  request.onupgradeneeded = () => request.result.createObjectStore("to_come");
  (await done(request)).close();
}

/** The step to a made-up schema to come. */
export function stepToCome(/** @type {IDBDatabase} */ database) {
  database.createObjectStore("to_come");
}

/** Closes what was opened. */
export function closeConnection(/** @type {{ connection: IDBDatabase }} */ { connection }) {
  connection.close();
}

/** Blocks every other `open` of the database until the returned function is called. */
export async function blockDatabase(/** @type {string} */ name) {
  const request = indexedDB.open(name, 1);
  const database = await done(request);
  // An upgrade that waits for `database` to close, and blocks every later `open`.
  const upgrade = indexedDB.open(name, 2);
  await new Promise((resolve) => {
    upgrade.onblocked = resolve;
  });
  return async () => {
    database.close();
    (await done(upgrade)).close();
    await deleteDatabase(name);
  };
}

/** Holds a Web Lock until the returned function is called. */
export function holdLock(/** @type {string} */ name) {
  return new Promise((held) => {
    const done = navigator.locks.request(
      name,
      () =>
        new Promise((release) => {
          held(async () => {
            release(undefined);
            await done;
          });
        }),
    );
  });
}

/** Hides a member of `window`, as if the browser lacked it, until the returned function is called. */
export function hide(/** @type {string} */ member) {
  const own = Object.getOwnPropertyDescriptor(window, member);
  Object.defineProperty(window, member, { configurable: true, get: () => undefined });
  return () => {
    Reflect.deleteProperty(window, member);
    if (own) {
      Object.defineProperty(window, member, own);
    }
  };
}

/**
 * Makes a method of the browser's storage fail so often, or until the returned function is called.
 *
 * @param {string} type of the object that has it
 * @param {string} method
 * @param {string} fault "hangs", "never settles", "throws", or the name of its request's error
 * @param {number} times
 */
export function spoil(type, method, fault, times) {
  const { prototype } = Reflect.get(window, type);
  const original = prototype[method];
  prototype[method] = function (/** @type {any[]} */ ...args) {
    if (times === 0) {
      return original.apply(this, args);
    }
    times -= 1;
    if (fault === "throws") {
      throw new Error("spoilt");
    }
    if (fault === "never settles") {
      return new Promise(() => {});
    }
    if (fault === "hangs") {
      return new EventTarget();
    }
    const request = original.apply(this, args);
    fail(request, new DOMException("spoilt", fault));
    return request;
  };
  return () => {
    prototype[method] = original;
  };
}

/**
 * Counts the calls of a method of the browser's storage; the returned function ends that, and tells how
 * many there were.
 *
 * @param {string} type of the object that has it
 * @param {string} method
 */
export function count(type, method) {
  const { prototype } = Reflect.get(window, type);
  const original = prototype[method];
  let calls = 0;
  prototype[method] = function (/** @type {any[]} */ ...args) {
    calls += 1;
    return original.apply(this, args);
  };
  return () => {
    prototype[method] = original;
    return calls;
  };
}

/**
 * Has a request fail, and its transaction with it, as the browser would.
 *
 * @param {IDBRequest} request
 * @param {DOMException} error
 */
function fail(request, error) {
  const { transaction } = request;
  if (transaction) {
    Object.defineProperty(transaction, "error", { value: error });
    Object.defineProperty(transaction, "commit", { value: () => {} });
    queueMicrotask(() => transaction.abort());
    return;
  }
  // Before the listeners of whoever gets the request.
  request.addEventListener("success", (event) => {
    event.stopImmediatePropagation();
    request.result.close();
    Object.defineProperty(request, "error", { value: error });
    request.dispatchEvent(new Event("error", { bubbles: true, cancelable: true }));
  });
}
