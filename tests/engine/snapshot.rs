//! The snapshot: ongoing alerts, the sliding window of the success rate, and its order among
//! notices.

use tollbox::core::alert::AlertKind;
use tollbox::core::balance::Confirmed;
use tollbox::core::engine::{Effect, Event, Notice};
use tollbox::core::points::Points;

use super::outage::alerts;
use super::script::World;
use super::server::{Fault, On, problem};

#[test]
fn ongoing_alerts_are_shown_until_they_end() {
    let mut world = World::with(|config| config.low_watermark = Points::new(119));
    let tab = world.start();
    // The alerts in the last snapshot that listeners got.
    let kinds = |world: &World| -> Vec<AlertKind> {
        let mut notices = world.notices(tab).iter().rev();
        let last = notices.find_map(|(_, notice)| match notice {
            Notice::Snapshot(snapshot) => Some(snapshot.alerts.clone()),
            _ => None,
        });
        last.unwrap().iter().map(|alert| alert.kind).collect()
    };
    assert_eq!(kinds(&world), []);
    world.go_online(false);
    world.charge(tab, "t1", 5);
    assert_eq!(
        kinds(&world),
        [AlertKind::NetworkLost, AlertKind::BalanceLow]
    );
    world.go_online(true);
    world.settle();
    assert_eq!(kinds(&world), [AlertKind::BalanceLow]);
    world.server.top_up(50);
    world.refresh(tab);
    world.run_for(100);
    assert_eq!(kinds(&world), []);
}

#[test]
fn a_low_success_rate_is_alerted_again_after_a_quiet_time() {
    let mut world = World::with(|config| {
        config.min_samples = 2;
        config.window_ms = 60_000;
    });
    let tab = world.start();
    for round in 1..=2 {
        for n in 0..2 {
            let call = world.charge(tab, &format!("t{round}{n}"), 1_000);
            world.wait(call);
        }
        let low = alerts(&world, tab);
        assert_eq!(low, vec![AlertKind::SuccessRateLow; round]);
        world.run_for(400_000);
    }
}

#[test]
fn the_success_rate_window_slides_though_nothing_happens() {
    let mut world = World::with(|config| config.window_ms = 10_000);
    let tab = world.start();
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    world.run_for(10_100);
    let last = world.notices(tab).iter().rev();
    let rate = last
        .filter_map(|(_, notice)| match notice {
            Notice::Snapshot(snapshot) => Some(snapshot.stats.success_rate),
            _ => None,
        })
        .next();
    assert_eq!(rate, Some(None));
}

#[test]
fn the_success_rate_leaves_out_open_charges() {
    let mut world = World::with(|config| {
        config.max_total_attempts = 1;
        config.backoff.max_ms = 2_000;
    });
    let tab = world.start();
    let rate = |world: &World| world.snapshot(tab).stats.success_rate;
    assert_eq!(rate(&world), None);
    let broken = || Fault::Answer(problem(500, "broken"));
    let mute = Fault::Answer(problem(403, "no-look-ups"));
    world.server.fault(On::AnyCharge, 1, broken());
    world.server.fault(On::LookUp, 1, mute);
    world.charge(tab, "t1", 5);
    world.run_until(|world| world.server.count(On::AnyCharge) == 1);
    // Unknown, and being resolved.
    assert_eq!(rate(&world), None);
    world.settle();
    // Parked as unknown.
    assert_eq!(rate(&world), Some(0.0));
    let retry = world.retry(tab, "t1");
    world.wait(retry);
    let stats = world.snapshot(tab).stats;
    assert_eq!((stats.charged, stats.unknown), (1, 0));
    assert_eq!(stats.success_rate, Some(0.5));
}

#[test]
fn listeners_get_the_snapshot_before_the_change_it_shows() {
    let mut world = World::new();
    let tab = world.start();
    let before = world.notices(tab).len();
    world.go_online(false);
    let told = world.notices(tab)[before..].iter();
    let told: Vec<&Notice> = told.map(|(_, notice)| notice).collect();
    let snapshot = told.iter().position(|it| matches!(it, Notice::Snapshot(_)));
    let network = told.iter().position(|it| matches!(it, Notice::Network(_)));
    assert!(snapshot.is_some() && snapshot < network, "{told:?}");
}

#[test]
fn of_two_pending_snapshots_only_the_newer_is_told() {
    let mut world = World::new();
    let tab = world.start();
    world.run_for(60_000);
    let now = world.now;
    let engine = world.engine(tab);
    let known = |version: u64, balance: u64| Confirmed {
        balance: Points::new(balance).unwrap(),
        version,
        as_of_ms: now.wall_ms,
        etag: None,
        held: None,
    };
    engine.handle(now, Event::Cached(known(8, 110)));
    engine.handle(now, Event::Cached(known(9, 20)));
    let mut told = Vec::new();
    while let Some(effect) = engine.poll() {
        if let Effect::Notice(Notice::Snapshot(snapshot)) = effect {
            told.push(snapshot.balance.unwrap().confirmed.get());
        }
    }
    assert_eq!(told, [20]);
}

#[test]
fn the_browsers_word_whether_it_keeps_the_journal_is_shown() {
    let mut world = World::new();
    let tab = world.start();
    assert_eq!(world.snapshot(tab).persisted, None);
    for persisted in [true, false] {
        world.tell(tab, Event::Persisted(persisted));
        assert_eq!(world.snapshot(tab).persisted, Some(persisted));
    }
}

#[test]
fn the_queue_is_noted_as_the_next_start_finds_it() {
    let mut world = World::new();
    world.commit_ms = 5;
    let tab = world.start();
    let declined = world.charge(tab, "declined", 1_000);
    world.wait(declined);
    world.go_online(false);
    world.charge(tab, "t1", 5);
    // While that is being written nothing can be said.
    assert_eq!(world.tab(tab).engine.open_charges(0).at_rest, None);
    world.run_for(100);
    let queue = world.tab(tab).engine.open_charges(0).at_rest.unwrap();
    assert_eq!((queue.pending, queue.failed), (1, 1));
    assert_eq!(queue.held_points.get(), 5);
    world.crash(tab);

    let next = world.open();
    let tab = world.tab(next);
    let ahead = tab.engine.snapshot_of(tab.now(world.now), queue);
    world.run_for(100);
    let read = world.snapshot(next);
    assert_eq!((ahead.queue, ahead.balance), (read.queue, read.balance));
    assert_eq!(ahead.stats, read.stats);
}

#[test]
fn a_queue_of_which_not_all_can_be_read_is_not_noted() {
    let mut world = World::new();
    let tab = world.start();
    world.run_for(100);
    assert!(world.tab(tab).engine.open_charges(0).at_rest.is_some());
    let newer = Event::Unreadable {
        set_aside: Vec::new(),
        left_alone: vec!["a charge of a newer version".to_owned()],
    };
    world.tell(tab, newer);
    assert_eq!(world.tab(tab).engine.open_charges(0).at_rest, None);
}
