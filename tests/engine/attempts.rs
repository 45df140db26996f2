//! Attempts: answers that exhaust none, and charges whose attempts are exhausted.

use tollbox::core::outcome::{Outcome, What};

use super::flush::with_queue;
use super::outcomes::word;
use super::script::World;
use super::server::{Fault, On, problem, with_retry_after};

const DAY_MS: u64 = 86_400_000;

pub fn few_attempts() -> (World, usize) {
    let mut world = World::with(|config| {
        config.max_total_attempts = 4;
        config.backoff.max_ms = 2_000;
    });
    let tab = world.start();
    (world, tab)
}

/// The outcome of a charge whose every attempt meets `fault`.
pub fn end_of_all_attempts(world: &mut World, tab: usize, fault: Fault) -> Outcome {
    world.server.fault(On::AnyCharge, u32::MAX, fault);
    world.charge(tab, "t1", 5);
    let settled = world.settled(tab, "t1");
    world.wait(settled)
}

#[test]
fn exhausted_attempts_park_a_charge_that_cannot_be_looked_up() {
    for mute in [
        problem(500, "broken"),
        problem(403, "no-look-ups"),
        problem(501, "no-look-ups"),
    ] {
        let (mut world, tab) = few_attempts();
        world
            .server
            .fault(On::LookUp, u32::MAX, Fault::Answer(mute));
        let outcome = end_of_all_attempts(&mut world, tab, Fault::Answer(problem(500, "broken")));
        assert_eq!(
            (word(&outcome).as_str(), outcome.attempts),
            ("parked RetriesExhausted", 4)
        );
        assert!(matches!(
            outcome.what,
            What::Unknown {
                resolving: false,
                durable: true,
                ..
            }
        ));
        assert_eq!(world.snapshot(tab).queue.held_points.get(), 5);
        let requests = world.server.arrived.len();
        world.run_for(DAY_MS);
        assert_eq!(world.server.arrived.len(), requests);

        world.server.heal();
        let retry = world.retry(tab, "t1");
        assert_eq!(word(&world.wait(retry)), "charged");
        world.settle();
        assert_eq!(world.server.times_charged("f:t1"), 1);
    }
}

#[test]
fn exhausted_attempts_fail_a_charge_that_was_never_made() {
    let (mut world, tab) = few_attempts();
    let outcome = end_of_all_attempts(&mut world, tab, Fault::Answer(problem(500, "broken")));
    assert_eq!(
        (word(&outcome).as_str(), outcome.attempts),
        ("failed RetriesExhausted", 4)
    );
    assert!(matches!(
        outcome.what,
        What::Failed {
            retryable: true,
            ..
        }
    ));
    assert_eq!(world.snapshot(tab).queue.held_points.get(), 0);
}

#[test]
fn exhausted_attempts_end_charged_if_the_server_had_charged() {
    let (mut world, tab) = few_attempts();
    let fault = Fault::AnswerAfter(problem(500, "broken"));
    let outcome = end_of_all_attempts(&mut world, tab, fault);
    assert_eq!(
        (word(&outcome).as_str(), outcome.attempts),
        ("charged again", 4)
    );
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

#[test]
fn twenty_five_busy_answers_exhaust_no_attempts() {
    for (status, retry_after) in [(503, Some("1")), (429, None), (503, None)] {
        let mut world = World::with(|config| config.backoff.max_ms = 2_000);
        let tab = world.start();
        let busy = problem(status, "busy");
        let busy = match retry_after {
            Some(retry_after) => with_retry_after(busy, retry_after),
            None => busy,
        };
        world.server.fault(On::AnyCharge, 25, Fault::Answer(busy));
        let call = world.charge(tab, "t1", 5);
        assert_eq!(word(&world.wait(call)), "queued Busy");
        let settled = world.settled(tab, "t1");
        assert_eq!(word(&world.wait(settled)), "charged");
        assert_eq!(world.outcome(settled).attempts, 26);
    }
}

#[test]
fn busy_batch_items_exhaust_no_attempts_and_are_backed_off() {
    let mut world = World::new();
    with_queue(&mut world, 2);
    let item = |n: usize| {
        serde_json::json!({"idempotency_key": format!("f:t{n:03}"), "status": "retry",
            "problem": {"type": "busy", "status": 503}})
    };
    let body = serde_json::json!({"results": [item(0), item(1)], "balance": 120, "version": 1});
    let answer = super::server::json_answer(200, body);
    world
        .server
        .fault(On::Batch, u32::MAX, Fault::Answer(answer));
    world
        .server
        .fault(On::Charge, u32::MAX, Fault::Answer(problem(503, "busy")));
    world.go_online(true);
    world.run_for(3_600_000);
    let sent = world.server.count(On::AnyCharge);
    assert!((30..600).contains(&sent), "{sent}");
    world.server.heal();
    world.settle();
    assert_eq!(world.server.balance(), 118);
}
