//! Deliberate defects in the core. Each has to break a promise, by which it is caught.
//!
//! A seed counts only where the same seed with the same faults breaks nothing in the sound core.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tollbox::core::defects::Defect;

use super::class::Classes;
use super::seeds::{LATE_MS, PANIC, range, run_one, trace_of, usual, variable};

/// The seeds among which each defect has to be caught: the rarest is found in one of 350, and one
/// of a thousand could be without it by luck. A trial ends with the first seed that catches it.
const SEEDS: u64 = 5_000;
/// The characters of a violation that fit into a line of the table.
const WIDTH: usize = 110;

/// The faults around a defect: no more than it needs to do harm.
fn usual_faults(defect: Defect) -> &'static str {
    match defect {
        Defect::SendsBeforeJournaling | Defect::HoldsTaskTwice | Defect::NotesUnwrittenQueue => {
            "none"
        }
        Defect::ForgetsKeyOnRetry | Defect::TimeoutIsFailed | Defect::ProbesWithCharges => {
            "network!"
        }
        Defect::ServerErrorIsCharged | Defect::IgnoresRetryAfter => "answers!",
        Defect::ForeignAnswerSettles
        | Defect::CancelsWithoutAsking
        | Defect::ProxyPageRejects
        | Defect::BelievesRejectionInDoubt
        | Defect::OlderBalanceApplies => "network!,answers!",
        Defect::BelievesOneSpelling => "network!,keys!",
        Defect::BelievesGateways => "network!,middle!",
        Defect::BelievesForeignNoBatches => "tabs!,network!,answers!,middle!",
        Defect::BelievesForeignBusy
        | Defect::IgnoresAccountMismatch
        | Defect::EveryLossClosesGate
        | Defect::BalanceEndsPause
        | Defect::CountsPutOffAttempts
        | Defect::BelievesCachedBalance => "middle!",
        Defect::IgnoresServerHolds | Defect::HoldsTakeAllConnections => "holds!",
        Defect::HoldsNeverExpire => "network!,holds!",
        Defect::BelievesUntakenTooEarly => "network!,late!",
        Defect::SendsExpiredKey => "network!,crashes!,key-ttl!",
        Defect::HidesStorageFailure => "writes!",
        Defect::NoClaimsNoKeys => "tabs!",
        Defect::SignsOutOneTab => "tabs!,sign-out!",
        Defect::WaitsForLockForEver => "network!,standstill!",
        Defect::IgnoresUnreadJournal => "network!,no-database!",
        Defect::ForgetsLostRecords => "network!,damage!",
        Defect::TellsUnwrittenVerdicts => "conclusions!",
        Defect::KeyTimeHasNoMargin => "network!,key-ttl!,late!,hidden!",
        Defect::IgnoresClockSetBack => "network!,crashes!,key-ttl!,clocks!",
        Defect::ClaimOfOneLength => "tabs!,network!,limits!",
        Defect::BelievesLapsedClaim => "tabs!,answers!,hidden!,frozen!",
        Defect::NoJitter => unreachable!("it harms a herd only"),
        Defect::TellsBeforeJournaling | Defect::RelaxesEveryWrite | Defect::ClaimNeverEnds => {
            "crashes!"
        }
    }
}

/// A defect, and the faults around it.
struct Trial {
    defect: Defect,
    faults: String,
    classes: Classes,
}

/// The result of a trial.
#[derive(Default)]
struct Caught {
    /// The first seed that catches it, and the violation.
    first: Option<(u64, String)>,
    /// Seeds that catch it.
    seeds: u64,
    /// Seeds that don't count, because the sound core breaks a promise there as well.
    unsound: u64,
}

