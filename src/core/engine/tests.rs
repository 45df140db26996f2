//! How the engine's work grows with the number of charges.

#![expect(
    clippy::arithmetic_side_effects,
    reason = "the numbers are small, and an overflow fails the test"
)]

use super::*;
use crate::core::charge::ChargeRequest;
use crate::core::config::Options;
use crate::core::journal::{Op, Write};
use crate::core::json::{FromJson as _, Json};
use crate::core::ordered::visits;
use crate::core::percent::percent_decode;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// One tab with its journal, and a server that charges whatever it is asked for.
struct Bench {
    engine: Engine,
    journal: BTreeMap<Key, Record>,
    now: Now,
    events: Vec<Event>,
    /// The answers to charges, while they are kept back.
    kept_back: Option<Vec<Event>>,
    version: u64,
}

impl Bench {
    /// A journal with so many charges, each in the state that `begun` gives it.
    fn new(charges: usize, begun: impl Fn(Record) -> Record) -> Bench {
        let options =
            Json::parse(r#"{ "queue": { "offlineSpend": "unlimited", "maxEntries": 50000 } }"#);
        let options = Options::from_json(&options.unwrap()).unwrap();
        let setup = Setup {
            account: "a".to_owned(),
            tab: "tab".to_owned(),
            seed: 1,
            storage: StorageKind::IndexedDb,
            online: true,
            earlier: Earlier::Nothing,
            session: Session::since(0),
        };
        let journal = (1..=charges).map(|n| {
            let charge = charge(n);
            let sequence = u64::try_from(n).unwrap();
            let key = charge.key.clone();
            (key, begun(Record::open(charge, sequence)))
        });
        Bench {
            engine: Engine::new(setup, options.into_config().unwrap()),
            journal: journal.collect(),
            now: Now {
                mono_ms: 1_000,
                wall_ms: 1_700_000_000_000,
            },
            events: Vec::new(),
            kept_back: None,
            version: 0,
        }
    }

    /// Each of these charges is requested by a caller who waits, without waiting for the others.
    fn request(&mut self, charges: RangeInclusive<usize>, what: impl Fn(Charge) -> CallRequest) {
        for n in charges {
            let id = u64::try_from(n).unwrap();
            let request = what(charge(n));
            self.tell(Event::Call { id, request });
        }
    }

    fn flush(&mut self) {
        let (id, request) = (u64::MAX, CallRequest::Flush);
        self.tell(Event::Call { id, request });
    }

    /// As [`Bench::settle`], and then comes what the engine waits for.
    fn settle_later(&mut self) {
        let deadline_ms = self.engine.deadline().unwrap();
        let by_ms = deadline_ms.saturating_sub(self.now.mono_ms);
        self.now.mono_ms += by_ms;
        self.now.wall_ms += by_ms;
        self.tell(Event::Tick);
        self.settle();
    }

    fn tell(&mut self, event: Event) {
        self.now.mono_ms += 1;
        self.now.wall_ms += 1;
        self.engine.handle(self.now, event);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(effect) = self.engine.poll() {
            self.perform(effect);
        }
        self.engine.deadline();
    }

    /// Everything that was ordered has been done, and all that follows from it.
    fn settle(&mut self) {
        self.drain();
        while !self.events.is_empty() {
            self.step();
        }
    }

    /// Tells what the orders so far have come to.
    fn step(&mut self) {
        self.drain();
        for event in std::mem::take(&mut self.events) {
            self.tell(event);
        }
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Journal { ops, .. } => {
                let applied = ops.iter().map(|op| self.apply(op)).collect();
                self.events.push(Event::Journaled(Ok(applied)));
            }
            Effect::Load { .. } => {
                let records = self.journal.values().cloned().collect();
                self.events.push(Event::Alive(vec!["tab".to_owned()]));
                self.events.push(Event::Loaded(Ok(records)));
            }
            Effect::Send { send, request, .. } => {
                let response = self.answer(&request);
                let answer = Event::Answered { send, response };
                match &mut self.kept_back {
                    Some(kept_back) if request.body.is_some() => kept_back.push(answer),
                    Some(_) | None => self.events.push(answer),
                }
            }
            Effect::AskLock => {
                self.events.push(Event::Alive(vec!["tab".to_owned()]));
                self.events.push(Event::LockGranted);
            }
            Effect::ReleaseLock
            | Effect::Announce { .. }
            | Effect::AnnounceFlush(_)
            | Effect::AnnounceTasks { .. }
            | Effect::AskTasks
            | Effect::MarkSignOut
            | Effect::AnnounceLeft
            | Effect::SaveBalance(_)
            | Effect::Resolve { .. }
            | Effect::Notice(_) => {}
        }
    }

