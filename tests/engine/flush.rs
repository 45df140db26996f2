//! Flushes, also when another tab, a sign-out or slow storage gets in the way.

use tollbox::core::config::OfflineSpend;
use tollbox::core::engine::{Answer, CallId, Event, Notice};
use tollbox::core::outcome::OpenReason;
use tollbox::core::snapshot::{FlushProgress, FlushReport, Stopped};

use super::outcomes::word;
use super::script::World;
use super::server::{Fault, On, problem, with_retry_after};

/// A frozen tab outside the world that holds the lock.
const FROZEN: usize = 99;

pub fn with_queue(world: &mut World, count: usize) -> usize {
    let tab = world.start();
    world.go_online(false);
    for n in 0..count {
        world.charge(tab, &format!("t{n:03}"), 1);
    }
    world.settle_calls();
    tab
}

pub fn report(world: &mut World, call: CallId) -> FlushReport {
    world.run_until(|world| world.answers.contains_key(&call));
    match world.answer(call) {
        Answer::Flush(report) => *report,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_flush_goes_on_without_the_lock_of_a_frozen_tab() {
    let mut world = World::with(|config| config.batch_size = 2);
    let tab = with_queue(&mut world, 5);
    world.lock.holder = Some(FROZEN);
    world.go_online(true);
    let flush = world.flush(tab);
    let asked_ms = world.now.mono_ms;
    let report = report(&mut world, flush);
    assert_eq!(
        (report.charged, report.remaining, report.stopped),
        (5, 0, None)
    );
    // The lock is waited for once, not for each batch.
    let waited_ms = world.now.mono_ms - asked_ms;
    let claim_ms = world.config.claim_ms();
    assert!(
        (claim_ms..claim_ms + 2_000).contains(&waited_ms),
        "{waited_ms} ms"
    );
    assert_eq!(world.server.count(On::AnyCharge), 3);
}

#[test]
fn a_queue_is_sent_though_a_frozen_tab_holds_the_lock() {
    let mut world = World::new();
    with_queue(&mut world, 3);
    world.lock.holder = Some(FROZEN);
    world.go_online(true);
    world.run_for(world.config.claim_ms() + 2_000);
    assert_eq!(world.server.balance(), 117);
}

#[test]
fn a_page_being_hidden_flushes_nothing_more() {
    let mut world = World::new();
    let tab = with_queue(&mut world, 3);
    world.lock.holder = Some(FROZEN);
    world.go_online(true);
    let flush = world.flush(tab);
    world.tell(tab, Event::LockDropped);
    let report = report(&mut world, flush);
    assert_eq!(report.stopped, Some(Stopped::AnotherTab));
    assert_eq!(world.server.count(On::AnyCharge), 0);
}

#[test]
fn a_flush_reports_charges_claimed_by_another_tab() {
    let mut world = World::new();
    let (one, two) = (world.start(), world.start());
    world.server.fault(On::Charge, 1, Fault::Late(3_000));
    world.charge(one, "t1", 1);
    world.run_until(|world| world.server.count(On::Charge) == 1);
    world.run_for(10);
    let flush = world.flush(two);
    let report = report(&mut world, flush);
    assert_eq!(
        (report.remaining, report.stopped),
        (1, Some(Stopped::AnotherTab))
    );
}

#[test]
fn an_unsolicited_lock_timeout_changes_nothing() {
    let mut world = World::new();
    let tab = world.start();
    world.tell(tab, Event::LockTimedOut);
    let call = world.charge(tab, "t1", 1);
    assert_eq!(word(&world.wait(call)), "charged");
}

#[test]
fn a_signed_out_client_flushes_nothing() {
    let mut world = World::new();
    let tab = with_queue(&mut world, 2);
    let before = world.flush(tab);
    world.sign_out(tab);
    world.go_online(true);
    let after = world.flush(tab);
    for call in [before, after] {
        let report = report(&mut world, call);
        assert_eq!((report.charged, report.remaining), (0, 2));
        assert!(matches!(report.stopped, Some(Stopped::Open(_))));
    }
    assert_eq!(
        report(&mut world, after).stopped,
        Some(Stopped::Open(OpenReason::Unauthorized))
    );
    world.run_for(60_000);
    assert_eq!(world.server.count(On::AnyCharge), 0);
}

#[test]
fn sign_out_ends_a_running_flush() {
    let mut world = World::new();
    let tab = with_queue(&mut world, 2);
    world.server.fault(On::Batch, 1, Fault::Late(500));
    world.go_online(true);
    let flush = world.flush(tab);
    world.run_for(50);
    world.sign_out(tab);
    let report = report(&mut world, flush);
    assert_eq!(
        report.stopped,
        Some(Stopped::Open(OpenReason::Unauthorized))
    );
    // The answer in flight is still written, and another tab may flush.
    world.run_for(1_000);
    assert_eq!(world.server.balance(), 118);
    assert_eq!(world.lock.holder, None);
    assert!(
        world
            .journal
            .records
            .values()
            .all(|record| !record.is_open())
    );
}

#[test]
fn a_flush_counts_every_outcome() {
    let mut world = World::with(|config| config.max_total_attempts = 1);
    let tab = world.start();
    world.go_online(false);
    for task in ["failed", "declined", "charged", "parked"] {
        world.charge(tab, task, 1);
    }
    world.settle_calls();
    world.server.rule(|arrived| {
        let key = arrived.keys.first()?.as_str();
        let answer = match (arrived.on, key) {
            (On::Batch, _) => problem(404, "no-batches"),
            (On::Charge, "f:failed") => problem(403, "not-yours"),
            (On::Charge, "f:declined") => problem(402, "insufficient-balance"),
            (On::Charge, "f:parked") => problem(500, "broken"),
            (On::LookUp, "f:parked") => problem(403, "no-look-ups"),
            _ => return None,
        };
        Some(Fault::Answer(answer))
    });
    world.go_online(true);
    let flush = world.flush(tab);
    report(&mut world, flush);
    world.settle();
    let stats = world.snapshot(tab).stats;
    assert_eq!(
        [stats.charged, stats.declined, stats.failed, stats.unknown],
        [1, 1, 1, 1]
    );
    let ended: FlushReport = world
        .notices(tab)
        .iter()
        .filter_map(|(_, notice)| match notice {
            Notice::FlushReport(report) => Some(*report),
            _ => None,
        })
        .fold(FlushReport::default(), |sum, report| FlushReport {
            charged: sum.charged + report.charged,
            declined: sum.declined + report.declined,
            failed: sum.failed + report.failed,
            unknown: sum.unknown + report.unknown,
            ..sum
        });
    assert_eq!((ended.charged, ended.declined, ended.failed), (1, 1, 1));
}

/// The progress that this tab has announced, as done and total.
pub fn progress_told(world: &World, tab: usize) -> Vec<(usize, usize)> {
    let notices = world.notices(tab).iter();
    notices
        .filter_map(|(_, notice)| match notice {
            Notice::FlushProgress(progress) => Some((progress.done, progress.total)),
            _ => None,
        })
        .collect()
}

#[test]
fn flush_progress_is_told_from_none_to_all() {
    let mut world = World::with(|config| config.batch_size = 2);
    let tab = with_queue(&mut world, 5);
    assert_eq!(world.snapshot(tab).flush, None);
    world.go_online(true);
    let flush = world.flush(tab);
    let progress = world.snapshot(tab).flush.unwrap();
    assert_eq!((progress.done, progress.total), (0, 5));
    report(&mut world, flush);
    assert_eq!(world.snapshot(tab).flush, None);
    let told = progress_told(&world, tab);
    assert_eq!(told, [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]);
    let reports = world.notices(tab).iter();
    let reports = reports.filter(|(_, notice)| matches!(notice, Notice::FlushReport(_)));
    assert_eq!(reports.count(), 1);
}

#[test]
fn a_flush_releases_its_lock_between_batches_and_at_the_end() {
    let mut world = World::with(|config| config.batch_size = 2);
    let (one, two) = (world.start(), world.start());
    world.go_online(false);
    for n in 0..4 {
        world.charge(one, &format!("t{n}"), 1);
    }
    world.settle_calls();
    world.run_for(10);
    world.go_online(true);
    let calls = [world.flush(one), world.flush(two)];
    for call in calls {
        let report = report(&mut world, call);
        assert_eq!((report.remaining, report.stopped), (0, None));
    }
    world.run_for(100);
    assert_eq!(world.lock.holder, None);
    assert_eq!(world.server.balance(), 116);
}

#[test]
fn a_flush_of_an_empty_queue_notifies_no_listener() {
    let mut world = World::new();
    let tab = world.start();
    let flush = world.flush(tab);
    assert_eq!(report(&mut world, flush), FlushReport::default());
    let notices = &world.notices(tab);
    assert!(
        !notices
            .iter()
            .any(|(_, notice)| matches!(notice, Notice::FlushReport(_) | Notice::FlushProgress(_)))
    );
}

#[test]
fn a_flush_is_shown_in_every_tab_until_it_is_over() {
    let mut world = World::with(|config| config.batch_size = 2);
    let (one, two) = (world.start(), world.start());
    world.go_online(false);
    for n in 0..6 {
        world.charge(one, &format!("t{n}"), 1);
    }
    world.settle_calls();
    let mut seen = Vec::new();
    world.tell(one, Event::Online(true));
    world.run_until(|world| {
        seen.extend(world.snapshot(two).flush);
        world.server.balance() == 114 && world.snapshot(one).flush.is_none()
    });
    world.run_for(10);
    assert!(
        seen.iter().any(|flush| flush.total == 6 && flush.done == 2),
        "{seen:?}"
    );
    assert_eq!(world.snapshot(two).flush, None);
}

#[test]
fn a_dead_tabs_flush_is_not_shown_for_ever() {
    let mut world = World::new();
    let (one, two) = (world.start(), world.start());
    world.go_online(false);
    let call = world.charge(one, "t1", 1);
    world.wait(call);
    world.server.fault(On::AnyCharge, 1, Fault::HangAfter);
    world.tell(one, Event::Online(true));
    world.run_until(|world| world.snapshot(two).flush.is_some());
    world.crash(one);
    world.run_until(|world| world.snapshot(two).flush.is_none());
}

#[test]
fn a_flush_respects_offline_spend() {
    let mut world = World::with(|config| config.offline_spend = OfflineSpend::Deny);
    let tab = world.start();
    world.go_online(false);
    let call = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(call)), "failed OfflineSpendDenied");
    let flush = world.flush(tab);
    world.run_for(1_000);
    assert!(matches!(world.answer(flush), Answer::Flush(_)));
    assert_eq!(world.snapshot(tab).queue.held_points.get(), 0);
}

