//! Balance sync: one tab reads for all, while a page is visible; and how the network is found to be
//! back.

use tollbox::core::alert::AlertKind;
use tollbox::core::engine::Event;
use tollbox::core::snapshot::Network;

use super::balance_refresh::fresh;
use super::outage::alerts;
use super::script::World;
use super::server::{Fault, On, problem};

const EVERY_MS: u64 = 60_000;

fn syncing() -> World {
    World::with(|config| config.sync_every_ms = EVERY_MS)
}

#[test]
fn one_tab_syncs_the_balance_for_all() {
    let mut world = syncing();
    let tabs: Vec<usize> = (0..4).map(|_| world.start()).collect();
    let before = world.server.count(On::Balance);
    world.run_for(20 * EVERY_MS);
    let readings = world.server.count(On::Balance) - before;
    // Each is delayed by up to a tenth.
    assert!((18..=20).contains(&readings), "{readings} readings");
    // If that tab was the reader, another takes over.
    world.crash(tabs[0]);
    world.server.charge_elsewhere(0, "x", 20);
    world.run_for(EVERY_MS + EVERY_MS / 2);
    for tab in tabs.into_iter().skip(1) {
        assert_eq!(world.snapshot(tab).balance.unwrap().confirmed.get(), 100);
    }
}

#[test]
fn a_hidden_page_does_not_sync_the_balance() {
    let mut world = syncing();
    let tab = world.start();
    world.tell(tab, Event::Visible(false));
    let before = world.server.count(On::Balance);
    world.run_for(20 * EVERY_MS);
    assert_eq!(world.server.count(On::Balance), before);
    world.tell(tab, Event::Visible(true));
    world.run_for(100);
    assert_eq!(world.server.count(On::Balance), before + 1);
}

#[test]
fn a_page_shown_again_syncs_a_stale_balance_but_no_fresh_one() {
    let mut world = syncing();
    let tab = world.start();
    let before = world.server.count(On::Balance);
    for (away_ms, readings) in [(world.config.stale_after_ms / 2, 0), (EVERY_MS / 2, 1)] {
        world.tell(tab, Event::Visible(false));
        world.run_for(away_ms);
        world.tell(tab, Event::Visible(true));
        world.run_for(100);
        assert_eq!(world.server.count(On::Balance) - before, readings);
    }
}

#[test]
fn a_charge_counts_as_a_balance_sync() {
    let mut world = syncing();
    let tab = world.start();
    let before = world.server.count(On::Balance);
    for n in 0..20 {
        let call = world.charge(tab, &format!("t{n}"), 1);
        world.wait(call);
        world.run_for(EVERY_MS / 2);
    }
    assert_eq!(world.server.count(On::Balance), before);
}

pub fn shown(world: &World, tab: usize) -> (u64, u64) {
    let balance = world.snapshot(tab).balance.unwrap();
    (balance.confirmed.get(), balance.version)
}

#[test]
fn a_page_opened_offline_reads_the_balance_once_online() {
    let mut world = World::new();
    world.online = false;
    let tab = world.start();
    assert_eq!(world.snapshot(tab).balance, None);
    world.go_online(true);
    world.run_for(1_000);
    assert_eq!(shown(&world, tab).0, 120);
}

#[test]
fn a_refresh_in_flight_is_awaited_though_the_browser_goes_offline() {
    let mut world = World::new();
    let tab = world.start();
    world.server.fault(On::Balance, 1, Fault::Late(500));
    let call = world.refresh(tab);
    world.run_for(100);
    world.go_online(false);
    world.run_for(1_000);
    assert_eq!(fresh(&world, call), 120);
}

#[test]
fn the_network_is_restored_by_the_server_not_by_the_browser() {
    let mut world = World::new();
    let tab = world.start();
    world.go_online(false);
    // The browser is on a network again that does not reach the server.
    world.server.fault(On::Any, 1_000, Fault::LoseRequest);
    world.go_online(true);
    world.run_for(60_000);
    assert_eq!(alerts(&world, tab), [AlertKind::NetworkLost]);
    assert_eq!(world.snapshot(tab).network, Network::Unreachable);
    world.server.heal();
    world.run_for(120_000);
    assert_eq!(
        alerts(&world, tab),
        [AlertKind::NetworkLost, AlertKind::NetworkRestored]
    );
}

