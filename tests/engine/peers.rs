//! Balances heard from other tabs: adopted together with their charges, so that the available
//! points neither dip nor rise in between.

use std::cell::Cell;
use std::rc::Rc;

use tollbox::core::balance::Confirmed;
use tollbox::core::engine::{Event, Notice};
use tollbox::core::journal::Op;
use tollbox::core::points::Points;

use super::outage::alerts;
use super::outcomes::word;
use super::script::{World, key};
use super::server::{Fault, On};

fn available(world: &World, tab: usize) -> u64 {
    world.snapshot(tab).balance.unwrap().available.get()
}

fn confirmed(world: &World, tab: usize) -> u64 {
    world.snapshot(tab).balance.unwrap().confirmed.get()
}

/// The available points that this tab's listeners were told.
fn told(world: &World, tab: usize) -> Vec<u64> {
    let notices = world.notices(tab).iter();
    let balances = notices.filter_map(|(_, notice)| match notice {
        Notice::Balance(balance) => Some(balance.available.get()),
        _ => None,
    });
    balances.collect()
}

/// The current balance, as another tab would announce it.
fn balance_now(world: &mut World) -> Confirmed {
    let version = world.server.ledger.balance("alice", 0).version;
    let points = world.server.balance();
    balance_of(world, points, version)
}

/// A balance that the ledger is taken to have had.
fn balance_of(world: &mut World, points: u64, version: u64) -> Confirmed {
    world.books.balances.insert(version, points);
    Confirmed {
        balance: Points::new(points).unwrap(),
        version,
        as_of_ms: world.now.wall_ms,
        etag: None,
        held: None,
    }
}

/// Two tabs that both know an open charge of 5 of 120 points.
fn one_open() -> (World, usize, usize) {
    let mut world = World::new();
    let (one, two) = (world.start(), world.start());
    world.go_online(false);
    let call = world.charge(one, "t1", 5);
    world.wait(call);
    world.run_for(50);
    assert_eq!(available(&world, two), 115);
    (world, one, two)
}

#[test]
fn available_does_not_dip_when_another_tab_settles_a_charge() {
    for commit_ms in [0, 1, 7, 40] {
        let mut world = World::with(|config| config.low_watermark = Points::new(112));
        world.commit_ms = commit_ms;
        let tabs: Vec<usize> = (0..3).map(|_| world.start()).collect();
        let call = world.charge(tabs[0], "t1", 5);
        assert_eq!(word(&world.wait(call)), "charged");
        world.run_for(1_000);
        for tab in tabs {
            assert_eq!(confirmed(&world, tab), 115);
            let told = told(&world, tab);
            assert!(told.iter().all(|it| [120, 115].contains(it)), "{told:?}");
            assert_eq!(alerts(&world, tab), [], "{commit_ms}");
        }
    }
}

#[test]
fn available_does_not_dip_when_only_the_balance_is_heard() {
    let (mut world, one, two) = one_open();
    world.announcements = false;
    world.tell(one, Event::Online(true));
    world.run_for(1_000);
    assert_eq!(confirmed(&world, one), 115);
    // Only a `storage` event.
    let news = balance_now(&mut world);
    world.tell(two, Event::Cached(news));
    assert_eq!((confirmed(&world, two), available(&world, two)), (120, 115));
    world.run_for(100);
    assert_eq!((confirmed(&world, two), available(&world, two)), (115, 115));
    assert!(!told(&world, two).contains(&110));
}

#[test]
fn available_does_not_dip_in_a_tab_about_to_send_the_charge() {
    for keys in [vec![], vec![key("t1")]] {
        let mut world = World::new();
        let (one, two) = (world.start(), world.start());
        world.server.fault(On::Charge, 1, Fault::LoseRequest);
        let call = world.charge(one, "t1", 5);
        world.run_for(50);
        world.announcements = false;
        assert_eq!(word(&world.wait(call)), "charged");
        world.commit_ms = 50;
        world.retry(two, "t1");
        let news = Event::Peer {
            keys,
            confirmed: Some(balance_now(&mut world)),
        };
        world.tell(two, news);
        assert_eq!((confirmed(&world, two), available(&world, two)), (120, 115));
        world.run_for(500);
        assert_eq!((confirmed(&world, two), available(&world, two)), (115, 115));
        assert!(!told(&world, two).contains(&110));
    }
}

