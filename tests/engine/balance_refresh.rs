//! `refreshBalance`: freshness, shared requests, and answers without a balance.

use tollbox::core::balance::Confirmed;
use tollbox::core::engine::{Answer, CallId, Event, Notice};
use tollbox::core::outcome::OpenReason;
use tollbox::core::points::Points;
use tollbox::core::snapshot::{BalanceReason, BalanceResult};

use super::script::World;
use super::server::{Fault, On, json_answer, page, problem};
use super::world::START_WALL_MS;

const MINUTE_MS: u64 = 60_000;

pub fn fresh(world: &World, call: CallId) -> u64 {
    match world.answer(call) {
        Answer::Balance(BalanceResult::Fresh { balance }) => balance.confirmed.get(),
        other => panic!("{other:?}"),
    }
}

pub fn unavailable(world: &World, call: CallId) -> (BalanceReason, Option<u64>) {
    match world.answer(call) {
        Answer::Balance(BalanceResult::Unavailable {
            reason,
            detail,
            cached,
        }) => {
            assert!(!detail.is_empty());
            (
                *reason,
                cached.as_ref().map(|cached| cached.confirmed.get()),
            )
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn refresh_with_max_age_answers_a_fresh_balance_without_a_request() {
    let mut world = World::new();
    let tab = world.start();
    let requests = world.server.count(On::Balance);
    world.run_for(10_000);
    let call = world.refresh_within(tab, 10_000 + 200);
    assert_eq!(fresh(&world, call), 120);
    assert_eq!(world.server.count(On::Balance), requests);
    world.server.charge_elsewhere(0, "x", 20);
    let call = world.refresh_within(tab, 9_000);
    world.run_for(100);
    assert_eq!(fresh(&world, call), 100);
    assert_eq!(world.server.count(On::Balance), requests + 1);
}

#[test]
fn concurrent_refreshes_share_one_request() {
    let mut world = World::new();
    let tab = world.start();
    let requests = world.server.count(On::Balance);
    let calls: Vec<_> = (0..3).map(|_| world.refresh(tab)).collect();
    world.run_for(100);
    for call in calls {
        assert_eq!(fresh(&world, call), 120);
    }
    assert_eq!(world.server.count(On::Balance), requests + 1);
}

#[test]
fn an_unchanged_balance_counts_as_fresh() {
    let mut world = World::with(|config| config.stale_after_ms = MINUTE_MS);
    let tab = world.start();
    world.run_for(MINUTE_MS + 1_000);
    assert!(world.snapshot(tab).balance.unwrap().stale);
    let call = world.refresh(tab);
    world.run_for(100);
    assert_eq!(fresh(&world, call), 120);
    let balance = world.snapshot(tab).balance.unwrap();
    assert!(!balance.stale, "{balance:?}");
    assert_eq!(world.cache.now().unwrap().as_of_ms, balance.as_of);
}

#[test]
fn listeners_hear_when_a_balance_turns_stale() {
    let mut world = World::with(|config| config.stale_after_ms = MINUTE_MS);
    let tab = world.start();
    let as_of_ms = world.snapshot(tab).balance.unwrap().as_of;
    world.run_for(2 * MINUTE_MS);
    let told_ms = world
        .notices(tab)
        .iter()
        .find_map(|(at_ms, notice)| match notice {
            Notice::Balance(balance) if balance.stale => Some(*at_ms),
            _ => None,
        });
    let age_ms = told_ms.unwrap() + START_WALL_MS - 1_000 - as_of_ms;
    assert!(
        (MINUTE_MS..MINUTE_MS + 100).contains(&age_ms),
        "{age_ms} ms"
    );
}

#[test]
fn refresh_without_an_answer_gives_the_reason_and_the_cached_balance() {
    for (answer, reason) in [
        (problem(403, "not-yours"), BalanceReason::Forbidden),
        (problem(400, "bad"), BalanceReason::Rejected),
        (
            problem(500, "broken"),
            BalanceReason::Open(OpenReason::ServerError),
        ),
        (
            json_answer(200, serde_json::json!({})),
            BalanceReason::Open(OpenReason::ServerError),
        ),
        (page(200), BalanceReason::Open(OpenReason::ServerError)),
    ] {
        let mut world = World::new();
        let tab = world.start();
        world
            .server
            .fault(On::Balance, 1, Fault::Answer(answer.clone()));
        let call = world.refresh(tab);
        world.run_for(25);
        assert_eq!(unavailable(&world, call), (reason, Some(120)), "{answer:?}");
    }
}

#[test]
fn a_rejected_balance_request_is_no_outage() {
    for answer in [problem(403, "not-yours"), problem(400, "bad")] {
        let mut world = World::new();
        let tab = world.start();
        world.server.fault(On::Balance, 1, Fault::Answer(answer));
        let refused = world.refresh(tab);
        world.run_for(25);
        unavailable(&world, refused);
        let call = world.charge(tab, "t1", 5);
        assert_eq!(super::outcomes::word(&world.wait(call)), "charged");
    }
}

#[test]
fn refresh_after_sign_out_is_unauthorized_and_shows_no_balance() {
    let mut world = World::new();
    let tab = world.start();
    let under_way = world.refresh(tab);
    world.sign_out(tab);
    let later = world.refresh(tab);
    world.run_for(100);
    let signed_out = (BalanceReason::Open(OpenReason::Unauthorized), None);
    assert_eq!(unavailable(&world, under_way), signed_out);
    assert_eq!(unavailable(&world, later), signed_out);
    assert_eq!(
        (world.cache.now(), world.snapshot(tab).balance),
        (None, None)
    );
}

#[test]
fn the_balance_is_synced_at_the_configured_interval() {
    let mut world = World::with(|config| config.sync_every_ms = 10_000);
    let tab = world.start();
    let requests = world.server.count(On::Balance);
    world.run_for(101_000);
    let requests = world.server.count(On::Balance) - requests;
    // Each is delayed by up to a tenth.
    assert!((8..=10).contains(&requests), "{requests} requests");
    world.server.charge_elsewhere(0, "x", 20);
    world.run_for(12_000);
    assert_eq!(world.snapshot(tab).balance.unwrap().confirmed.get(), 100);
    world.go_online(false);
    let requests = world.server.count(On::Balance);
    world.run_for(60_000);
    assert_eq!(world.server.count(On::Balance), requests);
    world.go_online(true);
    world.run_for(12_000);
    assert!(world.server.count(On::Balance) > requests);
    assert_eq!(world.counts.spins, 0);
}

#[test]
fn a_fresh_cache_saves_only_the_first_balance_request() {
    let cached = |as_of_ms| Confirmed {
        balance: Points::new(120).unwrap(),
        version: 1,
        as_of_ms,
        etag: None,
        held: None,
    };
    for (as_of_ms, requests) in [(START_WALL_MS - 1_000, 0), (START_WALL_MS - 3_600_000, 1)] {
        let mut world = World::with(|config| {
            config.stale_after_ms = 2 * MINUTE_MS;
            config.sync_every_ms = MINUTE_MS;
        });
        world.cache_balance(cached(as_of_ms));
        let tab = world.start();
        assert_eq!(world.server.count(On::Balance), requests);
        assert_eq!(world.snapshot(tab).balance.unwrap().confirmed.get(), 120);
        world.run_for(MINUTE_MS + 7_000);
        assert_eq!(world.server.count(On::Balance), requests + 1);
    }
}

#[test]
fn a_balance_request_renews_a_rejected_token() {
    let mut world = World::new();
    let tab = world.start();
    world.server.rule(|arrived| {
        (!arrived.refresh_token).then(|| Fault::Answer(problem(401, "unauthorized")))
    });
    let requests = world.server.count(On::Balance);
    let call = world.refresh(tab);
    world.run_for(100);
    assert_eq!(fresh(&world, call), 120);
    assert_eq!(world.server.count(On::Balance), requests + 2);
}

#[test]
fn an_unsolicited_answer_changes_nothing() {
    let mut world = World::new();
    let tab = world.start();
    world.tell(
        tab,
        Event::Answered {
            send: 999,
            response: json_answer(200, serde_json::json!({"balance": 1, "version": 99})),
        },
    );
    assert_eq!(world.snapshot(tab).balance.unwrap().confirmed.get(), 120);
}

#[test]
fn a_balance_announced_by_another_tab_is_adopted() {
    let mut world = World::new();
    let tab = world.start();
    let confirmed = Confirmed {
        balance: Points::new(70).unwrap(),
        version: 9,
        as_of_ms: world.now.wall_ms,
        etag: None,
        held: None,
    };
    world.books.balances.insert(9, 70);
    world.tell(
        tab,
        Event::Peer {
            keys: Vec::new(),
            confirmed: Some(confirmed),
        },
    );
    assert_eq!(world.snapshot(tab).balance.unwrap().confirmed.get(), 70);
}

#[test]
fn without_sync_a_fresh_cache_needs_no_balance_request() {
    let mut world = World::new();
    world.cache_balance(Confirmed {
        balance: Points::new(120).unwrap(),
        version: 1,
        as_of_ms: START_WALL_MS - 1_000,
        etag: None,
        held: None,
    });
    world.start();
    world.run_for(10_000);
    assert_eq!(world.server.count(On::Balance), 0);
}

#[test]
fn the_etag_of_a_balance_is_kept_and_sent() {
    let mut world = World::new();
    let tab = world.start();
    for changed in [false, true, false] {
        if changed {
            world.server.charge_elsewhere(0, "x", 20);
        }
        world.refresh(tab);
        world.run_for(100);
        let version = world.snapshot(tab).balance.unwrap().version;
        let kept = world.cache.now().and_then(|known| known.etag.clone());
        assert_eq!(kept, Some(format!("\"v{version}\"")));
    }
}
