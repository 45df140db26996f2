//! Journals that migrate to other storage, are wiped, or fail and recover.

use std::cell::Cell;
use std::rc::Rc;

use tollbox::core::alert::AlertKind;
use tollbox::core::engine::{Earlier, Event};
use tollbox::core::journal::Op;
use tollbox::core::outcome::What;
use tollbox::core::snapshot::StorageKind;

use super::outage::alerts;
use super::outcomes::word;
use super::script::{World, key};
use super::server::{Fault, On, problem};
use super::storage_failures::fail_next;

/// IndexedDB can't be opened any more.
fn move_on(world: &mut World, tab: usize) {
    let to = StorageKind::LocalStorage;
    let why = "it does not open".to_owned();
    let from = Earlier::Here;
    world.tell(tab, Event::Moved { to, why, from });
}

#[test]
fn open_charges_move_with_the_journal() {
    let mut world = World::new();
    // The tab knows that it is alone, so no other tab writes to the old storage.
    world.locks = true;
    let tab = world.start();
    world.go_online(false);
    let call = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(call)), "queued Offline");
    // The new storage is empty.
    world.wipe_journal();
    move_on(&mut world, tab);
    world.run_for(10);
    assert_eq!(
        alerts(&world, tab),
        [AlertKind::NetworkLost, AlertKind::StorageDegraded]
    );
    assert_eq!(world.snapshot(tab).storage, StorageKind::LocalStorage);
    assert!(world.journal.records.contains_key(&key("t1")));
    let later = world.charge(tab, "t2", 5);
    let outcome = world.wait(later);
    assert!(
        matches!(outcome.what, What::Queued { durable: false, .. }),
        "{outcome:?}"
    );
    world.go_online(true);
    world.settle();
    for charged in ["f:t1", "f:t2"] {
        assert_eq!(world.server.times_charged(charged), 1);
    }
}

#[test]
fn a_cancel_during_a_migration_finds_its_charge_in_the_new_storage() {
    let mut world = World::new();
    let tab = world.start();
    world.go_online(false);
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    // The charge is being written while the cancel waits for the next transaction.
    world.charge(tab, "t2", 5);
    let cancelled = world.cancel(tab, "t1");
    world.wipe_journal();
    move_on(&mut world, tab);
    let outcome = world.wait(cancelled);
    assert!(
        matches!(
            outcome.what,
            What::Unknown {
                resolving: true,
                ..
            }
        ),
        "{outcome:?}"
    );
    world.go_online(true);
    world.settle();
    let end = world.settled(tab, "t1");
    assert_eq!(word(&world.wait(end)), "failed Cancelled");
    assert_eq!(world.server.times_charged("f:t1"), 0);
}

#[test]
fn a_migrated_charge_is_not_called_unsent() {
    let mut world = World::new();
    let tab = world.start();
    world.go_online(false);
    let call = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(call)), "queued Offline");
    world.wipe_journal();
    move_on(&mut world, tab);
    world.run_for(10);
    let again = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(again)), "unknown Offline");
    world.go_online(true);
    world.settle();
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

#[test]
fn an_unwritten_verdict_is_written_to_the_new_storage() {
    let mut world = World::new();
    let tab = world.start();
    fail_next(&mut world, 1, |op| matches!(op, Op::Conclude { .. }));
    let call = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(call)), "charged");
    world.wipe_journal();
    move_on(&mut world, tab);
    world.settle();
    let stored = &world.journal.records[&key("t1")];
    assert!(stored.receipt().is_some(), "{stored:?}");
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

#[test]
fn a_wipe_is_alerted_and_wiped_charges_are_not_sent() {
    let mut world = World::new();
    let tab = world.start();
    world.go_online(false);
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    let end = world.settled(tab, "t1");
    world.wipe_journal();
    world.tell(
        tab,
        Event::Wiped {
            detail: "deleted".into(),
            lost: Vec::new(),
        },
    );
    world.go_online(true);
    let outcome = world.wait(end);
    assert!(
        matches!(
            outcome.what,
            What::Unknown {
                resolving: false,
                ..
            }
        ),
        "{outcome:?}"
    );
    world.settle();
    assert_eq!(world.server.times_charged("f:t1"), 0);
    assert!(alerts(&world, tab).contains(&AlertKind::StorageDegraded));
}

