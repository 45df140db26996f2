//! Look-ups of cancelled and parked charges at a server that does not answer them.

use tollbox::core::alert::AlertKind;
use tollbox::core::record::State;

use super::flush::{progress_told, report};
use super::outage::alerts;
use super::outcomes::word;
use super::script::{World, key};
use super::server::{Fault, On, page, problem, with_retry_after};

const HOUR_MS: u64 = 3_600_000;

/// A charge whose answer was lost, cancelled while the server could not be reached.
fn cancelled(world: &mut World) -> usize {
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
fn a_cancelled_charge_is_parked_if_it_can_never_be_looked_up() {
    for mute in [problem(403, "no-look-ups"), page(200)] {
        let mut world = World::new();
        let tab = cancelled(&mut world);
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
fn a_cancelled_charge_is_looked_up_until_a_failing_server_recovers() {
    let mut world = World::new();
    let tab = cancelled(&mut world);
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
fn a_second_cancel_looks_up_at_once() {
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

/// A charge that is parked because one look-up was rejected; the server has recovered since.
fn parked(world: &mut World, first: Fault) -> usize {
    let tab = world.start();
    world.server.fault(On::Charge, 1, first);
    let mute = Fault::Answer(problem(403, "no-look-ups"));
    world.server.fault(On::LookUp, 1, mute);
    world.charge(tab, "t1", 5);
    let settled = world.settled(tab, "t1");
    assert_eq!(word(&world.wait(settled)), "parked RetriesExhausted");
    tab
}

#[test]
fn a_flush_looks_up_parked_charges_before_sending_them() {
    for (first, sendings) in [(Fault::LoseAnswer, 1), (Fault::LoseRequest, 2)] {
        let mut world = World::with(|config| config.max_total_attempts = 1);
        let tab = parked(&mut world, first);
        // A lost request can no longer arrive.
        world.run_for(10_000);
        let look_ups = world.server.count(On::LookUp);
        let flush = world.flush(tab);
        let report = report(&mut world, flush);
        assert_eq!((report.charged, report.remaining), (1, 0));
        assert_eq!(world.server.count(On::LookUp), look_ups + 1);
        assert_eq!(world.server.count(On::AnyCharge), sendings);
        assert_eq!(world.server.times_charged("f:t1"), 1);
    }
}

#[test]
fn a_flush_leaves_charges_parked_that_cannot_be_looked_up() {
    let mut world = World::with(|config| config.max_total_attempts = 1);
    let tab = parked(&mut world, Fault::LoseAnswer);
    let mute = Fault::Answer(problem(403, "no-look-ups"));
    world.server.fault(On::LookUp, u32::MAX, mute);
    let flush = world.flush(tab);
    let report = report(&mut world, flush);
    assert_eq!((report.charged, report.unknown), (0, 1));
    assert_eq!(world.server.count(On::AnyCharge), 1);
    assert_eq!(world.snapshot(tab).balance.unwrap().held.get(), 5);
}

#[test]
fn failing_look_ups_hold_back_no_charge() {
    let mut world = World::new();
    let tab = world.start();
    let broken = || Fault::Answer(problem(500, "broken"));
    world.server.fault(On::Charge, 1, broken());
    world.charge(tab, "t1", 5);
    world.run_for(100);
    world.cancel(tab, "t1");
    world.server.fault(On::LookUp, u32::MAX, broken());
    world.run_for(300_000);
    world.server.fault(On::Charge, 1, broken());
    let call = world.charge(tab, "t2", 5);
    assert_eq!(word(&world.wait(call)), "charged");
    world.server.heal();
}

#[test]
fn a_cancelled_charge_is_parked_only_after_three_foreign_answers() {
    let mut world = World::new();
    let tab = cancelled(&mut world);
    world.server.fault(On::LookUp, 2, Fault::Answer(page(200)));
    let settled = world.settled(tab, "t1");
    assert_eq!(word(&world.wait(settled)), "charged again");
    assert_eq!(world.server.count(On::LookUp), 3);
    assert_eq!(world.server.count(On::AnyCharge), 1);
}

#[test]
fn a_foreign_answer_to_a_look_up_raises_an_alert_until_the_server_answers() {
    let mut world = World::with(|config| config.max_attempts = 1);
    let tab = world.start();
    let broken = Fault::AnswerAfter(problem(500, "broken"));
    world.server.fault(On::Charge, 1, broken);
    world.server.fault(On::LookUp, 1, Fault::Answer(page(200)));
    world.server.fault(On::LookUp, 1, Fault::Hang);
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    world.cancel(tab, "t1");
    // A balance is answered, and the charge is still in doubt.
    world.run_until(|world| world.server.count(On::LookUp) == 2);
    assert_eq!(world.snapshot(tab).stats.open, 1);
    assert_eq!(
        alerts(&world, tab),
        [AlertKind::NetworkLost, AlertKind::NetworkRestored]
    );
    world.settle();
}

#[test]
fn a_charge_that_a_flush_looks_up_before_sending_counts_once() {
    let mut world = World::with(|config| config.max_total_attempts = 1);
    let tab = parked(&mut world, Fault::LoseRequest);
    world.run_for(10_000);
    let before = progress_told(&world, tab).len();
    let flush = world.flush(tab);
    assert_eq!(report(&mut world, flush).charged, 1);
    assert_eq!(progress_told(&world, tab)[before..], [(1, 1)]);
}

#[test]
fn a_flush_does_not_wait_for_another_look_up() {
    let mut world = World::with(|config| {
        config.max_total_attempts = 1;
        config.backoff.base_ms = 60_000;
    });
    let tab = parked(&mut world, Fault::LoseAnswer);
    let broken = Fault::Answer(problem(500, "broken"));
    world.server.fault(On::LookUp, u32::MAX, broken);
    let flush = world.flush(tab);
    world.run_for(100);
    assert!(world.answers.contains_key(&flush));
    let report = report(&mut world, flush);
    assert_eq!((report.charged, report.remaining), (0, 1));
    world.server.heal();
}

#[test]
fn waiting_for_the_end_of_a_cancelled_charge_hastens_no_look_up() {
    let mut world = World::with(|config| {
        config.backoff.base_ms = 60_000;
        config.max_attempts = 1;
    });
    let tab = world.start();
    let broken = Fault::Answer(problem(500, "broken"));
    world.server.fault(On::Any, u32::MAX, broken);
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    let cancel = world.cancel(tab, "t1");
    world.wait(cancel);
    let look_ups = world.server.count(On::LookUp);
    world.server.heal();
    let settled = world.settled(tab, "t1");
    world.run_for(200);
    assert_eq!(world.server.count(On::LookUp), look_ups);
    assert_eq!(word(&world.wait(settled)), "failed Cancelled");
}

#[test]
fn lost_look_ups_hold_back_no_charge() {
    let mut world = World::with(|config| {
        config.backoff.base_ms = HOUR_MS;
        config.backoff.max_ms = HOUR_MS;
    });
    let tab = world.start();
    // The server's clock is known from here on, so a balance shows that it lives.
    let call = world.charge(tab, "t0", 5);
    world.wait(call);
    let broken = Fault::Answer(problem(500, "broken"));
    world.server.fault(On::Charge, 2, broken);
    world.server.fault(On::LookUp, u32::MAX, Fault::LoseRequest);
    for task in ["t1", "t2"] {
        let call = world.charge(tab, task, 5);
        world.wait(call);
    }
    for task in ["t1", "t2"] {
        world.cancel(tab, task);
        world.run_for(5_000);
    }
    assert_eq!(world.server.count(On::LookUp), 2);
    let busy = with_retry_after(problem(503, "busy"), "2");
    world.server.fault(On::Charge, 1, Fault::Answer(busy));
    let call = world.charge(tab, "t3", 5);
    let outcome = world.wait(call);
    assert_eq!((word(&outcome).as_str(), outcome.attempts), ("charged", 2));
}

#[test]
fn a_look_up_that_is_due_leaves_though_charges_are_held_back() {
    let mut world = World::with(|config| {
        config.max_attempts = 1;
        config.backoff.base_ms = HOUR_MS;
        config.backoff.max_ms = HOUR_MS;
    });
    let tab = world.start();
    // It times out, and may arrive for a while longer.
    world.server.fault(On::Charge, 1, Fault::Hang);
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    world.run_for(2_100);
    let cancel = world.cancel(tab, "t1");
    world.run_for(200);
    assert_eq!(world.server.count(On::LookUp), 1);
    // Charges are lost, while the server lives.
    world
        .server
        .fault(On::AnyCharge, u32::MAX, Fault::LoseRequest);
    let lost = world.charge(tab, "t2", 5);
    world.run_for(200);
    let waiting = match world.record(&key("t1")).unwrap().state() {
        State::Waiting(waiting) => waiting.clone(),
        other => panic!("{other:?}"),
    };
    world.run_for(waiting.next_attempt_at_ms() - world.now.wall_ms + 50);
    assert_eq!(world.server.count(On::LookUp), 2);
    assert_eq!(word(world.outcome(cancel)), "failed Cancelled");
    assert!(word(world.outcome(lost)).starts_with("unknown"));
    world.server.heal();
}
