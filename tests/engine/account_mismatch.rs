//! Account mismatch: somebody else is signed in, so nothing is charged and the queue waits.

use tollbox::core::alert::AlertKind;
use tollbox::core::engine::{Answer, Notice};
use tollbox::core::outcome::OpenReason;
use tollbox::core::snapshot::{BalanceReason, BalanceResult, Network};

use super::flush::with_queue;
use super::outage::alerts;
use super::outcomes::word;
use super::script::World;
use super::server::{Fault, On, json_answer};

fn alert_detail(world: &World, tab: usize) -> String {
    let notices = world.notices(tab).iter();
    let alert = notices.rev().find_map(|(_, notice)| match notice {
        Notice::Alert(alert) => Some(alert.detail.clone()),
        _ => None,
    });
    alert.unwrap()
}

#[test]
fn an_account_mismatch_pauses_the_queue_until_its_account_is_back() {
    let mut world = World::new();
    let tab = world.start();
    world.server.signed_in = "bob".into();
    let calls: Vec<_> = (0..3)
        .map(|n| world.charge(tab, &format!("t{n}"), 5))
        .collect();
    for call in calls {
        assert_eq!(word(&world.wait(call)), "queued Unauthorized");
    }
    let refresh = world.refresh(tab);
    world.run_for(200);
    assert!(matches!(
        world.answer(refresh),
        Answer::Balance(BalanceResult::Unavailable {
            reason: BalanceReason::Open(OpenReason::Unauthorized),
            ..
        })
    ));
    let requests = world.server.arrived.len();
    world.run_for(3_600_000);
    let requests = world.server.arrived.len() - requests;
    assert!(requests < 300, "{requests} requests in an hour");
    assert_eq!(alerts(&world, tab), [AlertKind::Unauthorized]);
    assert!(alert_detail(&world, tab).contains("another account is signed in"));
    // No attempt was used up, and no charge has failed.
    world.server.signed_in = "alice".into();
    world.settle();
    assert_eq!(world.server.balance(), 105);
    assert_eq!(world.snapshot(tab).stats.charged, 3);
}

#[test]
fn an_account_mismatch_in_a_batch_pauses_the_queue() {
    let mut world = World::new();
    let tab = with_queue(&mut world, 2);
    let item = |n: usize| {
        serde_json::json!({"idempotency_key": format!("f:t{n:03}"), "status": "rejected",
            "problem": {"type": "account-mismatch", "status": 403}})
    };
    let body = serde_json::json!({"results": [item(0), item(1)], "balance": 120, "version": 1});
    world
        .server
        .fault(On::Batch, 1, Fault::Answer(json_answer(200, body)));
    world.go_online(true);
    world.settle();
    assert_eq!(alerts(&world, tab).last(), Some(&AlertKind::Unauthorized));
    assert_eq!(world.server.balance(), 118);
}

#[test]
fn an_account_mismatch_is_no_outage() {
    let mut world = World::new();
    let tab = world.start();
    world.server.fault(On::Any, u32::MAX, Fault::LoseRequest);
    let call = world.charge(tab, "t1", 5);
    assert!(word(&world.wait(call)).starts_with("unknown"));
    world.server.heal();
    world.server.signed_in = "bob".into();
    world.run_for(60_000);
    assert_eq!(world.snapshot(tab).network, Network::Online);
    let call = world.charge(tab, "t2", 5);
    assert_eq!(word(&world.wait(call)), "queued Unauthorized");
    // The first charge has found out for all.
    assert_eq!(world.server.count(On::AnyCharge), 2);
}

#[test]
fn an_account_mismatch_without_open_charges_ends_an_outage() {
    let mut world = World::new();
    let tab = world.start();
    world.server.fault(On::Any, 1, Fault::LoseRequest);
    world.refresh(tab);
    world.run_for(100);
    assert_eq!(world.snapshot(tab).network, Network::Unreachable);
    world.server.signed_in = "bob".into();
    world.run_for(60_000);
    assert_eq!(world.snapshot(tab).network, Network::Online);
    assert!(alerts(&world, tab).contains(&AlertKind::Unauthorized));
}

#[test]
fn an_account_mismatch_of_a_whole_batch_is_one_setback() {
    let mut world = World::new();
    with_queue(&mut world, 20);
    let item = |n: usize| {
        serde_json::json!({"idempotency_key": format!("f:t{n:03}"), "status": "rejected",
            "problem": {"type": "account-mismatch", "status": 403}})
    };
    let items: Vec<_> = (0..20).map(item).collect();
    let body = serde_json::json!({"results": items, "balance": 120, "version": 1});
    world
        .server
        .fault(On::Batch, 1, Fault::Answer(json_answer(200, body)));
    world.go_online(true);
    world.run_until(|world| world.server.count(On::Batch) == 1);
    let before = world.server.count(On::Balance);
    // The first probe is put off as after one.
    world.run_for(world.config.backoff.base_ms + 100);
    assert!(world.server.count(On::Balance) > before);
    world.settle();
    assert_eq!(world.server.balance(), 100);
}