#[test]
fn a_wipe_is_alerted_though_a_read_has_missed_the_charge_before() {
    let mut world = World::new();
    let tab = world.start();
    world.go_online(false);
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    world.wipe_journal();
    let settled = world.settled(tab, "t1");
    world.tell(tab, Event::Woke);
    world.wait(settled);
    world.tell(
        tab,
        Event::Wiped {
            detail: "deleted".to_owned(),
            lost: Vec::new(),
        },
    );
    assert!(alerts(&world, tab).contains(&AlertKind::StorageDegraded));
}

#[test]
fn a_wipe_of_settled_charges_only_raises_no_alert() {
    let mut world = World::new();
    let tab = world.start();
    let call = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(call)), "charged");
    world.wipe_journal();
    let detail = "deleted".to_owned();
    world.tell(
        tab,
        Event::Wiped {
            detail,
            lost: Vec::new(),
        },
    );
    world.run_for(60_000);
    assert_eq!(alerts(&world, tab), []);
}

#[test]
fn storage_that_recovered_is_alerted_again_when_it_fails_again() {
    let mut world = World::new();
    let tab = world.start();
    for times in 1..=2 {
        fail_next(&mut world, 1, |_| true);
        let task = format!("t{times}");
        let call = world.charge(tab, &task, 5);
        assert_eq!(word(&world.wait(call)), "failed StorageUnavailable");
        assert_eq!(alerts(&world, tab), vec![AlertKind::StorageDegraded; times]);
        let again = world.charge(tab, &task, 5);
        assert_eq!(word(&world.wait(again)), "charged");
        world.run_for(16_000);
        assert_eq!(world.snapshot(tab).alerts, []);
    }
}

#[test]
fn intermittent_storage_failures_raise_one_alert() {
    let mut world = World::new();
    let tab = world.start();
    for n in 0..20 {
        fail_next(&mut world, 1, |op| matches!(op, Op::Conclude { .. }));
        let call = world.charge(tab, &format!("t{n}"), 5);
        assert_eq!(word(&world.wait(call)), "charged");
        world.run_for(1_000);
    }
    assert_eq!(alerts(&world, tab), [AlertKind::StorageDegraded]);
}

#[test]
fn a_charge_sent_before_a_wipe_is_in_doubt_when_retried() {
    let mut world = World::new();
    let tab = world.start();
    world.server.fault(On::Charge, 1, Fault::LoseAnswer);
    world.server.fault(On::Any, u32::MAX, Fault::LoseRequest);
    let call = world.charge(tab, "t1", 5);
    assert!(word(&world.wait(call)).starts_with("unknown"));
    world.go_online(false);
    // The retry itself finds the journal wiped.
    world.wipe_journal();
    let call = world.retry(tab, "t1");
    let told = word(&world.wait(call));
    assert!(told.starts_with("unknown"), "{told}");
    world.server.heal();
    world.go_online(true);
    world.settle();
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

#[test]
fn a_charge_being_retried_moves_with_the_journal() {
    let mut world = World::new();
    let tab = world.start();
    fail_next(&mut world, 1, |op| matches!(op, Op::Conclude { .. }));
    let broken = Fault::Answer(problem(500, "broken"));
    world.server.fault(On::Charge, 1, broken);
    world.charge(tab, "t1", 5);
    // The conclusion failed to write; it and the retry are about to be written.
    world.run_until(|world| alerts(world, tab) == [AlertKind::StorageDegraded]);
    world.retry(tab, "t1");
    world.fail_write = Box::new(|_, _| true);
    world.wipe_journal();
    move_on(&mut world, tab);
    world.run_for(10);
    world.fail_write = Box::new(|_, _| false);
    assert_eq!(world.snapshot(tab).queue.held_points.get(), 5);
    world.settle();
    assert_eq!(world.server.times_charged("f:t1"), 1);
    assert!(world.journal.records[&key("t1")].receipt().is_some());
}

#[test]
fn a_charge_that_cannot_be_migrated_yet_is_kept() {
    let mut world = World::new();
    let tab = world.start();
    world.go_online(false);
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    let end = world.settled(tab, "t1");
    world.fail_write = Box::new(|_, ops| ops.iter().any(|op| matches!(op, Op::Adopt { .. })));
    world.wipe_journal();
    move_on(&mut world, tab);
    world.run_for(100_000);
    // A read of this charge alone changes nothing.
    world.show(tab, "t1");
    world.run_for(100_000);
    assert_eq!(world.snapshot(tab).queue.held_points.get(), 5);
    let shown = world.list(tab, Some(Vec::new()));
    assert_eq!(shown.len(), 1, "{shown:?}");
    world.fail_write = Box::new(|_, _| false);
    world.go_online(true);
    assert_eq!(word(&world.wait(end)), "charged");
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

/// A queued charge that can't be written to the new storage.
fn without_room(world: &mut World) -> usize {
    let tab = world.start();
    world.go_online(false);
    let call = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(call)), "queued Offline");
    world.fail_write = Box::new(|_, ops| ops.iter().any(|op| !matches!(op, Op::Read { .. })));
    world.wipe_journal();
    move_on(world, tab);
    world.run_for(10);
    tab
}

