//! Foreign answers, from routers and service workers: the server may have charged all the same.

use tollbox::core::alert::AlertKind;
use tollbox::core::protocol::Response;

use super::outage::alerts;
use super::outcomes::word;
use super::script::World;
use super::server::{Fault, On, page, problem, with_retry_after};

fn day(status: u16) -> Response {
    with_retry_after(page(status), "86400")
}

#[test]
fn a_foreign_429_or_503_leaves_a_charge_unknown() {
    for status in [429, 503] {
        let mut world = World::with(|config| config.max_attempts = 1);
        let tab = world.start();
        world
            .server
            .fault(On::Charge, 1, Fault::AnswerAfter(page(status)));
        let call = world.charge(tab, "t1", 5);
        assert_eq!(word(&world.wait(call)), "unknown Busy");
        world.settle();
        assert_eq!(world.server.times_charged("f:t1"), 1);
    }
}

#[test]
fn a_foreign_retry_after_holds_the_queue_no_longer_than_max_delay() {
    let mut world = World::new();
    let tab = world.start();
    world.server.fault(On::Charge, 1, Fault::Answer(day(503)));
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    let requests = world.server.arrived.len();
    world.run_for(50_000);
    assert_eq!(world.server.arrived.len(), requests, "the queue waits");
    world.run_for(20_000);
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

#[test]
fn a_foreign_retry_after_does_not_outlive_its_tab() {
    let mut world = World::new();
    let tab = world.start();
    world.server.fault(On::Charge, 1, Fault::Answer(day(503)));
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    world.run_for(100);
    world.crash(tab);
    world.start();
    world.run_for(70_000);
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

#[test]
fn an_hour_of_foreign_503s_uses_up_no_attempts() {
    let mut world = World::new();
    let tab = world.start();
    world
        .server
        .fault(On::Any, u32::MAX, Fault::Answer(day(503)));
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    world.run_for(3_600_000);
    assert_eq!(world.server.count(On::AnyCharge), 1);
    world.server.heal();
    world.settle();
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

#[test]
fn a_retry_call_sends_once_despite_retry_after() {
    for hold in [
        day(503),
        with_retry_after(problem(503, "busy"), "86400"),
        with_retry_after(problem(429, "busy"), "86400"),
    ] {
        let mut world = World::new();
        let tab = world.start();
        world
            .server
            .fault(On::Charge, 2, Fault::Answer(hold.clone()));
        let call = world.charge(tab, "t1", 5);
        world.wait(call);
        let other = world.charge(tab, "t2", 5);
        world.wait(other);
        // The queue is still held, so the retry sends once.
        let retry = world.retry(tab, "t1");
        assert!(!word(&world.wait(retry)).starts_with("charged"));
        assert_eq!(world.server.count(On::AnyCharge), 2);
        world.run_for(100);
        let retry = world.retry(tab, "t1");
        assert!(word(&world.wait(retry)).starts_with("charged"), "{hold:?}");
        assert_eq!(world.server.count(On::AnyCharge), 3);
    }
}

#[test]
fn a_foreign_page_in_answer_to_a_batch_leaves_all_of_it_in_doubt() {
    for status in [404, 405, 501] {
        let mut world = World::with(|config| config.max_attempts = 1);
        let tab = world.start();
        world.go_online(false);
        let calls: Vec<_> = (0..5)
            .map(|n| world.charge(tab, &format!("t{n}"), 1))
            .collect();
        for call in calls {
            world.wait(call);
        }
        world
            .server
            .fault(On::Batch, 1, Fault::AnswerAfter(page(status)));
        // The single charges are rejected by a server that checks the account first.
        world
            .server
            .fault(On::Charge, 5, Fault::Answer(problem(403, "blocked")));
        world.go_online(true);
        world.run_for(60_000);
        world.settle();
        for n in 0..5 {
            let settled = world.settled(tab, &format!("t{n}"));
            let said = word(&world.wait(settled));
            assert!(said.starts_with("charged"), "{status}: {said}");
        }
        assert_eq!(world.server.count(On::Batch), 1);
    }
}

#[test]
fn an_outage_is_over_once_nothing_is_open_and_the_server_has_answered() {
    let mut world = World::new();
    let tab = world.start();
    world
        .server
        .fault(On::AnyCharge, u32::MAX, Fault::Answer(page(200)));
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    world.run_for(60_000);
    assert_eq!(alerts(&world, tab), [AlertKind::NetworkLost]);
    // Charges meet a stranger, and look-ups the server.
    let cancelled = world.cancel(tab, "t1");
    world.run_for(600_000);
    assert_eq!(word(world.outcome(cancelled)), "failed Cancelled");
    assert_eq!(
        alerts(&world, tab),
        [AlertKind::NetworkLost, AlertKind::NetworkRestored]
    );
}
