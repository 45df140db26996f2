//! Storage failures, for new charges, attempts, verdicts and reads.

use tollbox::core::alert::AlertKind;
use tollbox::core::engine::{Earlier, Event};
use tollbox::core::journal::Op;
use tollbox::core::outcome::What;
use tollbox::core::record::{Conclusion, Verdict};
use tollbox::core::snapshot::{BillingStatus, StorageKind};
use tollbox::core::text::{Detail, Message};

use super::outage::alerts;
use super::outcomes::word;
use super::script::{Happening, World, key};
use super::server::{Fault, On, problem};

pub fn fail_next(world: &mut World, times: usize, which: impl Fn(&Op) -> bool + 'static) {
    let mut left = times;
    world.fail_write = Box::new(move |_, ops| {
        if left == 0 || !ops.iter().any(&which) {
            return false;
        }
        left -= 1;
        true
    });
}

#[test]
fn a_charge_that_cannot_be_stored_is_not_sent() {
    let mut world = World::new();
    let tab = world.start();
    world.fail_write = Box::new(|_, _| true);
    let call = world.charge(tab, "t1", 5);
    let outcome = world.wait(call);
    assert_eq!(word(&outcome), "failed StorageUnavailable");
    assert!(matches!(
        outcome.what,
        What::Failed {
            retryable: true,
            ..
        }
    ));
    world.run_for(120_000);
    assert_eq!(world.server.count(On::AnyCharge), 0);
    assert_eq!(alerts(&world, tab), [AlertKind::StorageDegraded]);
    assert_eq!(world.snapshot(tab).balance.unwrap().available.get(), 120);

    world.fail_write = Box::new(|_, _| false);
    let again = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(again)), "charged");
    world.settle();
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

#[test]
fn an_attempt_that_cannot_be_stored_is_not_made() {
    let mut world = World::new();
    let tab = world.start();
    world.go_online(false);
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    fail_next(&mut world, 3, |op| matches!(op, Op::Begin { .. }));
    world.go_online(true);
    let settled = world.settled(tab, "t1");
    assert_eq!(word(&world.wait(settled)), "charged");
    assert_eq!(world.server.count(On::AnyCharge), 1);
    world.settle();
}

#[test]
fn a_verdict_that_failed_to_write_is_told_and_written_soon() {
    for (fault, said) in [
        (Fault::None, "charged"),
        (Fault::Answer(problem(403, "not-yours")), "failed Forbidden"),
    ] {
        let mut world = World::new();
        let tab = world.start();
        world.server.fault(On::Charge, 1, fault);
        fail_next(&mut world, 2, |op| matches!(op, Op::Conclude { .. }));
        let call = world.charge(tab, "t1", 5);
        assert_eq!(word(&world.wait(call)), said);
        // Another charge keeps the tab awake.
        world.go_online(false);
        world.charge(tab, "t2", 5);
        world.run_for(90_000);
        assert!(
            !world.record(&key("t1")).unwrap().is_open(),
            "{:?}",
            world.record(&key("t1"))
        );
        world.go_online(true);
        world.settle();
        assert_eq!(
            world
                .server
                .arrived
                .iter()
                .filter(|a| a.is_for(On::AnyCharge) && a.keys == ["f:t1"])
                .count(),
            1
        );
    }
}

#[test]
fn an_unwritten_verdict_is_written_though_nothing_else_is_open() {
    let mut world = World::new();
    let tab = world.start();
    fail_next(&mut world, 1, |op| matches!(op, Op::Conclude { .. }));
    let call = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(call)), "charged");
    world.run_for(120_000);
    assert!(!world.record(&key("t1")).unwrap().is_open());
}

#[test]
fn rereading_the_journal_discards_no_unwritten_verdict() {
    let mut world = World::new();
    let tab = world.start();
    world
        .server
        .fault(On::Charge, 1, Fault::Answer(problem(403, "not-yours")));
    fail_next(&mut world, 10, |op| matches!(op, Op::Conclude { .. }));
    let call = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(call)), "unknown Timeout");
    // Coming online reads the journal, which still has the attempt.
    world.go_online(true);
    world.run_for(120_000);
    assert_eq!(world.server.count(On::AnyCharge), 1);
    let settled = world.settled(tab, "t1");
    world.run_for(10);
    assert_eq!(word(world.outcome(settled)), "failed Forbidden");
}