#[test]
fn a_queued_charge_that_cannot_be_migrated_yet_does_not_fail() {
    let mut world = World::new();
    let tab = without_room(&mut world);
    let end = world.settled(tab, "t1");
    let again = world.charge(tab, "t1", 5);
    let told = word(&world.wait(again));
    assert!(told.starts_with("unknown"), "{told}");
    world.fail_write = Box::new(|_, _| false);
    world.go_online(true);
    assert_eq!(word(&world.wait(end)), "charged");
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

#[test]
fn a_charge_that_is_migrated_late_can_be_cancelled() {
    let mut world = World::new();
    let tab = without_room(&mut world);
    // Writing works again, but the charge has not been moved yet.
    world.fail_write = Box::new(|_, _| false);
    let cancelled = world.cancel(tab, "t1");
    world.go_online(true);
    assert_eq!(word(&world.wait(cancelled)), "failed Cancelled");
    world.settle();
    assert_eq!(world.server.times_charged("f:t1"), 0);
}

#[test]
fn a_journal_set_back_is_alerted_and_any_charge_may_have_been_sent() {
    let mut world = World::new();
    let tab = world.start();
    assert!(!world.engine(tab).leaves_charges_unread());
    world.go_online(false);
    let call = world.charge(tab, "t0", 5);
    world.wait(call);
    world.wipe_journal();
    let lost = vec![key("t1")];
    world.tell(tab, Event::SetBack { lost });
    world.run_for(10);
    assert!(alerts(&world, tab).contains(&AlertKind::StorageDegraded));
    assert!(world.engine(tab).leaves_charges_unread());
    // The journal has been read again, and misses the charge that was there.
    assert_eq!(world.snapshot(tab).queue.pending, 0);
    // Neither the one that was named, nor another, is said not to have been sent.
    for task in ["t1", "t2"] {
        let call = world.charge(tab, task, 5);
        assert_eq!(word(&world.wait(call)), "unknown Offline");
    }
    world.go_online(true);
    world.settle();
    for charged in ["f:t1", "f:t2"] {
        assert_eq!(world.server.times_charged(charged), 1);
    }
}

#[test]
fn open_charges_at_rest_are_counted_and_named_up_to_a_limit() {
    let mut world = World::new();
    let tab = world.start();
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    world.go_online(false);
    for task in ["t2", "t3"] {
        let call = world.charge(tab, task, 5);
        world.wait(call);
    }
    let open = world.engine(tab).open_charges(10);
    assert_eq!((open.count, open.keys), (2, vec![key("t2"), key("t3")]));
    let open = world.engine(tab).open_charges(1);
    assert_eq!((open.count, open.keys), (2, vec![key("t2")]));
}

#[test]
fn storage_that_has_written_nothing_since_a_failure_has_not_recovered() {
    let mut world = World::new();
    let tab = world.start();
    world.fail_write = Box::new(|_, _| true);
    let call = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(call)), "failed StorageUnavailable");
    // The whole journal is read now and then.
    world.run_for(3_600_000);
    let goes_on = |world: &World| !world.snapshot(tab).alerts.is_empty();
    assert!(goes_on(&world));
    world.fail_write = Box::new(|_, _| false);
    let call = world.charge(tab, "t2", 5);
    assert_eq!(word(&world.wait(call)), "charged");
    world.run_for(16_000);
    assert!(!goes_on(&world));
}

