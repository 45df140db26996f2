//! HTTP caches and service workers that answer with an old balance while the server is gone.

use tollbox::core::alert::AlertKind;
use tollbox::core::engine::Answer;
use tollbox::core::protocol::Response;
use tollbox::core::snapshot::{BalanceResult, Network};

use super::outage::alerts;
use super::outcomes::word;
use super::script::World;
use super::server::{Fault, On};
use super::world::START_WALL_MS;

/// Six open charges, a server that is gone, and a cache that answers with an old balance.
fn gone(dated: bool) -> (World, usize) {
    let mut world = World::new();
    world.dated = dated;
    let tab = world.start();
    let date = dated.then(|| world.server_date(0));
    let body = serde_json::json!({"balance": 120, "version": 1});
    let remembered = Response {
        date,
        ..super::server::json_answer(200, body)
    };
    world.run_for(20_000);
    for n in 0..2 {
        let call = world.charge(tab, &format!("before{n}"), 1);
        assert_eq!(word(&world.wait(call)), "charged");
    }
    world
        .server
        .fault(On::Balance, u32::MAX, Fault::Answer(remembered));
    world.server.fault(On::Any, u32::MAX, Fault::LoseRequest);
    for n in 0..6 {
        world.charge(tab, &format!("t{n}"), 1);
    }
    world.settle_calls();
    (world, tab)
}

#[test]
fn a_cached_balance_ends_no_outage_and_restores_no_old_balance() {
    for dated in [true, false] {
        let (mut world, tab) = gone(dated);
        let sent = world.server.count(On::AnyCharge);
        world.run_for(3_600_000);
        let sent = world.server.count(On::AnyCharge) - sent;
        assert!(sent < 200, "{sent} charges in an hour");
        assert_eq!(alerts(&world, tab), [AlertKind::NetworkLost], "{dated}");
        let snapshot = world.snapshot(tab);
        assert_eq!(snapshot.network, Network::Unreachable);
        assert_eq!(snapshot.balance.unwrap().confirmed.get(), 118);
        assert_eq!((snapshot.stats.failed, snapshot.stats.unknown), (0, 0));
        let call = world.refresh(tab);
        world.run_for(200);
        assert!(matches!(
            world.answer(call),
            Answer::Balance(BalanceResult::Unavailable { .. })
        ));
        world.server.heal();
        world.settle();
        assert_eq!(world.server.balance(), 112, "no attempts were used up");
        assert_eq!(
            alerts(&world, tab),
            [AlertKind::NetworkLost, AlertKind::NetworkRestored]
        );
    }
}

#[test]
fn a_cache_first_service_worker_delays_no_charge() {
    let mut world = World::new();
    let tab = world.start();
    let body = serde_json::json!({"balance": 120, "version": 1});
    let remembered = Response {
        age: Some("600".into()),
        ..super::server::json_answer(200, body)
    };
    world
        .server
        .fault(On::Balance, u32::MAX, Fault::Answer(remembered));
    world.server.fault(On::Charge, 1, Fault::LoseRequest);
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    world.run_for(10_000);
    assert_eq!(world.server.times_charged("f:t1"), 1);
    for n in 2..6 {
        let call = world.charge(tab, &format!("t{n}"), 5);
        assert_eq!(word(&world.wait(call)), "charged");
    }
    assert_eq!(world.snapshot(tab).network, Network::Online);
    assert_eq!(world.snapshot(tab).balance.unwrap().confirmed.get(), 95);
}

#[test]
fn balances_from_a_lagging_replica_are_ignored() {
    let mut world = World::new();
    let tab = world.start();
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    let behind = serde_json::json!({"balance": 120, "version": 1});
    let behind = super::server::json_answer(200, behind);
    world.server.fault(On::Balance, 10, Fault::Answer(behind));
    for _ in 0..10 {
        world.refresh(tab);
        world.run_for(60_000);
        assert_eq!(world.snapshot(tab).balance.unwrap().confirmed.get(), 115);
    }
    let other = world.charge(tab, "t2", 5);
    assert_eq!(word(&world.wait(other)), "charged");
}

#[test]
fn a_first_balance_from_a_cache_is_as_old_as_its_date() {
    let mut world = World::new();
    let body = serde_json::json!({"balance": 120, "version": 1});
    let remembered = Response {
        age: Some("600".into()),
        date: Some("Wed, 31 Dec 2025 23:50:00 GMT".into()),
        ..super::server::json_answer(200, body)
    };
    world
        .server
        .fault(On::Balance, u32::MAX, Fault::Answer(remembered));
    let tab = world.start();
    let balance = world.snapshot(tab).balance.unwrap();
    assert_eq!(balance.as_of, START_WALL_MS - 600_000);
}

/// The answer to `refreshBalance()`.
fn refreshed(world: &mut World, tab: usize) -> BalanceResult {
    let call = world.refresh(tab);
    world.run_until(|world| world.answers.contains_key(&call));
    match world.answer(call) {
        Answer::Balance(result) => result.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_balance_of_an_older_version_is_not_called_fresh() {
    let mut world = World::new();
    world.dated = false;
    let tab = world.start();
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    let version = world.snapshot(tab).balance.unwrap().version;
    for (version, balance, fresh) in [(version - 1, 120, false), (version, 115, true)] {
        let body = serde_json::json!({"balance": balance, "version": version});
        let answer = super::server::json_answer(200, body);
        world.server.fault(On::Balance, 1, Fault::Answer(answer));
        let result = refreshed(&mut world, tab);
        let is_fresh = matches!(result, BalanceResult::Fresh { .. });
        assert_eq!(is_fresh, fresh, "{result:?}");
        assert_eq!(world.snapshot(tab).balance.unwrap().confirmed.get(), 115);
    }
}

#[test]
fn a_server_whose_clock_was_set_back_is_believed_after_a_charge() {
    for offline in [false, true] {
        let mut world = World::new();
        let tab = world.start();
        let ahead = Response {
            date: Some(world.server_date(3_600_000)),
            ..super::server::json_answer(200, serde_json::json!({"balance": 120, "version": 1}))
        };
        world.server.fault(On::Balance, 1, Fault::Answer(ahead));
        refreshed(&mut world, tab);
        // The same as an old answer of a cache.
        let result = refreshed(&mut world, tab);
        assert!(matches!(result, BalanceResult::Unavailable { .. }));
        world.go_online(!offline);
        for task in ["t1", "t2"] {
            world.charge(tab, task, 5);
        }
        world.settle_calls();
        // They leave as a batch where they had to wait.
        world.go_online(true);
        world.settle();
        let result = refreshed(&mut world, tab);
        assert!(matches!(result, BalanceResult::Fresh { .. }), "{result:?}");
    }
}
