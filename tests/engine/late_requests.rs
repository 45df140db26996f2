//! Requests that arrive after their client stopped waiting: as long as one may, nothing is said to
//! have taken nothing.

use tollbox::core::config::LAUNCH_WITHIN_MS;

use super::outcomes::word;
use super::script::World;
use super::server::{Fault, On, page, problem};

/// Times out after 10 s, and is executed 4 s after that.
const DONE_LATE: Fault = Fault::HangThenDone(14_000);

/// A decline.
fn declined() -> Fault {
    Fault::Answer(problem(402, "insufficient-balance"))
}

#[test]
fn a_decline_is_not_trusted_while_an_earlier_request_may_arrive() {
    let mut world = World::new();
    let tab = world.start();
    world.server.fault(On::Charge, 1, DONE_LATE);
    world.server.fault(On::AnyCharge, 1, declined());
    let call = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(call)), "unknown Timeout");
    let settled = world.settled(tab, "t1");
    assert_eq!(word(&world.wait(settled)), "charged again");
    world.settle();
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

#[test]
fn a_decline_is_trusted_once_no_request_can_arrive() {
    let mut world = World::new();
    let tab = world.start();
    world.server.fault(On::Charge, 1, Fault::Hang);
    world.server.fault(On::AnyCharge, 2, declined());
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    let sent_ms = world.now.mono_ms - 8_000;
    let settled = world.settled(tab, "t1");
    assert!(word(&world.wait(settled)).starts_with("declined"));
    let took_ms = world.now.mono_ms - sent_ms;
    assert!(
        took_ms >= 10_000 + world.config.arrives_after_limit_ms(),
        "{took_ms} ms"
    );
    world.settle();
}

#[test]
fn a_cancelled_charge_is_looked_up_again_once_no_request_can_arrive() {
    for (fault, end) in [
        (DONE_LATE, "charged again"),
        (Fault::Hang, "failed Cancelled"),
    ] {
        let mut world = World::new();
        let tab = world.start();
        world.server.fault(On::Charge, 1, fault);
        let call = world.charge(tab, "t1", 5);
        world.wait(call);
        world.run_for(2_100);
        let cancel = world.cancel(tab, "t1");
        assert_eq!(word(&world.wait(cancel)), end);
        world.settle();
        assert!(world.server.count(On::LookUp) >= 2);
        assert_eq!(world.server.count(On::AnyCharge), 1);
    }
}

#[test]
fn a_request_may_arrive_shortly_after_its_connection_breaks() {
    let mut world = World::new();
    let tab = world.start();
    world
        .server
        .fault(On::Charge, 1, Fault::LostThenDone(1_500));
    let call = world.charge(tab, "t1", 5);
    world.run_for(30);
    let cancel = world.cancel(tab, "t1");
    assert_eq!(word(&world.wait(cancel)), "charged again");
    assert_eq!(word(&world.wait(call)), "charged again");
    world.settle();
}

#[test]
fn a_request_may_arrive_shortly_after_somebody_elses_server_error() {
    let mut world = World::new();
    let tab = world.start();
    let answer = Fault::AnswerThenDone(page(500), 1_500);
    world.server.fault(On::Charge, 1, answer);
    world.charge(tab, "t1", 5);
    world.run_for(30);
    let cancel = world.cancel(tab, "t1");
    assert_eq!(word(&world.wait(cancel)), "charged again");
    world.settle();
}

#[test]
fn a_look_up_sent_before_a_late_request_arrives_proves_nothing() {
    // The look-up leaves before the late request arrives, and is answered after it has.
    let mut world = World::with(|config| config.max_total_attempts = 1);
    let tab = world.start();
    world
        .server
        .fault(On::Charge, 1, Fault::HangThenDone(14_500));
    let never = Fault::Answer(problem(404, "charge-not-found"));
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    let mut slow = vec![Fault::Late(6_000), never];
    world
        .server
        .rule(move |arrived| arrived.is_for(On::LookUp).then(|| slow.pop()).flatten());
    let settled = world.settled(tab, "t1");
    assert_eq!(word(&world.wait(settled)), "charged again");
    world.settle();
}

