//! Writes that keep failing, mostly for charges that are already in the journal.

use tollbox::core::config::OfflineSpend;
use tollbox::core::engine::{Answer, Event};
use tollbox::core::journal::Op;
use tollbox::core::outcome::What;
use tollbox::core::snapshot::BillingStatus;

use super::outcomes::word;
use super::script::{World, key};
use super::server::{Fault, On, problem};

fn writes(op: &Op) -> bool {
    !matches!(op, Op::Read { .. })
}

#[test]
fn a_declined_charge_that_cannot_be_reopened_reports_storage_failure() {
    let mut world = World::new();
    let tab = world.start();
    let call = world.charge(tab, "t1", 500);
    assert!(word(&world.wait(call)).starts_with("declined"));
    world.fail_write = Box::new(|_, ops| ops.iter().any(writes));
    let retry = world.retry(tab, "t1");
    assert_eq!(word(&world.wait(retry)), "failed StorageUnavailable");
    let again = world.charge(tab, "t1", 500);
    assert_eq!(word(&world.wait(again)), "failed StorageUnavailable");
    world.fail_write = Box::new(|_, _| false);
    world.server.top_up(1_000);
    let retry = world.retry(tab, "t1");
    assert_eq!(word(&world.wait(retry)), "charged");
}

#[test]
fn a_parked_charge_that_cannot_be_reopened_stays_unknown() {
    let mut world = World::with(|config| config.max_total_attempts = 1);
    let tab = world.start();
    world
        .server
        .fault(On::Charge, 1, Fault::AnswerAfter(problem(500, "broken")));
    world
        .server
        .fault(On::LookUp, 1, Fault::Answer(problem(403, "no-look-ups")));
    world.charge(tab, "t1", 5);
    let settled = world.settled(tab, "t1");
    assert_eq!(word(&world.wait(settled)), "parked RetriesExhausted");
    world.fail_write = Box::new(|_, ops| ops.iter().any(writes));
    let retry = world.retry(tab, "t1");
    assert_eq!(word(&world.wait(retry)), "parked RetriesExhausted");
}

#[test]
fn reads_are_retried_apart_from_failing_writes() {
    let mut world = World::new();
    let (one, two) = (world.start(), world.start());
    world.announcements = false;
    let call = world.charge(one, "t1", 5);
    assert_eq!(word(&world.wait(call)), "charged");
    // The second tab has not heard of it, and all its writes fail.
    world.fail_write = Box::new(|tab, ops| tab == 1 && ops.iter().any(writes));
    let again = world.charge(two, "t1", 5);
    for n in 0..20 {
        world.charge(two, &format!("x{n}"), 1);
        world.run_for(1);
    }
    assert_eq!(word(&world.wait(again)), "charged again");
}

#[test]
fn a_charge_readable_at_the_second_try_is_not_called_failed() {
    let mut world = World::new();
    let (one, two) = (world.start(), world.start());
    world.announcements = false;
    let call = world.charge(one, "t1", 5);
    assert_eq!(word(&world.wait(call)), "charged");
    let mut left = 2;
    world.fail_write = Box::new(move |tab, _| {
        left -= i32::from(tab == 1);
        tab == 1 && left >= 0
    });
    let again = world.charge(two, "t1", 5);
    assert_eq!(word(&world.wait(again)), "charged again");
}

#[test]
fn failing_claims_are_backed_off() {
    let mut world = World::new();
    let tab = world.start();
    world.go_online(false);
    for n in 0..20 {
        world.charge(tab, &format!("t{n}"), 1);
    }
    world.settle_calls();
    world.fail_write = Box::new(|_, ops| ops.iter().any(writes));
    world.go_online(true);
    let orders = world.tab(tab).journal_orders;
    world.run_for(600_000);
    let orders = world.tab(tab).journal_orders - orders;
    assert!(orders < 120, "{orders} transactions in ten minutes");
    assert_eq!(
        (world.server.count(On::AnyCharge), world.counts.spins),
        (0, 0)
    );
    world.fail_write = Box::new(|_, _| false);
    world.settle();
    assert_eq!(world.server.balance(), 100);
}

