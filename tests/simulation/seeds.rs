//! Runs many seeds on all cores, or one with its whole trace.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::class::{Class, Classes};
use super::run::run;
use super::world::Counts;
use super::world::trace::Trace;

const SEEDS: u64 = 10_000;
/// How long after a request's time limit the network may still deliver it.
pub const LATE_MS: u64 = 5_000;
/// The finding of a run that did not come to its end.
pub const PANIC: &str = "it panics";
const TRACE_LINES: usize = 60;
/// Violations after which a range of seeds ends.
const ENOUGH: usize = 12;

/// The faults that the core withstands: all but a clock that is set while no tab is open.
pub fn usual() -> Classes {
    Classes::all().without(Class::BlindClocks)
}

struct Found {
    seed: u64,
    violation: String,
}

#[test]
fn the_promises_hold_whatever_happens() {
    let classes = match variable("TOLLBOX_FAULTS") {
        Some(text) => Classes::parse(&text, usual()).unwrap(),
        None => usual(),
    };
    let late_ms = variable("TOLLBOX_LATE_MS").map_or(LATE_MS, |text| text.parse().unwrap());
    if let Some(seed) = variable("TOLLBOX_SEED") {
        return replay(seed.parse().unwrap(), classes, late_ms);
    }
    let seeds = variable("TOLLBOX_SEEDS").map_or(0..SEEDS, |text| range(&text).unwrap());
    println!("faults: {}; late by up to {late_ms} ms", classes.names());
    let (counts, mut found, took) = run_all(seeds, classes, late_ms);
    let seconds = took.as_secs_f64();
    println!("{}", counts.lines());
    println!(
        "{seconds:.1} s, {:.0} seeds/s",
        counts.seeds as f64 / seconds
    );
    found.sort_by_key(|found| found.seed);
    for found in &found {
        println!("seed {}: {}", found.seed, cut(&found.violation));
    }
    if let Some(first) = found.first() {
        let trace = trace_of(first.seed, classes, late_ms, TRACE_LINES);
        panic!(
            "seed {} violates {}\nthe last steps:\n{trace}\nthe whole: cargo xtask sim --seed {} --faults {} --late-ms {late_ms}",
            first.seed,
            first.violation,
            first.seed,
            classes.names()
        );
    }
}

fn replay(seed: u64, classes: Classes, late_ms: u64) {
    println!("{}", trace_of(seed, classes, late_ms, usize::MAX));
    let violation = run_one(seed, classes, late_ms).1;
    assert_eq!(violation, None);
}

fn run_all(seeds: Range<u64>, classes: Classes, late_ms: u64) -> (Counts, Vec<Found>, Duration) {
    let next = AtomicU64::new(seeds.start);
    let enough = AtomicBool::new(false);
    let results = Mutex::new((Counts::default(), Vec::new()));
    #[expect(
        clippy::disallowed_methods,
        reason = "the speed of the simulator is a real one"
    )]
    let start = Instant::now();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end || enough.load(Ordering::Relaxed) {
                        return;
                    }
                    let (counts, violation) = run_one(seed, classes, late_ms);
                    let mut results = results.lock().unwrap();
                    results.0 += counts;
                    if let Some(violation) = violation {
                        results.1.push(Found { seed, violation });
                        enough.store(results.1.len() >= ENOUGH, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let (counts, found) = results.into_inner().unwrap();
    (counts, found, start.elapsed())
}

pub fn run_one(seed: u64, classes: Classes, late_ms: u64) -> (Counts, Option<String>) {
    let ran = catch_unwind(AssertUnwindSafe(|| {
        run(seed, classes, late_ms, Trace::default())
    }));
    match ran {
        Ok(mut world) => (world.counts, world.violation.take()),
        Err(_) => (Counts::default(), Some(PANIC.to_owned())),
    }
}

pub fn trace_of(seed: u64, classes: Classes, late_ms: u64, lines: usize) -> String {
    let ran = catch_unwind(|| run(seed, classes, late_ms, Trace::of(lines)));
    match ran {
        Ok(world) => world.trace.text(),
        Err(_) => PANIC.to_owned(),
    }
}

pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}

/// `N`, or `A..B`.
pub fn range(text: &str) -> Option<Range<u64>> {
    match text.split_once("..") {
        Some((start, end)) => Some(start.parse().ok()?..end.parse().ok()?),
        None => Some(0..text.parse().ok()?),
    }
}

fn cut(text: &str) -> String {
    text.chars().take(300).collect()
}
