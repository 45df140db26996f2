// When what the module knows is all that the journal has, as far as can be told without reading it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Database } from "../../pkg/lib/journal/database.js";

/**
 * A database that has seen so many changes.
 *
 * @param {number} changes
 */
function changed(changes) {
  const database = new Database("journal");
  database.saw({ ...database.own, changes });
  return database;
}

test("a reading that ends after the module's own changes is as new as they are", () => {
  const database = changed(5);
  database.saw({ ...database.own, changes: 7 });
  database.told(6);
  database.told(7);
  database.isKnownAt(5);
  assert.ok(database.seemsKnown);
});

test("a change of somebody else's in between is not known", () => {
  const database = changed(5);
  database.saw({ ...database.own, changes: 7 });
  database.told(7);
  database.isKnownAt(5);
  assert.ok(!database.seemsKnown);
});

test("a later reading counts, whatever was told before it", () => {
  const database = changed(9);
  database.told(6);
  database.isKnownAt(9);
  assert.ok(database.seemsKnown);
});