#[test]
fn a_verdict_is_written_soon_after_storage_recovers() {
    let mut world = World::new();
    let tab = world.start();
    world.fail_write = Box::new(|_, ops| ops.iter().any(|op| matches!(op, Op::Conclude { .. })));
    let call = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(call)), "charged");
    world.run_for(400_000);
    assert!(world.record(&key("t1")).unwrap().is_open());
    world.fail_write = Box::new(|_, _| false);
    world.run_for(35_000);
    assert!(!world.record(&key("t1")).unwrap().is_open());
}

#[test]
fn an_idle_tab_sleeps() {
    let mut world = World::new();
    let tab = world.start();
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    world.run_for(3_600_000);
    let idle = &world.tab(tab).engine;
    let deadline_ms = idle.deadline().unwrap();
    let before = world.notices(tab).len();
    assert!(deadline_ms > world.now.mono_ms);
    world.run_for(600_000);
    assert_eq!(world.notices(tab).len(), before);
}

#[test]
fn a_tab_is_not_idle_during_a_write() {
    let mut world = World::new();
    let tab = world.start();
    assert!(world.tab(tab).engine.is_idle());
    let call = world.charge(tab, "t1", 5);
    assert!(!world.tab(tab).engine.is_idle(), "a write is under way");
    world.charge(tab, "t2", 5);
    assert!(!world.tab(tab).engine.is_idle(), "and another waits");
    world.wait(call);
    world.settle();
    assert!(world.tab(tab).engine.is_idle());
}

