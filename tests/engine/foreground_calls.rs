//! Foreground calls: how long each waits, for what, and what does not delay it.

use tollbox::core::config::Config;
use tollbox::core::engine::{Answer, Event};
use tollbox::core::outcome::{OpenReason, What};
use tollbox::core::snapshot::Stopped;

use super::outcomes::word;
use super::script::World;
use super::server::{Fault, On, problem};

/// A frozen tab outside the world that holds the lock.
const FROZEN: usize = 99;

fn took_ms(world: &World, call: u64, asked_ms: u64) -> u64 {
    world.answered_at_ms[&call] - asked_ms
}

#[test]
fn a_charge_call_does_not_wait_for_another_tabs_flush() {
    let mut world = World::new();
    let tab = world.start();
    world.lock.holder = Some(FROZEN);
    world
        .server
        .fault(On::Charge, 1, Fault::Answer(problem(500, "broken")));
    let call = world.charge(tab, "t1", 5);
    let outcome = world.wait(call);
    assert!(word(&outcome).starts_with("charged"), "{outcome:?}");
    assert_eq!(outcome.attempts, 2);
}

#[test]
fn a_settled_call_waits_for_the_flush() {
    let mut world = World::new();
    let tab = world.start();
    world.go_online(false);
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    let settled = world.settled(tab, "t1");
    world.lock.holder = Some(FROZEN);
    world.go_online(true);
    world.run_for(1_000);
    assert_eq!(world.server.count(On::AnyCharge), 0);
    world.let_go_of_lock(FROZEN);
    assert_eq!(word(&world.wait(settled)), "charged");
}

#[test]
fn retry_and_cancel_in_an_outage_give_up_after_a_few_probes() {
    let mut world = World::with(|config| {
        config.backoff.base_ms = 10;
        config.respond_within_ms = 600_000;
    });
    let tab = world.start();
    world.server.fault(On::Any, u32::MAX, Fault::LoseRequest);
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    for call in [world.retry(tab, "t1"), world.cancel(tab, "t1")] {
        let asked_ms = world.now.mono_ms;
        assert_eq!(word(&world.wait(call)), "unknown Unreachable");
        assert!(took_ms(&world, call, asked_ms) < 5_000);
    }
}

#[test]
fn cancel_of_a_sent_charge_offline_is_answered_at_once() {
    let mut world = World::new();
    let tab = world.start();
    world.server.fault(On::Charge, 1, Fault::LoseAnswer);
    world.server.fault(On::Any, u32::MAX, Fault::LoseRequest);
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    world.go_online(false);
    let asked_ms = world.now.mono_ms;
    let cancel = world.cancel(tab, "t1");
    assert!(word(&world.wait(cancel)).starts_with("unknown"));
    assert!(took_ms(&world, cancel, asked_ms) < 100);
    world.server.heal();
    world.go_online(true);
    world.settle();
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

#[test]
fn cancel_and_retry_after_sign_out_are_answered_at_once() {
    let mut world = World::new();
    let tab = world.start();
    world.server.fault(On::Charge, 1, Fault::LoseAnswer);
    world.server.fault(On::Any, u32::MAX, Fault::LoseRequest);
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    world.cancel(tab, "t1");
    world.run_for(5);
    world.sign_out(tab);
    let asked_ms = world.now.mono_ms;
    let cancel = world.cancel(tab, "t1");
    let retry = world.retry(tab, "t1");
    for call in [cancel, retry] {
        assert!(word(&world.wait(call)).starts_with("unknown"));
        assert!(took_ms(&world, call, asked_ms) < 100, "call {call}");
    }
}

#[test]
fn a_retry_is_charged_at_once_when_the_token_is_accepted_again() {
    let mut world = World::new();
    let tab = world.start();
    world.server.fault(
        On::Any,
        u32::MAX,
        Fault::Answer(problem(401, "unauthorized")),
    );
    let call = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(call)), "queued Unauthorized");
    world.run_for(600_000);
    world.server.heal();
    let retry = world.retry(tab, "t1");
    assert_eq!(word(&world.wait(retry)), "charged");
}

