//! Requests that a filter blocks while others get through: look-ups, one charge, batches.

use tollbox::core::alert::AlertKind;
use tollbox::core::snapshot::Network;

use super::outage::alerts;
use super::outcomes::word;
use super::script::World;
use super::server::{Fault, On, page, problem};

/// A tab outside the world that holds the lock.
const OTHER_TAB: usize = 99;

/// A cancelled charge whose answer was lost: only a look-up can tell that it was made, and look-ups
/// are blocked.
fn with_blocked_look_ups(dated: bool) -> (World, usize) {
    let mut world = World::with(|config| config.max_attempts = 1);
    world.dated = dated;
    let tab = world.start();
    // The server's `Date` has whole seconds: the first tells nothing.
    world.run_for(2_000);
    world.server.fault(On::Charge, 1, Fault::LoseAnswer);
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    world.server.fault(On::LookUp, u32::MAX, Fault::LoseRequest);
    let cancel = world.cancel(tab, "t1");
    assert!(word(&world.wait(cancel)).starts_with("unknown"));
    (world, tab)
}

#[test]
fn a_blocked_look_up_is_backed_off_and_holds_back_no_charge() {
    let (mut world, tab) = with_blocked_look_ups(true);
    world.run_for(5_000);
    let before = world.server.arrived.len();
    for n in 0..20 {
        let call = world.charge(tab, &format!("other{n}"), 1);
        assert_eq!(word(&world.wait(call)), "charged");
        world.run_for(30_000);
    }
    let requests = world.server.arrived.len() - before;
    assert!(requests < 20 + 60, "{requests} requests in ten minutes");
    let told = alerts(&world, tab);
    assert!(told.len() <= 4, "{told:?}");
    assert_eq!(world.snapshot(tab).network, Network::Online);
    world.server.heal();
    world.settle();
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

#[test]
fn a_blocked_look_up_is_backed_off_without_server_dates() {
    let (mut world, tab) = with_blocked_look_ups(false);
    world.run_for(600_000);
    let before = world.server.arrived.len();
    world.run_for(600_000);
    let requests = world.server.arrived.len() - before;
    assert!(requests < 60, "{requests} requests in ten minutes");
    assert!(alerts(&world, tab).len() <= 4);
    // The next charge shows that the server lives.
    world.charge(tab, "other", 1);
    world.run_for(120_000);
    assert_eq!(world.server.times_charged("f:other"), 1);
    assert_eq!(world.snapshot(tab).network, Network::Online);
}

#[test]
fn many_blocked_look_ups_are_backed_off_together() {
    let mut world = World::with(|config| config.max_total_attempts = 1);
    let tab = world.start();
    world.run_for(2_000);
    world.server.fault(On::AnyCharge, 1, Fault::LoseAnswer);
    world.go_online(false);
    for n in 0..60 {
        let call = world.charge(tab, &format!("t{n}"), 1);
        world.wait(call);
    }
    world.server.fault(On::LookUp, u32::MAX, Fault::LoseRequest);
    world.go_online(true);
    world.run_for(120_000);
    let before = world.server.arrived.len();
    world.run_for(600_000);
    let requests = world.server.arrived.len() - before;
    assert!(requests < 120, "{requests} requests in ten minutes");
    assert!(alerts(&world, tab).len() <= 6);
    world.server.heal();
    world.settle();
    assert_eq!(world.server.balance(), 60);
}

#[test]
fn a_blocked_charge_holds_back_no_other() {
    let mut world = World::new();
    let tab = world.start();
    world.run_for(2_000);
    world.server.rule(|arrived| {
        let poisoned = arrived.keys.iter().any(|key| key.ends_with("poison"));
        (poisoned && arrived.is_for(On::AnyCharge)).then_some(Fault::LoseRequest)
    });
    let call = world.charge(tab, "poison", 1);
    assert!(word(&world.wait(call)).starts_with("unknown"));
    world.run_for(5_000);
    let before = world.server.arrived.len();
    for n in 0..10 {
        let call = world.charge(tab, &format!("t{n}"), 1);
        assert_eq!(word(&world.wait(call)), "charged");
        world.run_for(5_000);
    }
    let requests = world.server.arrived.len() - before;
    assert!(requests < 50, "{requests} requests");
    let lost = alerts(&world, tab);
    let lost = lost.iter().filter(|kind| **kind == AlertKind::NetworkLost);
    assert!(lost.count() <= 2);
}

#[test]
fn a_blocked_batch_is_halved_until_the_others_are_charged() {
    let mut world = World::new();
    let tab = world.start();
    world.run_for(2_000);
    world.go_online(false);
    for n in 0..40 {
        let call = world.charge(tab, &format!("t{n:02}"), 1);
        world.wait(call);
    }
    world.server.rule(|arrived| {
        let poisoned = arrived.keys.iter().any(|key| key.ends_with("t17"));
        (poisoned && arrived.is_for(On::AnyCharge)).then_some(Fault::LoseRequest)
    });
    world.go_online(true);
    world.run_for(120_000);
    assert_eq!(world.server.balance(), 81);
    assert!(world.server.count(On::AnyCharge) < 60);
}

#[test]
fn a_probe_with_a_rejected_token_holds_back_no_charge_for_ever() {
    let mut world = World::new();
    let tab = world.start();
    world.run_for(2_000);
    world.server.fault(On::Charge, 2, Fault::LoseRequest);
    world.server.fault(On::Charge, 1, Fault::Answer(page(503)));
    let rejection = Fault::Answer(problem(401, "unauthorized"));
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    world.server.fault(On::Balance, 1, rejection);
    world.run_for(300_000);
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

#[test]
fn blocked_look_ups_do_not_raise_an_alert_each() {
    let mut world = World::with(|config| config.max_attempts = 1);
    let tab = world.start();
    world.run_for(2_000);
    world
        .server
        .fault(On::Charge, 12, Fault::Answer(problem(500, "broken")));
    for n in 0..12 {
        let call = world.charge(tab, &format!("t{n}"), 1);
        world.run_for(20);
        world.cancel(tab, &format!("t{n}"));
        world.wait(call);
    }
    world.server.rule(|arrived| {
        let odd = arrived
            .keys
            .iter()
            .any(|key| key.ends_with(['1', '3', '5', '7', '9']));
        (odd && arrived.is_for(On::LookUp)).then_some(Fault::LoseRequest)
    });
    world.run_for(300_000);
    let told = alerts(&world, tab);
    assert!(told.len() <= 4, "{told:?}");
    assert_eq!(world.snapshot(tab).network, Network::Online);
}

/// The keys of the charges sent so far, in order.
fn sent(world: &World) -> Vec<String> {
    let arrived = world.server.arrived.iter();
    let charges = arrived.filter(|arrived| arrived.is_for(On::AnyCharge));
    charges.flat_map(|arrived| arrived.keys.clone()).collect()
}

/// All requests that send the charge `poison` are lost.
fn poison(world: &mut World) {
    world.server.rule(|arrived| {
        let poisoned = arrived.keys.iter().any(|key| key.ends_with("poison"));
        (poisoned && arrived.is_for(On::AnyCharge)).then_some(Fault::LoseRequest)
    });
}

/// A tab whose balances may come from a cache, and are often lost: until one comes, charges have
/// become due again.
fn with_undated_balances(world: &mut World) -> usize {
    world.dated = false;
    let tab = world.start();
    let mut balances = 0;
    world.server.rule(move |arrived| {
        balances += usize::from(arrived.is_for(On::Balance));
        let lost = arrived.is_for(On::Balance) && balances % 4 > 0;
        lost.then_some(Fault::LoseRequest)
    });
    tab
}

#[test]
fn a_blocked_charge_alternates_with_others_where_only_charges_show_a_live_server() {
    let mut world = World::with(|config| config.max_attempts = 1);
    let tab = with_undated_balances(&mut world);
    poison(&mut world);
    let call = world.charge(tab, "poison", 1);
    assert!(word(&world.wait(call)).starts_with("unknown"));
    let call = world.charge(tab, "t1", 1);
    assert_eq!(word(&world.wait(call)), "queued Unreachable");
    let settled = world.settled(tab, "t1");
    assert_eq!(word(&world.wait(settled)), "charged");
    assert_eq!(sent(&world), ["f:poison", "f:poison", "f:t1"]);
}

#[test]
fn a_charge_in_doubt_is_the_first_to_find_out_whether_the_server_lives() {
    let mut world = World::with(|config| config.max_attempts = 1);
    let tab = with_undated_balances(&mut world);
    // An older charge waits for the lock of another tab.
    world.lock.holder = Some(OTHER_TAB);
    world.go_online(false);
    let call = world.charge(tab, "older", 1);
    world.wait(call);
    world.go_online(true);
    world.server.fault(On::Charge, 1, Fault::LoseRequest);
    let call = world.charge(tab, "lost", 1);
    assert!(word(&world.wait(call)).starts_with("unknown"));
    world.let_go_of_lock(OTHER_TAB);
    world.settle();
    assert_eq!(sent(&world), ["f:lost", "f:lost", "f:older"]);
}

#[test]
fn a_blocked_charge_is_resent_after_those_that_were_never_lost() {
    let mut world = World::with(|config| config.max_attempts = 1);
    let tab = world.start();
    // The server's `Date` has whole seconds: the first tells nothing.
    world.run_for(2_000);
    poison(&mut world);
    world.server.fault(On::Balance, 3, Fault::LoseRequest);
    let call = world.charge(tab, "poison", 1);
    assert!(word(&world.wait(call)).starts_with("unknown"));
    // Its first loss may have been a part of the outage, its second is its own.
    world.run_until(|world| world.server.count(On::Charge) == 2);
    world.run_for(1_000);
    let call = world.charge(tab, "t1", 1);
    world.wait(call);
    let settled = world.settled(tab, "t1");
    assert_eq!(word(&world.wait(settled)), "charged");
    assert_eq!(sent(&world), ["f:poison", "f:poison", "f:t1"]);
}

#[test]
fn charges_lost_at_the_beginning_of_an_outage_go_along_with_the_others_after_it() {
    let mut world = World::with(|config| config.max_attempts = 1);
    let tab = world.start();
    world.run_for(2_000);
    world.server.fault(On::Charge, 1, Fault::LoseAnswer);
    world.server.fault(On::Balance, 3, Fault::LoseRequest);
    let call = world.charge(tab, "lost", 1);
    assert!(word(&world.wait(call)).starts_with("unknown"));
    for task in ["t1", "t2"] {
        let call = world.charge(tab, task, 1);
        assert_eq!(word(&world.wait(call)), "queued Unreachable");
    }
    world.settle();
    assert_eq!(world.server.count(On::AnyCharge), 2, "{:?}", sent(&world));
    assert_eq!(world.server.balance(), 117);
}

#[test]
fn one_call_at_a_time_finds_out_whether_the_server_lives() {
    let mut world = World::new();
    world.dated = false;
    let tab = world.start();
    world.server.fault(On::Any, 4, Fault::LoseRequest);
    for n in 0..3 {
        let call = world.charge(tab, &format!("t{n}"), 1);
        world.wait(call);
    }
    let before = world.server.count(On::AnyCharge);
    world.server.fault(On::AnyCharge, u32::MAX, Fault::Hang);
    for n in 0..3 {
        world.retry(tab, &format!("t{n}"));
    }
    world.run_for(5_000);
    assert_eq!(world.server.count(On::AnyCharge), before + 1);
    world.server.heal();
    world.settle();
    assert_eq!(world.server.balance(), 117);
}
