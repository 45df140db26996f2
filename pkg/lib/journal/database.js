// @ts-check

import { takeAhead } from "./ahead.js";
import { inTime } from "./in-time.js";
import { ownOf } from "./own.js";
import { late, OPEN_LIMIT_MS, openDatabase, Unopened } from "./schema.js";
import { Transaction } from "./transaction.js";
import { Trouble } from "./trouble.js";

/** @import { Own } from "./own.js" */

/**
 * How long after each error it is tried again. After a crash of the browser the database may be slow to
 * come, and fail at first; a client that gives it up sees none of the charges in it.
 */
const TRY_AGAIN_AFTER_MS = [200, 800];

const CLOSED = "the database is closed";

/** Those that are in use. @type {Set<Database>} */
const all = new Set();

/** The journal's database, opened anew when somebody else has closed it. */
export class Database {
  #name;
  /** @type {IDBDatabase | null} */
  #open = null;
  #closed = false;
  /** @type {Promise<void> | null} */
  #opening = null;
  /** What its own row says, as last seen; nothing before the first connection. @type {Own} */
  own = ownOf(null);
  /** Whether it had just been made when it was last connected to. */
  isNew = false;
  #wiped = false;
  #remade = false;
  /** Those of a batch, as the module knows them. @type {import("./claims.js").Claims} */
  claims = new Map();
  /** The number of changes at which the module knows everything. @type {number | null} */
  #knownAt = null;
  /** The first and the last of the latest changes of which it was told, without a gap. */
  #toldFrom = 0;
  #toldTo = 0;

  /** @param {string} name */
  constructor(name) {
    this.#name = name;
    all.add(this);
  }

  get isOpen() {
    return this.#open !== null;
  }

  /** Throws where there is none. */
  get connection() {
    if (!this.#open) {
      throw this.#closed
        ? new Trouble("failed", CLOSED)
        : new Trouble("closed", "the connection is gone");
    }
    return this.#open;
  }

  get id() {
    return this.own.id;
  }

  get commits() {
    return this.own.commits;
  }

  get changes() {
    return this.own.changes;
  }

  get mark() {
    return this.own.mark;
  }

  get lost() {
    return this.own.lost;
  }

  /** Whether another database has taken its place since this was last asked. */
  takeWiped() {
    const wiped = this.#wiped;
    this.#wiped = false;
    return wiped;
  }

  /** Whether the browser has thrown a damaged one away since this was last asked. */
  takeRemade() {
    const remade = this.#remade;
    this.#remade = false;
    return remade;
  }

  /**
   * Its own row, as a transaction has left it.
   *
   * @param {Own} own
   */
  saw(own) {
    const { commits, changes, mark } = this.own;
    this.own = {
      ...own,
      commits: Math.max(own.commits, commits),
      changes: Math.max(own.changes, changes),
      mark: Math.max(own.mark, mark),
    };
  }

  /**
   * The module knows everything that is there after so many changes, and those since of which it has
   * been told.
   *
   * @param {number} changes
   */
  isKnownAt(changes) {
    const goesOn = this.#toldFrom <= changes + 1 && this.#toldTo > changes;
    this.#knownAt = goesOn ? this.#toldTo : changes;
  }

  /**
   * The module is told what this change came to, which it knows then, if it knew all before it.
   *
   * @param {number} change
   */
  told(change) {
    if (this.#toldTo !== change - 1) {
      this.#toldFrom = change;
    }
    this.#toldTo = change;
    if (this.#knownAt === change - 1) {
      this.#knownAt = change;
    }
  }

  /** Whether the module knows everything that is there, as far as was last seen. */
  get seemsKnown() {
    return this.own.changes === this.#knownAt;
  }

  /** Whether nothing has been changed since by anybody of whom the module does not know. */
  async isKnown() {
    const own = await readOwn(this.connection, "readonly");
    return own.id === this.own.id && own.changes === this.#knownAt;
  }