#[test]
fn a_charge_without_a_token_is_queued_at_once_during_a_balance_request() {
    let mut world = World::new();
    let tab = world.start();
    world.server.fault(
        On::AnyCharge,
        u32::MAX,
        Fault::Answer(problem(401, "unauthorized")),
    );
    world.server.fault(On::Balance, u32::MAX, Fault::Hang);
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    world.refresh(tab);
    let asked_ms = world.now.mono_ms;
    let second = world.charge(tab, "t2", 5);
    assert_eq!(word(&world.wait(second)), "queued Unauthorized");
    assert!(took_ms(&world, second, asked_ms) < 100);
}

#[test]
fn a_settled_call_outlasts_sign_out_and_ends_at_close() {
    let mut world = World::new();
    let tab = world.start();
    world.go_online(false);
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    let settled = world.settled(tab, "t1");
    world.sign_out(tab);
    world.run_for(1_000);
    assert!(!world.answers.contains_key(&settled));
    world.close(tab);
    assert_eq!(world.answer(settled), &Answer::Closed);
}

#[test]
fn a_flush_waits_only_for_its_own_tabs_requests() {
    let mut world = World::new();
    let (one, two) = (world.start(), world.start());
    world.server.fault(On::Charge, 1, Fault::Late(3_000));
    world.charge(one, "t1", 5);
    world.run_for(100);
    let (own, other) = (world.flush(one), world.flush(two));
    let asked_ms = world.now.mono_ms;
    world.run_until(|world| world.answers.contains_key(&own));
    let Answer::Flush(report) = world.answer(own) else {
        panic!()
    };
    assert_eq!((report.charged, report.remaining), (1, 0));
    let Answer::Flush(report) = world.answer(other) else {
        panic!()
    };
    assert_eq!((report.charged, report.remaining), (0, 1));
    assert!(took_ms(&world, other, asked_ms) < 100);
}

#[test]
fn a_flush_counts_only_charges_that_it_tried() {
    let mut world = World::new();
    let tab = world.start();
    world
        .server
        .fault(On::Charge, 1, Fault::Answer(problem(403, "not-yours")));
    let call = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(call)), "failed Forbidden");
    let flush = world.flush(tab);
    world.run_until(|world| world.answers.contains_key(&flush));
    let Answer::Flush(report) = world.answer(flush) else {
        panic!()
    };
    assert_eq!((report.failed, report.remaining), (0, 0));
}

#[test]
fn a_flush_cut_off_by_going_offline_reports_its_batch_in_flight() {
    let mut world = World::new();
    let tab = world.start();
    world.go_online(false);
    for task in ["t1", "t2"] {
        world.charge(tab, task, 5);
    }
    world.settle_calls();
    world.server.fault(On::Batch, 1, Fault::Late(500));
    world.go_online(true);
    let flush = world.flush(tab);
    world.run_for(50);
    world.go_online(false);
    world.run_until(|world| world.answers.contains_key(&flush));
    let Answer::Flush(report) = world.answer(flush) else {
        panic!()
    };
    assert_eq!((report.charged, report.remaining), (2, 0));
    let flush = world.flush(tab);
    world.run_until(|world| world.answers.contains_key(&flush));
    let Answer::Flush(report) = world.answer(flush) else {
        panic!()
    };
    assert_eq!(report.stopped, None, "there is nothing to stop");
    world.charge(tab, "t3", 5);
    world.settle_calls();
    let flush = world.flush(tab);
    let Answer::Flush(report) = world.answer(flush) else {
        panic!()
    };
    assert_eq!(report.stopped, Some(Stopped::Open(OpenReason::Offline)));
}

#[test]
fn a_retry_with_a_still_rejected_token_is_answered_at_once() {
    let mut world = World::new();
    let tab = world.start();
    world.server.fault(
        On::Any,
        u32::MAX,
        Fault::Answer(problem(401, "unauthorized")),
    );
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    world.run_for(600_000);
    let asked_ms = world.now.mono_ms;
    let retry = world.retry(tab, "t1");
    assert_eq!(word(&world.wait(retry)), "queued Unauthorized");
    assert!(took_ms(&world, retry, asked_ms) < 200);
}

