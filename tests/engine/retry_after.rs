//! Retry-After, and how it holds back the queue.

use tollbox::core::engine::Answer;
use tollbox::core::outcome::OpenReason;
use tollbox::core::protocol::Response;
use tollbox::core::snapshot::{BalanceReason, BalanceResult};

use super::outcomes::word;
use super::script::World;
use super::server::{Fault, On, page, problem, with_retry_after};

#[test]
fn retry_after_holds_back_every_request() {
    // "Thu, 01 Jan 2026 00:01:00 GMT" is a minute after the start.
    for (status, retry_after) in [
        (503, "60"),
        (429, "60"),
        (503, "Thu, 01 Jan 2026 00:01:00 GMT"),
    ] {
        let mut world = World::new();
        let tab = world.start();
        let busy = with_retry_after(problem(status, "busy"), retry_after);
        world.server.fault(On::AnyCharge, 1, Fault::Answer(busy));
        let call = world.charge(tab, "t1", 5);
        assert_eq!(word(&world.wait(call)), "queued Busy");
        let second = world.charge(tab, "t2", 6);
        assert_eq!(word(&world.wait(second)), "queued Busy");
        world.flush(tab);
        let cancel = world.cancel(tab, "t1");
        let refresh = world.refresh(tab);
        assert!(matches!(
            world.answer(refresh),
            Answer::Balance(BalanceResult::Unavailable {
                reason: BalanceReason::Open(OpenReason::Busy),
                ..
            })
        ));
        let requests = world.server.arrived.len();
        world.run_for(58_000);
        assert_eq!(world.server.arrived.len(), requests);
        assert!(word(world.outcome(cancel)).starts_with("unknown"));
        world.settle();
        // The first was cancelled, and the server never charged it.
        assert_eq!(world.server.times_charged("f:t1"), 0);
        assert_eq!(world.server.balance(), 114);
    }
}

#[test]
fn a_short_retry_after_is_waited_out_within_the_call() {
    let mut world = World::new();
    let tab = world.start();
    world.server.fault(
        On::AnyCharge,
        1,
        Fault::Answer(with_retry_after(problem(503, "busy"), "2")),
    );
    let call = world.charge(tab, "t1", 5);
    let outcome = world.wait(call);
    assert_eq!((word(&outcome).as_str(), outcome.attempts), ("charged", 2));
}

#[test]
fn a_busy_answer_without_retry_after_is_backed_off() {
    let mut world = World::new();
    let tab = world.start();
    world
        .server
        .fault(On::Any, 8, Fault::Answer(problem(503, "busy")));
    let call = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(call)), "queued Busy");
    world.settle();
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

#[test]
fn a_charge_already_claimed_respects_retry_after() {
    let mut world = World::new();
    let tab = world.start();
    world.server.fault(
        On::Charge,
        1,
        Fault::Answer(with_retry_after(problem(503, "busy"), "60")),
    );
    world.charge(tab, "t1", 5);
    world.run_for(20);
    world.charge(tab, "t2", 5);
    world.settle();
    assert_eq!(world.server.balance(), 110);
}

#[test]
fn a_balance_request_with_a_rejected_token_respects_retry_after() {
    let mut world = World::new();
    let tab = world.start();
    world.server.fault(
        On::Charge,
        1,
        Fault::Answer(with_retry_after(problem(503, "busy"), "60")),
    );
    world
        .server
        .fault(On::Balance, 1, Fault::Answer(problem(401, "unauthorized")));
    world.charge(tab, "t1", 5);
    world.run_for(2);
    let refresh = world.refresh(tab);
    world.run_for(100);
    assert!(matches!(
        world.answer(refresh),
        Answer::Balance(BalanceResult::Unavailable { .. })
    ));
    world.settle();
}

#[test]
fn look_ups_respect_retry_after() {
    let mut world = World::new();
    let tab = world.start();
    world.server.fault(
        On::AnyCharge,
        u32::MAX,
        Fault::Answer(problem(500, "broken")),
    );
    world.server.fault(
        On::LookUp,
        1,
        Fault::Answer(with_retry_after(problem(503, "busy"), "60")),
    );
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    let cancel = world.cancel(tab, "t1");
    assert_eq!(word(&world.wait(cancel)), "unknown Busy");
    world.server.heal();
    world.settle();
}

#[test]
fn retry_after_outlives_its_tab_and_holds_other_tabs() {
    let mut world = World::new();
    let (one, two) = (world.start(), world.start());
    let busy = with_retry_after(problem(503, "busy"), "60");
    world.server.fault(On::AnyCharge, 1, Fault::Answer(busy));
    let call = world.charge(one, "t1", 5);
    assert_eq!(word(&world.wait(call)), "queued Busy");
    world.run_for(10);
    let held_ms = world.now.mono_ms;
    let requests = world.server.arrived.len();
    let second = world.charge(two, "t2", 6);
    assert_eq!(word(&world.wait(second)), "queued Busy");
    world.crash(one);
    world.crash(two);
    let three = world.start();
    let third = world.charge(three, "t3", 7);
    assert_eq!(word(&world.wait(third)), "queued Busy");
    world.run_for(held_ms + 55_000 - world.now.mono_ms);
    assert_eq!(world.server.arrived.len(), requests);
    world.settle();
    assert_eq!(world.server.balance(), 102);
}

