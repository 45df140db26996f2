//! Wall clocks that jump: nothing stalls, and nothing is hurried.

use tollbox::core::engine::Event;
use tollbox::core::journal::Op;

use super::outcomes::word;
use super::script::{World, key};
use super::server::{Fault, On, Server, problem, with_retry_after};

const DAY_MS: i64 = 86_400_000;

/// A server that remembers keys for `ms`, and a client configured for it.
fn key_time(ms: u64) -> World {
    let mut world = World::with(|config| {
        config.max_attempts = 1;
        config.key_ttl_ms = ms;
    });
    world.server = Server::new(120, Some(ms));
    world
}

/// A charge whose answer was lost before the browser went offline.
fn lost_before_an_outage(world: &mut World) -> usize {
    let tab = world.start();
    world.server.fault(On::Charge, 1, Fault::LoseAnswer);
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    world.go_online(false);
    tab
}

#[test]
fn a_clock_jump_does_not_stall_a_charge_in_backoff() {
    for jump_ms in [-DAY_MS, DAY_MS] {
        let mut world = World::with(|config| config.max_attempts = 1);
        let tab = world.start();
        world
            .server
            .fault(On::AnyCharge, 3, Fault::Answer(problem(500, "broken")));
        let call = world.charge(tab, "t1", 5);
        world.wait(call);
        world.jump_wall(jump_ms);
        let jumped_ms = world.now.mono_ms;
        let settled = world.settled(tab, "t1");
        assert!(word(&world.wait(settled)).starts_with("charged"));
        assert!(
            world.now.mono_ms - jumped_ms < 200_000,
            "{} ms",
            world.now.mono_ms - jumped_ms
        );
        assert_eq!(world.server.times_charged("f:t1"), 1);
    }
}

#[test]
fn rereading_the_journal_does_not_restart_a_long_backoff() {
    for jump_ms in [-DAY_MS, DAY_MS] {
        let mut world = World::with(|config| {
            config.max_attempts = 1;
            config.backoff.base_ms = 60_000;
        });
        let tab = world.start();
        world
            .server
            .fault(On::AnyCharge, 1, Fault::Answer(problem(500, "broken")));
        let call = world.charge(tab, "t1", 5);
        world.wait(call);
        world.jump_wall(jump_ms);
        let jumped_ms = world.now.mono_ms;
        let settled = world.settled(tab, "t1");
        assert!(word(&world.wait(settled)).starts_with("charged"));
        assert!(
            world.now.mono_ms - jumped_ms < 100_000,
            "{} ms",
            world.now.mono_ms - jumped_ms
        );
    }
}

#[test]
fn a_clock_jump_does_not_prolong_a_dead_tabs_claim() {
    for jump_ms in [-DAY_MS, DAY_MS] {
        let mut world = World::new();
        let tab = world.start();
        world.server.fault(On::Charge, 1, Fault::HangAfter);
        world.charge(tab, "t1", 5);
        world.run_until(|world| world.server.count(On::Charge) == 1);
        world.crash(tab);
        world.jump_wall(jump_ms);
        let next = world.start();
        let started_ms = world.now.mono_ms;
        let settled = world.settled(next, "t1");
        assert!(word(&world.wait(settled)).starts_with("charged"));
        assert!(world.now.mono_ms - started_ms < 60_000);
        assert_eq!(world.server.times_charged("f:t1"), 1);
    }
}

#[test]
fn a_queue_from_before_a_clock_jump_is_sent_in_order() {
    for jump_ms in [-DAY_MS, DAY_MS] {
        let mut world = World::new();
        let tab = world.start();
        world.go_online(false);
        world.charge(tab, "t1", 1);
        world.settle_calls();
        world.jump_wall(jump_ms);
        world.charge(tab, "t2", 1);
        world.settle_calls();
        world.go_online(true);
        world.run_for(1_000);
        assert_eq!(world.server.balance(), 118);
        let sent: Vec<String> = world
            .server
            .arrived
            .iter()
            .filter(|a| a.is_for(On::AnyCharge))
            .flat_map(|a| a.keys.clone())
            .collect();
        assert_eq!(sent, ["f:t1", "f:t2"]);
    }
}

