//! Receipts: `charged` is answered before its verdict is written, and nothing else is.

use tollbox::core::engine::{Answer, Notice};
use tollbox::core::journal::Op;
use tollbox::core::outcome::What;
use tollbox::core::snapshot::BillingStatus;

use super::outcomes::word;
use super::script::{World, key};
use super::server::On;
use super::world::TabId;

/// A world whose transactions take long, and its tab.
fn slow_world() -> (World, TabId) {
    let mut world = World::new();
    let tab = world.start();
    world.commit_ms = 500;
    (world, tab)
}

fn is_written(world: &World, task: &str) -> bool {
    let record = world.record(&key(task));
    record.is_some_and(|record| record.receipt().is_some())
}

fn concludes(ops: &[Op]) -> bool {
    ops.iter().any(|op| matches!(op, Op::Conclude { .. }))
}

#[test]
fn charged_is_answered_while_its_verdict_is_being_written() {
    let (mut world, tab) = slow_world();
    let call = world.charge(tab, "t1", 5);
    let outcome = world.wait(call);
    assert_eq!(word(&outcome), "charged");
    assert!(!is_written(&world, "t1"));
    let snapshot = world.snapshot(tab);
    let balance = snapshot.balance.unwrap();
    let What::Charged { balance: told, .. } = outcome.what else {
        unreachable!()
    };
    assert_eq!(balance.confirmed.get(), told.get());
    assert_eq!((balance.held.get(), balance.available.get()), (0, 115));
    assert_eq!(snapshot.queue.pending + snapshot.queue.retrying, 0);
    assert_eq!(snapshot.stats.charged, 1);
    assert_eq!(world.seen(tab, "t1").status, BillingStatus::Success);
    world.settle();
    assert!(is_written(&world, "t1"));
    let told = world.notices(tab).iter().filter(|(_, notice)| {
        matches!(notice, Notice::Charge(record) if record.status == BillingStatus::Success)
    });
    assert_eq!(told.count(), 1, "it is told once that it is charged");
}

#[test]
fn declined_is_answered_after_its_verdict_is_written() {
    let (mut world, tab) = slow_world();
    let call = world.charge(tab, "t1", 500);
    assert!(word(&world.wait(call)).starts_with("declined"));
    assert!(!world.record(&key("t1")).unwrap().is_held());
}

#[test]
fn second_call_is_answered_by_the_receipt_too() {
    let (mut world, tab) = slow_world();
    let call = world.charge(tab, "t1", 5);
    let settled = world.settled(tab, "t1");
    world.wait(call);
    assert_eq!(word(world.outcome(settled)), "charged");
    let again = world.charge(tab, "t1", 5);
    assert_eq!(word(world.outcome(again)), "charged again");
    let retry = world.retry(tab, "t1");
    assert_eq!(word(world.outcome(retry)), "charged again");
    let cancel = world.cancel(tab, "t1");
    assert_eq!(word(world.outcome(cancel)), "charged");
    world.settle();
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

#[test]
fn crowd_of_calls_is_answered_by_its_receipts() {
    let (mut world, tab) = slow_world();
    let calls: Vec<_> = (0..20)
        .map(|n| world.charge(tab, &format!("t{n:02}"), 1))
        .collect();
    for call in calls {
        assert_eq!(word(&world.wait(call)), "charged");
    }
    world.settle();
    assert!((0..20).all(|n| is_written(&world, &format!("t{n:02}"))));
    assert_eq!(world.server.balance(), 100);
}

#[test]
fn death_before_the_verdict_is_written_charges_nothing_twice() {
    let (mut world, tab) = slow_world();
    let call = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(call)), "charged");
    world.crash(tab);
    assert!(!is_written(&world, "t1"));
    world.commit_ms = 1;
    let next = world.start();
    world.settle();
    assert!(is_written(&world, "t1"));
    assert_eq!(world.server.times_charged("f:t1"), 1);
    let again = world.charge(next, "t1", 5);
    assert_eq!(word(&world.wait(again)), "charged again");
    assert_eq!(world.server.balance(), 115);
}

#[test]
fn verdict_that_cannot_be_written_is_written_later() {
    let mut world = World::new();
    let tab = world.start();
    world.fail_write = Box::new(|_, ops| concludes(ops));
    let call = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(call)), "charged");
    world.run_for(2_000);
    assert!(!is_written(&world, "t1"));
    assert_eq!(world.seen(tab, "t1").status, BillingStatus::Success);
    assert_eq!(world.snapshot(tab).balance.unwrap().available.get(), 115);
    world.fail_write = Box::new(|_, _| false);
    world.settle();
    assert!(is_written(&world, "t1"));
    assert_eq!(world.server.count(On::AnyCharge), 1);
}

#[test]
fn receipt_that_was_told_stays_told_while_a_cancel_is_written() {
    let (mut world, tab) = slow_world();
    let call = world.charge(tab, "t1", 5);
    world.run_until(|world| world.server.count(On::AnyCharge) == 1);
    let cancel = world.cancel(tab, "t1");
    assert_eq!(word(&world.wait(call)), "charged");
    assert_eq!(word(&world.wait(cancel)), "charged");
    world.settle();
    assert!(is_written(&world, "t1"));
    let statuses = world
        .notices(tab)
        .iter()
        .filter_map(|(_, notice)| {
            let Notice::Charge(record) = notice else {
                return None;
            };
            Some(record.status)
        })
        .skip_while(|status| *status != BillingStatus::Success);
    assert_eq!(statuses.collect::<Vec<_>>(), [BillingStatus::Success]);
    let snapshot = world.snapshot(tab);
    assert_eq!(snapshot.stats.charged, 1);
    assert_eq!(snapshot.balance.unwrap().available.get(), 115);
}

#[test]
fn closing_client_still_writes_the_verdict() {
    let (mut world, tab) = slow_world();
    let call = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(call)), "charged");
    world.close(tab);
    world.run_for(5_000);
    assert!(is_written(&world, "t1"));
    assert!(world.tab(tab).engine.is_idle());
}

#[test]
fn sign_out_lists_no_charge_of_which_the_receipt_has_come() {
    let (mut world, tab) = slow_world();
    let call = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(call)), "charged");
    let left = world.sign_out(tab);
    world.settle();
    let Answer::SignedOut(open) = world.answer(left) else {
        unreachable!()
    };
    assert_eq!(open.as_slice(), []);
    let record = world.record(&key("t1"));
    assert!(record.is_none_or(|record| record.receipt().is_some()));
}

#[test]
fn other_tab_hears_of_the_balance_when_the_journal_has_the_charge() {
    let (mut world, tab) = slow_world();
    let other = world.start();
    let call = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(call)), "charged");
    world.run_for(100);
    assert!(!is_written(&world, "t1"));
    let before = world.snapshot(other).balance.unwrap();
    assert_eq!(before.confirmed.get(), 120);
    world.settle();
    let after = world.snapshot(other).balance.unwrap();
    assert_eq!((after.confirmed.get(), after.held.get()), (115, 0));
}

#[test]
fn a_balance_is_as_old_as_the_answer_it_came_with_however_slow_the_journal() {
    let mut world = World::new();
    let tab = world.start();
    world.charge(tab, "t1", 5);
    world.run_until(|world| world.server.count(On::Charge) == 1);
    world.commit_ms = 3_000;
    world.run_for(100);
    let told = world.snapshot(tab).balance.unwrap();
    assert_eq!(told.confirmed.get(), 115);
    world.settle();
    assert_eq!(world.snapshot(tab).balance.unwrap().as_of, told.as_of);
}
