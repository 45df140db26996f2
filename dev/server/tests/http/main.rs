//! The protocol, the demo and the faults over real HTTP, against a real server on a free port.
//!
//! It is this crate's server, in this process. `TOLLBOX_SERVER_COMMAND` names another that is to keep
//! the same protocol: a program and its arguments, one a line, to which those of each test are added.

#[path = "../client/mod.rs"]
mod client;
#[path = "../database/mod.rs"]
mod database;
#[path = "../holding/mod.rs"]
mod holding;

mod accounts;
mod balance;
mod batch;
mod busy;
mod charges;
mod demo;
mod faults;
mod holds;
mod refused;
mod serving;
mod site;
mod slow;
mod translator;

use client::Site;
use database::Database;
use serving::Serving;

/// A server that ends with the test. `flags` come on top of `--port 0`, and of a database of its own
/// where the tests use PostgreSQL.
async fn start(flags: &[&str]) -> Site {
    let (site, serving) = serve(flags).await;
    site.keeping(serving)
}

/// The same, for a test that stops it.
async fn serve(flags: &[&str]) -> (Site, Serving) {
    let mut flags = flags.to_vec();
    let place;
    if database::is_postgres() && !flags.contains(&"--database") {
        place = Database::new().await.place();
        flags.extend(["--database", &place]);
    }
    let (base, serving) = Serving::start(&flags).await;
    (Site::new(base), serving)
}
