//! The protocol, the demo and the faults over real HTTP, against a real server on a free port.
//!
//! It is this crate's server, in this process. `TOLLBOX_SERVER_COMMAND` names another that is to keep
//! the same protocol: a program and its arguments, one a line, to which those of each test are added.

#[path = "../client/mod.rs"]
mod client;

mod accounts;
mod balance;
mod batch;
mod busy;
mod charges;
mod demo;
mod faults;
mod refused;
mod serving;
mod site;
mod slow;
mod translator;

use client::Site;
use serving::Serving;

/// A server that ends with the test. `flags` come on top of `--port 0`.
async fn start(flags: &[&str]) -> Site {
    let (site, serving) = serve(flags).await;
    site.keeping(serving)
}

/// The same, for a test that stops it.
async fn serve(flags: &[&str]) -> (Site, Serving) {
    let (base, serving) = Serving::start(flags).await;
    (Site::new(base), serving)
}