#[test]
fn an_old_conclusion_does_not_settle_a_later_attempt() {
    let mut world = World::with(|config| {
        config.request_timeout_ms = 20_000;
        config.respond_within_ms = 60_000;
    });
    let tab = world.start();
    let mut left = 1;
    world.fail_write = Box::new(move |_, ops| {
        let declined = |op: &Op| {
            matches!(
                op,
                Op::Conclude {
                    conclusion: Conclusion::Settled(Verdict::Declined(_)),
                    ..
                }
            )
        };
        left > 0 && ops.iter().any(declined) && {
            left -= 1;
            true
        }
    });
    let call = world.charge(tab, "t1", 500);
    assert_eq!(word(&world.wait(call)), "declined InsufficientBalance");
    world.server.top_up(1_000);
    // The second attempt is charged at once, and its answer takes long.
    world.server.fault(On::AnyCharge, 1, Fault::Late(15_000));
    let again = world.retry(tab, "t1");
    let outcome = world.wait(again);
    assert!(word(&outcome).starts_with("charged"), "{outcome:?}");
    assert_eq!(world.server.times_charged("f:t1"), 1);
    world.settle();
}

#[test]
fn a_lost_answer_that_cannot_be_stored_is_still_unknown() {
    let mut world = World::new();
    let tab = world.start();
    world.server.fault(On::Charge, 1, Fault::LoseAnswer);
    world.server.fault(On::Balance, 5, Fault::LoseRequest);
    fail_next(&mut world, 1, |op| matches!(op, Op::Conclude { .. }));
    let call = world.charge(tab, "t1", 5);
    assert!(word(&world.wait(call)).starts_with("unknown"));
    world.settle();
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

#[test]
fn an_intermittently_failing_journal_loses_no_charge() {
    for modulus in 2..6 {
        let mut world = World::new();
        let tab = world.start();
        let mut count = 0;
        world.fail_write = Box::new(move |_, _| {
            count += 1;
            count % modulus == 0
        });
        let calls: Vec<_> = (0..20)
            .map(|n| world.charge(tab, &format!("t{n}"), 1))
            .collect();
        world.run_for(60_000);
        let mut failed = Vec::new();
        for (n, call) in calls.into_iter().enumerate() {
            if word(world.outcome(call)) == "failed StorageUnavailable" {
                failed.push(n);
            }
        }
        world.settle();
        for n in 0..20 {
            let times = world.server.times_charged(&format!("f:t{n}"));
            assert_eq!(times, usize::from(!failed.contains(&n)));
        }
    }
}

#[test]
fn without_indexed_db_no_outcome_is_durable() {
    let mut world = World::new();
    world.storage = StorageKind::LocalStorage;
    let tab = world.start();
    assert_eq!(alerts(&world, tab), [AlertKind::StorageDegraded]);
    world.go_online(false);
    let call = world.charge(tab, "t1", 5);
    assert!(matches!(
        world.wait(call).what,
        What::Queued { durable: false, .. }
    ));
}

#[test]
fn a_failed_enqueue_does_not_fail_another_tabs_charge() {
    let mut world = World::new();
    let (one, two) = (world.start(), world.start());
    world.announcements = false;
    let call = world.charge(one, "t1", 5);
    assert_eq!(word(&world.wait(call)), "charged");
    // The second tab has not heard of it, and its write fails.
    fail_next(&mut world, 1, |op| matches!(op, Op::Enqueue { .. }));
    let again = world.charge(two, "t1", 5);
    assert_eq!(word(&world.wait(again)), "charged again");
}

#[test]
fn a_charge_is_found_after_two_failed_reads() {
    let mut world = World::new();
    let (one, two) = (world.start(), world.start());
    world.announcements = false;
    let call = world.charge(one, "t1", 5);
    assert_eq!(word(&world.wait(call)), "charged");
    fail_next(&mut world, 2, |op| matches!(op, Op::Read { .. }));
    let settled = world.settled(two, "t1");
    assert_eq!(word(&world.wait(settled)), "charged");
}

#[test]
fn a_journal_unreadable_at_startup_is_read_again_soon() {
    let mut world = World::new();
    let one = world.start();
    world.go_online(false);
    let call = world.charge(one, "t1", 5);
    world.wait(call);
    world.crash(one);
    world.go_online(true);
    world.fail_load = true;
    let two = world.start();
    assert_eq!(world.snapshot(two).queue.pending, 0);
    world.fail_load = false;
    world.run_for(5_000);
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

#[test]
fn retry_finds_another_tabs_charge_after_failed_reads() {
    for failures in 1..6 {
        let mut world = World::new();
        let (one, two) = (world.start(), world.start());
        world.announcements = false;
        let call = world.charge(one, "t1", 5);
        world.wait(call);
        let mut left = failures;
        world.fail_write = Box::new(move |tab, _| {
            left -= u32::from(tab == two && left > 0);
            tab == two && left > 0
        });
        let retry = world.retry(two, "t1");
        assert_eq!(word(&world.wait(retry)), "charged again", "{failures}");
    }
}

#[test]
fn a_tab_that_can_only_read_finds_another_tabs_charge() {
    let mut world = World::new();
    let (one, two) = (world.start(), world.start());
    world.announcements = false;
    let call = world.charge(one, "t1", 5);
    world.wait(call);
    // The second tab can read, but not write.
    world.fail_write =
        Box::new(move |tab, ops| tab == two && ops.iter().any(|op| !matches!(op, Op::Read { .. })));
    let again = world.charge(two, "t1", 5);
    assert_eq!(word(&world.wait(again)), "charged again");
}

#[test]
fn a_charge_wiped_in_flight_is_parked_and_not_resent() {
    let mut world = World::with(|config| config.max_attempts = 1);
    let tab = world.start();
    world
        .server
        .fault(On::AnyCharge, u32::MAX, Fault::LoseRequest);
    let call = world.charge(tab, "t1", 5);
    let settled = world.settled(tab, "t1");
    world.run_for(15);
    world.wipe_journal();
    assert!(word(&world.wait(call)).starts_with("parked"));
    assert!(word(&world.wait(settled)).starts_with("parked"));
    let requests = world.server.count(On::AnyCharge);
    world.server.heal();
    world.run_for(600_000);
    assert_eq!(world.server.count(On::AnyCharge), requests);
    assert_eq!(world.snapshot(tab).queue.held_points.get(), 0);
}

#[test]
fn cancel_of_an_unsaved_charge_finds_another_tabs_charge() {
    let mut world = World::new();
    let (one, two) = (world.start(), world.start());
    world.announcements = false;
    world.fail_write = Box::new(move |tab, _| tab == two);
    let failed = world.charge(two, "t1", 5);
    assert_eq!(word(&world.wait(failed)), "failed StorageUnavailable");
    let call = world.charge(one, "t1", 5);
    world.wait(call);
    world.fail_write = Box::new(|_, _| false);
    let cancel = world.cancel(two, "t1");
    assert_eq!(word(&world.wait(cancel)), "charged");
}

#[test]
fn a_read_of_the_same_key_does_not_make_a_charge_stored() {
    let mut world = World::new();
    let tab = world.start();
    world.fail_write = Box::new(|_, _| true);
    // Calls during this read share the next transaction, which fails.
    world.show(tab, "t0");
    world.retry(tab, "t1");
    let call = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(call)), "failed StorageUnavailable");
}

