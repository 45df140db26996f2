//! Rejections while an earlier request is in doubt: the server may reject without looking at the
//! key, so the key is looked up.

use serde_json::json;
use tollbox::core::protocol::Response;

use super::flush::report;
use super::outcomes::word;
use super::script::World;
use super::server::{Fault, On, page, problem};

/// Every answer of the protocol that says "nothing was taken".
fn rejections() -> [Response; 5] {
    let rejected = json!({"type": "account-blocked", "declined": true}).to_string();
    [
        problem(400, "bad-request"),
        Response {
            body: rejected,
            ..problem(403, "account-blocked")
        },
        problem(402, "insufficient-balance"),
        problem(403, "not-allowed"),
        problem(422, "idempotency-key-reused"),
    ]
}

/// Charges, and waits for the outcome.
fn end_of(world: &mut World, tab: usize) -> String {
    world.charge(tab, "t1", 5);
    let settled = world.settled(tab, "t1");
    word(&world.wait(settled))
}

#[test]
fn a_charge_already_made_is_not_rejected_afterwards() {
    for rejection in rejections() {
        let mut world = World::new();
        let tab = world.start();
        world.server.fault(On::Charge, 1, Fault::LoseAnswer);
        let instead = Fault::Answer(rejection.clone());
        world.server.fault(On::AnyCharge, u32::MAX, instead);
        let call = world.charge(tab, "t1", 5);
        let said = word(&world.wait(call));
        assert_eq!(said, "charged again", "{rejection:?}");
        assert_eq!(world.server.count(On::LookUp), 1);
        assert_eq!(world.server.times_charged("f:t1"), 1);
    }
}

#[test]
fn a_rejection_is_told_once_a_look_up_finds_no_charge() {
    for (rejection, told) in rejections().into_iter().zip([
        "failed InvalidRequest",
        "declined Rejected",
        "declined InsufficientBalance",
        "failed Forbidden",
        "failed Conflict",
    ]) {
        let mut world = World::new();
        let tab = world.start();
        world.server.fault(On::Charge, 1, Fault::LoseRequest);
        let instead = Fault::Answer(rejection);
        world.server.fault(On::AnyCharge, u32::MAX, instead);
        assert_eq!(end_of(&mut world, tab), told);
        assert_eq!(world.server.count(On::LookUp), 1);
        world.server.heal();
        world.run_for(3_600_000);
        let charged = world.server.times_charged("f:t1");
        assert_eq!(charged, 0, "it was said to be {told}");
    }
}

#[test]
fn a_rejection_is_trusted_at_once_if_nothing_is_in_doubt() {
    for rejection in rejections() {
        let mut world = World::new();
        let tab = world.start();
        world
            .server
            .fault(On::Charge, 1, Fault::Answer(problem(503, "busy")));
        world
            .server
            .fault(On::AnyCharge, 1, Fault::Answer(rejection));
        let said = end_of(&mut world, tab);
        assert!(
            said.starts_with("failed") || said.starts_with("declined"),
            "{said}"
        );
        assert_eq!(world.server.count(On::LookUp), 0);
    }
}

#[test]
fn a_rejection_in_doubt_stays_unknown_if_it_cannot_be_looked_up() {
    for mute in [problem(403, "no-look-ups"), page(200)] {
        let mut world = World::new();
        let tab = world.start();
        world.server.fault(On::Charge, 1, Fault::LoseAnswer);
        let rejected = Fault::Answer(problem(403, "not-allowed"));
        world.server.fault(On::AnyCharge, u32::MAX, rejected);
        let mute = Fault::Answer(mute);
        world.server.fault(On::LookUp, u32::MAX, mute);
        let said = end_of(&mut world, tab);
        assert_eq!(said, "parked RetriesExhausted");
        let snapshot = world.snapshot(tab);
        assert_eq!(snapshot.balance.unwrap().held.get(), 5);
        let (look_ups, sendings) = (
            world.server.count(On::LookUp),
            world.server.count(On::AnyCharge),
        );
        assert!(
            look_ups <= 3 && sendings <= 3,
            "{look_ups} look-ups, {sendings} sendings"
        );

        world.server.heal();
        let flush = world.flush(tab);
        report(&mut world, flush);
        world.settle();
        let retried = world.settled(tab, "t1");
        assert_eq!(word(&world.wait(retried)), "charged again");
    }
}

/// The last request is rejected while the one before it may still arrive.
#[test]
fn a_rejected_last_attempt_is_told_as_rejected_not_as_exhausted() {
    let mut world = World::with(|config| config.max_total_attempts = 2);
    let tab = world.start();
    world.server.fault(On::Charge, 1, Fault::LoseRequest);
    let rejected = Fault::Answer(problem(402, "insufficient-balance"));
    world.server.fault(On::AnyCharge, u32::MAX, rejected);
    assert_eq!(end_of(&mut world, tab), "declined InsufficientBalance");
    assert_eq!(world.server.count(On::AnyCharge), 2);
    assert_eq!(world.server.count(On::LookUp), 1);
}

#[test]
fn a_retry_after_a_rejection_in_doubt_is_sent() {
    let mut world = World::with(|config| config.max_attempts = 1);
    let tab = world.start();
    world.server.fault(On::Charge, 1, Fault::LoseRequest);
    let rejected = Fault::Answer(problem(402, "insufficient-balance"));
    world.server.fault(On::AnyCharge, 1, rejected);
    world
        .server
        .fault(On::LookUp, u32::MAX, Fault::Answer(problem(500, "broken")));
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    world.run_until(|world| world.server.count(On::LookUp) == 1);
    world.run_for(300);
    let retry = world.retry(tab, "t1");
    let said = word(&world.wait(retry));
    assert!(said.starts_with("charged"), "{said}");
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

#[test]
fn a_retry_is_not_answered_with_the_rejection_before_it() {
    for commit_ms in [1, 40] {
        for after_ms in (0..=300).step_by(20) {
            let mut world = World::with(|config| config.max_attempts = 1);
            world.commit_ms = commit_ms;
            let tab = world.start();
            world.server.fault(On::Charge, 1, Fault::LoseRequest);
            let rejected = Fault::Answer(problem(402, "insufficient-balance"));
            world.server.fault(On::AnyCharge, 1, rejected);
            world.server.fault(On::LookUp, u32::MAX, Fault::Late(200));
            let call = world.charge(tab, "t1", 5);
            world.wait(call);
            world.run_until(|world| world.server.count(On::LookUp) == 1);
            world.run_for(after_ms);
            let retry = world.retry(tab, "t1");
            let said = word(&world.wait(retry));
            assert_eq!(said, "charged", "{commit_ms}, {after_ms}");
        }
    }
}