/// A client with one parked charge, which the server did not make and can look up again.
fn with_one_parked() -> (World, usize) {
    let mut world = World::with(|config| config.max_total_attempts = 1);
    let tab = world.start();
    let broken = Fault::Answer(problem(500, "broken"));
    world.server.fault(On::AnyCharge, 1, broken);
    let mute = Fault::Answer(problem(403, "no-look-ups"));
    world.server.fault(On::LookUp, u32::MAX, mute);
    world.charge(tab, "t1", 5);
    world.run_for(20_000);
    assert_eq!(world.snapshot(tab).queue.unknown, 1);
    world.server.heal();
    (world, tab)
}

#[test]
fn a_flush_counts_a_charge_that_it_looks_up_and_sends_once() {
    let (mut world, tab) = with_one_parked();
    let look_ups = world.server.count(On::LookUp);
    let told = progress_told(&world, tab).len();
    let flush = world.flush(tab);
    let report = report(&mut world, flush);
    assert_eq!((report.charged, report.remaining), (1, 0));
    assert_eq!(world.server.count(On::LookUp), look_ups + 1);
    assert_eq!(progress_told(&world, tab)[told..], [(1, 1)]);
}

#[test]
fn a_flush_ends_though_slow_claims_leave_a_looked_up_charge_unsent() {
    let (mut world, tab) = with_one_parked();
    let look_ups = world.server.count(On::LookUp);
    let flush = world.flush(tab);
    world.run_until(|world| world.server.count(On::LookUp) > look_ups);
    // Longer than a claim may take to write.
    world.commit_ms = 5_200;
    world.run_for(30_000);
    assert_eq!(report(&mut world, flush).remaining, 1);
    world.commit_ms = 1;
    world.settle();
    assert_eq!(world.server.balance(), 115);
}

