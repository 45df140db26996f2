//! Answers that are behind what is known: a copy of the server that lags is not followed, and a
//! server that has begun its versions anew is, when three in a row have said so.

use super::balances::fresh;
use super::outcomes::word;
use super::server::{Fault, On, json_answer};
use super::syncing::{begin_anew, shown};
use super::world::World;

/// The next readings are answered as before the first charge.
pub fn behind(world: &mut World, times: u32) {
    let behind = json_answer(200, serde_json::json!({"balance": 120, "version": 1}));
    world
        .server
        .fault(On::Balance, times, Fault::Answer(behind));
}

/// A tab that has charged 5 of 120 points.
fn charged(base_ms: u64) -> (World, usize) {
    let mut world = World::with(|config| config.backoff.base_ms = base_ms);
    let tab = world.start();
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    (world, tab)
}

#[test]
fn a_copy_that_is_behind_is_not_followed_however_soon_a_request_is_tried_again() {
    for (base_ms, times) in [(0, 1), (0, 2), (10, 1), (10, 2), (1_000, 2), (5_000, 2)] {
        let (mut world, tab) = charged(base_ms);
        behind(&mut world, times);
        let call = world.refresh(tab);
        world.run_for(60_000);
        assert_eq!(fresh(&world, call), 115, "{base_ms}, {times}");
        assert_eq!(shown(&world, tab).0, 115);
    }
}

#[test]
fn three_answers_that_are_behind_are_followed_some_seconds_after_the_first() {
    for (base_ms, unit_ms) in [(0, 1_000), (10, 1_000), (4_000, 4_000)] {
        let mut world = World::with(|config| config.backoff.base_ms = base_ms);
        let tab = world.start();
        let call = world.charge(tab, "t1", 5);
        world.wait(call);
        begin_anew(&mut world, 50);
        let asked_at_ms = world.now.mono_ms;
        let before = world.server.count(On::Balance);
        let call = world.refresh(tab);
        // Once more after a while, and again after twice as long.
        for (until_ms, readings) in [(500, 1), (unit_ms + 500, 2), (3 * unit_ms - 1, 2)] {
            world.run_for(asked_at_ms + until_ms - world.now.mono_ms);
            assert_eq!(world.server.count(On::Balance) - before, readings);
            assert!(!world.answers.contains_key(&call));
            assert_eq!(shown(&world, tab).0, 115);
        }
        world.run_until(|world| world.answers.contains_key(&call));
        assert_eq!(fresh(&world, call), 50);
        assert_eq!(world.server.count(On::Balance) - before, 3);
        let took_ms = world.now.mono_ms - asked_at_ms;
        assert!(took_ms < 3 * unit_ms + 200, "{took_ms} ms");
    }
}

#[test]
fn a_copy_that_is_behind_for_a_moment_is_given_that_moment() {
    let (mut world, tab) = charged(10);
    behind(&mut world, 100);
    let one = world.refresh(tab);
    world.run_for(500);
    let read = world.server.count(On::Balance);
    let other = world.refresh(tab);
    world.run_for(250);
    assert_eq!(world.server.count(On::Balance), read);
    // It has caught up.
    world.server.heal();
    world.run_for(1_000);
    for call in [one, other] {
        assert_eq!(fresh(&world, call), 115);
    }
    assert_eq!(shown(&world, tab).0, 115);
}

#[test]
fn what_was_doubted_and_then_not_heard_of_is_doubted_again() {
    let (mut world, tab) = charged(1_000);
    behind(&mut world, 1);
    world.server.fault(On::Balance, 1, Fault::LoseRequest);
    world.refresh(tab);
    world.run_for(30_000);
    behind(&mut world, 2);
    let call = world.refresh(tab);
    world.run_for(30_000);
    assert_eq!(fresh(&world, call), 115);
    assert_eq!(shown(&world, tab).0, 115);
}

#[test]
fn an_answer_that_comes_too_soon_is_no_opinion_and_puts_none_off() {
    let (mut world, tab) = charged(1_000);
    behind(&mut world, 3);
    world.refresh(tab);
    world.run_for(100);
    // The browser was offline for a moment: the balance is read at once.
    world.go_online(false);
    world.go_online(true);
    world.run_for(30_000);
    assert_eq!(shown(&world, tab).0, 115);
    // Nor does it have the next one wait, however many come.
    begin_anew(&mut world, 50);
    world.refresh(tab);
    for _ in 0..70 {
        world.run_for(50);
        world.go_online(false);
        world.go_online(true);
    }
    assert_eq!(shown(&world, tab).0, 50);
}

#[test]
fn a_word_that_is_not_behind_begins_the_count_anew() {
    // A charge, here or in another tab, and a refusal: the server's versions go on.
    for what in ["charge", "refusal", "elsewhere"] {
        let (mut world, tab) = charged(10);
        let other = world.start();
        behind(&mut world, 1);
        world.refresh(tab);
        world.run_for(200);
        let (by, amount, said) = match what {
            "charge" => (tab, 5, "charged"),
            "elsewhere" => (other, 5, "charged"),
            _ => (tab, 500, "declined InsufficientBalance"),
        };
        let call = world.charge(by, "t2", amount);
        assert_eq!(word(&world.wait(call)), said);
        let known = shown(&world, by);
        behind(&mut world, 2);
        world.run_for(60_000);
        assert_eq!(shown(&world, tab), known, "{what}");
    }
}

#[test]
fn charges_that_are_answered_behind_put_no_opinion_off() {
    let (mut world, tab) = charged(10);
    for n in 0..20 {
        let call = world.charge(tab, &format!("more{n}"), 1);
        world.wait(call);
    }
    begin_anew(&mut world, 50);
    let before = world.server.count(On::Balance);
    // All of them are answered with versions below what is known.
    for n in 0..9 {
        let call = world.charge(tab, &format!("late{n}"), 1);
        assert_eq!(word(&world.wait(call)), "charged");
        world.run_for(500);
    }
    assert_eq!(shown(&world, tab).0, 41);
    assert_eq!(world.server.count(On::Balance) - before, 3);
}

#[test]
fn a_journal_that_fails_keeps_nobody_waiting_for_a_second_opinion() {
    let (mut world, tab) = charged(10);
    behind(&mut world, 1);
    world.fail_write = Box::new(|_, _| true);
    let call = world.refresh(tab);
    let asked_at_ms = world.now.mono_ms;
    // Each of these puts off the next claim.
    for n in 0..100 {
        world.charge(tab, &format!("x{n}"), 1);
        world.run_for(50);
    }
    assert_eq!(fresh(&world, call), 115);
    let took_ms = world.answered_at_ms[&call] - asked_at_ms;
    assert!(took_ms < 1_200, "{took_ms} ms");
    assert_eq!(world.spins, 0);
}