#[test]
fn only_charge_and_retry_report_a_replay() {
    let mut world = World::new();
    let tab = world.start();
    let call = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(call)), "charged");
    for (call, said) in [
        (world.settled(tab, "t1"), "charged"),
        (world.cancel(tab, "t1"), "charged"),
        (world.retry(tab, "t1"), "charged again"),
        (world.charge(tab, "t1", 5), "charged again"),
    ] {
        assert_eq!(word(&world.wait(call)), said);
    }
}

#[test]
fn a_charge_not_yet_reopened_is_not_answered_with_its_old_decline() {
    let mut world = World::new();
    let tab = world.start();
    let call = world.charge(tab, "t1", 500);
    assert!(word(&world.wait(call)).starts_with("declined"));
    world.server.top_up(1_000);
    let again = world.charge(tab, "t1", 500);
    world.tell(tab, Event::StopWaiting { call: again });
    let outcome = world.outcome(again);
    assert_eq!(word(outcome), "unknown Timeout");
    assert!(matches!(outcome.what, What::Unknown { durable: false, .. }));
    world.settle();
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

/// A charge that was answered 500 and is in backoff.
fn set_back(world: &mut World) -> usize {
    let tab = world.start();
    world
        .server
        .fault(On::AnyCharge, 1, Fault::Answer(problem(500, "broken")));
    let call = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(call)), "unknown ServerError");
    tab
}

fn impatient(config: &mut Config) {
    config.max_attempts = 1;
    config.backoff.base_ms = 60_000;
}

#[test]
fn a_charge_joins_the_attempt_of_a_running_retry() {
    for after_ms in [0, 1, 2, 10, 40] {
        let mut world = World::with(impatient);
        let tab = set_back(&mut world);
        world.server.fault(On::AnyCharge, 1, Fault::Late(500));
        let retry = world.retry(tab, "t1");
        world.run_for(after_ms);
        let call = world.charge(tab, "t1", 5);
        assert_eq!(word(&world.wait(retry)), "charged", "{after_ms}");
        assert_eq!(word(&world.wait(call)), "charged", "{after_ms}");
        assert_eq!(world.server.count(On::AnyCharge), 2);
    }
}

#[test]
fn a_charge_joins_a_retry_that_is_probing() {
    for after_ms in [0, 1, 2, 10, 40] {
        let mut world = World::with(impatient);
        let tab = world.start();
        world.server.fault(On::AnyCharge, 1, Fault::LoseRequest);
        let call = world.charge(tab, "t1", 5);
        assert_eq!(word(&world.wait(call)), "unknown Unreachable");
        world.server.fault(On::Any, 1, Fault::Late(500));
        let retry = world.retry(tab, "t1");
        world.run_for(after_ms);
        let call = world.charge(tab, "t1", 5);
        assert_eq!(word(&world.wait(retry)), "charged", "{after_ms}");
        assert_eq!(word(&world.wait(call)), "charged", "{after_ms}");
    }
}

#[test]
fn a_charge_that_joins_waits_its_own_respond_within_ms() {
    let mut world = World::with(|config| {
        impatient(config);
        config.respond_within_ms = 300;
    });
    let tab = set_back(&mut world);
    world.server.fault(On::AnyCharge, 1, Fault::Late(500));
    world.retry(tab, "t1");
    world.run_for(100);
    let asked_ms = world.now.mono_ms;
    let call = world.charge(tab, "t1", 5);
    assert!(word(&world.wait(call)).starts_with("unknown"));
    assert_eq!(world.answered_at_ms[&call] - asked_ms, 300);
}

#[test]
fn a_charge_joins_a_retry_that_is_trying_a_new_token() {
    let mut world = World::with(impatient);
    let tab = world.start();
    let unauthorized = || Fault::Answer(problem(401, "unauthorized"));
    world.server.fault(On::AnyCharge, 2, unauthorized());
    let call = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(call)), "queued Unauthorized");
    world.server.fault(On::Balance, 1, Fault::Late(500));
    let retry = world.retry(tab, "t1");
    world.run_for(100);
    let call = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(retry)), "charged");
    assert_eq!(word(&world.wait(call)), "charged");
}
