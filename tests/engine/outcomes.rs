//! The five outcomes, and charging the same key again.

use tollbox::core::engine::{Answer, Event};
use tollbox::core::outcome::{
    DeclineReason, FailureReason, OpenReason, Outcome, UnknownReason, What,
};
use tollbox::core::snapshot::BillingStatus;

use super::script::World;
use super::server::{Fault, On, problem};

/// The outcome in a word and its reason in another.
pub fn word(outcome: &Outcome) -> String {
    match &outcome.what {
        What::Charged {
            replayed: false, ..
        } => "charged".into(),
        What::Charged { replayed: true, .. } => "charged again".into(),
        What::Queued { reason, .. } => format!("queued {reason:?}"),
        What::Unknown {
            reason: UnknownReason::Open(reason),
            ..
        } => format!("unknown {reason:?}"),
        What::Unknown {
            reason: UnknownReason::Parked(reason),
            ..
        } => format!("parked {reason:?}"),
        What::Declined { reason, .. } => format!("declined {reason:?}"),
        What::Failed { reason, .. } => format!("failed {reason:?}"),
    }
}

#[test]
fn a_charge_is_charged_once_and_the_balance_follows() {
    let mut world = World::new();
    let tab = world.start();
    let call = world.charge(tab, "t1", 5);
    let outcome = world.wait(call);
    assert_eq!(word(&outcome), "charged");
    assert_eq!((outcome.key.as_str(), outcome.attempts), ("f:t1", 1));
    let What::Charged { balance, .. } = outcome.what else {
        unreachable!()
    };
    assert_eq!(balance.get(), 115);
    let balance = world.snapshot(tab).balance.unwrap();
    assert_eq!((balance.confirmed.get(), balance.held.get()), (115, 0));
    assert_eq!(world.server.times_charged("f:t1"), 1);
    world.settle();
}

#[test]
fn points_are_held_while_a_charge_is_open() {
    let mut world = World::new();
    let tab = world.start();
    world.charge(tab, "t1", 5);
    let balance = world.snapshot(tab).balance.unwrap();
    assert_eq!(
        (balance.confirmed.get(), balance.available.get()),
        (120, 115)
    );
    world.settle();
}

#[test]
fn a_declined_charge_is_charged_when_asked_for_again_after_a_top_up() {
    let mut world = World::new();
    let tab = world.start();
    let call = world.charge(tab, "t1", 500);
    let outcome = world.wait(call);
    assert_eq!(word(&outcome), "declined InsufficientBalance");
    assert!(
        matches!(outcome.what, What::Declined { balance: Some(balance), .. } if balance.get() == 120)
    );
    assert_eq!(world.server.balance(), 120);

    world.server.top_up(1_000);
    let again = world.charge(tab, "t1", 500);
    assert_eq!(word(&world.wait(again)), "charged");
    assert_eq!(world.server.times_charged("f:t1"), 1);
    world.settle();
}

#[test]
fn a_rejection_by_the_server_is_a_failure() {
    for (answer, said) in [
        (problem(403, "not-yours"), "failed Forbidden"),
        (problem(400, "bad"), "failed InvalidRequest"),
        (problem(404, "no-such-account"), "failed InvalidRequest"),
        (problem(413, "too-large"), "failed InvalidRequest"),
        (problem(415, "not-json"), "failed InvalidRequest"),
        (problem(422, "idempotency-key-reused"), "failed Conflict"),
    ] {
        let mut world = World::new();
        let tab = world.start();
        world.server.fault(On::Charge, 1, Fault::Answer(answer));
        let call = world.charge(tab, "t1", 5);
        let outcome = world.wait(call);
        assert_eq!(word(&outcome), said);
        assert!(matches!(
            outcome.what,
            What::Failed {
                retryable: false,
                ..
            }
        ));
        assert_eq!(outcome.attempts, 1);
        world.run_for(120_000);
        assert_eq!(world.server.count(On::Charge), 1);
    }
}

#[test]
fn a_problem_marked_as_declined_is_a_decline() {
    let mut world = World::new();
    let tab = world.start();
    let mut answer = problem(403, "account-frozen");
    answer.body = r#"{"type":"account-frozen","status":403,"declined":true}"#.into();
    world.server.fault(On::Charge, 1, Fault::Answer(answer));
    let call = world.charge(tab, "t1", 5);
    let outcome = world.wait(call);
    assert!(matches!(
        outcome.what,
        What::Declined {
            reason: DeclineReason::Rejected,
            balance: None,
            ..
        }
    ));
}

#[test]
fn the_same_key_joins_the_charge_under_way() {
    let mut world = World::new();
    let tab = world.start();
    let calls: Vec<_> = (0..5).map(|_| world.charge(tab, "t1", 5)).collect();
    for call in calls {
        assert!(word(&world.wait(call)).starts_with("charged"));
    }
    assert_eq!(world.server.count(On::AnyCharge), 1);
    world.settle();
}

#[test]
fn a_charged_key_replays_without_a_request() {
    let mut world = World::new();
    let tab = world.start();
    let call = world.charge(tab, "t1", 5);
    let first = world.wait(call);
    for again in [
        world.charge(tab, "t1", 5),
        world.retry(tab, "t1"),
        world.cancel(tab, "t1"),
        world.settled(tab, "t1"),
    ] {
        let outcome = world.wait(again);
        let (What::Charged { charge_id: one, .. }, What::Charged { charge_id: two, .. }) =
            (&first.what, &outcome.what)
        else {
            panic!("{outcome:?}")
        };
        assert_eq!(one, two);
    }
    let again = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(again)), "charged again");
    assert_eq!(world.server.count(On::AnyCharge), 1);
}