  /**
   * Connects, unless it is connected.
   *
   * @param {string} name the one that it gets if it has none
   */
  connect(name) {
    this.#opening ??= this.#connect(name).finally(() => {
      this.#opening = null;
    });
    return this.#opening;
  }

  /** @param {string} name */
  async #connect(name) {
    let wasLate = false;
    for (const pauseMs of [...TRY_AGAIN_AFTER_MS, null]) {
      if (this.#closed) {
        throw new Trouble("failed", CLOSED);
      }
      if (this.#open) {
        return;
      }
      try {
        return await this.#connectAnew(name);
      } catch (error) {
        const { trouble, lasts } = /** @type {Unopened} */ (error);
        if (lasts === "ever" || (lasts === "late" && wasLate) || pauseMs === null) {
          throw trouble;
        }
        wasLate ||= lasts === "late";
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
    }
  }

  /** @param {string} name */
  async #connectAnew(name) {
    const opening = takeAhead(this.#name) ?? openDatabase(this.#name);
    const { connection: database, isRemade } = await opening;
    this.#remade ||= isRemade;
    // From its first moment on it makes way for others: for an upgrade or a deletion, or where the
    // browser has taken it away.
    let isGone = false;
    const leave = () => {
      isGone = true;
      database.close();
      if (this.#open === database) {
        this.#open = null;
      }
    };
    database.onversionchange = leave;
    database.onclose = leave;
    try {
      const found = await inTime(OPEN_LIMIT_MS, null, readOwn(database, "readonly"));
      if (!found) {
        throw late();
      }
      this.#identified(found, found.id === undefined ? await named(database, name, found) : found);
    } catch (error) {
      database.close();
      throw error instanceof Unopened ? error : new Unopened(Trouble.of(error), "now");
    }
    if (isGone) {
      throw new Unopened(new Trouble("closed", "the connection is gone"), "now");
    }
    this.#open = database;
  }

  /**
   * @param {Own} found
   * @param {Own} own with the name that it may have got since
   */
  #identified(found, own) {
    if (this.#closed) {
      throw new Unopened(new Trouble("failed", CLOSED), "ever");
    }
    const { id, changes, mark } = this.own;
    if (id !== own.id) {
      this.#wiped ||= id !== undefined;
    }
    // It may be an older state of the same, or of one that has no name another.
    if (id !== own.id || id === undefined || own.changes < changes) {
      this.#knownAt = null;
      this.#toldTo = 0;
    }
    this.isNew = found.id === undefined && found.commits === 0;
    this.own = { ...own, mark: Math.max(own.mark, mark) };
  }

  /** Forgets the connection, which is of no use any more. Transactions that have begun go on. */
  disconnect() {
    this.#open?.close();
    this.#open = null;
  }

  /** Closes it for good. */
  close() {
    this.#closed = true;
    all.delete(this);
    this.disconnect();
  }
}

/** The module has died: closes all that it has opened. */
export function closeAll() {
  for (const database of all) {
    database.close();
  }
}

/**
 * Gives the database this name, unless another tab was first. Without one its loss may go unnoticed;
 * without the database nothing would be durable.
 *
 * @param {IDBDatabase} database
 * @param {string} name
 * @param {Own} otherwise
 */
function named(database, name, otherwise) {
  const naming = readOwn(database, "strict", name).catch(() => otherwise);
  return inTime(OPEN_LIMIT_MS, otherwise, naming);
}

/**
 * What the database says of itself.
 *
 * @param {IDBDatabase} database
 * @param {"readonly" | "strict"} durability
 * @param {string} [name] the one that it gets where it has none
 */
async function readOwn(database, durability, name) {
  const transaction = new Transaction(database, [], durability);
  await transaction.reading;
  if (name !== undefined && transaction.own.id === undefined) {
    transaction.setOwn({ id: name });
  }
  // Whoever closes the database next is not to be in anybody's way.
  await transaction.commit();
  return transaction.own;
}
