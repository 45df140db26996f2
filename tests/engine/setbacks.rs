//! Setbacks, answers without a verdict: what they change for the network, for other charges, and in
//! the details that people read.

use serde_json::json;
use tollbox::core::alert::AlertKind;
use tollbox::core::engine::Answer;
use tollbox::core::outcome::{Outcome, What};
use tollbox::core::protocol::Response;
use tollbox::core::protocol::answer::BODY_LIMIT;
use tollbox::core::snapshot::Network;

use super::outage::alerts;
use super::outcomes::word;
use super::script::World;
use super::server::{Fault, On, json_answer, page, problem, with_retry_after};

fn detail(outcome: &Outcome) -> &str {
    match &outcome.what {
        What::Queued { detail, .. }
        | What::Unknown { detail, .. }
        | What::Declined { detail, .. }
        | What::Failed { detail, .. } => detail,
        What::Charged { .. } => "",
    }
}

/// A tab that took on two charges while it was offline.
fn with_two(world: &mut World) -> usize {
    let tab = world.start();
    world.go_online(false);
    for task in ["t1", "t2"] {
        world.charge(tab, task, 1);
    }
    world.settle_calls();
    tab
}

#[test]
fn an_error_of_the_servers_own_is_no_outage() {
    for (answer, network) in [
        (problem(409, "request-in-progress"), Network::Online),
        (page(409), Network::Unreachable),
        (problem(500, "broken"), Network::Online),
        (page(502), Network::Unreachable),
    ] {
        let mut world = World::new();
        let tab = world.start();
        world.server.fault(On::Charge, 1, Fault::Answer(answer));
        world.server.fault(On::Any, u32::MAX, Fault::Hang);
        world.charge(tab, "t1", 5);
        world.run_for(30);
        assert_eq!(world.snapshot(tab).network, network);
    }
}

#[test]
fn an_answer_over_the_body_limit_is_not_read() {
    for (longer_by, said) in [(0, "charged"), (1, "unknown ServerError")] {
        let mut world = World::new();
        let tab = world.start();
        let body = json!({"charge_id": "c9", "idempotency_key": "f:t1", "amount": 5,
            "charged_at": "2026-01-01T00:00:00Z", "balance": 115, "version": 2});
        let answer = json_answer(201, body);
        let spaces = BODY_LIMIT - answer.body.len() + longer_by;
        let long = Response {
            body: format!("{}{}", answer.body, " ".repeat(spaces)),
            ..answer
        };
        world.server.fault(On::Charge, 1, Fault::AnswerAfter(long));
        world.server.fault(On::Any, u32::MAX, Fault::LoseRequest);
        let call = world.charge(tab, "t1", 5);
        assert_eq!(word(&world.wait(call)), said);
        world.server.heal();
        world.settle();
        assert_eq!(world.server.times_charged("f:t1"), 1);
    }
}

#[test]
fn a_batch_answer_without_its_results_is_alerted() {
    let mut world = World::new();
    let tab = with_two(&mut world);
    let answer = json_answer(200, json!({"results": [], "balance": 120, "version": 1}));
    world.server.fault(On::Batch, 1, Fault::Answer(answer));
    let before = alerts(&world, tab).len();
    world.go_online(true);
    world.run_until(|world| world.server.count(On::Batch) == 1);
    world.run_for(30);
    let alerts = alerts(&world, tab);
    assert!(
        alerts[before..].contains(&AlertKind::NetworkLost),
        "{alerts:?}"
    );
    assert_eq!(world.snapshot(tab).network, Network::Online);
    world.settle();
}

#[test]
fn outcome_details_quote_the_server() {
    for (answer, told) in [
        (problem(500, "out-of-order"), "out-of-order"),
        (page(200), "not the billing server"),
        (problem(403, "frozen-account"), "frozen-account"),
        (problem(402, "insufficient-balance"), "insufficient-balance"),
    ] {
        let mut world = World::with(|config| config.max_attempts = 1);
        let tab = world.start();
        world.server.fault(On::Charge, 1, Fault::Answer(answer));
        world.server.fault(On::Any, u32::MAX, Fault::LoseRequest);
        let call = world.charge(tab, "t1", 5);
        let outcome = world.wait(call);
        assert!(detail(&outcome).contains(told), "{outcome:?}");
    }
}

#[test]
fn busy_batch_items_hold_back_no_other_charge() {
    let mut world = World::new();
    let tab = with_two(&mut world);
    let busy = |key: &str| json!({"idempotency_key": key, "status": "retry", "problem": {"type": "busy", "status": 503}});
    let results = json!([busy("f:t1"), busy("f:t2")]);
    let answer = json_answer(
        200,
        json!({"results": results, "balance": 120, "version": 1}),
    );
    world.server.fault(On::Batch, 1, Fault::Answer(answer));
    world.go_online(true);
    world.run_until(|world| world.server.count(On::Batch) == 1);
    world.run_for(30);
    let asked_ms = world.now.mono_ms;
    let call = world.charge(tab, "t3", 1);
    assert_eq!(word(&world.wait(call)), "charged");
    assert!(world.now.mono_ms - asked_ms < 100);
    world.settle();
}

#[test]
fn a_batch_respects_retry_after() {
    let mut world = World::new();
    let tab = with_two(&mut world);
    world.server.fault(
        On::Batch,
        1,
        Fault::Answer(with_retry_after(problem(503, "busy"), "60")),
    );
    world.go_online(true);
    world.run_until(|world| world.server.count(On::Batch) == 1);
    world.run_for(58_000);
    assert_eq!(world.server.count(On::AnyCharge), 1);
    world.run_for(34_000);
    assert_eq!(world.server.balance(), 118);
    assert_eq!(world.snapshot(tab).stats.charged, 2);
}

#[test]
fn closing_during_a_batch_leaves_its_charges_in_doubt() {
    let mut world = World::new();
    let tab = with_two(&mut world);
    world.server.fault(On::Batch, 1, Fault::HangAfter);
    world.go_online(true);
    world.run_until(|world| world.server.count(On::Batch) == 1);
    world.close(tab);
    world.run_for(10);
    let next = world.open();
    world.run_for(2);
    world.go_online(false);
    let show = world.show(next, "t1");
    world.run_for(5);
    let Answer::Record(Some(record)) = world.answer(show) else {
        panic!()
    };
    let outcome = record.outcome.as_ref().unwrap();
    assert!(word(outcome).starts_with("unknown"), "{outcome:?}");
    world.go_online(true);
    world.settle();
    assert_eq!(world.server.balance(), 118);
}