#[test]
fn the_same_key_for_another_amount_is_a_conflict() {
    let mut world = World::new();
    let tab = world.start();
    let open = world.charge(tab, "t1", 5);
    let other = world.charge(tab, "t1", 6);
    assert_eq!(word(&world.wait(other)), "failed Conflict");
    assert_eq!(word(&world.wait(open)), "charged");
    let other = world.charge(tab, "t1", 7);
    let outcome = world.wait(other);
    assert_eq!(word(&outcome), "failed Conflict");
    assert_eq!(outcome.amount.get(), 7);
    assert_eq!(world.server.balance(), 115);
    world.settle();
}

#[test]
fn an_offline_charge_is_queued_and_charged_once_when_online() {
    let mut world = World::new();
    let tab = world.start();
    world.go_online(false);
    let call = world.charge(tab, "t1", 5);
    let outcome = world.wait(call);
    assert_eq!(word(&outcome), "queued Offline");
    assert!(matches!(outcome.what, What::Queued { durable: true, .. }));
    assert_eq!(outcome.attempts, 0);
    let settled = world.settled(tab, "t1");
    world.run_for(600_000);
    assert_eq!(world.server.count(On::AnyCharge), 0);

    world.go_online(true);
    assert_eq!(word(&world.wait(settled)), "charged");
    assert_eq!(world.server.count(On::AnyCharge), 1);
    assert_eq!(world.server.balance(), 115);
    world.settle();
}

#[test]
fn a_shown_record_has_the_state_of_its_charge() {
    let mut world = World::new();
    let tab = world.start();
    world.go_online(false);
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    let show = world.show(tab, "t1");
    world.run_for(10);
    let Answer::Record(Some(record)) = world.answer(show) else {
        panic!()
    };
    assert_eq!(
        (record.status, record.attempts, &record.outcome),
        (BillingStatus::Pending, 0, &None)
    );
    world.go_online(true);
    world.settle();
    let show = world.show(tab, "t1");
    world.run_for(10);
    let Answer::Record(Some(record)) = world.answer(show) else {
        panic!()
    };
    assert_eq!(
        (record.status, record.attempts),
        (BillingStatus::Success, 1)
    );
    let none = world.show(tab, "nothing");
    world.run_for(10);
    assert_eq!(world.answer(none), &Answer::Record(None));
}

#[test]
fn an_unknown_key_is_not_found() {
    let mut world = World::new();
    let tab = world.start();
    let calls = [
        world.retry(tab, "x"),
        world.cancel(tab, "x"),
        world.settled(tab, "x"),
    ];
    world.run_for(10);
    for call in calls {
        assert_eq!(world.answer(call), &Answer::NotFound);
    }
}

#[test]
fn a_caller_that_stops_waiting_is_answered_at_once() {
    let mut world = World::new();
    let tab = world.start();
    world.server.fault(On::Charge, 1, Fault::Hang);
    let call = world.charge(tab, "t1", 5);
    world.run_for(50);
    world.tell(tab, Event::StopWaiting { call });
    assert_eq!(word(world.outcome(call)), "unknown Timeout");
    world.settle();
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

#[test]
fn a_task_holds_its_points_until_it_is_charged_or_ends() {
    let mut world = World::new();
    let tab = world.start();
    let start = world.start_task(tab, "t1", 100);
    assert_eq!(world.answer(start), &Answer::Started);
    assert_eq!(world.snapshot(tab).balance.unwrap().available.get(), 20);
    let too_dear = world.start_task(tab, "t2", 21);
    assert_eq!(word(&world.wait(too_dear)), "declined InsufficientBalance");
    let call = world.charge(tab, "t1", 100);
    assert_eq!(word(&world.wait(call)), "charged");
    assert_eq!(world.snapshot(tab).balance.unwrap().available.get(), 20);

    world.start_task(tab, "t3", 20);
    assert_eq!(world.snapshot(tab).balance.unwrap().available.get(), 0);
    world.end_task(tab, "t3");
    assert_eq!(world.snapshot(tab).balance.unwrap().available.get(), 20);
}

#[test]
fn every_fault_gives_an_open_charge_its_own_reason() {
    for (fault, reason) in [
        (
            Fault::Answer(problem(500, "broken")),
            OpenReason::ServerError,
        ),
        (Fault::LoseAnswer, OpenReason::Unreachable),
        (Fault::Hang, OpenReason::Timeout),
        (Fault::NoToken, OpenReason::Unauthorized),
    ] {
        let mut world = World::with(|config| config.max_attempts = 1);
        let tab = world.start();
        world.server.fault(On::Any, u32::MAX, fault);
        let call = world.charge(tab, "t1", 5);
        world.run_for(30_000);
        let said = word(world.outcome(call));
        assert!(
            said.ends_with(&format!("{reason:?}")),
            "{said}, not {reason:?}"
        );
        world.server.heal();
        world.settle();
        assert_eq!(world.server.times_charged("f:t1"), 1);
    }
}

#[test]
fn a_full_queue_is_a_retryable_failure() {
    let mut world = World::with(|config| config.max_entries = 1);
    let tab = world.start();
    world.go_online(false);
    world.charge(tab, "t1", 5);
    let full = world.charge(tab, "t2", 5);
    let outcome = world.wait(full);
    assert!(matches!(
        outcome.what,
        What::Failed {
            reason: FailureReason::QueueFull,
            retryable: true,
            ..
        }
    ));
    world.go_online(true);
    world.settle();
    assert_eq!(world.server.times_charged("f:t1"), 1);
}
