//! The figures as JSON, from which the page of the docs is made.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
#[cfg(feature = "defects")]
use tollbox::core::defects::Defect;

use super::fleet::Fleet;
use super::outage::Outage;
use super::scenario::Scenario;
use super::tally::Tally;

const CLIENTS: usize = 100_000;
/// What is tried besides, where shares of the clients matter, is tried with so many times fewer.
const FEWER: usize = 10;
/// A server of limited capacity needs so many seconds for one request of each client.
const SECONDS_EACH: usize = 50;
/// Other longest backoffs than the default's, in milliseconds.
const MAX_DELAYS_MS: [u64; 3] = [15_000, 30_000, 120_000];

/// One run, and what it shows.
struct Run {
    scenario: Scenario,
    jitter: bool,
}

/// Runs all scenarios on all cores, and writes the figures.
pub fn write() {
    let clients = std::env::var("TOLLBOX_CLIENTS").ok();
    let clients = clients.map_or(CLIENTS, |clients| clients.parse().unwrap());
    let runs = runs(clients);
    let next = AtomicUsize::new(0);
    let figures = Mutex::new(vec![Value::Null; runs.len()]);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                while let at = next.fetch_add(1, Ordering::Relaxed)
                    && let Some(run) = runs.get(at)
                {
                    let of_run = run.figures();
                    println!("{}", line(&of_run));
                    figures.lock().unwrap()[at] = of_run;
                }
            });
        }
    });
    let figures = figures.into_inner().unwrap();
    let results = json!({"runs": figures});
    if let Ok(file) = std::env::var("TOLLBOX_RESULTS") {
        std::fs::write(file, results.to_string()).unwrap();
    }
}

fn runs(clients: usize) -> Vec<Run> {
    let mut runs = Vec::new();
    for is_limited in [false, true] {
        let scenario = |outage: Outage, clients: usize| {
            let capacity = is_limited.then_some((clients / SECONDS_EACH) as u64);
            Scenario::new(outage, capacity, clients)
        };
        for outage in Outage::ALL {
            runs.push(Run {
                scenario: scenario(*outage, clients),
                jitter: true,
            });
        }
        for max_delay_ms in MAX_DELAYS_MS {
            let mut scenario = scenario(Outage::Refused, clients / FEWER);
            scenario.config.backoff.max_ms = max_delay_ms;
            runs.push(Run {
                scenario,
                jitter: true,
            });
        }
        if cfg!(feature = "defects") {
            for outage in [Outage::Refused, Outage::Busy, Outage::BusyUntil] {
                runs.push(Run {
                    scenario: scenario(outage, clients / FEWER),
                    jitter: false,
                });
            }
        }
    }
    runs
}

impl Run {
    fn figures(&self) -> Value {
        #[cfg(feature = "defects")]
        Defect::set((!self.jitter).then_some(Defect::NoJitter));
        let tally = Fleet::run(&self.scenario);
        figures(&self.scenario, self.jitter, &tally)
    }
}

fn figures(scenario: &Scenario, jitter: bool, tally: &Tally) -> Value {
    json!({
        "outage": scenario.outage.name(),
        "clients": scenario.clients,
        "capacity": scenario.capacity,
        "max_delay_ms": scenario.config.backoff.max_ms,
        "jitter": jitter,
        "in_vain": tally.in_vain,
        "peak": tally.peak(),
        "probes": tally.probes,
        "batches": tally.batches,
        "singles": tally.singles,
        "look_ups": tally.look_ups,
        "refused": tally.refused,
        "half_s": tally.settled_within_s(0.5),
        "most_s": tally.settled_within_s(0.99),
        "all_s": tally.settled_within_s(1.0),
        "unsettled": tally.unsettled(),
        "requests": tally.requests,
    })
}

fn line(figures: &Value) -> String {
    let shown = |name: &str| format!("{name} {}", figures[name]);
    let names = [
        "outage",
        "clients",
        "capacity",
        "max_delay_ms",
        "jitter",
        "peak",
        "probes",
        "batches",
        "singles",
        "refused",
        "most_s",
        "all_s",
        "unsettled",
    ];
    names.map(shown).join(", ")
}
