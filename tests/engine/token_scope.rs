//! Servers that accept the token for some kinds of requests only.

use tollbox::core::alert::AlertKind;

use super::outage::alerts;
use super::outcomes::word;
use super::script::World;
use super::server::{Fault, On, problem};

fn refusing(on: On) -> (World, usize) {
    let mut world = World::new();
    let tab = world.start();
    world
        .server
        .fault(on, u32::MAX, Fault::Answer(problem(401, "unauthorized")));
    (world, tab)
}

#[test]
fn charges_rejected_while_balances_are_answered_pause_the_queue() {
    for open in [1, 40] {
        let (mut world, tab) = refusing(On::AnyCharge);
        for n in 0..open {
            world.charge(tab, &format!("t{n}"), 1);
        }
        world.settle_calls();
        let before = world.server.arrived.len();
        world.run_for(600_000);
        let arrived = &world.server.arrived[before..];
        let refreshed = arrived.iter().filter(|a| a.refresh_token).count();
        assert!(arrived.len() < 50, "{} requests", arrived.len());
        assert!(refreshed < 45, "{refreshed} new tokens");
        assert_eq!(alerts(&world, tab), [AlertKind::Unauthorized]);
        world.server.heal();
        world.settle();
        assert_eq!(world.server.balance(), 120 - open);
    }
}

#[test]
fn a_token_rejected_for_balances_only_holds_back_no_charge() {
    let (mut world, tab) = refusing(On::Balance);
    world.refresh(tab);
    world.run_for(1_000);
    assert_eq!(alerts(&world, tab), [AlertKind::Unauthorized]);
    let call = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(call)), "charged");
}

#[test]
fn a_token_rejected_for_look_ups_only_holds_back_no_charge() {
    let (mut world, tab) = refusing(On::LookUp);
    world.server.fault(On::Charge, 1, Fault::LoseAnswer);
    let call = world.charge(tab, "t1", 5);
    world.run_for(20);
    world.cancel(tab, "t1");
    world.wait(call);
    world.run_for(60_000);
    let before = world.server.arrived.len();
    for n in 2..5 {
        let call = world.charge(tab, &format!("t{n}"), 5);
        assert_eq!(word(&world.wait(call)), "charged");
        world.run_for(120_000);
    }
    let requests = world.server.arrived.len() - before;
    assert!(requests < 60, "{requests} requests in six minutes");
    world.server.heal();
    world.settle();
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

#[test]
fn an_accepted_look_up_gives_a_rejected_charge_no_new_try() {
    // The key has to be looked up before each sending, and look-ups are accepted.
    let mut world = World::with(|config| config.key_ttl_ms = 1);
    let tab = world.start();
    world.server.fault(On::AnyCharge, 1, Fault::LoseRequest);
    let rejection = Fault::Answer(problem(401, "unauthorized"));
    let call = world.charge(tab, "t1", 5);
    world.run_for(100);
    world.server.fault(On::AnyCharge, u32::MAX, rejection);
    world.wait(call);
    world.run_for(1_000);
    let before = world.server.arrived.len();
    world.run_for(600_000);
    let requests = world.server.arrived.len() - before;
    assert!(requests < 90, "{requests} requests in ten minutes");
    world.server.heal();
    world.settle();
    assert_eq!(world.server.times_charged("f:t1"), 1);
}