#[test]
fn storage_that_is_not_durable_stays_degraded_though_it_works() {
    let mut world = World::new();
    world.storage = StorageKind::LocalStorage;
    let tab = world.start();
    let call = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(call)), "charged");
    world.run_for(3_600_000);
    let going_on = world.snapshot(tab).alerts;
    let kinds: Vec<AlertKind> = going_on.iter().map(|alert| alert.kind).collect();
    assert_eq!(kinds, [AlertKind::StorageDegraded]);
}

/// What is told of a new charge right after the journal of `tab` has moved.
fn told_after_the_move(world: &mut World, tab: usize) -> String {
    world.go_online(false);
    world.wipe_journal();
    move_on(world, tab);
    world.run_for(10);
    let call = world.charge(tab, "t9", 5);
    word(&world.wait(call))
}

#[test]
fn a_charge_in_new_storage_is_not_called_unsent_while_other_tabs_may_have_sent_it() {
    let mut world = World::new();
    let tab = world.start();
    assert_eq!(told_after_the_move(&mut world, tab), "unknown Offline");
}

#[test]
fn a_charge_in_new_storage_is_not_called_unsent_after_a_settled_one_was_left_behind() {
    let mut world = World::new();
    world.locks = true;
    let tab = world.start();
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    // Its receipt is told before it is written.
    world.run_for(10);
    // Its verdict is written, too.
    world.settle();
    // Its verdict is written a moment after it is told.
    world.run_for(100);
    assert_eq!(told_after_the_move(&mut world, tab), "unknown Offline");
}

#[test]
fn a_charge_that_could_never_be_stored_does_not_move_with_the_journal() {
    let mut world = World::new();
    world.locks = true;
    let tab = world.start();
    world.fail_write = Box::new(|_, _| true);
    let call = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(call)), "failed StorageUnavailable");
    world.fail_write = Box::new(|_, _| false);
    assert_eq!(told_after_the_move(&mut world, tab), "queued Offline");
    assert!(!world.journal.records.contains_key(&key("t1")));
}

#[test]
fn a_charge_in_new_storage_is_not_called_unsent_if_the_old_was_not_read_since_sleep() {
    let mut world = World::new();
    world.locks = true;
    let tab = world.start();
    world.fail_load = true;
    world.tell(tab, Event::Woke);
    world.run_for(10);
    assert_eq!(told_after_the_move(&mut world, tab), "unknown Offline");
}

#[test]
fn an_open_charge_still_migrates_though_another_tab_has_moved_it() {
    let mut world = World::new();
    let (one, two) = (world.start(), world.start());
    world.go_online(false);
    let call = world.charge(one, "t1", 5);
    world.wait(call);
    world.run_for(100);
    world.wipe_journal();
    world.fail_write = Box::new(move |tab, _| tab == one);
    move_on(&mut world, one);
    world.run_for(100);
    move_on(&mut world, two);
    world.run_for(100);
    assert!(world.record(&key("t1")).is_some());
    // This tab reads what the other has written, and has not moved its own yet.
    world.tell(one, Event::Woke);
    world.run_for(100);
    let moves = |op: &Op| matches!(op, Op::Adopt { .. });
    let moved = Rc::new(Cell::new(false));
    let seen = moved.clone();
    world.fail_write = Box::new(move |tab, ops| {
        seen.set(seen.get() || (tab == one && ops.iter().any(moves)));
        false
    });
    world.run_for(60_000);
    assert!(moved.get());
}
