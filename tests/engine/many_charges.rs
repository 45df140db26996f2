//! A thousand charges at once.

use super::outcomes::word;
use super::script::World;
use super::server::{Fault, On};

#[test]
fn a_thousand_charges_at_once_take_few_transactions() {
    let mut world = World::with(|config| config.keep_settled = 2_000);
    world.server.top_up(10_000);
    let tab = world.start();
    let calls: Vec<_> = (0..1_000)
        .map(|n| world.charge(tab, &format!("t{n:04}"), 1))
        .collect();
    for call in calls {
        assert_eq!(word(&world.wait(call)), "charged");
    }
    world.settle();
    assert_eq!(world.server.balance(), 9_120);
    assert!(
        world.counts.transactions < 80,
        "{} transactions",
        world.counts.transactions
    );
    assert!(
        world.server.count(On::AnyCharge) < 60,
        "{} requests",
        world.server.count(On::AnyCharge)
    );
    assert_eq!(world.snapshot(tab).stats.charged, 1_000);
    assert_eq!(world.counts.spins, 0);
}

#[test]
fn a_thousand_charges_in_an_outage_are_all_charged_once_after_it() {
    let mut world = World::new();
    world.server.top_up(10_000);
    let tab = world.start();
    world.server.fault(On::AnyCharge, 1, Fault::LoseAnswer);
    world.server.fault(On::Any, 10, Fault::LoseRequest);
    let first = world.charge(tab, "first", 1);
    world.wait(first);
    for n in 0..1_000 {
        world.charge(tab, &format!("t{n:04}"), 1);
    }
    world.settle();
    assert_eq!(world.server.balance(), 9_119);
    assert!(
        world.counts.transactions < 150,
        "{} transactions",
        world.counts.transactions
    );
}
