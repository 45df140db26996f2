//! A server that forgets keys after a time: what may have been forgotten is looked up, never
//! sent again unasked.

use super::outcomes::word;
use super::server::{Fault, On, Server, problem};
use super::world::World;

const DAY_MS: u64 = 86_400_000;

/// A charge was made, its answer was lost, and the server has forgotten the key since. The
/// client could not find out, and has parked it.
fn parked(world: &mut World) -> usize {
    world.server = Server::new(120, Some(DAY_MS));
    let tab = world.start();
    world.server.fault(On::Charge, 1, Fault::LoseAnswer);
    world.server.fault(On::Any, u32::MAX, Fault::LoseRequest);
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    world.run_for(DAY_MS + 60_000);
    world.server.heal();
    let mute = problem(403, "no-look-ups");
    world.server.fault(On::LookUp, 1, Fault::Answer(mute));
    let settled = world.settled(tab, "t1");
    assert_eq!(word(&world.wait(settled)), "parked KeyExpired");
    assert_eq!(world.server.times_charged("f:t1"), 1);
    tab
}

#[test]
fn a_retry_of_what_may_be_forgotten_asks_first() {
    let mut world = World::new();
    let tab = parked(&mut world);
    let retry = world.retry(tab, "t1");
    assert!(word(&world.wait(retry)).starts_with("charged"));
    world.settle();
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

#[test]
fn charging_what_may_be_forgotten_asks_first() {
    let mut world = World::new();
    let tab = parked(&mut world);
    let charge = world.tab(tab).seen.values().next().unwrap().clone();
    let mut again = world.request("t1", charge.amount.get());
    again.created_at_ms = charge.created_at;
    let call = world.charge_this(tab, again);
    assert!(word(&world.wait(call)).starts_with("charged"));
    world.settle();
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

#[test]
fn a_flush_of_what_may_be_forgotten_asks_first() {
    let mut world = World::new();
    let tab = parked(&mut world);
    world.flush(tab);
    world.settle();
    assert_eq!(world.server.times_charged("f:t1"), 1);
}