#[test]
fn another_tab_waits_for_a_dead_tabs_late_request() {
    let mut world = World::with(|config| config.max_attempts = 1);
    let one = world.start();
    let two = world.start();
    world.server.fault(On::Charge, 1, DONE_LATE);
    world.server.fault(On::AnyCharge, 1, declined());
    let call = world.charge(one, "t1", 5);
    world.wait(call);
    world.run_for(2_100);
    world.crash(one);
    let retry = world.retry(two, "t1");
    assert!(!word(&world.wait(retry)).starts_with("declined"));
    let settled = world.settled(two, "t1");
    assert_eq!(word(&world.wait(settled)), "charged again");
}

#[test]
fn a_dead_tabs_request_may_arrive_for_as_long_as_its_claim() {
    let mut world = World::new();
    world.locks = true;
    let one = world.start();
    world.server.fault(On::Charge, 1, DONE_LATE);
    world.server.fault(On::AnyCharge, 1, declined());
    world.charge(one, "t1", 5);
    world.run_for(50);
    world.crash(one);
    let two = world.start();
    let settled = world.settled(two, "t1");
    assert_eq!(word(&world.wait(settled)), "charged again");
    world.settle();
}

#[test]
fn a_claim_that_was_slow_to_write_is_not_used() {
    let mut world = World::new();
    let tab = world.start();
    world.commit_ms = LAUNCH_WITHIN_MS + 1_000;
    let call = world.charge(tab, "t1", 5);
    world.run_for(LAUNCH_WITHIN_MS + 2_000);
    assert_eq!(world.server.count(On::AnyCharge), 0);
    world.commit_ms = 1;
    assert!(word(&world.wait(call)).starts_with("unknown"));
    world.settle();
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

#[test]
fn a_claim_outrun_by_a_clock_jump_is_not_used() {
    let mut world = World::new();
    let (one, two) = (world.start(), world.start());
    world.server.fault(On::AnyCharge, 1, Fault::Late(3_000));
    let call = world.charge(one, "t1", 5);
    // The clock jumps while the first tab's claim is being written.
    world.jump_wall(3_600_000);
    world.run_for(2_900);
    assert_eq!(world.server.count(On::AnyCharge), 1);
    assert!(word(&world.wait(call)).starts_with("charged"));
    world.settle();
    assert_eq!(world.snapshot(two).stats.charged, 1);
}

#[test]
fn the_window_for_late_requests_follows_the_request_timeout() {
    let mut world = World::with(|config| {
        config.request_timeout_ms = 1_500;
        config.respond_within_ms = 2_000;
        config.max_attempts = 1;
        config.backoff.base_ms = 60_000;
    });
    let tab = world.start();
    world.server.fault(On::Charge, 1, Fault::Hang);
    let call = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(call)), "unknown Timeout");
    // Within one call it is looked up at once, and again when no request can arrive any more.
    let cancel = world.cancel(tab, "t1");
    assert_eq!(word(&world.wait(cancel)), "failed Cancelled");
    assert_eq!(world.server.count(On::LookUp), 2);
}

#[test]
fn cancel_waits_for_a_late_request_after_a_gateways_error_only() {
    let cancelled_in_ms = |answer| {
        let mut world = World::with(|config| {
            config.max_attempts = 1;
            config.backoff.base_ms = 10;
        });
        let tab = world.start();
        world
            .server
            .fault(On::AnyCharge, u32::MAX, Fault::Answer(answer));
        let call = world.charge(tab, "t1", 5);
        world.run_for(25);
        let answered_ms = world.now.mono_ms;
        world.cancel(tab, "t1");
        world.wait(call);
        let settled = world.settled(tab, "t1");
        assert_eq!(word(&world.wait(settled)), "failed Cancelled");
        world.now.mono_ms - answered_ms
    };
    let took_ms = cancelled_in_ms(problem(500, "broken"));
    assert!(took_ms < 1_000, "{took_ms} ms");
    let took_ms = cancelled_in_ms(page(502));
    assert!(took_ms > 1_900, "{took_ms} ms");
}