#[test]
fn every_defect_is_caught() {
    let trials = trials(variable("TOLLBOX_DEFECT"), variable("TOLLBOX_FAULTS"));
    if let Some(seed) = variable("TOLLBOX_SEED") {
        return replay(&trials[0], seed.parse().unwrap());
    }
    let wanted = variable("TOLLBOX_SEEDS").map(|text| range(&text).unwrap());
    let whole = wanted.is_some();
    let seeds = wanted.unwrap_or(0..SEEDS);
    let table = catch_all(&trials, &seeds, whole);
    println!("{}", head(whole.then_some(seeds.end - seeds.start)));
    for (trial, caught) in trials.iter().zip(&table) {
        println!("{}", line(trial, caught, whole));
    }
    let unsound: u64 = table.iter().map(|caught| caught.unsound).sum();
    if unsound > 0 {
        println!("{unsound} runs don't count: the sound core breaks a promise there as well");
    }
    let missed = table.iter().filter(|caught| caught.first.is_none()).count();
    assert_eq!(missed, 0, "defects not caught in seeds {seeds:?}");
}

/// All defects, or the one of this name, with faults of their own, or with these.
fn trials(name: Option<String>, faults: Option<String>) -> Vec<Trial> {
    // tests/herd catches the one that harms many clients, and no single one.
    let all = Defect::ALL.iter().copied();
    let all = all.filter(|defect| *defect != Defect::NoJitter);
    let wanted = all.filter(|defect| name.as_ref().is_none_or(|name| *name == named(*defect)));
    let trials: Vec<Trial> = wanted
        .map(|defect| {
            let faults = faults.clone().unwrap_or(usual_faults(defect).to_owned());
            let classes = Classes::parse(&faults, usual()).unwrap();
            Trial {
                defect,
                faults,
                classes,
            }
        })
        .collect();
    let names: Vec<String> = Defect::ALL.iter().map(|defect| named(*defect)).collect();
    assert!(!trials.is_empty(), "the defects are {}", names.join(", "));
    trials
}

/// Shows every step of a run with this defect.
fn replay(trial: &Trial, seed: u64) {
    let trace = || trace_of(seed, trial.classes, LATE_MS, usize::MAX);
    println!("{}", with(trial.defect, trace));
}

/// Tries every defect on its own, on all cores; with `whole`, counts the seeds that catch it.
fn catch_all(trials: &[Trial], seeds: &Range<u64>, whole: bool) -> Vec<Caught> {
    let next = AtomicUsize::new(0);
    let table = Mutex::new(BTreeMap::new());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(trial) = trials.get(at) else {
                        return;
                    };
                    let caught = catch(trial, seeds, whole);
                    table.lock().unwrap().insert(at, caught);
                }
            });
        }
    });
    table.into_inner().unwrap().into_values().collect()
}

fn catch(trial: &Trial, seeds: &Range<u64>, whole: bool) -> Caught {
    let mut caught = Caught::default();
    for seed in seeds.clone() {
        let run = || run_one(seed, trial.classes, LATE_MS).1;
        let Some(violation) = with(trial.defect, run) else {
            continue;
        };
        if violation == PANIC {
            continue;
        }
        if run().is_some() {
            caught.unsound += 1;
            continue;
        }
        caught.seeds += 1;
        caught.first.get_or_insert((seed, violation));
        if !whole {
            break;
        }
    }
    caught
}

fn with<T>(defect: Defect, run: impl FnOnce() -> T) -> T {
    Defect::set(Some(defect));
    let result = run();
    Defect::set(None);
    result
}

fn head(whole: Option<u64>) -> String {
    let often = whole.map_or(String::new(), |whole| format!("  of {whole:>5}"));
    let seen = "what was seen";
    format!(
        "{:<27} {:<27} {:>4}{often}  {:<14} {seen}",
        "defect", "faults", "seed", "broken promise"
    )
}

fn line(trial: &Trial, caught: &Caught, whole: bool) -> String {
    let (seed, violation) = match &caught.first {
        Some((seed, violation)) => (seed.to_string(), violation.as_str()),
        None => ("-".to_owned(), "NOT CAUGHT: "),
    };
    let (promise, seen) = violation.split_once(": ").unwrap();
    let seen: String = seen.chars().take(WIDTH).collect();
    let often = match whole {
        true => format!("  {:>8}", caught.seeds),
        false => String::new(),
    };
    let (name, faults) = (named(trial.defect), &trial.faults);
    format!("{name:<27} {faults:<27} {seed:>4}{often}  {promise:<14} {seen}")
}

/// `SendsExpiredKey` as `sends-expired-key`.
fn named(defect: Defect) -> String {
    let mut name = String::new();
    for letter in format!("{defect:?}").chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}
