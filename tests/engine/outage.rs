//! A server that can't be reached: probes, queueing, and offline spending.

use serde_json::json;
use tollbox::core::alert::AlertKind;
use tollbox::core::config::OfflineSpend;
use tollbox::core::engine::{Answer, Notice};
use tollbox::core::outcome::{OpenReason, What};
use tollbox::core::points::Points;
use tollbox::core::snapshot::{BalanceReason, BalanceResult, Network};

use super::outcomes::word;
use super::script::World;
use super::server::{Fault, On, json_answer, page, problem};

pub fn alerts(world: &World, tab: usize) -> Vec<AlertKind> {
    let notices = world.notices(tab).iter();
    notices
        .filter_map(|(_, notice)| match notice {
            Notice::Alert(alert) => Some(alert.kind),
            _ => None,
        })
        .collect()
}

fn cut(world: &mut World) {
    world.server.fault(On::Any, u32::MAX, Fault::LoseRequest);
}

#[test]
fn after_a_lost_answer_only_the_balance_is_probed() {
    let mut world = World::new();
    let tab = world.start();
    world.server.fault(On::Charge, 1, Fault::LoseAnswer);
    cut(&mut world);
    let call = world.charge(tab, "t1", 5);
    let outcome = world.wait(call);
    assert_eq!(
        (word(&outcome).as_str(), outcome.attempts),
        ("unknown Unreachable", 1)
    );
    assert_eq!(world.snapshot(tab).network, Network::Unreachable);

    let queued = world.charge(tab, "t2", 6);
    assert_eq!(word(&world.wait(queued)), "queued Unreachable");
    let settled = [world.settled(tab, "t1"), world.settled(tab, "t2")];
    let probes = world.server.count(On::Balance);
    world.run_for(3_600_000);
    assert_eq!(world.server.count(On::AnyCharge), 1);
    assert_eq!(world.server.count(On::LookUp), 0);
    let probes = world.server.count(On::Balance) - probes;
    // One per half of `maxDelayMs` on average.
    assert!((60..240).contains(&probes), "{probes} probes in an hour");

    world.server.heal();
    let [first, second] = settled.map(|call| world.wait(call));
    assert_eq!(word(&first), "charged again");
    assert_eq!(word(&second), "charged");
    assert_eq!(world.server.times_charged("f:t1"), 1);
    assert_eq!(world.server.balance(), 109);
    world.settle();
    assert_eq!(
        alerts(&world, tab),
        [AlertKind::NetworkLost, AlertKind::NetworkRestored]
    );
}

#[test]
fn a_client_does_not_spin_while_a_probe_is_under_way() {
    let mut world = World::new();
    let tab = world.start();
    world.server.fault(On::Charge, 1, Fault::LoseRequest);
    world.server.fault(On::Balance, 5, Fault::Hang);
    world.charge(tab, "t1", 5);
    world.settle();
    assert_eq!(world.counts.spins, 0, "a deadline stayed in the past");
}

#[test]
fn a_charge_claimed_as_an_outage_begins_is_not_sent() {
    let mut world = World::new();
    let tab = world.start();
    world.server.fault(On::Charge, 1, Fault::LoseRequest);
    let first = world.charge(tab, "t1", 5);
    // Its claim is being written when the first request turns out to be lost.
    world.run_for(20);
    let second = world.charge(tab, "t2", 5);
    assert_eq!(word(&world.wait(second)), "queued Unreachable");
    world.settle();
    assert!(word(world.outcome(first)).starts_with("charged"));
    assert_eq!(world.server.balance(), 110);
}

#[test]
fn a_charge_claimed_as_the_browser_goes_offline_stays_queued() {
    let mut world = World::new();
    let tab = world.start();
    let call = world.charge(tab, "t1", 5);
    world.go_online(false);
    let outcome = world.wait(call);
    assert_eq!(word(&outcome), "queued Offline");
    assert_eq!(world.server.count(On::AnyCharge), 0);
}

