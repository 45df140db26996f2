//! Looking up what was given up, where the server won't tell.

use super::outcomes::word;
use super::server::{Fault, On, page, problem};
use super::world::World;

/// A charge whose answer was lost, and which was given up while the server could not be reached.
fn given_up(world: &mut World) -> usize {
    let tab = world.start();
    world.server.fault(On::Charge, 1, Fault::LoseAnswer);
    world.server.fault(On::Any, u32::MAX, Fault::LoseRequest);
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    let cancel = world.cancel(tab, "t1");
    assert!(word(&world.wait(cancel)).starts_with("unknown"));
    world.server.heal();
    tab
}

#[test]
fn what_was_given_up_is_parked_where_the_server_will_never_tell() {
    for mute in [problem(403, "no-look-ups"), page(200)] {
        let mut world = World::new();
        let tab = given_up(&mut world);
        world
            .server
            .fault(On::LookUp, u32::MAX, Fault::Answer(mute));
        let settled = world.settled(tab, "t1");
        assert_eq!(word(&world.wait(settled)), "parked RetriesExhausted");
        let look_ups = world.server.count(On::LookUp);
        assert!(look_ups <= 3, "{look_ups} look-ups");
        world.run_for(3_600_000);
        assert_eq!(world.server.count(On::LookUp), look_ups);
        assert_eq!(world.server.count(On::AnyCharge), 1);
    }
}

#[test]
fn what_was_given_up_is_looked_up_until_a_failing_server_tells() {
    let mut world = World::new();
    let tab = given_up(&mut world);
    world
        .server
        .fault(On::LookUp, 6, Fault::Answer(problem(500, "broken")));
    let settled = world.settled(tab, "t1");
    assert_eq!(word(&world.wait(settled)), "charged again");
    assert_eq!(
        (
            world.server.count(On::LookUp),
            world.server.count(On::AnyCharge)
        ),
        (7, 1)
    );
}

#[test]
fn who_gives_up_again_has_the_server_asked_at_once() {
    let mut world = World::with(|config| {
        config.backoff.base_ms = 60_000;
        config.max_attempts = 1;
    });
    let tab = world.start();
    world
        .server
        .fault(On::Any, u32::MAX, Fault::Answer(problem(500, "broken")));
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    let cancel = world.cancel(tab, "t1");
    assert!(word(&world.wait(cancel)).starts_with("unknown"));
    let look_ups = world.server.count(On::LookUp);
    world.server.heal();
    let again = world.cancel(tab, "t1");
    assert_eq!(word(&world.wait(again)), "failed Cancelled");
    assert_eq!(world.server.count(On::LookUp), look_ups + 1);
}
