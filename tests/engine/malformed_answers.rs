//! The server's own answers with a member of the wrong type.

use serde_json::json;
use tollbox::core::engine::{Answer, Notice};
use tollbox::core::outcome::What;
use tollbox::core::snapshot::{BalanceResult, Network};

use super::outcomes::word;
use super::script::World;
use super::server::{Fault, On, json_answer};

fn detail_of(world: &World, tab: usize) -> Vec<String> {
    let notices = world.notices(tab).iter();
    let alerts = notices.filter_map(|(_, notice)| match notice {
        Notice::Alert(alert) => Some(alert.detail.clone()),
        _ => None,
    });
    alerts.collect()
}

#[test]
fn a_receipt_with_a_text_as_balance_is_unknown_and_says_why() {
    let mut world = World::with(|config| config.max_attempts = 1);
    let tab = world.start();
    let receipt = json!({"charge_id": "c1", "idempotency_key": "f:t1", "amount": 5,
        "charged_at": "2026-01-01T00:00:00Z", "balance": "115", "version": 2});
    world.server.fault(
        On::Charge,
        u32::MAX,
        Fault::Answer(json_answer(201, receipt)),
    );
    let call = world.charge(tab, "t1", 5);
    let outcome = world.wait(call);
    let What::Unknown { detail, .. } = &outcome.what else {
        panic!("{outcome:?}")
    };
    assert!(detail.contains("balance is not a whole number"), "{detail}");
    let told = detail_of(&world, tab);
    assert!(
        told[0].contains("balance is not a whole number"),
        "{told:?}"
    );
    world.run_for(60_000);
    assert_eq!(world.snapshot(tab).network, Network::Online);
    assert!(world.server.count(On::AnyCharge) < 20);
    assert_eq!(detail_of(&world, tab).len(), 1);
    world.server.heal();
    world.settle();
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

#[test]
fn a_text_as_balance_is_no_outage() {
    let mut world = World::new();
    let tab = world.start();
    let body = json!({"balance": "120", "version": 1});
    world
        .server
        .fault(On::Balance, u32::MAX, Fault::Answer(json_answer(200, body)));
    let call = world.refresh(tab);
    world.run_for(200);
    let Answer::Balance(BalanceResult::Unavailable { detail, .. }) = world.answer(call) else {
        panic!()
    };
    assert!(detail.contains("balance is not a whole number"), "{detail}");
    assert_eq!(world.snapshot(tab).network, Network::Online);
    let call = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(call)), "charged");
}