#[test]
fn coming_online_cuts_a_backoff_short() {
    let mut world = World::with(|config| {
        config.backoff.base_ms = 60_000;
        config.max_attempts = 1;
    });
    let tab = world.start();
    world
        .server
        .fault(On::AnyCharge, 1, Fault::Answer(problem(500, "broken")));
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    world.go_online(false);
    world.go_online(true);
    world.run_for(200);
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

#[test]
fn refresh_in_an_outage_is_unavailable_with_the_cached_balance() {
    let mut world = World::new();
    let tab = world.start();
    cut(&mut world);
    let call = world.refresh(tab);
    world.run_for(100);
    let Answer::Balance(BalanceResult::Unavailable { reason, cached, .. }) = world.answer(call)
    else {
        panic!()
    };
    assert_eq!(*reason, BalanceReason::Open(OpenReason::Unreachable));
    assert_eq!(cached.as_ref().unwrap().confirmed.get(), 120);
    world.go_online(false);
    let call = world.refresh(tab);
    let Answer::Balance(BalanceResult::Unavailable { reason, .. }) = world.answer(call) else {
        panic!()
    };
    assert_eq!(*reason, BalanceReason::Open(OpenReason::Offline));
}

#[test]
fn offline_spending_is_limited_to_the_balance_by_default() {
    let mut world = World::new();
    let tab = world.start();
    world.go_online(false);
    let first = world.charge(tab, "t1", 100);
    let second = world.charge(tab, "t2", 21);
    let third = world.charge(tab, "t3", 20);
    assert_eq!(word(&world.wait(first)), "queued Offline");
    assert_eq!(word(&world.wait(second)), "failed OfflineSpendDenied");
    assert_eq!(word(&world.wait(third)), "queued Offline");
    world.go_online(true);
    world.settle();
    assert_eq!(world.server.balance(), 0);
}

#[test]
fn offline_spending_is_denied_without_a_known_balance() {
    let mut world = World::new();
    world.online = false;
    let tab = world.start();
    let call = world.charge(tab, "t1", 1);
    assert_eq!(word(&world.wait(call)), "failed OfflineSpendDenied");
}

#[test]
fn offline_spending_follows_the_configured_policy() {
    let points = |points| OfflineSpend::Points(Points::new(points).unwrap());
    for (policy, amount, said) in [
        (OfflineSpend::Unlimited, 1_000, "queued Offline"),
        (OfflineSpend::Deny, 1, "failed OfflineSpendDenied"),
        (points(7), 7, "queued Offline"),
        (points(7), 8, "failed OfflineSpendDenied"),
    ] {
        let mut world = World::with(|config| config.offline_spend = policy);
        let tab = world.start();
        world.go_online(false);
        let call = world.charge(tab, "t1", amount);
        assert_eq!(word(&world.wait(call)), said, "{policy:?} {amount}");
    }
}

#[test]
fn a_denied_charge_can_be_retried_when_the_network_is_back() {
    let mut world = World::with(|config| config.offline_spend = OfflineSpend::Deny);
    let tab = world.start();
    world.go_online(false);
    let denied = world.charge(tab, "t1", 5);
    assert!(matches!(
        world.wait(denied).what,
        What::Failed {
            retryable: true,
            ..
        }
    ));
    let retry = world.retry(tab, "t1");
    assert_eq!(word(&world.wait(retry)), "failed OfflineSpendDenied");
    world.go_online(true);
    let retry = world.retry(tab, "t1");
    assert!(word(&world.wait(retry)).starts_with("charged"));
    world.settle();
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

#[test]
fn retry_in_an_outage_probes_at_once() {
    let mut world = World::new();
    let tab = world.start();
    world.server.fault(On::Charge, 1, Fault::LoseRequest);
    cut(&mut world);
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    world.run_for(600_000);
    world.server.heal();
    let retry = world.retry(tab, "t1");
    let asked_ms = world.now.mono_ms;
    assert_eq!(word(&world.wait(retry)), "charged");
    assert!(world.now.mono_ms - asked_ms < 1_000);
    world.settle();
}

#[test]
fn a_captive_portal_is_an_outage() {
    for portal in [page(200), page(302), page(403), page(404), page(511)] {
        let mut world = World::new();
        let tab = world.start();
        world
            .server
            .fault(On::Any, u32::MAX, Fault::Answer(portal.clone()));
        let call = world.charge(tab, "t1", 5);
        let said = word(&world.wait(call));
        assert!(said.starts_with("unknown"), "{} {said}", portal.status);
        assert_eq!(world.snapshot(tab).network, Network::Unreachable);
        world.run_for(600_000);
        assert_eq!(world.server.count(On::AnyCharge), 1);
        assert!(alerts(&world, tab).contains(&AlertKind::NetworkLost));
        world.server.heal();
        world.settle();
        assert_eq!(world.server.times_charged("f:t1"), 1);
    }
}

#[test]
fn a_foreign_answer_settles_nothing() {
    let charged = |key: &str, amount: u64| {
        json_answer(
            201,
            serde_json::json!({"charge_id": "c9", "idempotency_key": key, "amount": amount,
                "charged_at": "2026-01-01T00:00:00Z", "balance": 1, "version": 99}),
        )
    };
    for answer in [
        charged("f:other", 5),
        charged("f:t1", 6),
        page(201),
        json_answer(200, serde_json::json!({})),
    ] {
        let mut world = World::new();
        let tab = world.start();
        world.server.fault(On::Charge, 1, Fault::Answer(answer));
        cut(&mut world);
        let call = world.charge(tab, "t1", 5);
        assert_eq!(word(&world.wait(call)), "unknown ServerError");
        assert_eq!(alerts(&world, tab), [AlertKind::NetworkLost]);
        assert_eq!(world.snapshot(tab).balance.unwrap().confirmed.get(), 120);
        world.server.heal();
        world.settle();
        assert_eq!(world.server.times_charged("f:t1"), 1);
    }
}

#[test]
fn an_outage_without_open_charges_ends_with_a_balance() {
    for dated in [true, false] {
        let mut world = World::new();
        world.dated = dated;
        let tab = world.start();
        world.server.fault(On::Any, 2, Fault::LoseRequest);
        world.refresh(tab);
        world.run_for(100);
        assert_eq!(world.snapshot(tab).network, Network::Unreachable);
        world.run_for(60_000);
        assert_eq!(world.snapshot(tab).network, Network::Online, "{dated}");
        assert_eq!(
            alerts(&world, tab),
            [AlertKind::NetworkLost, AlertKind::NetworkRestored]
        );
    }
}

#[test]
fn a_server_that_fails_is_no_outage() {
    for failure in [problem(500, "broken"), problem(503, "busy")] {
        let mut world = World::new();
        let tab = world.start();
        cut(&mut world);
        let call = world.charge(tab, "t1", 5);
        world.wait(call);
        assert_eq!(world.snapshot(tab).network, Network::Unreachable);
        world.server.heal();
        world
            .server
            .fault(On::Any, u32::MAX, Fault::Answer(failure));
        world.run_for(60_000);
        assert_eq!(world.snapshot(tab).network, Network::Online);
        world.server.heal();
        world.settle();
        assert_eq!(world.server.times_charged("f:t1"), 1);
    }
}

#[test]
fn an_outage_is_over_once_a_charge_is_answered_whatever_is_still_open() {
    let mut world = World::new();
    let tab = world.start();
    world.server.rule(|arrived| {
        let stuck = arrived.keys.iter().any(|key| key.ends_with("stuck"));
        stuck.then(|| Fault::Answer(problem(500, "broken")))
    });
    world.server.fault(On::Charge, 1, Fault::Answer(page(200)));
    for task in ["stuck", "t1"] {
        let call = world.charge(tab, task, 5);
        world.wait(call);
    }
    let settled = world.settled(tab, "t1");
    assert!(word(&world.wait(settled)).starts_with("charged"));
    assert_eq!(world.snapshot(tab).stats.open, 1);
    assert_eq!(
        alerts(&world, tab),
        [AlertKind::NetworkLost, AlertKind::NetworkRestored]
    );
}

#[test]
fn a_foreign_item_of_a_batch_is_forgotten_with_the_next_answer_to_a_charge() {
    let mut world = World::new();
    let tab = world.start();
    world.go_online(false);
    for task in ["stuck", "t1"] {
        let call = world.charge(tab, task, 5);
        world.wait(call);
    }
    let body = serde_json::json!({"results": [], "balance": 120, "version": 1});
    let foreign = Fault::Answer(json_answer(200, body));
    world.server.fault(On::Batch, 1, foreign);
    world.server.rule(|arrived| {
        let stuck = arrived.keys.iter().any(|key| key.ends_with("stuck"));
        stuck.then(|| Fault::Answer(problem(500, "broken")))
    });
    world.go_online(true);
    let settled = world.settled(tab, "t1");
    assert!(word(&world.wait(settled)).starts_with("charged"));
    assert_eq!(world.snapshot(tab).stats.open, 1);
    // One episode offline, one of the foreign answer.
    let episode = [AlertKind::NetworkLost, AlertKind::NetworkRestored];
    assert_eq!(alerts(&world, tab), [episode, episode].concat());
}

#[test]
fn a_captive_portals_answer_to_a_batch_is_checked_before_the_next_charge() {
    let mut world = World::new();
    let tab = world.start();
    world.go_online(false);
    for task in ["t1", "t2"] {
        let call = world.charge(tab, task, 5);
        world.wait(call);
    }
    // The portal opens as the batch arrives.
    world.server.fault(On::Balance, 1, Fault::None);
    let portal = Fault::Answer(page(404));
    world.server.fault(On::Any, u32::MAX, portal);
    world.go_online(true);
    world.run_for(60_000);
    assert_eq!(world.server.count(On::AnyCharge), 1);
    assert_eq!(world.snapshot(tab).network, Network::Unreachable);
    world.server.heal();
    world.settle();
    assert_eq!(world.server.balance(), 110);
}

#[test]
fn a_retry_while_offline_is_answered_at_once() {
    let mut world = World::new();
    let tab = world.start();
    world.go_online(false);
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    let retry = world.retry(tab, "t1");
    world.run_for(100);
    assert_eq!(word(world.outcome(retry)), "queued Offline");
}

#[test]
fn a_retry_in_an_outage_claims_nothing_before_the_probe_is_answered() {
    let mut world = World::new();
    let tab = world.start();
    world.server.fault(On::Charge, 1, Fault::LoseRequest);
    world.server.fault(On::Balance, 3, Fault::Late(2_000));
    let call = world.charge(tab, "t1", 5);
    world.run_for(100);
    assert_eq!(world.snapshot(tab).network, Network::Unreachable);
    let retry = world.retry(tab, "t1");
    world.run_for(100);
    let orders = world.tab(tab).journal_orders;
    world.run_for(1_000);
    assert_eq!(world.snapshot(tab).network, Network::Unreachable);
    assert_eq!(world.tab(tab).journal_orders, orders);
    for call in [call, retry] {
        assert!(word(&world.wait(call)).starts_with("charged"));
    }
    world.settle();
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

#[test]
fn a_balance_that_may_be_a_caches_ends_no_outage_of_a_charge() {
    let mut world = World::new();
    world.dated = false;
    let tab = world.start();
    world.server.fault(On::Charge, 1, Fault::LoseRequest);
    world.server.fault(On::Charge, 1, Fault::Hang);
    // It is still what it was before the outage.
    let known = world.snapshot(tab).balance.unwrap();
    let (balance, version) = (known.confirmed.get(), known.version);
    let cached = json_answer(200, json!({"balance": balance, "version": version}));
    world.server.fault(On::Balance, 1, Fault::Answer(cached));
    world.charge(tab, "t1", 5);
    world.run_until(|world| world.server.count(On::Charge) == 2);
    assert_eq!(world.snapshot(tab).network, Network::Unreachable);
    world.settle();
    assert_eq!(world.snapshot(tab).network, Network::Online);
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

/// An outage begins, and ends.
fn outage(world: &mut World, tab: usize) {
    world.server.fault(On::Balance, 1, Fault::LoseRequest);
    world.refresh(tab);
    world.run_for(100);
    assert_eq!(world.snapshot(tab).network, Network::Unreachable);
    world.run_until(|world| world.snapshot(tab).network == Network::Online);
    world.run_for(1_000);
}

#[test]
fn a_charge_that_was_never_stored_is_retried_after_the_first_outage_only() {
    let mut world = World::new();
    let tab = world.start();
    world.fail_write = Box::new(|_, _| true);
    let call = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(call)), "failed StorageUnavailable");
    world.run_for(60_000);
    outage(&mut world, tab);
    world.fail_write = Box::new(|_, _| false);
    outage(&mut world, tab);
    assert_eq!(world.snapshot(tab).queue.failed, 1);
    assert_eq!(world.server.times_charged("f:t1"), 0);
    let retry = world.retry(tab, "t1");
    assert_eq!(word(&world.wait(retry)), "charged");
}

#[test]
fn an_outage_that_ends_with_no_news_of_the_balance_is_shown_as_over() {
    let mut world = World::new();
    let tab = world.start();
    world.go_online(false);
    world.run_for(100);
    assert_eq!(world.snapshot(tab).alerts.len(), 1);
    let forbidden = Fault::Answer(problem(403, "forbidden"));
    world.server.fault(On::Balance, 1, forbidden);
    world.go_online(true);
    world.run_for(100);
    let mut shown = world.notices(tab).iter().rev();
    let shown = shown.find_map(|(_, notice)| match notice {
        Notice::Snapshot(snapshot) => Some(snapshot),
        _ => None,
    });
    assert_eq!(shown.unwrap().alerts, []);
}
