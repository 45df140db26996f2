//! Connection slots: neither foreground calls nor look-ups take all of them.

use tollbox::core::engine::CallId;

use super::outcomes::word;
use super::script::World;
use super::server::{Fault, On, problem};

/// `count` parked charges that take 200 ms each to look up.
fn parked(count: usize) -> (World, usize) {
    let mut world = World::with(|config| config.max_total_attempts = 1);
    world.server.top_up(2_000);
    let tab = world.start();
    let broken = Fault::Answer(problem(500, "broken"));
    world.server.fault(On::AnyCharge, u32::MAX, broken);
    let mute = Fault::Answer(problem(403, "no-look-ups"));
    world.server.fault(On::LookUp, u32::MAX, mute);
    for n in 0..count {
        world.charge(tab, &format!("p{n:03}"), 1);
        world.run_for(20);
    }
    world.run_for(60_000);
    assert_eq!(world.snapshot(tab).queue.unknown, count);
    world.server.heal();
    world.server.fault(On::LookUp, u32::MAX, Fault::Late(200));
    (world, tab)
}

#[test]
fn a_charge_call_does_not_wait_for_the_look_ups_of_a_flush() {
    let (mut world, tab) = parked(100);
    let flush = world.flush(tab);
    world.run_for(100);
    let asked_ms = world.now.mono_ms;
    let call = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(call)), "charged");
    let took_ms = world.answered_at_ms[&call] - asked_ms;
    assert!(took_ms < 100, "{took_ms} ms");
    world.run_until(|world| world.answers.contains_key(&flush));
    world.settle();
    assert_eq!(world.server.balance(), 2_015);
}

#[test]
fn look_ups_are_not_starved_by_charge_calls() {
    let (mut world, tab) = parked(5);
    world.server.fault(On::Charge, u32::MAX, Fault::Late(300));
    world.flush(tab);
    let before = world.server.count(On::LookUp);
    for n in 0..200 {
        world.charge(tab, &format!("t{n:03}"), 1);
        world.run_for(30);
    }
    assert_eq!(world.server.count(On::LookUp) - before, 5);
}

#[test]
fn a_look_up_for_a_call_leaves_before_those_that_wait_for_a_slot() {
    let (mut world, tab) = parked(100);
    let flush = world.flush(tab);
    world.run_for(1_000);
    assert!(!world.answers.contains_key(&flush));
    let asked_ms = world.now.mono_ms;
    let retry = world.retry(tab, "p099");
    world.wait(retry);
    let took_ms = world.answered_at_ms[&retry] - asked_ms;
    assert!(took_ms < 1_000, "{took_ms} ms");
    assert!(!world.answers.contains_key(&flush));
    world.settle();
    assert_eq!(world.server.balance(), 2_020);
}

#[test]
fn look_ups_that_wait_for_a_slot_survive_an_outage_and_a_sleep() {
    let (mut world, tab) = parked(40);
    world.flush(tab);
    world.run_for(1_000);
    let open = |world: &World| {
        let queue = world.snapshot(tab).queue;
        queue.pending + queue.retrying + queue.unknown
    };
    assert!(open(&world) > 20);
    world.server.fault(On::Any, u32::MAX, Fault::LoseRequest);
    world.run_for(30_000);
    assert!(open(&world) > 20);
    world.server.heal();
    world.jump_wall(60_000);
    world.settle();
    assert_eq!(open(&world), 0);
}

#[test]
fn a_lone_surplus_call_waits_for_a_slot_and_goes_as_a_charge_of_its_own() {
    let mut world = World::new();
    let tab = world.start();
    world.server.fault(On::Any, u32::MAX, Fault::Late(200));
    let mut calls = 0;
    // As many as leave at once.
    while world.server.count(On::Charge) == calls {
        calls += 1;
        world.charge(tab, &format!("t{calls}"), 1);
        world.run_for(15);
    }
    world.settle_calls();
    assert_eq!(world.server.count(On::Charge), calls);
    assert_eq!(world.server.count(On::Batch), 0);
}

/// A tab whose charges take a second each, and `count` calls for them at once.
fn at_once(count: usize) -> (World, Vec<CallId>) {
    let mut world = World::new();
    let tab = world.start();
    world
        .server
        .fault(On::AnyCharge, u32::MAX, Fault::Late(1_000));
    let charge = |n: usize| world.charge(tab, &format!("t{n:02}"), 1);
    let calls = (0..count).map(charge).collect();
    (world, calls)
}

#[test]
fn charge_calls_beyond_four_share_one_more_connection() {
    let (mut world, calls) = at_once(12);
    world.run_for(500);
    let sent = (
        world.server.count(On::Charge),
        world.server.count(On::Batch),
    );
    assert_eq!(sent, (4, 1), "two connections of six stay free");
    assert_eq!(world.server.arrived.last().unwrap().keys.len(), 8);
    for call in calls {
        assert_eq!(word(&world.wait(call)), "charged");
    }
    world.settle();
    assert_eq!(world.server.count(On::AnyCharge), 5);
}

#[test]
fn charge_calls_beyond_a_shared_request_wait_for_a_free_connection() {
    let (mut world, mut calls) = at_once(8);
    world.run_for(500);
    calls.extend((8..11).map(|n| world.charge(0, &format!("t{n:02}"), 1)));
    world.run_for(400);
    let sent = (
        world.server.count(On::Charge),
        world.server.count(On::Batch),
    );
    assert_eq!(sent, (4, 1));
    for call in calls {
        assert_eq!(word(&world.wait(call)), "charged");
    }
    world.settle();
    assert_eq!(world.server.balance(), 109);
}

#[test]
fn a_lone_charge_call_beyond_four_waits_for_a_free_connection() {
    let (mut world, calls) = at_once(5);
    world.run_for(500);
    assert_eq!(world.server.count(On::AnyCharge), 4);
    for call in calls {
        assert_eq!(word(&world.wait(call)), "charged");
    }
    world.settle();
}