#[test]
fn a_retry_after_date_is_counted_from_the_servers_clock() {
    let mut world = World::new();
    let tab = world.start();
    // The user's clock is a day behind.
    world.jump_wall(-86_400_000);
    let busy = with_retry_after(problem(503, "busy"), "Thu, 01 Jan 2026 00:00:30 GMT");
    let busy = Response {
        date: Some("Thu, 01 Jan 2026 00:00:00 GMT".into()),
        ..busy
    };
    world.server.fault(On::AnyCharge, 1, Fault::Answer(busy));
    let call = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(call)), "queued Busy");
    let requests = world.server.arrived.len();
    world.run_for(28_000);
    assert_eq!(world.server.arrived.len(), requests);
    world.run_for(18_000);
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

/// A number, or a date that is not later than the answer's own.
#[test]
fn a_retry_after_of_no_time_is_backed_off() {
    let date = "Thu, 01 Jan 2026 00:00:00 GMT";
    for retry_after in ["0", date, "Wed, 31 Dec 2025 23:59:00 GMT"] {
        for status in [429, 503] {
            let mut world = World::new();
            let tab = world.start();
            let busy = Response {
                date: Some(date.into()),
                ..with_retry_after(problem(status, "busy"), retry_after)
            };
            world.server.fault(On::Any, u32::MAX, Fault::Answer(busy));
            world.charge(tab, "t1", 5);
            world.run_for(600_000);
            let requests = world.server.arrived.len();
            assert!(requests < 60, "{requests} requests in 10 minutes");
        }
    }
}

#[test]
fn a_retry_after_date_in_the_users_past_is_backed_off() {
    let mut world = World::new();
    let tab = world.start();
    // The answer's own date can't be read, and the user's clock is hours ahead.
    world.jump_wall(18_000_000);
    world.dated = false;
    let busy = with_retry_after(problem(503, "busy"), "Thu, 01 Jan 2026 01:00:00 GMT");
    world.server.fault(On::Any, u32::MAX, Fault::Answer(busy));
    world.charge(tab, "t1", 5);
    world.run_for(600_000);
    let requests = world.server.arrived.len();
    assert!(requests < 60, "{requests} requests in 10 minutes");
}

#[test]
fn a_retry_passes_a_hold_once() {
    let mut world = World::new();
    let tab = world.start();
    let busy = with_retry_after(problem(503, "busy"), "600");
    world.server.fault(On::AnyCharge, 1, Fault::Answer(busy));
    let call = world.charge(tab, "t0", 5);
    assert_eq!(word(&world.wait(call)), "queued Busy");
    let call = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(call)), "queued Busy");
    let broken = Fault::Answer(problem(500, "broken"));
    world.server.fault(On::AnyCharge, u32::MAX, broken);
    world.retry(tab, "t1");
    world.run_for(300_000);
    // One request has brought the hold, and one was insisted on.
    assert_eq!(world.server.count(On::AnyCharge), 2);
}

/// A cancelled charge whose look-up is answered with this.
fn looked_up(world: &mut World, busy: Response) -> usize {
    let tab = world.start();
    world.server.fault(On::Charge, 1, Fault::LoseAnswer);
    world.charge(tab, "t1", 5);
    world.run_for(15);
    world.cancel(tab, "t1");
    world.server.fault(On::LookUp, 1, Fault::Answer(busy));
    world.run_until(|world| world.server.count(On::LookUp) == 1);
    world.run_for(100);
    tab
}

#[test]
fn the_servers_retry_after_for_a_look_up_outlives_its_tab_and_a_foreign_one_does_not() {
    for (busy, said) in [
        (problem(503, "busy"), "queued Busy"),
        (page(503), "charged"),
    ] {
        let mut world = World::new();
        let tab = looked_up(&mut world, with_retry_after(busy, "50"));
        world.crash(tab);
        let next = world.start();
        let call = world.charge(next, "t2", 5);
        assert_eq!(word(&world.wait(call)), said);
        world.settle();
        assert_eq!(world.server.balance(), 110);
    }
}

#[test]
fn a_retry_under_a_hold_leaves_a_charge_to_the_tab_that_sends_it() {
    let mut world = World::new();
    let (one, two) = (world.start(), world.start());
    world.server.fault(On::Charge, 1, Fault::Late(4_000));
    let there = world.charge(two, "t1", 5);
    world.run_until(|world| world.server.count(On::Charge) == 1);
    let busy = with_retry_after(problem(429, "busy"), "60");
    world.server.fault(On::Charge, 1, Fault::Answer(busy));
    let call = world.charge(one, "t2", 5);
    assert_eq!(word(&world.wait(call)), "queued Busy");
    let retry = world.retry(one, "t1");
    world.run_for(100);
    let orders = world.tab(one).journal_orders;
    world.run_for(2_000);
    assert_eq!(world.tab(one).journal_orders, orders);
    assert_eq!(word(&world.wait(there)), "charged");
    assert!(word(&world.wait(retry)).starts_with("charged"));
    assert_eq!(world.server.times_charged("f:t1"), 1);
}