#[test]
fn a_flush_ends_though_slow_claims_leave_new_charges_unsent() {
    let mut world = World::new();
    let tab = with_queue(&mut world, 3);
    world.commit_ms = 5_200;
    world.go_online(true);
    let flush = world.flush(tab);
    world.run_for(60_000);
    assert_eq!(report(&mut world, flush).remaining, 3);
    world.commit_ms = 1;
    world.settle();
    assert_eq!(world.server.balance(), 117);
}

#[test]
fn a_flush_elsewhere_is_shown_for_two_claims_after_it_was_last_heard_of() {
    let mut world = World::new();
    let tab = world.start();
    let progress = FlushProgress { done: 1, total: 2 };
    world.tell(tab, Event::PeerFlush(Some(progress)));
    assert_eq!(world.snapshot(tab).flush, Some(progress));
    let heard_ms = world.now.mono_ms;
    world.run_until(|world| world.snapshot(tab).flush.is_none());
    let shown_ms = world.now.mono_ms - heard_ms;
    assert_eq!(shown_ms, 2 * world.config.claim_ms());
}

#[test]
fn a_flush_takes_the_lock_though_it_has_timed_out_before() {
    let mut world = World::with(|config| config.batch_size = 2);
    let tab = with_queue(&mut world, 5);
    // One timeout that nobody waits for, and one of a frozen tab's lock.
    world.tell(tab, Event::LockTimedOut);
    for frozen in [false, true] {
        world.lock.holder = frozen.then_some(FROZEN);
        world.go_online(true);
        let mut held = false;
        let flush = world.flush(tab);
        world.run_until(|world| {
            held |= world.lock.holder == Some(tab);
            world.answers.contains_key(&flush)
        });
        assert_eq!(held, !frozen);
        world.go_online(false);
        for n in 0..3 {
            world.charge(tab, &format!("{frozen}{n}"), 1);
        }
        world.settle_calls();
    }
    world.lock.holder = None;
    world.go_online(true);
    world.run_until(|world| world.lock.holder == Some(tab));
}

