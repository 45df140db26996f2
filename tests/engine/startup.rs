//! Startup, the figures it shows, and waking up when nothing happens.

use tollbox::core::config::Config;
use tollbox::core::engine::{Earlier, Engine, Event, Setup};
use tollbox::core::session::Session;
use tollbox::core::snapshot::StorageKind;

use super::script::{World, key};
use super::server::{Fault, On};

/// How far off the next deadline is, sampled `times` times, every half a minute.
fn sleeps_ms(world: &mut World, tab: usize, times: usize) -> Vec<u64> {
    let mut sleeps = Vec::new();
    for _ in 0..times {
        world.run_for(30_000);
        let deadline_ms = world.tab(tab).engine.deadline().unwrap();
        sleeps.push(deadline_ms - world.now.mono_ms);
    }
    sleeps
}

#[test]
fn a_client_is_recovered_once_it_has_read_its_journal() {
    let mut world = World::new();
    let tab = world.open();
    assert!(!world.tab(tab).engine.is_recovered());
    world.run_for(10);
    assert!(world.tab(tab).engine.is_recovered());
    world.sign_out(tab);
    assert!(world.tab(tab).engine.is_recovered());
}

#[test]
fn stats_count_charges_found_open_and_charges_since() {
    let mut world = World::new();
    let first = world.start();
    let call = world.charge(first, "before", 1);
    world.wait(call);
    world.go_online(false);
    let call = world.charge(first, "open", 1);
    world.wait(call);
    world.crash(first);
    let tab = world.start();
    let stats = world.snapshot(tab).stats;
    assert_eq!((stats.enqueued, stats.open, stats.charged), (1, 1, 0));
    assert_eq!(stats.success_rate, None);
    world.announcements = false;
    world.go_online(true);
    world.settle();
    let stats = world.snapshot(tab).stats;
    assert_eq!((stats.enqueued, stats.open, stats.charged), (1, 0, 1));
    assert!(stats.latency_ms.is_some());
}

#[test]
fn stats_count_charges_settled_by_another_tab() {
    let mut world = World::new();
    let (one, two) = (world.start(), world.start());
    world.announcements = false;
    let call = world.charge(one, "t1", 1);
    world.wait(call);
    world.tell(two, Event::Woke);
    world.run_for(10);
    let stats = world.snapshot(two).stats;
    assert_eq!((stats.enqueued, stats.charged), (1, 1));
}

#[test]
fn a_tab_with_open_charges_wakes_more_often_than_an_idle_one() {
    let mut world = World::new();
    let tab = world.start();
    // By then the balance is stale, which has a deadline of its own.
    world.run_for(3_600_000);
    let idle = sleeps_ms(&mut world, tab, 12);
    assert!(idle.iter().any(|ms| *ms > 200_000), "{idle:?}");
    world.go_online(false);
    world.charge(tab, "t1", 1);
    world.settle_calls();
    let open = sleeps_ms(&mut world, tab, 12);
    assert!(open.iter().all(|ms| *ms <= 30_000), "{open:?}");
    assert_eq!(world.counts.spins, 0);
}

#[test]
fn a_due_charge_that_may_not_leave_causes_no_spinning() {
    let mut world = World::new();
    let tab = world.start();
    world.go_online(false);
    world.charge(tab, "t1", 1);
    world.run_for(600_000);
    world.sign_out(tab);
    world.go_online(true);
    world.run_for(600_000);
    assert_eq!(world.counts.spins, 0);

    let mut world = World::new();
    let tab = world.start();
    world.server.fault(On::Any, u32::MAX, Fault::LoseRequest);
    world.charge(tab, "t1", 1);
    world.run_for(600_000);
    assert_eq!(world.counts.spins, 0);
}

#[test]
fn stats_leave_out_charges_settled_before_the_start() {
    let mut world = World::new();
    let one = world.start();
    let call = world.charge(one, "t1", 5);
    world.wait(call);
    // Its verdict is written, too.
    world.settle();
    world.crash(one);
    world.fail_load = true;
    let two = world.start();
    let call = world.charge(two, "t2", 5);
    world.wait(call);
    world.fail_load = false;
    world.run_for(120_000);
    let stats = world.snapshot(two).stats;
    assert_eq!((stats.enqueued, stats.charged), (1, 1), "{stats:?}");
}

#[test]
fn stats_leave_out_charges_settled_before_however_often_they_are_read() {
    let mut world = World::new();
    let first = world.start();
    let call = world.charge(first, "t1", 500);
    world.wait(call);
    world.crash(first);
    let tab = world.start();
    for _ in 0..3 {
        world.tell(tab, Event::Woke);
        world.run_for(100);
        let stats = world.snapshot(tab).stats;
        assert_eq!((stats.enqueued, stats.declined), (0, 0));
    }
}

#[test]
fn a_client_with_an_order_to_give_is_not_idle() {
    let setup = Setup {
        account: "a".into(),
        tab: "tab0".into(),
        seed: 1,
        storage: StorageKind::IndexedDb,
        online: true,
        earlier: Earlier::Nothing,
        session: Session::since(0),
    };
    let mut engine = Engine::new(setup, Config::default());
    assert!(!engine.is_idle(), "the journal is to be read");
    while engine.poll().is_some() {}
    assert!(engine.is_idle());
}

/// A tab with six queued charges, which has died.
fn world_with_a_queue() -> World {
    let mut world = World::new();
    let tab = world.start();
    world.go_online(false);
    for n in 0..6 {
        let call = world.charge(tab, &format!("t{n}"), 1);
        world.wait(call);
    }
    world.crash(tab);
    world
}

#[test]
fn journal_read_in_pages_is_known_whole() {
    let mut world = world_with_a_queue();
    world.page = Some((4, 20));
    let before = world.counts.transactions;
    let next = world.start();
    assert_eq!(world.snapshot(next).queue.pending, 6);
    world.run_for(100);
    assert_eq!(
        world.counts.transactions, before,
        "no record is read by itself"
    );
    world.go_online(true);
    world.settle();
    assert_eq!(world.server.balance(), 114);
}

#[test]
fn charge_that_no_page_shows_is_noticed() {
    let mut world = world_with_a_queue();
    let tab = world.start();
    world.damage(key("t5"));
    world.page = Some((2, 20));
    world.tell(tab, Event::Woke);
    world.run_for(1_000);
    assert_eq!(world.snapshot(tab).queue.pending, 5);
}

#[test]
fn a_start_reads_the_journal_once() {
    let mut world = World::new();
    world.start();
    assert_eq!(world.trace.text().matches("Load {").count(), 1);
}