#[test]
fn a_closing_tab_announces_its_last_writes() {
    let mut world = World::new();
    let (one, two) = (world.start(), world.start());
    world.server.fault(On::Charge, 1, Fault::HangAfter);
    world.charge(one, "t1", 5);
    world.run_for(50);
    world.close(one);
    world.run_for(100);
    let seen = &world.seen(two, "t1");
    assert_eq!(seen.status, BillingStatus::Success, "{seen:?}");
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

#[test]
fn charges_about_to_be_claimed_are_free_after_a_close() {
    let mut world = World::new();
    let (one, two) = (world.start(), world.start());
    world.go_online(false);
    let call = world.charge(one, "t1", 5);
    world.wait(call);
    world.run_for(10);
    world.tell(one, Event::Online(true));
    world.charge(one, "t2", 5);
    world.charge(one, "t3", 5);
    world.close(one);
    world.tell(two, Event::Online(true));
    world.run_for(1_000);
    for task in ["f:t1", "f:t2", "f:t3"] {
        assert_eq!(world.server.times_charged(task), 1, "{task}");
    }
    world.settle();
}

#[test]
fn a_charge_stays_known_though_another_tabs_change_cannot_be_read() {
    let mut world = World::new();
    let (one, two) = (world.start(), world.start());
    let call = world.charge(one, "t1", 5);
    world.wait(call);
    world.run_for(10);
    world.fail_write = Box::new(|_, ops| !ops.iter().any(writes));
    world.tell(
        two,
        Event::Peer {
            keys: vec![key("t1")],
            confirmed: None,
        },
    );
    world.run_for(10);
    let settled = world.settled(two, "t1");
    world.run_for(10);
    let Answer::Outcome(outcome) = world.answer(settled) else {
        panic!()
    };
    assert_eq!(word(outcome), "charged");
}

#[test]
fn a_charge_asked_for_again_is_charged_once_despite_eviction() {
    let mut world = World::with(|config| config.keep_settled = 1);
    let tab = world.start();
    for n in 0..6 {
        let call = world.charge(tab, &format!("t{n}"), 1);
        world.wait(call);
        for again in 0..=n {
            let call = world.charge(tab, &format!("t{again}"), 1);
            assert!(word(&world.wait(call)).starts_with("charged"));
        }
    }
    world.settle();
    assert_eq!(world.server.balance(), 114);
}

#[test]
fn a_cancel_that_cannot_be_written_ends_after_three_tries() {
    let mut world = World::new();
    let tab = world.start();
    world.go_online(false);
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    world.fail_write = Box::new(|_, ops| ops.iter().any(writes));
    let (asked_ms, orders) = (world.now.mono_ms, world.tab(tab).journal_orders);
    let cancel = world.cancel(tab, "t1");
    let outcome = world.wait(cancel);
    assert!(word(&outcome).starts_with("unknown"), "{outcome:?}");
    assert!(world.now.mono_ms - asked_ms < 1_000);
    assert_eq!(world.tab(tab).journal_orders - orders, 3);
    world.fail_write = Box::new(|_, _| false);
    let cancel = world.cancel(tab, "t1");
    assert_eq!(word(&world.wait(cancel)), "failed Cancelled");
}

#[test]
fn a_successful_write_resets_the_write_backoff() {
    let mut world = World::new();
    let tab = world.start();
    let fails_claims = |_: usize, ops: &[Op]| ops.iter().any(|op| matches!(op, Op::Begin { .. }));
    for n in 0..6 {
        world.go_online(false);
        let call = world.charge(tab, &format!("t{n}"), 1);
        world.wait(call);
        let mut left = if n == 0 { 12 } else { 1 };
        world.fail_write = Box::new(move |tab, ops| {
            left -= i32::from(fails_claims(tab, ops));
            fails_claims(tab, ops) && left >= 0
        });
        world.go_online(true);
        let asked_ms = world.now.mono_ms;
        let settled = world.settled(tab, &format!("t{n}"));
        world.wait(settled);
        let took_ms = world.now.mono_ms - asked_ms;
        assert!(n == 0 || took_ms < 2_500, "{took_ms} ms");
    }
}

#[test]
fn failed_charges_are_retried_only_up_to_max_entries() {
    let mut world = World::with(|config| {
        config.max_entries = 2;
        config.offline_spend = OfflineSpend::Deny;
    });
    let tab = world.start();
    world.go_online(false);
    for task in ["t1", "t2", "t3"] {
        let call = world.charge(tab, task, 1);
        assert_eq!(word(&world.wait(call)), "failed OfflineSpendDenied");
    }
    world.server.fault(On::Any, u32::MAX, Fault::Hang);
    world.go_online(true);
    world.run_for(100);
    let queue = world.snapshot(tab).queue;
    assert_eq!((queue.pending + queue.retrying, queue.failed), (2, 1));
}

#[test]
fn an_unwritten_outcome_is_not_shown_as_durable() {
    let mut world = World::with(|config| config.max_attempts = 1);
    let tab = world.start();
    world.server.fault(On::Charge, 1, Fault::LoseAnswer);
    world.server.fault(On::Any, u32::MAX, Fault::LoseRequest);
    world.fail_write = Box::new(|_, ops| ops.iter().any(|op| matches!(op, Op::Conclude { .. })));
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    let show = world.show(tab, "t1");
    world.run_for(10);
    let Answer::Record(Some(record)) = world.answer(show) else {
        panic!()
    };
    let what = &record.outcome.as_ref().unwrap().what;
    assert!(
        matches!(what, What::Unknown { durable: false, .. }),
        "{what:?}"
    );
}

#[test]
fn a_verdict_is_in_doubt_if_another_tabs_change_cannot_be_read() {
    let mut world = World::new();
    let (one, two) = (world.start(), world.start());
    let call = world.charge(two, "t1", 500);
    assert!(word(&world.wait(call)).starts_with("declined"));
    world.run_for(100);
    world.fail_write = Box::new(|tab, _| tab == 1);
    world.fail_load = true;
    world.server.top_up(1_000);
    let call = world.charge(one, "t1", 500);
    assert_eq!(word(&world.wait(call)), "charged");
    let cancelled = world.cancel(two, "t1");
    assert_eq!(word(&world.wait(cancelled)), "unknown Timeout");
}

#[test]
fn a_charge_made_before_is_answered_without_a_write() {
    let mut world = World::new();
    let tab = world.start();
    let call = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(call)), "charged");
    let before = world.counts.transactions;
    let again = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(again)), "charged again");
    assert_eq!(world.counts.transactions, before);
}

