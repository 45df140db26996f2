//! What PostgreSQL does to a server: transactions that can't be serialized, deadlocks, lost
//! connections; and several servers on one database. `TOLLBOX_POSTGRES` names the folder of its
//! programs.

#[path = "../client/mod.rs"]
mod client;
#[path = "../database/mod.rs"]
mod database;
#[path = "../holding/mod.rs"]
mod holding;
#[path = "../running/mod.rs"]
mod running;

mod broken;
mod crowd;
mod holds;
mod limits;
mod opening;