#[test]
fn available_does_not_dip_when_only_another_charge_is_heard_of() {
    let (mut world, one, two) = one_open();
    world.announcements = false;
    world.tell(one, Event::Online(true));
    world.run_for(1_000);
    let call = world.charge(one, "t2", 3);
    world.wait(call);
    let news = Event::Peer {
        keys: vec![key("t2")],
        confirmed: Some(balance_now(&mut world)),
    };
    world.tell(two, news);
    world.run_for(100);
    assert_eq!((confirmed(&world, two), available(&world, two)), (112, 112));
    assert_eq!(told(&world, two).iter().min(), Some(&112));
}

#[test]
fn available_does_not_dip_when_another_tab_charges_its_task() {
    let mut world = World::new();
    let (one, two) = (world.start(), world.start());
    world.start_task(one, "t1", 5);
    world.run_for(50);
    assert_eq!(available(&world, two), 115);
    // The announcement of the charge itself is lost.
    world.announcements = false;
    let call = world.charge(one, "t1", 5);
    world.wait(call);
    let news = balance_now(&mut world);
    world.tell(two, Event::Cached(news));
    world.run_for(100);
    assert_eq!((confirmed(&world, two), available(&world, two)), (115, 115));
    assert!(!told(&world, two).contains(&110));
}

#[test]
fn a_balance_heard_is_shown_at_once_if_nothing_is_held() {
    let mut world = World::new();
    let tab = world.start();
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    world.run_for(100);
    let orders = world.tab(tab).journal_orders;
    world.server.charge_elsewhere(0, "x", 15);
    let news = balance_now(&mut world);
    world.tell(tab, Event::Cached(news));
    assert_eq!(confirmed(&world, tab), 100);
    assert_eq!(world.tab(tab).journal_orders, orders);
}

#[test]
fn a_balance_heard_again_is_adopted_at_once() {
    let (mut world, _, two) = one_open();
    world.run_for(50);
    let orders = world.tab(two).journal_orders;
    let news = balance_now(&mut world);
    let as_of = news.as_of_ms;
    world.tell(two, Event::Cached(news));
    assert_eq!(world.snapshot(two).balance.unwrap().as_of, as_of);
    assert_eq!(world.tab(two).journal_orders, orders);
}

#[test]
fn a_balance_heard_is_adopted_though_the_journal_cannot_be_read() {
    let (mut world, _, two) = one_open();
    world.server.charge_elsewhere(0, "x", 15);
    world.fail_write = Box::new(|_, _| true);
    let news = balance_now(&mut world);
    world.tell(two, Event::Cached(news));
    world.run_for(100);
    assert_eq!((confirmed(&world, two), available(&world, two)), (105, 100));
}

#[test]
fn a_balance_waiting_for_the_journal_replaces_no_newer_one() {
    for swapped in [false, true] {
        let (mut world, _, two) = one_open();
        world.commit_ms = 500;
        let version = world.server.ledger.balance("alice", 0).version;
        world.server.charge_elsewhere(0, "x", 15);
        world.server.charge_elsewhere(0, "y", 15);
        let mut news = [
            balance_of(&mut world, 105, version + 1),
            balance_of(&mut world, 90, version + 2),
        ];
        if swapped {
            news.reverse();
        }
        for news in news {
            world.tell(two, Event::Cached(news));
            world.run_for(10);
        }
        world.run_for(5_000);
        assert_eq!((confirmed(&world, two), available(&world, two)), (90, 85));
    }
    // A newer balance that the tab has read itself is kept, too.
    let (mut world, _, two) = one_open();
    world.server.fault(On::AnyCharge, u32::MAX, Fault::Hang);
    world.go_online(true);
    world.run_for(1_000);
    world.commit_ms = 500;
    world.server.charge_elsewhere(0, "x", 15);
    let news = balance_now(&mut world);
    world.tell(two, Event::Cached(news));
    world.server.charge_elsewhere(0, "y", 15);
    world.refresh(two);
    world.run_for(100);
    assert_eq!(confirmed(&world, two), 90);
    world.run_for(2_000);
    assert_eq!(confirmed(&world, two), 90);
}

