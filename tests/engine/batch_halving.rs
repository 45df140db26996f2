//! Batches that something on the way finds too large.

use super::outage::alerts;
use super::outcomes::word;
use super::script::World;
use super::server::{Fault, On, page, problem};
use tollbox::core::alert::AlertKind;
use tollbox::core::outcome::What;
use tollbox::core::protocol::Response;
use tollbox::core::snapshot::Network;

/// A hundred queued charges, and a limit of `most` charges per request.
fn limited(most: usize, too_large: Response) -> (World, usize) {
    let mut world = World::new();
    let tab = world.start();
    world.run_for(2_000);
    world.go_online(false);
    for n in 0..100 {
        let call = world.charge(tab, &format!("t{n:03}"), 1);
        world.wait(call);
    }
    world.server.rule(move |arrived| {
        let too_many = arrived.is_for(On::AnyCharge) && arrived.keys.len() > most;
        too_many.then(|| Fault::Answer(too_large.clone()))
    });
    world.go_online(true);
    (world, tab)
}

#[test]
fn a_batch_too_large_is_halved_and_the_size_remembered() {
    for too_large in [page(413), problem(413, "too-large")] {
        let (mut world, tab) = limited(66, too_large);
        world.settle();
        assert_eq!(world.server.count(On::AnyCharge), 3);
        assert_eq!(world.server.count(On::Batch), 3);
        assert_eq!(world.server.balance(), 20);
        let told = alerts(&world, tab);
        assert!(
            told.iter()
                .filter(|kind| **kind == AlertKind::NetworkLost)
                .count()
                <= 1
        );
        assert_eq!(world.snapshot(tab).network, Network::Online);
    }
}

#[test]
fn batch_halving_ends_at_single_charges() {
    let (mut world, _) = limited(1, page(413));
    world.settle();
    assert_eq!(world.server.count(On::Batch), 7);
    assert_eq!(world.server.balance(), 20);
}

#[test]
fn a_single_charge_too_large_is_parked_and_blocks_no_other() {
    let mut world = World::new();
    let tab = world.start();
    world.server.rule(|arrived| {
        let large = arrived.keys.iter().any(|key| key.ends_with("large"));
        (large && arrived.is_for(On::AnyCharge)).then(|| Fault::Answer(page(413)))
    });
    let call = world.charge(tab, "large", 1);
    let outcome = world.wait(call);
    let What::Unknown {
        resolving: false,
        detail,
        ..
    } = &outcome.what
    else {
        panic!("{outcome:?}")
    };
    assert!(
        detail.contains("413") && detail.contains("too large"),
        "{detail}"
    );
    assert_eq!(world.snapshot(tab).network, Network::Online);
    let other = world.charge(tab, "other", 1);
    assert_eq!(word(&world.wait(other)), "charged");
    assert_eq!(alerts(&world, tab), []);
}

#[test]
fn a_single_charge_too_large_is_tried_once_more_before_it_is_parked() {
    let mut world = World::new();
    let tab = world.start();
    world.server.fault(On::Charge, 1, Fault::Answer(page(413)));
    let call = world.charge(tab, "t1", 1);
    let outcome = world.wait(call);
    assert_eq!((word(&outcome).as_str(), outcome.attempts), ("charged", 2));
}
