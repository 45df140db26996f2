//! What operators see of a server: probes, metrics, its log; and the limits that it keeps.

#[path = "../client/mod.rs"]
mod client;
#[path = "../database/mod.rs"]
mod database;
#[path = "../running/mod.rs"]
mod running;

mod health;
mod limits;
mod log;
mod metrics;
