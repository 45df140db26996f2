#!/usr/bin/env node
// @ts-check
/** The command `tollbox`. */

import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { conformance } from "../conformance/command.js";
import { Faults } from "../server/faults.js";
import { bearerToken } from "../server/fields.js";
import { openAccount } from "../server/ledger.js";
import { isId } from "../server/limits.js";
import { unauthorized } from "../server/problem.js";
import { openStore } from "./database.js";
import { PANEL } from "./files.js";
import { httpServer } from "./http-server.js";
import { HELP, parseOptions, WrongOption } from "./options.js";

/** @import { AddressInfo } from "node:net" */
/** @import { World } from "../server/billing.js" */
/** @import { ServerRequest } from "../server/fields.js" */
/** @import { Store } from "../server/store/turns.js" */
/** @import { Options } from "./options.js" */

/** A token of /demo/session is a UUID, and never the name of an account. */
const SESSION = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/;

/** The server can't start. */
class StartError extends Error {}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof WrongOption || error instanceof StartError)) {
    throw error;
  }
  console.error(`tollbox: ${error.message}`);
  process.exitCode = error instanceof WrongOption ? 2 : 1;
}

/** @param {string[]} given */
async function main(given) {
  if (given[0] === "conformance") {
    process.exitCode = await conformance(given.slice(1));
    return;
  }
  const options = parseOptions(given);
  if (options === "help") {
    process.stdout.write(HELP);
  } else if (options === "version") {
    const file = new URL("../package.json", import.meta.url);
    console.log(JSON.parse(await readFile(file, "utf8")).version);
  } else {
    await serve(options);
  }
}

/** @param {Options} options */
async function serve(options) {
  const { store, note } = await opened(options);
  const { seedBalance, keyTtlMs, holds, tokenTtlMs, bodyWithinMs, staticDir, bare, demo } = options;
  /** @type {World} */
  const world = {
    store,
    terms: { seedBalance, keyTtlMs, holds },
    now: Date.now,
    newId: randomUUID,
    signedIn: (request, store) => signedIn({ ...world, store }, request, { namesCount: !bare }),
  };
  const panel = bare ? null : fileURLToPath(new URL("./panel", import.meta.url));
  const faults = options.faults ? new Faults() : null;
  const surface = { demo, faults, tokenTtlMs, bodyWithinMs, staticDir, panel };
  const { server, stop } = httpServer(world, surface);
  const site = await listening(server, options);
  onSignal(stop);
  // The program that started the server waits for this line.
  console.log(`listening on ${site}`);
  if (note) {
    console.error(`tollbox: ${note}`);
  }
  if (panel) {
    console.error(`baseUrl ${site}/billing/v1, faults and ledger at ${site}${PANEL}`);
  }
}

/** @param {Options} options */
async function opened({ database, decideWithinMs }) {
  try {
    return await openStore(database, decideWithinMs);
  } catch (error) {
    throw new StartError(`can't open the database ${database}: ${messageOf(error)}`);
  }
}

/**
 * The account of a request's token. A name counts where it is allowed to, and makes the account.
 *
 * @param {World} world
 * @param {ServerRequest} request
 * @param {{ namesCount: boolean }} how
 */
async function signedIn({ store, terms, now }, request, { namesCount }) {
  const token = bearerToken(request);
  if (token === undefined) {
    throw unauthorized("A bearer token is required.");
  }
  const known = await store.turn((turn) => turn.read((book) => book.accountOf(token, now())));
  if (known !== null) {
    return known;
  }
  if (!namesCount || SESSION.test(token) || !isId(token)) {
    throw unauthorized("The token is unknown or has expired.", "invalid_token");
  }
  await store.turn((turn) =>
    turn.read((book) => book.balance(token)) === null
      ? turn.change((book) => openAccount(book, terms, token, now()))
      : undefined,
  );
  return token;
}

/**
 * Listens, and gives the address.
 *
 * @param {import("node:http").Server} server
 * @param {Options} options
 * @returns {Promise<string>}
 */
function listening(server, { host, port }) {
  return new Promise((resolve, reject) => {
    server.once("error", (/** @type {NodeJS.ErrnoException} */ error) => {
      const taken = "the port is taken; another one goes with --port, any free one with --port 0";
      const why = error.code === "EADDRINUSE" ? taken : messageOf(error);
      reject(new StartError(`can't listen on ${host}:${port}: ${why}`));
    });
    server.listen(port, host, () => {
      const { address, family, port } = /** @type {AddressInfo} */ (server.address());
      resolve(`http://${family === "IPv6" ? `[${address}]` : address}:${port}`);
    });
  });
}

/**
 * The first signal stops the server in order, the second at once.
 *
 * @param {() => Promise<void>} stop
 */
function onSignal(stop) {
  for (const signal of /** @type {const} */ (["SIGTERM", "SIGINT"])) {
    process.once(signal, () => void stop());
  }
}

/** @param {unknown} error */
function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}
