//! Charges per second and their latency, over real HTTP, by database, clients and accounts. Prints a
//! table in Markdown; `cargo xtask bench server` runs it. `TOLLBOX_POSTGRES` names the folder of
//! PostgreSQL's programs; without it only SQLite is measured.

#[path = "../tests/client/mod.rs"]
mod client;
#[path = "../tests/database/mod.rs"]
mod database;
#[path = "../tests/running/mod.rs"]
mod running;

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use client::item;
use database::cluster::{Cluster, Commits};
use database::{Database, is_postgres, new_in, programs};
use running::Running;

const MEASURED: Duration = Duration::from_secs(4);
const WARM_UP: Duration = Duration::from_secs(1);
const CLIENTS: [usize; 3] = [1, 8, 64];
const ACCOUNTS: [usize; 2] = [1, 10_000];
const BATCH: usize = 100;

/// What one combination did.
struct Measured {
    charges_per_second: f64,
    /// The part that was answered 503, or `retry`.
    refused: f64,
    p50: Duration,
    p99: Duration,
}

#[tokio::main]
async fn main() {
    // `cargo test --benches` runs this to see whether it works; `cargo bench` names itself.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let before = load();
    println!("| database | accounts | clients | request | charges/s | p50 | p99 | refused |");
    println!("|---|---:|---:|---|---:|---:|---:|---:|");
    let folder = tempfile::tempdir().unwrap();
    let mut sizes = vec![measure("SQLite", &Database::File { folder }).await];
    if is_postgres() {
        let cluster = Cluster::start(&programs(), Commits::Synced);
        let url = new_in(&cluster).await;
        sizes.push(measure("PostgreSQL", &Database::Postgres { url }).await);
    }
    println!();
    println!(
        "A charge takes on the disk, with its indexes: {}.",
        sizes.join(", ")
    );
    println!();
    println!(
        "{} cores ({}), shared by server, database and clients. Load average {before} before and {} \
         after.",
        std::thread::available_parallelism().unwrap(),
        processor(),
        load()
    );
}

/// Prints the rows of this database, and gives the size of a charge there.
async fn measure(engine: &str, database: &Database) -> String {
    let place = database.place();
    let server = Running::start(&["--demo", "--database", &place]).await;
    let most = ACCOUNTS.into_iter().max().unwrap();
    database.open_accounts(most).await;
    for accounts in ACCOUNTS {
        for clients in CLIENTS {
            for batch in [1, BATCH] {
                let measured = load_with(&server, accounts, clients, batch).await;
                let request = match batch {
                    1 => "single".to_owned(),
                    _ => format!("batch of {batch}"),
                };
                println!(
                    "| {engine} | {accounts} | {clients} | {request} | {:.0} | {} | {} | {:.0} % |",
                    measured.charges_per_second,
                    milliseconds(measured.p50),
                    milliseconds(measured.p99),
                    measured.refused * 100.0
                );
            }
        }
    }
    format!("{} bytes in {engine}", bytes_of_charge(database).await)
}

/// What a charge takes on the disk, with its indexes and its count of requests.
async fn bytes_of_charge(database: &Database) -> i64 {
    let bytes = match database {
        Database::File { .. } => database
            .number("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"),
        Database::Postgres { .. } => database.number(
            "SELECT pg_total_relation_size('charges') + pg_total_relation_size('requests')",
        ),
    };
    bytes.await / database.number("SELECT count(*) FROM charges").await
}

async fn load_with(server: &Running, accounts: usize, clients: usize, batch: usize) -> Measured {
    static KEYS: AtomicUsize = AtomicUsize::new(0);
    let begin = Instant::now() + WARM_UP;
    let end = begin + MEASURED;
    let next_account = Arc::new(AtomicUsize::new(0));
    let crowd: Vec<_> = (0..clients)
        .map(|_| {
            let site = server.site.clone();
            let next_account = next_account.clone();
            tokio::spawn(async move {
                let mut took = Vec::new();
                while Instant::now() < end {
                    // A stride that visits every account, far from the one before.
                    let account = next_account.fetch_add(7_919, Ordering::Relaxed) % accounts;
                    let session = site.session(&format!("token{account}"));
                    let first = KEYS.fetch_add(batch, Ordering::Relaxed);
                    let sent = Instant::now();
                    let charged;
                    if batch == 1 {
                        let key = format!("k{first}");
                        let answer = session.charge(&key, &key, 1).await;
                        let status = answer.status.as_u16();
                        assert!([201, 503].contains(&status), "{answer:?}");
                        charged = usize::from(status == 201);
                    } else {
                        let items = (first..first + batch).map(|n| {
                            let key = format!("k{n}");
                            item(&key, &key, 1)
                        });
                        let answer = session.batch(items.collect()).await;
                        assert!([200, 503].contains(&answer.status.as_u16()), "{answer:?}");
                        charged = answer.text.matches(r#""status":"charged""#).count();
                    }
                    if sent >= begin {
                        took.push((sent.elapsed(), charged));
                    }
                }
                took
            })
        })
        .collect();
    let mut took = Vec::new();
    for client in crowd {
        took.extend(client.await.unwrap());
    }
    let elapsed = begin.elapsed();
    took.sort_unstable();
    let at = |part: f64| took[((took.len() - 1) as f64 * part) as usize].0;
    let charged: usize = took.iter().map(|(_, charged)| charged).sum();
    Measured {
        charges_per_second: charged as f64 / elapsed.as_secs_f64(),
        refused: 1.0 - charged as f64 / (took.len() * batch) as f64,
        p50: at(0.5),
        p99: at(0.99),
    }
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1_000.0)
}

/// The load average of the last minute, of other programs too.
fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or_default().to_owned()
}

fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name.trim() == "model name").then(|| value.trim().to_owned())
    });
    name.unwrap_or_else(|| "unknown".to_owned())
}