#[test]
fn a_flush_without_the_lock_sends_one_batch_at_a_time() {
    let mut world = World::with(|config| config.batch_size = 2);
    let tab = with_queue(&mut world, 5);
    world.lock.holder = Some(FROZEN);
    world.server.fault(On::Batch, 1, Fault::Late(500));
    world.go_online(true);
    world.run_until(|world| world.server.count(On::Batch) == 1);
    world.tell(tab, Event::Tick);
    world.run_for(100);
    assert_eq!(world.server.count(On::AnyCharge), 1);
    world.settle();
    assert_eq!(world.server.balance(), 115);
}

#[test]
fn a_flush_that_must_stop_does_not_wait_for_other_charges() {
    let mut world = World::with(|config| config.batch_size = 1);
    let tab = with_queue(&mut world, 2);
    world
        .server
        .rule(|arrived| match arrived.keys.first()?.as_str() {
            "f:other" => Some(Fault::Late(4_000)),
            "f:t000" => {
                let busy = with_retry_after(problem(429, "busy"), "60");
                Some(Fault::Answer(busy))
            }
            _ => None,
        });
    world.go_online(true);
    let flush = world.flush(tab);
    let other = world.charge(tab, "other", 1);
    let report = report(&mut world, flush);
    assert_eq!((report.charged, report.remaining), (0, 3));
    assert!(!world.answers.contains_key(&other));
    assert_eq!(word(&world.wait(other)), "charged");
    world.server.heal();
}

#[test]
fn a_background_flush_is_not_said_to_be_stopped_by_another_tabs_charge() {
    let mut world = World::new();
    let (one, two) = (world.start(), world.start());
    world.go_online(false);
    let call = world.charge(one, "t1", 1);
    world.wait(call);
    world.go_online(true);
    world.server.fault(On::Charge, 1, Fault::Late(2_000));
    world.charge(two, "other", 1);
    world.run_until(|world| world.server.balance() == 118);
    world.run_for(200);
    let notices = world.notices(one).iter();
    let reports: Vec<_> = notices
        .filter_map(|(_, notice)| match notice {
            Notice::FlushReport(report) => Some((report.charged, report.stopped)),
            _ => None,
        })
        .collect();
    assert_eq!(reports, [(1, None)]);
}
