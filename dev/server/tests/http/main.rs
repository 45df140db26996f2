//! The protocol, the demo and the faults over real HTTP, against the real server on a free port.

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
mod site;
mod slow;

use clap::Parser;
use client::Site;
use tollbox_server::options::Options;
use tollbox_server::server::Server;

/// A server that ends with the test. `flags` come on top of `--port 0`.
async fn start(flags: &[&str]) -> Site {
    let (site, server) = bind(flags).await;
    tokio::spawn(server.run(std::future::pending()));
    site
}

async fn bind(flags: &[&str]) -> (Site, Server) {
    let flags = ["tollbox-server", "--port", "0"].iter().chain(flags);
    let server = Server::bind(Options::parse_from(flags)).await.unwrap();
    (Site::new(format!("http://{}", server.address())), server)
}
