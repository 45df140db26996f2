//! Eviction of settled charges: how many are kept, and who is told before one goes.

use tollbox::core::engine::{Answer, CallId, Event};
use tollbox::core::record::{Record, State};

use super::outcomes::word;
use super::script::{World, key};
use super::server::{Fault, On, problem};

fn keeping(count: usize) -> World {
    World::with(|config| config.keep_settled = count)
}

#[test]
fn a_lone_tab_keeps_exactly_keep_settled_charges() {
    for keep in [0, 1, 3, 12] {
        let mut world = keeping(keep);
        // The tab knows that it is alone.
        world.locks = true;
        let tab = world.start();
        for n in 0..keep + 5 {
            let call = world.charge(tab, &format!("t{n:02}"), 1);
            assert_eq!(word(&world.wait(call)), "charged");
            world.run_for(10);
            assert!(world.journal.records.len() <= keep, "{keep} of {n}");
        }
        assert_eq!(world.journal.records.len(), keep);
        // The newest are kept.
        for n in 5..keep + 5 {
            assert!(
                world
                    .journal
                    .records
                    .contains_key(&key(&format!("t{n:02}")))
            );
        }
    }
}

#[test]
fn settled_charges_beyond_keep_settled_are_evicted_within_a_second() {
    let mut world = keeping(2);
    let (one, two) = (world.start(), world.start());
    for n in 0..10 {
        let call = world.charge(one, &format!("t{n}"), 1);
        world.wait(call);
    }
    world.run_for(1_100);
    assert_eq!(world.journal.records.len(), 2);
    assert_eq!(world.snapshot(two).stats.charged, 10);
    assert_eq!(world.counts.spins, 0);
}

#[test]
fn a_flush_that_goes_on_does_not_keep_settled_charges_for_ever() {
    let mut world = World::with(|config| {
        config.keep_settled = 0;
        config.batch_size = 1;
    });
    world.locks = true;
    world.server.top_up(1_000);
    let mut put = |task: String, ends: bool| {
        let open = Record::open(world.request(&task, 1), 1);
        let record = match ends {
            true => open.cancel(world.now.wall_ms).unwrap(),
            false => open,
        };
        let key = record.charge().key.clone();
        world.journal.records.insert(key, record);
    };
    for n in 0..11_000 {
        put(format!("old{n}"), true);
    }
    for n in 0..50 {
        put(format!("new{n}"), false);
    }
    let tab = world.start();
    let settled = |world: &World| {
        let records = world.journal.records.values();
        let settled = records.filter(|record| matches!(record.state(), State::Settled(_)));
        settled.count()
    };
    while settled(&world) > 10_000 {
        world.run_for(10);
        let open = world.snapshot(tab).stats.open;
        assert!(open > 0, "{} are still there", settled(&world));
    }
}

#[test]
fn open_charges_are_not_evicted() {
    let mut world = keeping(0);
    let tab = world.start();
    world.go_online(false);
    let call = world.charge(tab, "t1", 1);
    world.wait(call);
    world.run_for(10);
    let record = &world.journal.records[&key("t1")];
    assert!(matches!(record.state(), State::Waiting(_)));
}

fn end_of(world: &mut World, call: CallId) -> String {
    world.run_until(|world| world.answers.contains_key(&call));
    match world.answer(call) {
        Answer::Outcome(outcome) => word(outcome),
        other => format!("{other:?}"),
    }
}

#[test]
fn settled_calls_are_answered_before_eviction() {
    for (commit_ms, locks) in [(1, false), (5, false), (50, false), (1, true), (50, true)] {
        let mut world = keeping(0);
        world.locks = locks;
        world.commit_ms = commit_ms;
        let (one, two) = (world.start(), world.start());
        world.go_online(false);
        let calls = [world.charge(one, "t1", 1), world.charge(two, "t1", 1)];
        for call in calls {
            world.wait(call);
        }
        world.run_for(200);
        let calls = [world.settled(one, "t1"), world.settled(two, "t1")];
        world.go_online(true);
        for call in calls {
            assert_eq!(end_of(&mut world, call), "charged", "{commit_ms}");
        }
        world.run_for(1_200);
        assert_eq!(world.journal.records.len(), 0);
    }
}

#[test]
fn a_charge_being_retried_is_not_evicted() {
    // Other tabs may live, so it is kept for a second; the last case asks later than that.
    for (asked_after_ms, again) in [(900, true), (985, true), (995, true), (1_100, false)] {
        let mut world = keeping(0);
        world.commit_ms = 20;
        let tab = world.start();
        let declined = Fault::Answer(problem(402, "insufficient-balance"));
        world.server.fault(On::AnyCharge, 1, declined);
        let call = world.charge(tab, "t1", 5);
        assert_eq!(word(&world.wait(call)), "declined InsufficientBalance");
        world.run_for(asked_after_ms);
        let retry = world.retry(tab, "t1");
        let said = end_of(&mut world, retry);
        let expected = if again { "charged" } else { "NotFound" };
        assert_eq!(said, expected, "{asked_after_ms}");
        world.run_for(2_000);
        assert_eq!(world.journal.records.len(), 0);
    }
}

#[test]
fn a_charged_charge_evicted_by_another_tab_is_not_in_doubt() {
    let mut world = World::new();
    let tab = world.start();
    let call = world.charge(tab, "t1", 5);
    assert_eq!(end_of(&mut world, call), "charged");
    world.journal.records.remove(&key("t1"));
    let keys = vec![key("t1")];
    let confirmed = None;
    world.tell(tab, Event::Peer { keys, confirmed });
    world.run_for(100);
    let again = world.charge(tab, "t1", 5);
    assert_eq!(end_of(&mut world, again), "charged again");
    assert_eq!(world.server.count(On::LookUp), 0);
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

#[test]
fn an_eviction_needs_no_strict_write() {
    let mut world = keeping(0);
    world.locks = true;
    let tab = world.start();
    let call = world.charge(tab, "t1", 1);
    assert_eq!(word(&world.wait(call)), "charged");
    assert!(world.journal.undo.is_empty());
    world.run_for(10_000);
    assert!(world.journal.records.is_empty());
    assert!(!world.journal.undo.is_empty());
}

#[test]
fn a_tab_opened_since_has_time_to_read_of_an_end() {
    let mut world = keeping(0);
    world.locks = true;
    let (one, two) = (world.start(), world.start());
    world.server.fault(On::Charge, 1, Fault::Late(500));
    let call = world.charge(one, "t1", 5);
    world.run_for(100);
    let settled = world.settled(two, "t1");
    assert_eq!(word(&world.wait(call)), "charged");
    assert_eq!(word(&world.wait(settled)), "charged");
    assert_eq!(world.server.count(On::Charge), 1);
}
