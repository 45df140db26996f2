//! Servers and databases killed outright, round after round, while clients charge: no charge that was
//! answered is lost, and none is doubled.

#[path = "../client/mod.rs"]
mod client;
#[path = "../database/mod.rs"]
mod database;
#[path = "../running/mod.rs"]
mod running;

mod crowd;

use crowd::Crowd;
use database::cluster::{Cluster, Commits};
use database::{Database, new_in, programs};
use nix::sys::signal::Signal;
use running::Running;

const ROUNDS: usize = 20;
const SEED: &str = "1000000000";

async fn serve(database: &Database) -> Running {
    let place = database.place();
    Running::start(&["--demo", "--seed-balance", SEED, "--database", &place]).await
}

/// Kills one server after the other, and starts another in its place.
async fn kill_servers(title: &str, database: Database, servers: usize) {
    let mut running = Vec::new();
    for _ in 0..servers {
        running.push(serve(&database).await);
    }
    let mut crowd = Crowd::gather(&running).await;
    for round in 0..ROUNDS {
        crowd.has_charged(20 + round * 37 % 100).await;
        let killed = running.remove(0);
        killed.signal(Signal::SIGKILL);
        assert!(!killed.end().await.success());
        running.push(serve(&database).await);
        crowd.turn_to(&running);
    }
    crowd.check(title, ROUNDS, &database).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_servers_on_sqlite_lose_and_double_nothing() {
    let folder = tempfile::tempdir().unwrap();
    kill_servers("SQLite, server killed", Database::File { folder }, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_servers_on_postgresql_lose_and_double_nothing() {
    let cluster = Cluster::start(&programs(), Commits::Synced);
    let url = new_in(&cluster).await;
    let title = "PostgreSQL, one of two servers killed";
    kill_servers(title, Database::Postgres { url }, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_postgresql_loses_and_doubles_nothing() {
    let cluster = Cluster::start(&programs(), Commits::Synced);
    let url = new_in(&cluster).await;
    let database = Database::Postgres { url };
    let servers = [serve(&database).await, serve(&database).await];
    let mut crowd = Crowd::gather(&servers).await;
    for round in 0..ROUNDS {
        crowd.has_charged(20 + round * 37 % 100).await;
        cluster.kill();
        cluster.go_on();
    }
    crowd.check("PostgreSQL killed", ROUNDS, &database).await;
}
