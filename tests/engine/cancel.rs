//! Cancelling a charge.

use tollbox::core::locale::Locale;
use tollbox::core::outcome::{FailureReason, What};
use tollbox::core::record::State;

use super::attempts::{end_of_all_attempts, few_attempts};
use super::outcomes::word;
use super::script::{World, key};
use super::server::{Fault, On, problem};

#[test]
fn cancel_before_the_first_attempt_sends_nothing() {
    let mut world = World::new();
    let tab = world.start();
    world.go_online(false);
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    let settled = world.settled(tab, "t1");
    let cancel = world.cancel(tab, "t1");
    assert_eq!(word(&world.wait(cancel)), "failed Cancelled");
    assert_eq!(word(&world.wait(settled)), "failed Cancelled");
    assert_eq!(world.snapshot(tab).balance.unwrap().available.get(), 120);
    world.go_online(true);
    world.run_for(120_000);
    assert_eq!(world.server.count(On::AnyCharge), 0);
}

#[test]
fn cancel_succeeds_if_a_look_up_finds_no_charge() {
    let mut world = World::with(|config| config.max_attempts = 1);
    let tab = world.start();
    world.server.fault(
        On::AnyCharge,
        u32::MAX,
        Fault::Answer(problem(500, "broken")),
    );
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    let cancel = world.cancel(tab, "t1");
    assert_eq!(word(&world.wait(cancel)), "failed Cancelled");
    world.server.heal();
    world.run_for(120_000);
    assert_eq!(world.server.times_charged("f:t1"), 0);
}

#[test]
fn cancel_of_a_charge_already_made_says_charged() {
    let mut world = World::with(|config| config.max_attempts = 1);
    let tab = world.start();
    world.server.fault(
        On::AnyCharge,
        u32::MAX,
        Fault::AnswerAfter(problem(500, "broken")),
    );
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    let cancel = world.cancel(tab, "t1");
    assert_eq!(word(&world.wait(cancel)), "charged again");
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

#[test]
fn cancel_in_an_outage_is_unknown_and_resends_nothing() {
    let mut world = World::new();
    let tab = world.start();
    world.server.fault(On::Charge, 1, Fault::LoseRequest);
    world.server.fault(On::Any, 20, Fault::LoseRequest);
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    let cancel = world.cancel(tab, "t1");
    let outcome = world.wait(cancel);
    assert_eq!(word(&outcome), "unknown Unreachable");
    assert!(matches!(
        outcome.what,
        What::Unknown {
            resolving: true,
            ..
        }
    ));
    world.settle();
    assert_eq!(world.server.times_charged("f:t1"), 0);
    let settled = world.settled(tab, "t1");
    assert_eq!(word(&world.wait(settled)), "failed Cancelled");
}

#[test]
fn cancel_during_a_request_waits_for_its_answer() {
    let mut world = World::new();
    let tab = world.start();
    world.server.fault(On::Charge, 1, Fault::Late(500));
    let call = world.charge(tab, "t1", 5);
    world.run_for(50);
    let cancel = world.cancel(tab, "t1");
    assert_eq!(word(&world.wait(cancel)), "charged");
    assert_eq!(word(&world.wait(call)), "charged");
}

#[test]
fn cancel_of_a_parked_charge_looks_it_up_once_more() {
    let (mut world, tab) = few_attempts();
    world.server.fault(
        On::LookUp,
        u32::MAX,
        Fault::Answer(problem(403, "no-look-ups")),
    );
    end_of_all_attempts(&mut world, tab, Fault::Answer(problem(500, "broken")));
    let cancel = world.cancel(tab, "t1");
    assert!(!word(&world.wait(cancel)).starts_with("failed"));
    world.settle();
    world.server.heal();
    let cancel = world.cancel(tab, "t1");
    assert_eq!(word(&world.wait(cancel)), "failed Cancelled");
    assert_eq!(world.server.times_charged("f:t1"), 0);
}

#[test]
fn a_cancelled_charge_can_be_retried() {
    let mut world = World::new();
    let tab = world.start();
    world.go_online(false);
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    let cancel = world.cancel(tab, "t1");
    world.wait(cancel);
    world.go_online(true);
    let retry = world.retry(tab, "t1");
    assert_eq!(word(&world.wait(retry)), "charged");
    assert!(!matches!(
        world.record(&key("t1")).unwrap().state(),
        State::Waiting(_)
    ));
}

#[test]
fn charging_again_during_the_look_up_withdraws_the_cancel() {
    let mut world = World::with(|config| {
        config.max_attempts = 1;
        config.backoff.base_ms = 60_000;
    });
    let tab = world.start();
    world.server.fault(On::Charge, 1, Fault::LoseRequest);
    world.server.fault(On::LookUp, 1, Fault::Late(3_000));
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    world.run_for(2_500);
    assert_eq!(world.server.count(On::AnyCharge), 1);
    let cancel = world.cancel(tab, "t1");
    world.run_until(|world| world.server.count(On::LookUp) == 1);
    // Charged again while the look-up is in flight.
    let again = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(again)), "charged");
    world.wait(cancel);
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

#[test]
fn cancel_details_tell_unsent_charges_from_looked_up_ones() {
    for (locale, unsent, looked_up) in [
        (
            Locale::En,
            "given up before it was sent",
            "given up; nothing was taken",
        ),
        (Locale::ZhCn, "已在发送前取消", "已取消，没有扣费"),
    ] {
        let mut world = World::with(|config| config.locale = locale);
        let tab = world.start();
        world.server.fault(On::Charge, 1, Fault::LoseRequest);
        let call = world.charge(tab, "sent", 5);
        world.run_until(|world| world.server.count(On::Charge) == 1);
        let cancel = world.cancel(tab, "sent");
        world.wait(cancel);
        world.settle();
        world.wait(call);
        world.go_online(false);
        let call = world.charge(tab, "unsent", 5);
        world.wait(call);
        for (task, said) in [("sent", looked_up), ("unsent", unsent)] {
            let cancel = world.cancel(tab, task);
            let What::Failed { reason, detail, .. } = world.wait(cancel).what else {
                panic!()
            };
            assert_eq!((reason, detail.as_str()), (FailureReason::Cancelled, said));
        }
    }
}
