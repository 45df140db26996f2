//! Alert episodes: an alert is raised once, until its cause has ended.

use serde_json::json;
use tollbox::core::alert::AlertKind;
use tollbox::core::engine::Event;

use super::outage::alerts;
use super::script::World;
use super::server::{Fault, On, json_answer, problem};

#[test]
fn a_signed_out_client_raises_no_network_or_token_alert() {
    for fault in [
        Fault::LoseRequest,
        Fault::Answer(problem(401, "unauthorized")),
    ] {
        let mut world = World::new();
        let tab = world.start();
        world.server.fault(On::Any, u32::MAX, fault);
        world.charge(tab, "t1", 5);
        // The request is in flight.
        world.run_for(10);
        world.sign_out(tab);
        world.run_for(60_000);
        assert_eq!(alerts(&world, tab), []);
        assert_eq!(world.snapshot(tab).alerts, []);
    }
}

#[test]
fn a_journal_that_cannot_be_read_raises_one_alert() {
    let mut world = World::new();
    let tab = world.start();
    world.fail_load = true;
    for n in 0..10 {
        world.tell(tab, Event::Woke);
        world.charge(tab, &format!("t{n}"), 1);
        world.run_for(10_000);
    }
    assert_eq!(alerts(&world, tab), [AlertKind::StorageDegraded]);
    world.fail_load = false;
    world.run_for(120_000);
    assert_eq!(world.snapshot(tab).alerts, []);
}

#[test]
fn foreign_answers_to_charges_raise_one_outage_alert() {
    let mut world = World::new();
    let tab = world.start();
    world.go_online(false);
    for task in ["t1", "t2"] {
        let call = world.charge(tab, task, 5);
        world.wait(call);
    }
    let again = json!({"idempotency_key": "f:t1", "status": "retry", "problem": {"status": 503}});
    let foreign = json!({"idempotency_key": "another", "status": "charged"});
    let answer = json!({"results": [again, foreign], "balance": 120, "version": 1});
    let answer = Fault::Answer(json_answer(200, answer));
    world.server.fault(On::Batch, 1, answer.clone());
    // After the batch, each charge is sent by itself.
    world.server.fault(On::Charge, 3, answer);
    world.go_online(true);
    world.settle();
    assert!(world.server.count(On::Charge) > 3);
    let kinds = alerts(&world, tab);
    let lost = |kind: &&AlertKind| **kind == AlertKind::NetworkLost;
    // Once for the offline browser, once for four foreign answers.
    assert_eq!(kinds.iter().filter(lost).count(), 2, "{kinds:?}");
    assert_eq!(kinds.last(), Some(&AlertKind::NetworkRestored));
    assert_eq!(world.snapshot(tab).alerts, []);
}

#[test]
fn failures_count_though_the_journal_was_never_read() {
    let mut world = World::with(|config| config.min_samples = 3);
    world.fail_load = true;
    world.fail_write = Box::new(|_, _| true);
    let tab = world.start();
    for n in 0..3 {
        let call = world.charge(tab, &format!("t{n}"), 1);
        world.wait(call);
    }
    let stats = world.snapshot(tab).stats;
    assert_eq!((stats.enqueued, stats.failed), (3, 3), "{stats:?}");
    assert!(alerts(&world, tab).contains(&AlertKind::SuccessRateLow));
}
