// The floor with IndexedDB's ordinary durability: what was written is with the operating system, and
// not yet on disk.
import { outbox } from "./idb.js";

export default outbox("relaxed");