#[test]
fn a_hidden_page_probes_the_network_once_shown() {
    let mut world = World::new();
    let tab = world.start();
    world.tell(tab, Event::Visible(false));
    world.go_online(false);
    let before = world.server.count(On::Balance);
    world.go_online(true);
    world.run_for(60_000);
    assert_eq!(world.server.count(On::Balance), before);
    assert_eq!(alerts(&world, tab), [AlertKind::NetworkLost]);
    world.tell(tab, Event::Visible(true));
    world.run_for(1_000);
    assert_eq!(
        alerts(&world, tab),
        [AlertKind::NetworkLost, AlertKind::NetworkRestored]
    );
}

#[test]
fn going_online_before_the_journal_is_read_is_noticed() {
    let mut world = World::new();
    let first = world.start();
    world.crash(first);
    world.online = false;
    let tab = world.open();
    world.go_online(true);
    world.run_for(5_000);
    assert_eq!(world.snapshot(tab).network, Network::Online);
    assert_eq!(world.snapshot(tab).alerts, []);
}

#[test]
fn a_hidden_page_that_has_read_the_balance_when_online_again_reads_no_more() {
    let mut world = syncing();
    world.online = false;
    let tab = world.start();
    world.go_online(true);
    world.run_for(1_000);
    assert_eq!(shown(&world, tab).0, 120);
    world.tell(tab, Event::Visible(false));
    let before = world.server.count(On::Balance);
    world.run_for(20 * EVERY_MS);
    assert_eq!(world.server.count(On::Balance), before);
}

#[test]
fn a_balance_needed_but_not_told_is_asked_for_again() {
    let mut world = World::new();
    world.online = false;
    let tab = world.start();
    // The token is not accepted, which is no outage and is probed for by nothing.
    let rejected = Fault::Answer(problem(401, "unauthorized"));
    world.server.fault(On::Balance, 2, rejected);
    world.go_online(true);
    world.run_for(1_000);
    assert_eq!(world.snapshot(tab).balance, None);
    world.run_for(10 * EVERY_MS);
    assert_eq!(shown(&world, tab).0, 120);
}

#[test]
fn a_machine_that_slept_reads_the_balance_when_it_is_due_by_the_wall_clock() {
    let mut world = syncing();
    let tab = world.start();
    world.server.charge_elsewhere(0, "x", 20);
    world.jump_wall(EVERY_MS as i64);
    world.tell(tab, Event::Tick);
    world.run_for(EVERY_MS / 4);
    assert_eq!(shown(&world, tab).0, 100);
}

#[test]
fn a_visible_page_told_that_it_is_visible_reads_no_sooner() {
    let mut world = World::with(|config| {
        config.sync_every_ms = EVERY_MS;
        config.stale_after_ms = 1_000;
    });
    let tab = world.start();
    world.run_for(EVERY_MS / 2);
    let before = world.server.count(On::Balance);
    for visible in [true, false] {
        world.tell(tab, Event::Visible(visible));
        world.run_for(1_000);
        assert_eq!(world.server.count(On::Balance), before);
    }
}

#[test]
fn without_sync_a_page_shown_again_reads_no_balance() {
    let mut world = World::new();
    let tab = world.start();
    let before = world.server.count(On::Balance);
    world.tell(tab, Event::Visible(false));
    world.run_for(60 * EVERY_MS);
    world.tell(tab, Event::Visible(true));
    world.run_for(1_000);
    assert_eq!(world.server.count(On::Balance), before);
}

#[test]
fn a_browser_that_stays_online_reads_no_balance() {
    let mut world = World::new();
    world.start();
    let before = world.server.count(On::Balance);
    world.go_online(true);
    world.run_for(1_000);
    assert_eq!(world.server.count(On::Balance), before);
}

#[test]
fn a_balance_that_could_not_be_read_at_the_start_is_not_read_without_a_sync() {
    let mut world = World::new();
    let broken = Fault::Answer(problem(500, "broken"));
    world.server.fault(On::Balance, 1, broken);
    world.start();
    world.run_for(20 * EVERY_MS);
    assert_eq!(world.server.count(On::Balance), 1);
}