/// The most charges that this tab reads in one transaction from now on.
fn most_read(world: &mut World, tab: usize) -> Rc<Cell<usize>> {
    let most = Rc::new(Cell::new(0));
    let seen = Rc::clone(&most);
    world.fail_write = Box::new(move |writer, ops: &[Op]| {
        if writer == tab {
            let reads = ops.iter().filter(|op| matches!(op, Op::Read { .. }));
            seen.set(seen.get().max(reads.count()));
        }
        false
    });
    most
}

#[test]
fn balances_heard_in_quick_succession_are_not_held_back_for_ever() {
    let (mut world, _, two) = one_open();
    world.commit_ms = 50;
    let most = most_read(&mut world, two);
    let version = world.server.ledger.balance("alice", 0).version;
    for n in 1..=100 {
        world.server.charge_elsewhere(0, &format!("x{n}"), 1);
        let news = balance_of(&mut world, 120 - n, version + n);
        world.tell(two, Event::Cached(news));
        world.run_for(10);
        // At most two transactions late.
        assert!(confirmed(&world, two) <= 120 - n + 11, "{n}");
    }
    world.run_for(200);
    assert_eq!((confirmed(&world, two), available(&world, two)), (20, 15));
    assert_eq!(most.get(), 1);
}

#[test]
fn a_balance_heard_three_times_reads_the_journal_once() {
    let (mut world, _, two) = one_open();
    world.commit_ms = 50;
    world.server.charge_elsewhere(0, "x", 15);
    let orders = world.tab(two).journal_orders;
    for _ in 0..3 {
        let news = balance_now(&mut world);
        world.tell(two, Event::Cached(news));
        world.run_for(10);
    }
    world.run_for(200);
    assert_eq!(confirmed(&world, two), 105);
    assert_eq!(world.tab(two).journal_orders, orders + 1);
}

#[test]
fn a_balance_heard_costs_few_reads_with_many_open_charges() {
    let mut world = World::new();
    world.server.top_up(2_000);
    let tabs = [world.start(), world.start()];
    world.go_online(false);
    for n in 0..300 {
        world.charge(tabs[0], &format!("t{n}"), 1);
    }
    world.settle_calls();
    world.run_for(1_000);
    let most = most_read(&mut world, tabs[1]);
    world.server.charge_elsewhere(0, "x", 15);
    let news = balance_now(&mut world);
    world.tell(tabs[1], Event::Cached(news.clone()));
    world.tell(tabs[0], Event::Cached(news));
    world.run_for(100);
    assert_eq!(available(&world, tabs[1]), 1_805);
    assert!((1..=200).contains(&most.get()), "{} readings", most.get());
    // The reads include the charges that the other tab is sending.
    world.server.fault(On::Batch, 1, Fault::Late(500));
    world.tell(tabs[0], Event::Online(true));
    world.run_for(100);
    world.announcements = false;
    world.run_until(|world| confirmed(world, tabs[0]) < 2_105);
    assert_eq!(world.server.balance(), 2_005);
    let before = told(&world, tabs[1]).len();
    let news = balance_now(&mut world);
    world.tell(tabs[1], Event::Cached(news));
    world.run_for(20);
    assert_eq!(confirmed(&world, tabs[1]), 2_005);
    let told = told(&world, tabs[1]);
    let other = told[before..].iter().find(|it| **it != 1_805);
    assert_eq!(other, None);
}

#[test]
fn a_flush_of_many_charges_shows_no_dip_in_any_tab() {
    let mut world = World::new();
    world.server.top_up(2_000);
    let tabs = [world.start(), world.start(), world.start()];
    world.go_online(false);
    for n in 0..300 {
        world.charge(tabs[n % 3], &format!("t{n}"), 1);
    }
    world.settle_calls();
    world.run_for(1_000);
    let before = tabs.map(|tab| told(&world, tab).len());
    world.go_online(true);
    world.settle();
    for (tab, before) in tabs.into_iter().zip(before) {
        assert_eq!(confirmed(&world, tab), 1_820);
        let told = told(&world, tab);
        let other = told[before..].iter().find(|it| **it != 1_820);
        assert_eq!(other, None, "tab{tab}");
    }
}
