//! The world of a scenario notices promises that are broken, whatever the scenario itself asks.

use tollbox_server::ledger::ChargeRequest;

use super::script::{World, key};
use super::world::server::ACCOUNT;

#[test]
#[should_panic(expected = "2 nothing lost")]
fn a_scenario_fails_if_a_promised_charge_is_lost() {
    let mut world = World::new();
    let tab = world.start();
    world.go_online(false);
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    world.journal.records.remove(&key("t1"));
}

#[test]
#[should_panic(expected = "1 at most once")]
fn a_scenario_fails_if_a_thing_is_charged_twice() {
    let mut world = World::new();
    let tab = world.start();
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    let again = ChargeRequest::new("another-key", "t1", "f", 5).unwrap();
    world
        .server
        .ledger
        .charge(ACCOUNT, &again, 0, "c2".to_owned());
    world.refresh(tab);
    world.run_for(100);
}
