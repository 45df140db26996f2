//! Charging or retrying while a cancelled charge is being looked up: the look-up is no answer to
//! that call.

use tollbox::core::engine::Event;

use super::outcomes::word;
use super::script::World;
use super::server::{Fault, On, problem};

/// A cancelled charge during its look-up, when its request can no longer arrive.
fn looked_up(commit_ms: u64) -> (World, usize) {
    let mut world = World::new();
    world.commit_ms = commit_ms;
    let tab = world.start();
    world.server.fault(On::Charge, 1, Fault::LoseRequest);
    // The first look-ups come too early to be certain.
    let broken = Fault::Answer(problem(500, "broken"));
    world.server.fault(On::LookUp, 1, broken);
    world.server.fault(On::LookUp, u32::MAX, Fault::Late(200));
    world.charge(tab, "t1", 5);
    world.run_for(150);
    world.cancel(tab, "t1");
    world.run_until(|world| world.server.count(On::LookUp) == 3);
    (world, tab)
}

#[test]
fn charge_or_retry_during_a_cancels_look_up_is_charged() {
    for commit_ms in [1, 40] {
        for after_ms in (0..=300).step_by(10) {
            for retries in [false, true] {
                let (mut world, tab) = looked_up(commit_ms);
                world.run_for(after_ms);
                let call = match retries {
                    true => world.retry(tab, "t1"),
                    false => world.charge(tab, "t1", 5),
                };
                let said = word(&world.wait(call));
                assert_eq!(said, "charged", "{commit_ms}, {after_ms}");
            }
        }
    }
}

#[test]
fn a_charge_that_stops_waiting_during_a_cancels_look_up_is_unknown() {
    for commit_ms in [40, 100] {
        let (mut world, tab) = looked_up(commit_ms);
        // Its end is being written.
        world.run_for(205);
        let call = world.charge(tab, "t1", 5);
        world.run_for(commit_ms);
        world.tell(tab, Event::StopWaiting { call });
        let said = word(&world.wait(call));
        assert!(said.starts_with("unknown"), "{said}");
        world.settle();
        assert_eq!(world.server.times_charged("f:t1"), 1);
    }
}
