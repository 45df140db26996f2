//! Keys that a header can't carry as they are: one key is one charge, however the server spells it.

use tollbox::core::charge::{Charge, Key};
use tollbox::core::protocol::Response;

use super::outcomes::word;
use super::server::{Fault, On, problem, with_retry_after};
use super::world::World;

const TASK: &str = "第1/2集 100%";

/// The charge of [`TASK`], without an answer so far, which its user has given up.
fn given_up(decodes_keys: bool, fault: Fault) -> (World, usize) {
    let mut world = World::new();
    world.server.decodes_keys = decodes_keys;
    let tab = world.start();
    world.server.fault(On::Charge, 1, fault);
    world.server.fault(On::Any, u32::MAX, Fault::LoseRequest);
    let call = world.charge(tab, TASK, 5);
    world.wait(call);
    let cancel = world.cancel(tab, TASK);
    assert!(word(&world.wait(cancel)).starts_with("unknown"));
    world.server.heal();
    (world, tab)
}

fn end(world: &mut World, tab: usize) -> String {
    let settled = world.settled(tab, TASK);
    word(&world.wait(settled))
}

/// A charge under this very key.
fn under(world: &World, key: &str) -> Charge {
    Charge {
        key: Key::new(key).unwrap(),
        ..world.request("t1", 5)
    }
}

#[test]
fn a_charge_is_found_at_a_server_that_decodes_keys() {
    let (mut world, tab) = given_up(true, Fault::LoseAnswer);
    assert_eq!(end(&mut world, tab), "charged again");
    assert_eq!(world.server.count(On::LookUp), 2);
    assert_eq!(world.server.count(On::AnyCharge), 1);
}

#[test]
fn a_charge_is_found_at_a_server_that_decodes_nothing() {
    let (mut world, tab) = given_up(false, Fault::LoseAnswer);
    assert_eq!(end(&mut world, tab), "charged again");
    assert_eq!(world.server.count(On::LookUp), 1);
}

#[test]
fn what_was_never_charged_is_so_in_both_spellings() {
    for decodes_keys in [true, false] {
        let (mut world, tab) = given_up(decodes_keys, Fault::LoseRequest);
        assert_eq!(end(&mut world, tab), "failed Cancelled");
        assert_eq!(world.server.count(On::LookUp), 2);
        assert_eq!(world.server.count(On::AnyCharge), 1);
    }
}

/// What the look-up of the raw spelling meets, once.
fn fault_raw(world: &mut World, response: Response) {
    let mut left = 1;
    world.server.rule(move |arrived| {
        let raw = arrived.on == On::LookUp && arrived.keys == [format!("f:{TASK}")];
        (raw && left > 0).then(|| {
            left -= 1;
            Fault::Answer(response.clone())
        })
    });
}

#[test]
fn a_server_without_such_keys_has_never_charged_them() {
    let (mut world, tab) = given_up(false, Fault::LoseRequest);
    fault_raw(&mut world, problem(400, "invalid-key"));
    assert_eq!(end(&mut world, tab), "failed Cancelled");
    assert_eq!(world.server.count(On::LookUp), 2);
}

#[test]
fn both_spellings_are_asked_for_again_where_one_was_not_answered() {
    for setback in [problem(500, "broken"), problem(503, "busy")] {
        let (mut world, tab) = given_up(true, Fault::LoseAnswer);
        fault_raw(&mut world, setback);
        assert_eq!(end(&mut world, tab), "charged again");
        assert_eq!(world.server.count(On::LookUp), 4);
        assert_eq!(world.server.count(On::AnyCharge), 1);
    }
}

#[test]
fn one_keys_charge_is_never_taken_for_that_of_a_key_that_looks_like_it() {
    let mut world = World::new();
    let tab = world.start();
    let spoken = under(&world, "é");
    let call = world.charge_this(tab, spoken);
    assert_eq!(word(&world.wait(call)), "charged");
    world.server.fault(On::Any, u32::MAX, Fault::LoseRequest);
    let spelt = under(&world, "%C3%A9");
    let call = world.charge_this(tab, spelt.clone());
    world.wait(call);
    let cancel = world.cancel_this(tab, spelt.key.clone());
    world.wait(cancel);
    world.server.heal();
    let settled = world.settled_this(tab, spelt.key.clone());
    assert_eq!(word(&world.wait(settled)), "parked RetriesExhausted");
    assert_eq!(world.server.times_charged("%25C3%25A9"), 0);
    // Sent again, it is a charge of its own.
    let retry = world.retry_this(tab, spelt.key);
    assert_eq!(word(&world.wait(retry)), "charged");
    assert_eq!(world.server.balance(), 110);
}

#[test]
fn the_second_question_waits_as_long_as_the_server_asks() {
    let (mut world, tab) = given_up(true, Fault::LoseAnswer);
    world.server.fault(On::LookUp, 1, Fault::Late(1_000));
    let busy = with_retry_after(problem(503, "busy"), "5");
    world.server.fault(On::Charge, 1, Fault::Answer(busy));
    world.refresh(tab);
    world.run_until(|world| world.server.count(On::LookUp) == 1);
    world.charge(tab, "t2", 1);
    assert_eq!(end(&mut world, tab), "charged again");
    assert_eq!(world.server.count(On::LookUp), 3);
}