    fn apply(&mut self, op: &Op) -> Applied {
        let at = ApplyAt::new(self.now.wall_ms, Session::since(0));
        let applied = op.apply(self.journal.get(op.key()).cloned(), at);
        match (applied.write, &applied.record) {
            (Write::Put, Some(record)) => {
                self.journal.insert(op.key().clone(), record.clone());
            }
            (Write::Delete, _) => {
                self.journal.remove(op.key());
            }
            (Write::Keep | Write::Put, _) => {}
        }
        applied
    }

    fn answer(&mut self, request: &crate::core::protocol::Request) -> Response {
        self.version += 1;
        let (version, balance) = (self.version, 1_000_000 - self.version);
        let of_balance = format!(r#""balance":{balance},"version":{version}"#);
        let receipt = |item: &serde_json::Value, key: &str| {
            format!(
                r#""charge_id":"c-{key}","idempotency_key":"{key}","amount":{},"charged_at":"2026-01-01T00:00:00Z","replayed":false"#,
                item["amount"],
            )
        };
        let body: Option<serde_json::Value> = request
            .body
            .as_ref()
            .map(|body| serde_json::from_str(body).unwrap());
        let looked_up = request.path.strip_prefix("charges?key=");
        let (status, body) = match body {
            None if looked_up.is_some() => {
                let key = percent_decode(looked_up.unwrap()).unwrap();
                let receipt = receipt(&serde_json::json!({ "amount": 1 }), &key);
                (200, format!("{{{receipt},{of_balance}}}"))
            }
            None => (200, format!("{{{of_balance}}}")),
            Some(batch) if batch["charges"].is_array() => {
                let items = batch["charges"].as_array().unwrap().iter();
                let results: Vec<String> = items
                    .map(|item| {
                        let receipt = receipt(item, item["idempotency_key"].as_str().unwrap());
                        format!(r#"{{"status":"charged",{receipt}}}"#)
                    })
                    .collect();
                (
                    200,
                    format!(r#"{{"results":[{}],{of_balance}}}"#, results.join(",")),
                )
            }
            Some(item) => {
                let key = request.headers.iter();
                let key = key.filter(|(name, _)| *name == "idempotency-key");
                let key = key.map(|(_, key)| key.trim_matches('"')).next().unwrap();
                (201, format!("{{{},{of_balance}}}", receipt(&item, key)))
            }
        };
        Response {
            status,
            content_type: Some("application/json".to_owned()),
            body,
            ..Response::default()
        }
    }
}

fn charge(n: usize) -> Charge {
    let request = ChargeRequest {
        task_id: format!("t{n:06}"),
        amount: 1.0,
        feature: "f".to_owned(),
        ..ChargeRequest::default()
    };
    request.into_charge(1_700_000_000_000).unwrap()
}

/// Entries visited per charge while all that was ordered is done, which charges so many.
fn visits(charges: usize, bench: &mut Bench, orders: impl FnOnce(&mut Bench)) -> u64 {
    let before = visits::so_far();
    orders(bench);
    bench.settle();
    while bench.engine.outbox.open() > 0 {
        bench.settle_later();
    }
    let view = bench.engine.stats.view();
    assert_eq!(view.charged, u64::try_from(charges).unwrap());
    (visits::so_far() - before) / view.charged
}

/// Entries visited per charge while so many are read and charged.
fn visits_of_drain(charges: usize) -> u64 {
    let mut bench = Bench::new(charges, |record| record);
    visits(charges, &mut bench, |_| {})
}

/// Entries visited per charge while so many are made at once by callers who wait, and `orders` are
/// given besides.
fn visits_of_burst(charges: usize, orders: impl Fn(&mut Bench)) -> u64 {
    let mut bench = Bench::new(0, |record| record);
    bench.settle();
    visits(charges, &mut bench, |bench| {
        bench.request(1..=charges, CallRequest::Charge);
        orders(bench);
    })
}

fn assert_no_more(few: u64, many: u64) {
    assert!(
        many <= few + few.div_ceil(4),
        "{few} of few, {many} of many"
    );
}

#[test]
fn drain_visits_no_more_entries_per_charge_the_longer_the_queue() {
    assert_no_more(visits_of_drain(1_000), visits_of_drain(8_000));
}

#[test]
fn burst_of_calls_visits_no_more_entries_per_charge_the_more_there_are() {
    let visits = |charges| visits_of_burst(charges, |_| {});
    assert_no_more(visits(1_000), visits(4_000));
}

#[test]
fn second_burst_of_calls_visits_no_more_entries_per_charge_the_more_wait_to_be_written() {
    let visits = |charges: usize| {
        let mut bench = Bench::new(0, |record| record);
        bench.settle();
        visits(2 * charges, &mut bench, |bench| {
            bench.request(1..=charges, CallRequest::Charge);
            // The first one is written, and then all others are.
            bench.step();
            bench.request(charges + 1..=2 * charges, CallRequest::Charge);
        })
    };
    assert_no_more(visits(1_000), visits(4_000));
}

#[test]
fn burst_of_calls_with_a_flush_visits_no_more_entries_per_charge_the_more_there_are() {
    let visits = |charges| visits_of_burst(charges, Bench::flush);
    assert_no_more(visits(1_000), visits(4_000));
}

/// Entries visited per charge while so many are made one after the other, by callers who wait until
/// it is known whether the server is alive.
fn visits_of_trial(charges: usize) -> u64 {
    let mut bench = Bench::new(0, |record| record);
    bench.settle();
    visits(charges, &mut bench, |bench| {
        bench.kept_back = Some(Vec::new());
        bench.request(1..=1, CallRequest::Charge);
        bench.settle();
        let send = match bench.kept_back.replace(Vec::new()).unwrap().as_slice() {
            [Event::Answered { send, .. }] => *send,
            other => panic!("{other:?}"),
        };
        let timed_out = false;
        bench.tell(Event::Lost { send, timed_out });
        while !bench.engine.wire.is_on_trial() {
            bench.settle_later();
        }
        for n in 2..=charges {
            bench.request(n..=n, CallRequest::Charge);
            bench.settle();
        }
        assert!(bench.engine.wire.is_on_trial());
        let answers = bench.kept_back.take().unwrap();
        assert_eq!(answers.len(), 1);
        bench.events.extend(answers);
    })
}

#[test]
fn trial_visits_no_more_entries_per_charge_the_more_calls_wait_for_its_end() {
    assert_no_more(visits_of_trial(1_000), visits_of_trial(4_000));
}

/// A charge of an earlier start, of which nobody knows whether it has been made.
fn in_doubt(record: Record) -> Record {
    record.in_doubt(1_700_000_000_000, 0)
}

/// Entries visited per charge while so many are looked up: for nobody, for a flush, or for callers.
fn visits_of_look_ups(charges: usize, orders: impl Fn(&mut Bench)) -> u64 {
    let mut bench = Bench::new(charges, in_doubt);
    visits(charges, &mut bench, |bench| {
        orders(bench);
    })
}

#[test]
fn look_ups_visit_no_more_entries_per_charge_the_longer_the_queue() {
    let visits = |charges| visits_of_look_ups(charges, |_| {});
    assert_no_more(visits(1_000), visits(8_000));
}

#[test]
fn look_ups_of_a_flush_visit_no_more_entries_per_charge_the_longer_the_queue() {
    let visits = |charges| {
        visits_of_look_ups(charges, |bench| {
            while bench.engine.outbox.open() == 0 {
                bench.step();
            }
            bench.flush();
        })
    };
    assert_no_more(visits(1_000), visits(8_000));
}

#[test]
fn look_ups_for_callers_visit_no_more_entries_per_charge_the_more_there_are() {
    let visits = |charges: usize| {
        visits_of_look_ups(charges, |bench| {
            while bench.engine.outbox.open() == 0 {
                bench.step();
            }
            bench.request(1..=charges, |charge| CallRequest::Settled(charge.key));
        })
    };
    assert_no_more(visits(1_000), visits(8_000));
}

/// Entries visited per running task, by their starts' last one and an event that concerns none of them.
fn visits_of_tasks(tasks: usize) -> u64 {
    let mut bench = Bench::new(0, |record| record);
    bench.settle();
    let running = false;
    let start = |charge| CallRequest::StartTask { charge, running };
    bench.request(1..=tasks, start);
    bench.settle();
    let before = visits::so_far();
    bench.request(tasks + 1..=tasks + 1, start);
    bench.tell(Event::Tick);
    assert_eq!(bench.engine.tasks.holds().len(), tasks + 1);
    (visits::so_far() - before) / u64::try_from(tasks).unwrap()
}

#[test]
fn running_tasks_are_visited_no_more_often_the_more_there_are() {
    assert_no_more(visits_of_tasks(100), visits_of_tasks(800));
}
