// Not a peer but the floor: the least that a correct outbox does which is to survive a crash of the
// machine, too.
import { outbox } from "./idb.js";

export default outbox("strict");
