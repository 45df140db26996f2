//! Charges and verdicts that this tab can't write, while other tabs can.

use tollbox::core::alert::AlertKind;
use tollbox::core::engine::{Answer, Event};
use tollbox::core::journal::Op;
use tollbox::core::log::LogEntry;
use tollbox::core::record::Record;
use tollbox::core::snapshot::BillingStatus;

use super::notices::logged;
use super::outage::alerts;
use super::outcomes::word;
use super::script::{World, key};
use super::server::{Fault, On, problem};
use super::storage_failures::fail_next;

#[test]
fn a_charge_retried_by_another_tab_is_not_called_failed() {
    let mut world = World::new();
    let (one, two) = (world.start(), world.start());
    let call = world.charge(one, "t1", 500);
    assert!(word(&world.wait(call)).starts_with("declined"));
    world.server.top_up(1_000);
    world.run_for(1_000);
    world.fail_write =
        Box::new(|tab, ops| tab == 1 && ops.iter().any(|op| !matches!(op, Op::Read { .. })));
    let here = world.retry(two, "t1");
    let there = world.retry(one, "t1");
    assert_eq!(word(&world.wait(there)), "charged");
    assert!(word(&world.wait(here)).starts_with("charged"));
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

#[test]
fn an_unreadable_change_leaves_a_charge_unknown_if_it_cannot_be_reopened() {
    let mut world = World::new();
    let (one, two) = (world.start(), world.start());
    let call = world.charge(one, "t1", 500);
    assert!(word(&world.wait(call)).starts_with("declined"));
    world.run_for(1_000);
    world.server.top_up(1_000);
    // From here on the second tab can neither read nor write.
    world.fail_write = Box::new(|tab, _| tab == 1);
    let there = world.retry(one, "t1");
    assert_eq!(word(&world.wait(there)), "charged");
    let here = world.charge(two, "t1", 500);
    assert_eq!(word(&world.wait(here)), "unknown Timeout");
}

#[test]
fn verdicts_that_failed_to_write_together_are_written_soon() {
    let mut world = World::new();
    let tab = world.start();
    world.go_online(false);
    for n in 0..8 {
        world.charge(tab, &format!("t{n}"), 1);
    }
    world.settle_calls();
    fail_next(&mut world, 1, |op| matches!(op, Op::Conclude { .. }));
    world.go_online(true);
    world.run_until(|world| world.server.balance() == 112);
    world.run_for(world.config.backoff.base_ms + 200);
    let open = world
        .journal
        .records
        .values()
        .filter(|record| record.is_open());
    let open: Vec<_> = open.map(Record::charge).collect();
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn an_abandoned_settled_call_holds_back_nothing() {
    let mut world = World::new();
    let tab = world.start();
    world.go_online(false);
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    let end = world.settled(tab, "t1");
    world.tell(tab, Event::StopWaiting { call: end });
    assert_eq!(world.answer(end), &Answer::NotWaiting);
    world.go_online(true);
    world.settle();
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

#[test]
fn a_settled_call_is_answered_after_sign_out_and_a_failed_read() {
    let mut world = World::new();
    let (one, two) = (world.start(), world.start());
    world.go_online(false);
    let call = world.charge(two, "t1", 100);
    world.wait(call);
    let end = world.settled(one, "t1");
    world.sign_out(one);
    world.fail_load = true;
    world.tell(one, Event::Woke);
    world.run_for(1_000);
    world.fail_load = false;
    world.server.charge_elsewhere(0, "elsewhere", 50);
    world.go_online(true);
    // The next sign-in sends it.
    world.start();
    assert_eq!(word(&world.wait(end)), "declined InsufficientBalance");
}

#[test]
fn an_unwritable_charge_under_another_charges_key_is_a_conflict() {
    let mut world = World::new();
    let (one, two) = (world.start(), world.start());
    let mut mine = world.request("mine", 5);
    let theirs = world.request("theirs", 7);
    mine.key = theirs.key.clone();
    world.announcements = false;
    let there = world.charge_this(one, theirs);
    assert_eq!(word(&world.wait(there)), "charged");
    world.fail_write =
        Box::new(|tab, ops| tab == 1 && ops.iter().any(|op| !matches!(op, Op::Read { .. })));
    let here = world.charge_this(two, mine);
    assert_eq!(word(&world.wait(here)), "failed Conflict");
}

/// The tab can neither write nor read single charges; it can still load the whole journal.
fn mute(world: &mut World, tab: usize) {
    world.fail_write = Box::new(move |mute, _| mute == tab);
}

#[test]
fn an_unwritable_charge_is_charged_if_a_reload_finds_it_charged() {
    let mut world = World::new();
    let (one, two) = (world.start(), world.start());
    world.announcements = false;
    let there = world.charge(one, "t1", 5);
    assert_eq!(word(&world.wait(there)), "charged");
    mute(&mut world, two);
    let here = world.charge(two, "t1", 5);
    world.run_for(1);
    // The whole journal is loaded while single reads of the charge fail.
    world.tell(two, Event::Woke);
    assert!(word(&world.wait(here)).starts_with("charged"));
}

#[test]
fn an_unwritable_charge_is_not_failed_if_a_reload_finds_it_open() {
    let mut world = World::new();
    let (one, two) = (world.start(), world.start());
    world.announcements = false;
    world.go_online(false);
    let there = world.charge(one, "t1", 5);
    assert_eq!(word(&world.wait(there)), "queued Offline");
    mute(&mut world, two);
    let here = world.charge(two, "t1", 5);
    world.run_for(1);
    world.tell(two, Event::Woke);
    let told = word(&world.wait(here));
    assert!(!told.starts_with("failed"), "{told}");
    world.go_online(true);
    world.settle();
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

#[test]
fn a_failed_enqueue_is_logged_once() {
    let mut world = World::new();
    let tab = world.start();
    mute(&mut world, tab);
    let call = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(call)), "failed StorageUnavailable");
    let lines = logged(&world, tab);
    let about = |line: &&LogEntry| line.key.as_ref().is_some_and(|key| key.as_str() == "f:t1");
    assert_eq!(lines.iter().filter(about).count(), 1, "{lines:?}");
}

#[test]
fn a_sent_charge_is_not_called_failed_for_want_of_storage() {
    let mut world = World::new();
    let tab = world.start();
    // The charge is made and answered 500; from then on nothing can be written or read.
    let broken = Fault::AnswerAfter(problem(500, "broken"));
    world.server.fault(On::Charge, 1, broken);
    world.charge(tab, "t1", 5);
    world.run_until(|world| world.server.balance() == 115);
    mute(&mut world, tab);
    world.run_until(|world| alerts(world, tab) == [AlertKind::StorageDegraded]);
    let again = world.retry(tab, "t1");
    let told = word(&world.wait(again));
    assert!(told.starts_with("unknown"), "{told}");
    world.fail_write = Box::new(|_, _| false);
    world.settle();
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

/// Conclusions fail to write from now on.
fn keep_no_conclusions(world: &mut World) {
    world.fail_write = Box::new(|_, ops| ops.iter().any(|op| matches!(op, Op::Conclude { .. })));
}

#[test]
fn a_decline_that_cannot_be_written_is_not_told_as_final() {
    let mut world = World::new();
    let tab = world.start();
    keep_no_conclusions(&mut world);
    let call = world.charge(tab, "t1", 500);
    assert_eq!(word(&world.wait(call)), "unknown Timeout");
    let status = world.seen(tab, "t1").status;
    assert_eq!(status, BillingStatus::Retrying);
    // The next start knows of no decline, and charges once there are points.
    world.crash(tab);
    world.fail_write = Box::new(|_, _| false);
    world.server.top_up(1_000);
    let next = world.start();
    let settled = world.settled(next, "t1");
    assert_eq!(word(&world.wait(settled)), "charged");
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

#[test]
fn a_decline_is_told_once_it_can_be_written() {
    let mut world = World::new();
    let tab = world.start();
    keep_no_conclusions(&mut world);
    let call = world.charge(tab, "t1", 500);
    let settled = world.settled(tab, "t1");
    world.wait(call);
    world.fail_write = Box::new(|_, _| false);
    assert!(word(&world.wait(settled)).starts_with("declined"));
    assert_eq!(world.server.count(On::AnyCharge), 1);
}

#[test]
fn a_cancel_that_cannot_be_written_is_not_told_as_final() {
    let mut world = World::new();
    let tab = world.start();
    world.server.fault(On::Charge, 1, Fault::LoseRequest);
    world
        .server
        .fault(On::AnyCharge, u32::MAX, Fault::LoseRequest);
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    world.server.heal();
    // These answers come later than any lost request may arrive.
    world.server.fault(
        On::AnyCharge,
        u32::MAX,
        Fault::Answer(problem(500, "broken")),
    );
    keep_no_conclusions(&mut world);
    let cancel = world.cancel(tab, "t1");
    let said = word(&world.wait(cancel));
    assert!(said.starts_with("unknown"), "{said}");
}

#[test]
fn a_receipt_is_told_though_the_journal_has_lost_the_charge() {
    let mut world = World::new();
    let tab = world.start();
    world.server.fault(On::Charge, 1, Fault::Late(2_000));
    let call = world.charge(tab, "t1", 5);
    world.run_until(|world| world.server.count(On::Charge) == 1);
    world.wipe_journal();
    assert_eq!(word(&world.wait(call)), "charged");
    // The charge is in the journal again, so charging again replays it.
    world.run_for(100);
    assert!(
        world
            .record(&key("t1"))
            .is_some_and(|record| record.receipt().is_some())
    );
    let again = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(again)), "charged again");
}

#[test]
fn a_lost_record_is_in_doubt_though_nothing_can_be_read() {
    let mut world = World::new();
    let tab = world.start();
    world.tell(tab, Event::RecordsLost(vec![key("t1")]));
    world.fail_write = Box::new(|_, _| true);
    let call = world.charge(tab, "t1", 5);
    let said = word(&world.wait(call));
    assert!(said.starts_with("unknown"), "{said}");
}

#[test]
fn an_unsaved_charge_is_not_stored_after_it_was_cancelled() {
    let mut world = World::with(|config| config.keep_settled = 0);
    let (one, two) = (world.start(), world.start());
    world.go_online(false);
    // The lost record puts the charge in doubt.
    world.tell(two, Event::RecordsLost(vec![key("t1")]));
    world.fail_write = Box::new(move |tab, _| tab == two);
    let call = world.charge(two, "t1", 5);
    let said = word(&world.wait(call));
    assert!(said.starts_with("unknown"), "{said}");
    let call = world.charge(one, "t1", 5);
    world.wait(call);
    // This tab can read again, but not write.
    let reads = |op: &Op| matches!(op, Op::Read { .. });
    world.fail_write = Box::new(move |tab, ops| tab == two && !ops.iter().all(reads));
    let cancel = world.cancel(one, "t1");
    assert_eq!(word(&world.wait(cancel)), "failed Cancelled");
    world.run_for(2_000);
    world.fail_write = Box::new(|_, _| false);
    world.go_online(true);
    world.run_for(120_000);
    assert_eq!(world.server.times_charged("f:t1"), 0);
}