#[test]
fn a_verdict_is_written_soon_after_three_failures() {
    let mut world = World::new();
    let tab = world.start();
    fail_next(&mut world, 3, |op| matches!(op, Op::Conclude { .. }));
    let call = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(call)), "charged");
    world.run_for(8_000);
    assert!(world.journal.records[&key("t1")].receipt().is_some());
}

#[test]
fn a_journal_that_could_not_be_read_for_long_is_read_soon_after() {
    let mut world = World::with(|config| config.backoff.max_ms = 3_600_000);
    let one = world.start();
    world.go_online(false);
    let call = world.charge(one, "t1", 5);
    world.wait(call);
    world.crash(one);
    world.go_online(true);
    world.fail_load = true;
    world.start();
    world.run_for(600_000);
    world.fail_load = false;
    world.run_for(20_000);
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

#[test]
fn a_charge_unknown_to_a_journal_read_in_whole_fails_if_it_cannot_be_stored() {
    let mut world = World::new();
    world.earlier = Earlier::Here;
    let tab = world.start();
    world.fail_write = Box::new(|_, _| true);
    let call = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(call)), "failed StorageUnavailable");
}

#[test]
fn an_idle_tab_finds_what_another_has_settled_unheard() {
    let mut world = World::new();
    let (one, two) = (world.start(), world.start());
    world.announcements = false;
    let call = world.charge(one, "t1", 5);
    assert_eq!(word(&world.wait(call)), "charged");
    world.run_for(400_000);
    assert_eq!(world.snapshot(two).stats.charged, 1);
    assert_eq!(world.snapshot(two).balance.unwrap().confirmed.get(), 115);
}