#[test]
fn a_clock_set_back_does_not_prolong_retry_after() {
    let mut world = World::new();
    let tab = world.start();
    world.server.fault(
        On::AnyCharge,
        1,
        Fault::Answer(with_retry_after(problem(503, "busy"), "60")),
    );
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    world.jump_wall(-DAY_MS);
    let jumped_ms = world.now.mono_ms;
    // The world fails if anything leaves before a minute has passed.
    world.settle();
    assert!(world.now.mono_ms - jumped_ms < 90_000);
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

#[test]
fn a_machine_waking_from_sleep_sends_its_queue_in_batches() {
    let mut world = World::with(|config| config.max_attempts = 1);
    let tab = world.start();
    world.server.fault(
        On::AnyCharge,
        1,
        Fault::Answer(with_retry_after(problem(503, "busy"), "7200")),
    );
    for task in 0..50 {
        world.charge(tab, &format!("t{task}"), 1);
    }
    world.settle_calls();
    let before = world.server.count(On::AnyCharge);
    // Its wall clock goes on, and its monotonic clock stands still.
    world.jump_wall(8 * 3_600_000);
    world.run_for(10_000);
    assert_eq!(world.server.balance(), 70);
    let requests = world.server.count(On::AnyCharge) - before;
    assert!(requests <= 4, "{requests} requests");
}

#[test]
fn a_clock_jump_does_not_prolong_an_outage() {
    for jump_ms in [-DAY_MS, DAY_MS] {
        let mut world = World::new();
        let tab = world.start();
        world.server.fault(On::Charge, 1, Fault::LoseAnswer);
        world.server.fault(On::Any, 4, Fault::LoseRequest);
        let call = world.charge(tab, "t1", 5);
        world.run_for(20);
        world.jump_wall(jump_ms);
        world.wait(call);
        let jumped_ms = world.now.mono_ms;
        world.settle();
        assert!(world.now.mono_ms - jumped_ms < 200_000);
        assert_eq!(world.server.times_charged("f:t1"), 1);
    }
}

#[test]
fn a_key_of_unknown_age_is_looked_up_before_resending() {
    let mut world = World::with(|config| config.max_attempts = 1);
    let tab = world.start();
    world.server.fault(On::Charge, 1, Fault::LoseAnswer);
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    world.jump_wall(-DAY_MS);
    let settled = world.settled(tab, "t1");
    assert_eq!(word(&world.wait(settled)), "charged again");
    assert_eq!(
        (
            world.server.count(On::AnyCharge),
            world.server.count(On::LookUp)
        ),
        (1, 1)
    );
}

#[test]
fn a_key_ages_by_the_monotonic_clock_in_an_open_tab() {
    let mut world = World::with(|config| {
        config.max_attempts = 1;
        config.key_ttl_ms = 600_000;
    });
    let tab = lost_before_an_outage(&mut world);
    world.run_for(500_000);
    world.jump_wall(-300_000);
    world.run_for(200_000);
    world.go_online(true);
    let settled = world.settled(tab, "t1");
    assert_eq!(word(&world.wait(settled)), "charged again");
    assert_eq!(
        (
            world.server.count(On::AnyCharge),
            world.server.count(On::LookUp)
        ),
        (1, 1)
    );
}

#[test]
fn a_claim_prolonged_by_a_clock_jump_is_not_polled() {
    let mut world = World::new();
    let tab = world.start();
    world.server.fault(On::Charge, 1, Fault::HangAfter);
    world.charge(tab, "t1", 5);
    world.run_until(|world| world.server.count(On::Charge) == 1);
    world.crash(tab);
    let next = world.start();
    world.run_for(1_000);
    // By this tab's own clock the claim runs out long before it does by the wall clock.
    world.jump_wall(-15_000);
    let before = world.counts.transactions;
    let settled = world.settled(next, "t1");
    assert!(word(&world.wait(settled)).starts_with("charged"));
    let transactions = world.counts.transactions - before;
    assert!(transactions < 60, "{transactions} transactions");
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

#[test]
fn a_key_that_may_expire_in_flight_is_looked_up_first() {
    let mut world = key_time(600_000);
    let tab = lost_before_an_outage(&mut world);
    world.run_for(590_000);
    // The request takes its time: it arrives when the key has ended.
    world
        .server
        .fault(On::AnyCharge, 1, Fault::HangThenDone(11_000));
    world.go_online(true);
    let settled = world.settled(tab, "t1");
    assert_eq!(word(&world.wait(settled)), "charged again");
    world.run_for(60_000);
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

#[test]
fn a_key_that_aged_during_a_slow_claim_is_looked_up() {
    let mut world = key_time(600_000);
    let tab = lost_before_an_outage(&mut world);
    // Enough for a claim that is written at once, but not for a slow one.
    let margin_ms = world.config.claim_ms() + 2_500;
    world.run_for(600_000 - margin_ms);
    world.commit_ms = 4_900;
    world
        .server
        .fault(On::AnyCharge, 1, Fault::HangThenDone(14_900));
    world.go_online(true);
    let settled = world.settled(tab, "t1");
    assert_eq!(word(&world.wait(settled)), "charged again");
    world.run_for(60_000);
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

/// A charge whose answer was lost, found by the next start, offline.
fn lost_and_found(world: &mut World) -> usize {
    let tab = world.start();
    world.server.fault(On::Charge, 1, Fault::LoseAnswer);
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    world.crash(tab);
    world.run_for(30_000);
    world.online = false;
    world.start()
}

#[test]
fn a_clock_set_back_in_an_open_tab_makes_no_key_younger() {
    let mut world = key_time(60_000);
    let tab = lost_and_found(&mut world);
    world.run_for(10_000);
    world.jump_wall(-30_000);
    world.run_for(25_000);
    world.go_online(true);
    let settled = world.settled(tab, "t1");
    assert_eq!(word(&world.wait(settled)), "charged again");
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

#[test]
fn a_restart_after_a_clock_set_back_looks_up_before_resending() {
    let mut world = key_time(60_000);
    let tab = lost_and_found(&mut world);
    world.jump_wall(-25_000);
    world.run_for(6_000);
    world.crash(tab);
    world.run_for(26_000);
    world.online = true;
    let next = world.start();
    let settled = world.settled(next, "t1");
    assert_eq!(word(&world.wait(settled)), "charged again");
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

#[test]
fn a_clock_set_ahead_across_a_restart_rules_out_no_late_request() {
    let mut world = World::new();
    let tab = world.start();
    world
        .server
        .fault(On::Charge, 1, Fault::HangThenDone(4_000));
    world.charge(tab, "t1", 5);
    world.run_until(|world| world.server.count(On::Charge) == 1);
    world.crash(tab);
    world.jump_wall(DAY_MS / 2);
    // Each start knows only the journal.
    for look_ups in 1..=2 {
        let next = world.start();
        world.cancel(next, "t1");
        world.run_until(|world| world.server.count(On::LookUp) == look_ups);
        world.run_for(100);
        world.crash(next);
    }
    let last = world.start();
    let settled = world.settled(last, "t1");
    let said = word(&world.wait(settled));
    assert!(said.starts_with("charged"), "{said}");
}

#[test]
fn a_key_is_not_taken_for_young_after_a_jump_before_the_journal_was_read() {
    const HOUR_MS: u64 = 3_600_000;
    let mut world = key_time(4 * HOUR_MS);
    let first = lost_before_an_outage(&mut world);
    world.crash(first);
    world.run_for(5 * HOUR_MS);
    let tab = world.open();
    world.tell(tab, Event::Tick);
    world.jump_wall(-3 * HOUR_MS as i64);
    world.tell(tab, Event::Tick);
    world.run_for(100);
    world.crash(tab);
    let next = world.start();
    world.go_online(true);
    let settled = world.settled(next, "t1");
    assert_eq!(word(&world.wait(settled)), "charged again");
    assert_eq!(world.server.count(On::Charge), 1);
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

#[test]
fn an_idle_tab_that_slept_reads_the_journal_when_it_is_due_by_the_wall_clock() {
    let mut world = World::new();
    let (one, two) = (world.start(), world.start());
    world.announcements = false;
    let call = world.charge(one, "t1", 5);
    assert_eq!(word(&world.wait(call)), "charged");
    world.jump_wall(300_000);
    world.tell(two, Event::Tick);
    world.run_for(100);
    assert_eq!(world.snapshot(two).stats.charged, 1);
}

#[test]
fn an_unwritten_verdict_is_written_when_it_is_due_by_the_wall_clock() {
    let mut world = World::with(|config| config.backoff.max_ms = 15_000);
    let tab = world.start();
    world.fail_write = Box::new(|_, ops| ops.iter().any(|op| matches!(op, Op::Conclude { .. })));
    let call = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(call)), "charged");
    world.run_for(60_000);
    world.fail_write = Box::new(|_, _| false);
    world.jump_wall(15_000);
    world.tell(tab, Event::Tick);
    world.run_for(100);
    assert!(world.journal.records[&key("t1")].receipt().is_some());
}

#[test]
fn a_receipt_that_comes_after_its_claim_is_told_though_it_cannot_be_written() {
    let mut world = World::new();
    let tab = world.start();
    world.server.fault(On::Charge, 1, Fault::Late(500));
    world.fail_write = Box::new(|_, ops| ops.iter().any(|op| matches!(op, Op::Conclude { .. })));
    let call = world.charge(tab, "t1", 5);
    world.run_for(100);
    world.jump_wall(DAY_MS);
    world.tell(tab, Event::Tick);
    assert_eq!(word(&world.wait(call)), "charged");
    world.fail_write = Box::new(|_, _| false);
    world.settle();
}

#[test]
fn a_clock_set_back_is_noted_once_and_for_open_charges_only() {
    let mut world = World::new();
    let tab = world.start();
    let call = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(call)), "charged");
    // Its verdict is written a moment after it is told.
    world.run_for(100);
    let written = |world: &mut World| {
        let before = world.counts.transactions;
        world.jump_wall(-DAY_MS);
        world.tell(tab, Event::Tick);
        world.run_for(100);
        world.counts.transactions - before
    };
    assert_eq!(written(&mut world), 0);
    world.go_online(false);
    let call = world.charge(tab, "t2", 5);
    world.wait(call);
    assert_eq!([written(&mut world), written(&mut world)], [1, 0]);
}

#[test]
fn a_claim_first_seen_after_a_jump_of_the_clock_lasts_its_whole_length() {
    let mut world = World::new();
    let (one, two) = (world.start(), world.start());
    world.go_online(false);
    let charge = world.request("t1", 5);
    let call = world.charge_this(two, charge.clone());
    world.wait(call);
    world.run_for(100);
    world.announcements = false;
    world.server.fault(On::Charge, 1, Fault::Late(4_000));
    world.nudge(two, Event::Online(true));
    world.run_until(|world| world.server.count(On::Charge) == 1);
    world.jump_wall(DAY_MS);
    world.tell(one, Event::Woke);
    world.run_for(100);
    world.nudge(one, Event::Online(true));
    let call = world.charge_this(one, charge);
    let orders = world.tab(one).journal_orders;
    world.run_for(2_000);
    assert_eq!(world.tab(one).journal_orders, orders);
    assert_eq!(world.server.count(On::AnyCharge), 1);
    world.run_for(3_000);
    world.tell(one, Event::Woke);
    assert!(word(&world.wait(call)).starts_with("charged"));
}

#[test]
fn a_call_is_answered_from_a_journal_read_since_the_page_woke() {
    let mut world = World::new();
    let tab = world.start();
    let busy = with_retry_after(problem(429, "busy"), "2");
    world.server.fault(On::Charge, 1, Fault::Answer(busy));
    let call = world.charge(tab, "t1", 5);
    world.run_until(|world| world.server.count(On::Charge) == 1);
    world.run_for(100);
    world.tell(tab, Event::Woke);
    world.go_online(false);
    assert_eq!(word(&world.wait(call)), "queued Busy");
}
