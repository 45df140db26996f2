//! The real binary: its start, stop, restart and death; or that of `TOLLBOX_SERVER_COMMAND`, as in the
//! tests of the protocol.

#[path = "../client/mod.rs"]
mod client;
#[path = "../database/mod.rs"]
mod database;
#[path = "../running/mod.rs"]
mod running;

mod killed;
mod stopping;

use running::{Running, command};
