//! Retries of failed charges, by a flush or automatically.

use tollbox::core::config::OfflineSpend;
use tollbox::core::journal::Op;
use tollbox::core::outcome::OpenReason;
use tollbox::core::snapshot::Stopped;

use super::flush::{report, with_queue};
use super::outcomes::word;
use super::script::{Happening, World};
use super::server::{Fault, On, problem};

#[test]
fn a_flush_retries_charges_that_found_the_queue_full() {
    let mut world = World::with(|config| {
        config.max_entries = 2;
        config.offline_spend = OfflineSpend::Unlimited;
    });
    let tab = with_queue(&mut world, 7);
    assert_eq!(world.snapshot(tab).queue.failed, 5);
    // Only the flush hears of the recovery.
    world.go_online(true);
    let flush = world.flush(tab);
    let report = report(&mut world, flush);
    assert_eq!(
        (report.charged, report.remaining, report.stopped),
        (7, 0, None)
    );
    assert_eq!(world.server.balance(), 113);
}

#[test]
fn charges_that_found_the_queue_full_are_retried_once_online() {
    let mut world = World::with(|config| {
        config.max_entries = 2;
        config.offline_spend = OfflineSpend::Unlimited;
    });
    let tab = with_queue(&mut world, 7);
    world.go_online(true);
    world.run_for(5_000);
    assert_eq!(world.snapshot(tab).queue.failed, 0);
    assert_eq!(world.server.balance(), 113);
}

#[test]
fn concurrent_flushes_retry_no_more_than_fits() {
    let mut world = World::with(|config| {
        config.max_entries = 2;
        config.offline_spend = OfflineSpend::Unlimited;
    });
    let tab = with_queue(&mut world, 7);
    for task in ["t000", "t001"] {
        let cancel = world.cancel(tab, task);
        world.wait(cancel);
    }
    let flushes = [world.flush(tab), world.flush(tab)];
    for flush in flushes {
        assert_eq!(report(&mut world, flush).remaining, 2);
    }
    let queue = world.snapshot(tab).queue;
    assert_eq!((queue.pending, queue.failed), (2, 5), "{queue:?}");
}

#[test]
fn a_failed_charge_stays_failed_while_the_queue_is_full() {
    let mut world = World::with(|config| {
        config.max_entries = 2;
        config.offline_spend = OfflineSpend::Unlimited;
    });
    let tab = with_queue(&mut world, 3);
    world.server.fault(
        On::AnyCharge,
        2,
        Fault::Answer(problem(409, "request-in-progress")),
    );
    world.go_online(true);
    let flush = world.flush(tab);
    let report = report(&mut world, flush);
    assert_eq!((report.charged, report.remaining), (0, 2));
    assert_eq!(world.snapshot(tab).queue.failed, 1);
}

#[test]
fn a_flush_that_can_retry_nothing_says_why() {
    let mut world = World::with(|config| config.offline_spend = OfflineSpend::Deny);
    let tab = world.start();
    world.go_online(false);
    let call = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(call)), "failed OfflineSpendDenied");
    let flush = world.flush(tab);
    assert_eq!(
        report(&mut world, flush).stopped,
        Some(Stopped::Open(OpenReason::Offline))
    );
    world.go_online(true);
    world.settle();
    world.server.fault(On::Any, u32::MAX, Fault::LoseRequest);
    let call = world.charge(tab, "t2", 5);
    world.wait(call);
    let cancel = world.cancel(tab, "t2");
    world.wait(cancel);
    let call = world.charge(tab, "t3", 5);
    assert_eq!(word(&world.wait(call)), "failed OfflineSpendDenied");
    let flush = world.flush(tab);
    assert_eq!(
        report(&mut world, flush).stopped,
        Some(Stopped::Open(OpenReason::Unreachable))
    );
}

#[test]
fn a_flush_that_ends_an_outage_retries_failed_charges() {
    let mut world = World::with(|config| {
        config.offline_spend = OfflineSpend::Deny;
        config.backoff.base_ms = 600_000;
        config.backoff.max_ms = 600_000;
    });
    let tab = world.start();
    world.server.fault(On::Any, u32::MAX, Fault::LoseRequest);
    let refresh = world.refresh(tab);
    world.run_until(|world| world.answers.contains_key(&refresh));
    let call = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(call)), "failed OfflineSpendDenied");
    world.server.heal();
    let flush = world.flush(tab);
    let report = report(&mut world, flush);
    assert_eq!((report.charged, report.stopped), (1, None));
}

#[test]
fn a_flush_joins_an_automatic_retry() {
    let mut world = World::with(|config| config.offline_spend = OfflineSpend::Deny);
    let tab = world.start();
    world.go_online(false);
    let denied = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(denied)), "failed OfflineSpendDenied");
    world.go_online(true);
    world.run_until(|world| {
        let takes_up = |op: &Op| matches!(op, Op::ReopenOnce { .. });
        world
            .happenings
            .any(|what| matches!(what, Happening::Commit { ops, .. } if ops.iter().any(takes_up)))
    });
    let flush = world.flush(tab);
    let report = report(&mut world, flush);
    assert_eq!((report.charged, report.remaining), (1, 0));
}

#[test]
fn automatic_retries_go_on_until_every_failed_charge_is_sent() {
    for count in [3, 4, 5, 9] {
        let mut world = World::with(|config| {
            config.max_entries = 2;
            config.offline_spend = OfflineSpend::Unlimited;
        });
        let tab = with_queue(&mut world, count);
        // Nothing is open, so only the failed charges fill the queue.
        for task in ["t000", "t001"] {
            let cancel = world.cancel(tab, task);
            world.wait(cancel);
        }
        world.go_online(true);
        world.run_for(5_000);
        assert_eq!(world.server.balance() as usize, 122 - count);
        assert_eq!(world.snapshot(tab).queue.failed, 2);
    }
}