#[test]
fn charges_listed_from_storage_that_is_not_durable_are_not_called_durable() {
    for (storage, is_durable) in [
        (StorageKind::IndexedDb, true),
        (StorageKind::LocalStorage, false),
    ] {
        let mut world = World::new();
        world.storage = storage;
        let tab = world.start();
        world.server.fault(On::Any, u32::MAX, Fault::LoseAnswer);
        let call = world.charge(tab, "t1", 5);
        assert!(word(&world.wait(call)).starts_with("unknown"));
        let stored = world.journal.read(true);
        let listed = world.list(tab, Some(stored));
        let outcome = listed.first().and_then(|record| record.outcome.as_ref());
        let durable = outcome.is_some_and(|outcome| match outcome.what {
            What::Unknown { durable, .. } => durable,
            _ => panic!("{outcome:?}"),
        });
        assert_eq!(durable, is_durable, "{storage:?}");
        world.server.heal();
        world.settle();
    }
}

#[test]
fn a_lost_answer_that_is_not_stored_is_shown_as_not_durable() {
    let mut world = World::new();
    let tab = world.start();
    world.server.fault(On::Any, u32::MAX, Fault::LoseAnswer);
    fail_next(&mut world, 100, |op| matches!(op, Op::Conclude { .. }));
    world.charge(tab, "t1", 5);
    world.run_for(100);
    let shown = world.seen(tab, "t1").outcome.as_ref();
    assert!(
        matches!(
            shown.map(|outcome| &outcome.what),
            Some(What::Unknown { durable: false, .. })
        ),
        "{shown:?}"
    );
    world.fail_write = Box::new(|_, _| false);
    world.server.heal();
    world.settle();
}

#[test]
fn an_unwritten_verdict_delays_no_answer_about_another_charge() {
    let mut world = World::new();
    let tab = world.start();
    world.fail_write = Box::new(|_, ops| ops.iter().any(|op| matches!(op, Op::Conclude { .. })));
    let call = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(call)), "charged");
    world.go_online(false);
    world.run_for(1_000);
    let asked_ms = world.now.mono_ms;
    let call = world.charge(tab, "t2", 5);
    assert_eq!(word(&world.wait(call)), "queued Offline");
    let took_ms = world.now.mono_ms - asked_ms;
    assert!(took_ms < 1_000, "{took_ms} ms");
}

#[test]
fn a_receipt_nobody_waits_for_is_told_though_its_write_fails_after_the_claim() {
    let mut world = World::new();
    let tab = world.start();
    world.go_online(false);
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    world.go_online(true);
    world.run_until(|world| world.server.count(On::AnyCharge) == 1);
    world.commit_ms = 2 * world.config.claim_ms();
    fail_next(&mut world, 1, |op| matches!(op, Op::Conclude { .. }));
    world.run_for(world.commit_ms + 100);
    assert_eq!(
        alerts(&world, tab).last(),
        Some(&AlertKind::StorageDegraded)
    );
    assert_eq!(world.seen(tab, "t1").status, BillingStatus::Success);
    world.commit_ms = 1;
    world.settle();
}

#[test]
fn a_decline_that_could_not_be_written_is_told_as_an_answer_not_stored() {
    let mut world = World::new();
    let tab = world.start();
    world.fail_write = Box::new(|_, ops| ops.iter().any(|op| matches!(op, Op::Conclude { .. })));
    let call = world.charge(tab, "t1", 500);
    let What::Unknown { detail, .. } = world.wait(call).what else {
        panic!("{:?}", world.outcome(call));
    };
    let told = Message::Of(Detail::AnswerNotStored).told(world.config.locale);
    assert_eq!(detail, told);
}

#[test]
fn a_storage_that_writes_but_cannot_be_read_is_not_called_well() {
    let mut world = World::new();
    let tab = world.start();
    world.fail_load = true;
    world.tell(tab, Event::Woke);
    world.run_for(10);
    let call = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(call)), "charged");
    // The next reading takes long.
    let reads = |what: &Happening| matches!(what, Happening::Load { .. });
    world.run_until(|world| world.happenings.any(reads));
    let later_ms = world.now.mono_ms + 60_000;
    world.postpone(reads, later_ms);
    world.run_for(50_000);
    assert_eq!(world.snapshot(tab).alerts.len(), 1);
    world.fail_load = false;
    world.run_for(60_000);
    assert_eq!(world.snapshot(tab).alerts, []);
}