#[test]
fn a_failed_charge_that_could_not_be_reopened_can_be_retried() {
    let mut world = World::with(|config| config.offline_spend = OfflineSpend::Deny);
    let tab = world.start();
    world.go_online(false);
    let call = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(call)), "failed OfflineSpendDenied");
    world.fail_write = Box::new(|_, ops| ops.iter().any(writes));
    world.go_online(true);
    world.run_for(60_000);
    assert_eq!(world.server.count(On::AnyCharge), 0);
    world.fail_write = Box::new(|_, _| false);
    let flush = world.flush(tab);
    world.run_until(|world| world.answers.contains_key(&flush));
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

#[test]
fn each_unwritten_verdict_is_written_soon_however_many_there_were() {
    let mut world = World::new();
    let tab = world.start();
    for n in 0..8 {
        let mut left = 1;
        world.fail_write = Box::new(move |_, ops| {
            let fails = left > 0 && ops.iter().any(|op| matches!(op, Op::Conclude { .. }));
            left -= usize::from(fails);
            fails
        });
        let task = format!("t{n}");
        let call = world.charge(tab, &task, 5);
        assert_eq!(word(&world.wait(call)), "charged");
        world.run_for(3_000);
        assert!(world.journal.records[&key(&task)].receipt().is_some());
    }
}

#[test]
fn a_charge_that_can_be_neither_written_nor_read_ends_after_three_readings() {
    let mut world = World::new();
    let tab = world.start();
    world.fail_write = Box::new(|_, _| true);
    let orders = world.tab(tab).journal_orders;
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    assert_eq!(world.tab(tab).journal_orders - orders, 4);
}

#[test]
fn a_retry_that_cannot_be_written_ends_no_other_call_with_its_failure() {
    let mut world = World::new();
    let tab = world.start();
    let call = world.charge(tab, "t1", 500);
    let declined = word(&world.wait(call));
    world.run_for(100);
    world.fail_write = Box::new(|_, ops| ops.iter().any(writes));
    let retry = world.retry(tab, "t1");
    // It has been read, and is being reopened.
    world.run_for(1);
    let settled = world.settled(tab, "t1");
    assert_eq!(word(&world.wait(retry)), "failed StorageUnavailable");
    assert_eq!(word(&world.wait(settled)), declined);
}

#[test]
fn an_unstored_charge_is_still_failed_once_another_tabs_message_has_been_checked() {
    let mut world = World::new();
    let tab = world.start();
    world.fail_write = Box::new(|_, ops| ops.iter().any(writes));
    let call = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(call)), "failed StorageUnavailable");
    world.tell(
        tab,
        Event::Peer {
            keys: vec![key("t1")],
            confirmed: None,
        },
    );
    let settled = world.settled(tab, "t1");
    world.run_for(100);
    assert_eq!(word(world.outcome(settled)), "failed StorageUnavailable");
}

#[test]
fn an_unstored_charge_fails_by_its_own_reading_whatever_another_tab_has_said() {
    let mut world = World::new();
    let tab = world.start();
    let mut transactions = 0;
    world.fail_write = Box::new(move |_, _| {
        transactions += 1;
        // The second reading of the charge succeeds, and nothing else does.
        transactions != 3
    });
    let call = world.charge(tab, "t1", 5);
    world.run_for(2);
    let keys = vec![key("t1")];
    world.tell(
        tab,
        Event::Peer {
            keys,
            confirmed: None,
        },
    );
    world.run_for(1_000);
    assert_eq!(word(world.outcome(call)), "failed StorageUnavailable");
}
