//! Keys that a header can't carry as they are: one key is one charge, however the server spells it.

use tollbox::core::protocol::Response;

use super::outcomes::word;
use super::script::{World, key};
use super::server::{Fault, On, problem, with_retry_after};

const TASK: &str = "第1/2集 100%";

/// The cancelled charge of [`TASK`], whose answer was lost.
fn cancelled(decodes_keys: bool, fault: Fault) -> (World, usize) {
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

#[test]
fn a_server_that_decodes_keys_finds_an_encoded_key() {
    let (mut world, tab) = cancelled(true, Fault::LoseAnswer);
    assert_eq!(end(&mut world, tab), "charged again");
    assert_eq!(world.server.count(On::LookUp), 1);
    assert_eq!(world.server.count(On::AnyCharge), 1);
}

#[test]
fn a_server_that_decodes_nothing_finds_an_encoded_key() {
    let (mut world, tab) = cancelled(false, Fault::LoseAnswer);
    assert_eq!(end(&mut world, tab), "charged again");
    assert_eq!(world.server.count(On::LookUp), 2);
}

#[test]
fn a_key_counts_as_never_charged_only_in_both_spellings() {
    for decodes_keys in [true, false] {
        let (mut world, tab) = cancelled(decodes_keys, Fault::LoseRequest);
        assert_eq!(end(&mut world, tab), "failed Cancelled");
        assert_eq!(world.server.count(On::LookUp), 2);
        assert_eq!(world.server.count(On::AnyCharge), 1);
    }
}

/// The answer to the first look-up by the header's spelling.
fn fault_second(world: &mut World, response: Response) {
    let mut left = 1;
    world.server.rule(move |arrived| {
        let spelt = key(TASK).wire();
        let second = arrived.on == On::LookUp && arrived.keys == [spelt];
        (second && left > 0).then(|| {
            left -= 1;
            Fault::Answer(response.clone())
        })
    });
}

#[test]
fn a_key_that_the_server_calls_invalid_was_never_charged() {
    let (mut world, tab) = cancelled(false, Fault::LoseRequest);
    fault_second(&mut world, problem(400, "invalid-key"));
    assert_eq!(end(&mut world, tab), "failed Cancelled");
    assert_eq!(world.server.count(On::LookUp), 2);
}

#[test]
fn both_spellings_are_looked_up_again_if_one_got_no_answer() {
    for setback in [problem(500, "broken"), problem(503, "busy")] {
        let (mut world, tab) = cancelled(false, Fault::LoseAnswer);
        fault_second(&mut world, setback);
        assert_eq!(end(&mut world, tab), "charged again");
        assert_eq!(world.server.count(On::LookUp), 4);
        assert_eq!(world.server.count(On::AnyCharge), 1);
    }
}

/// A charge that meets this, cancelled while the server could not be reached.
fn lose_and_cancel(world: &mut World, tab: usize, task: &str, fault: Fault) {
    world.server.fault(On::Charge, 1, fault);
    world.server.fault(On::Any, u32::MAX, Fault::LoseRequest);
    let call = world.charge(tab, task, 5);
    world.wait(call);
    let cancel = world.cancel(tab, task);
    world.wait(cancel);
    world.server.heal();
}

/// Charges one key, and loses the request of a key that looks like it.
fn look_alikes(decodes_keys: bool, charged: &str, lost: &str) {
    let mut world = World::new();
    world.server.decodes_keys = decodes_keys;
    let tab = world.start();
    let charge = world.request(charged, 5);
    let call = world.charge_this(tab, charge);
    assert_eq!(word(&world.wait(call)), "charged");
    world.server.fault(On::Any, u32::MAX, Fault::LoseRequest);
    let charge = world.request(lost, 5);
    let call = world.charge_this(tab, charge.clone());
    world.wait(call);
    let cancel = world.cancel_this(tab, charge.key.clone());
    world.wait(cancel);
    world.server.heal();
    let settled = world.settled_this(tab, charge.key.clone());
    assert_eq!(word(&world.wait(settled)), "failed Cancelled");
    // When resent, the lost one is a charge of its own.
    let retry = world.retry_this(tab, charge.key);
    assert_eq!(word(&world.wait(retry)), "charged");
    assert_eq!(world.server.balance(), 110);
}

#[test]
fn a_key_is_never_taken_for_its_encoded_look_alike() {
    for decodes_keys in [true, false] {
        look_alikes(decodes_keys, "é", "%C3%A9");
        look_alikes(decodes_keys, "%C3%A9", "é");
    }
}

#[test]
fn an_encoded_key_is_sent_in_no_batch() {
    for decodes_keys in [true, false] {
        let mut world = World::new();
        world.server.decodes_keys = decodes_keys;
        let tab = world.start();
        world.go_online(false);
        for task in [TASK, "t1", "t2", "第3集"] {
            let call = world.charge(tab, task, 5);
            world.wait(call);
        }
        world.go_online(true);
        world.settle();
        assert_eq!(world.server.count(On::Batch), 1);
        assert_eq!(world.server.count(On::AnyCharge), 3);
        assert_eq!(world.server.balance(), 100);
    }
}

#[test]
fn the_look_up_of_the_second_spelling_respects_retry_after() {
    let (mut world, tab) = cancelled(false, Fault::LoseAnswer);
    world.server.fault(On::LookUp, 1, Fault::Late(1_000));
    let busy = with_retry_after(problem(503, "busy"), "5");
    world.server.fault(On::Charge, 1, Fault::Answer(busy));
    world.refresh(tab);
    world.run_until(|world| world.server.count(On::LookUp) == 1);
    world.charge(tab, "t2", 1);
    assert_eq!(end(&mut world, tab), "charged again");
    assert_eq!(world.server.count(On::LookUp), 3);
}

#[test]
fn a_rejected_look_up_by_the_second_spelling_is_no_proof_that_nothing_was_charged() {
    for rejection in [problem(403, "forbidden"), problem(410, "gone")] {
        let (mut world, tab) = cancelled(false, Fault::LoseAnswer);
        fault_second(&mut world, rejection);
        assert_eq!(end(&mut world, tab), "parked RetriesExhausted");
        let retry = world.retry(tab, TASK);
        assert_eq!(word(&world.wait(retry)), "charged again");
        assert_eq!(world.server.balance(), 115);
    }
}

#[test]
fn a_look_alike_of_a_charged_key_is_found_by_its_own_receipt() {
    for decodes_keys in [true, false] {
        for (charged, lost) in [("é", "%C3%A9"), ("%C3%A9", "é")] {
            let mut world = World::new();
            world.server.decodes_keys = decodes_keys;
            let tab = world.start();
            let call = world.charge(tab, charged, 5);
            assert_eq!(word(&world.wait(call)), "charged");
            lose_and_cancel(&mut world, tab, lost, Fault::LoseAnswer);
            let settled = world.settled(tab, lost);
            assert_eq!(word(&world.wait(settled)), "charged again", "{lost}");
            assert_eq!(world.server.balance(), 110);
        }
    }
}

#[test]
fn a_look_alike_of_a_declined_key_is_found_charged() {
    for decodes_keys in [true, false] {
        let mut world = World::new();
        world.server.decodes_keys = decodes_keys;
        let tab = world.start();
        let call = world.charge(tab, "é", 500);
        assert_eq!(word(&world.wait(call)), "declined InsufficientBalance");
        lose_and_cancel(&mut world, tab, "%C3%A9", Fault::LoseAnswer);
        let settled = world.settled(tab, "%C3%A9");
        assert_eq!(word(&world.wait(settled)), "charged again");
    }
}

#[test]
fn a_key_is_not_called_charged_by_what_may_be_its_look_alikes_receipt() {
    for decodes_keys in [true, false] {
        for (charged, lost) in [("é", "%C3%A9"), ("%C3%A9", "é")] {
            let mut world = World::new();
            world.server.decodes_keys = decodes_keys;
            let tab = world.start();
            // One was charged, the other was not; both answers are lost.
            world.server.fault(On::Charge, 1, Fault::LoseAnswer);
            world.server.fault(On::Any, u32::MAX, Fault::LoseRequest);
            let calls = [charged, lost].map(|task| world.charge(tab, task, 5));
            for call in calls {
                assert!(word(&world.wait(call)).starts_with("unknown"));
            }
            let cancel = world.cancel(tab, lost);
            world.wait(cancel);
            world.server.heal();
            world.server.fault(On::AnyCharge, u32::MAX, Fault::Hang);
            let settled = world.settled(tab, lost);
            world.run_for(60_000);
            if world.answers.contains_key(&settled) {
                let said = word(world.outcome(settled));
                assert!(
                    !said.starts_with("charged"),
                    "{decodes_keys} {lost}: {said}"
                );
            }
            world.server.heal();
            let retry = world.retry(tab, charged);
            assert_eq!(word(&world.wait(retry)), "charged again");
            let retry = world.retry(tab, lost);
            assert_eq!(word(&world.wait(retry)), "charged");
            assert_eq!(world.server.balance(), 110);
        }
    }
}

#[test]
fn a_signed_out_tab_sends_no_look_up_by_the_second_spelling() {
    let (mut world, tab) = cancelled(true, Fault::LoseRequest);
    world.server.fault(On::LookUp, 1, Fault::Late(500));
    world.refresh(tab);
    world.run_until(|world| world.server.count(On::LookUp) == 1);
    world.sign_out(tab);
    world.run_for(60_000);
    assert_eq!(world.server.count(On::LookUp), 1);
}
