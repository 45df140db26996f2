import { randomUUID } from "node:crypto";

/** A name that no other test uses. */
export function freshAccount(purpose = "test") {
  return `${purpose}-${randomUUID().slice(0, 8)}`;
}
