//! Limits of a call: how long and how often it tries, and what it may spend.

use tollbox::core::outcome::What;

use super::outcomes::word;
use super::script::World;
use super::server::{Fault, On, problem};

#[test]
fn a_charge_call_waits_no_longer_than_respond_within_ms() {
    let mut world = World::with(|config| config.respond_within_ms = 3_000);
    let tab = world.start();
    world.server.fault(On::AnyCharge, 1, Fault::HangAfter);
    let asked_ms = world.now.mono_ms;
    let call = world.charge(tab, "t1", 5);
    let outcome = world.wait(call);
    assert_eq!(word(&outcome), "unknown Timeout");
    assert!(matches!(
        outcome.what,
        What::Unknown {
            resolving: true,
            durable: true,
            ..
        }
    ));
    assert_eq!(world.answered_at_ms[&call] - asked_ms, 3_000);
    world.settle();
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

#[test]
fn a_charge_call_tries_a_failing_server_three_times() {
    let mut world = World::with(|config| config.respond_within_ms = 60_000);
    let tab = world.start();
    world.server.fault(
        On::AnyCharge,
        u32::MAX,
        Fault::Answer(problem(500, "broken")),
    );
    let call = world.charge(tab, "t1", 5);
    let outcome = world.wait(call);
    assert_eq!(
        (word(&outcome).as_str(), outcome.attempts),
        ("unknown ServerError", 3)
    );
    assert_eq!(world.server.count(On::AnyCharge), 3);
    world.server.heal();
    world.settle();
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

#[test]
fn a_request_in_progress_is_unknown_and_tried_again() {
    let mut world = World::new();
    let tab = world.start();
    world.server.fault(
        On::AnyCharge,
        5,
        Fault::Answer(problem(409, "request-in-progress")),
    );
    let call = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(call)), "unknown Busy");
    world.settle();
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

#[test]
fn a_408_is_retried_within_the_call() {
    let mut world = World::new();
    let tab = world.start();
    world.server.fault(
        On::AnyCharge,
        1,
        Fault::AnswerAfter(problem(408, "too-slow")),
    );
    let call = world.charge(tab, "t1", 5);
    let outcome = world.wait(call);
    assert_eq!(
        (word(&outcome).as_str(), outcome.attempts),
        ("charged again", 2)
    );
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

#[test]
fn a_refused_charge_takes_no_room_while_its_refusal_is_written() {
    let mut world = World::with(|config| config.max_entries = 3);
    let tab = world.start();
    world.go_online(false);
    let dear = ["a", "b", "c"].map(|task| world.charge(tab, task, 500));
    let cheap = world.charge(tab, "d", 5);
    for call in dear {
        assert_eq!(word(&world.wait(call)), "failed OfflineSpendDenied");
    }
    assert_eq!(word(&world.wait(cheap)), "queued Offline");
    // They take none when they are refused again, either.
    let again = ["a", "b", "c"].map(|task| world.charge(tab, task, 500));
    let cheap = world.charge(tab, "e", 5);
    for call in again {
        assert_eq!(word(&world.wait(call)), "failed OfflineSpendDenied");
    }
    assert_eq!(word(&world.wait(cheap)), "queued Offline");
}

#[test]
fn concurrent_charges_and_retries_spend_no_more_than_the_balance() {
    let mut world = World::new();
    let tab = world.start();
    world.go_online(false);
    let calls = ["a", "b", "c"].map(|task| world.charge(tab, task, 100));
    let said = calls.map(|call| word(&world.wait(call)));
    let denied = "failed OfflineSpendDenied";
    assert_eq!(said, ["queued Offline", denied, denied]);
    let cancel = world.cancel(tab, "a");
    world.wait(cancel);
    let calls = [world.retry(tab, "b"), world.retry(tab, "c")];
    let said = calls.map(|call| word(&world.wait(call)));
    assert_eq!(said, ["queued Offline", denied]);
}
