//! Tokens: a rejected one is renewed once, and a second rejection pauses the queue.

use tollbox::core::alert::AlertKind;

use super::flush::with_queue;
use super::outage::alerts;
use super::outcomes::word;
use super::script::{Happening, World};
use super::server::{Fault, On, json_answer, problem};

/// The server rejects the old token until a request comes with a new one.
fn expire_token(world: &mut World) {
    let mut renewed = false;
    world.server.rule(move |arrived| {
        renewed |= arrived.refresh_token;
        (!renewed).then(|| Fault::Answer(problem(401, "unauthorized")))
    });
}

/// Whether each request so far asked for a new token.
fn refreshed(world: &World, on: On) -> Vec<bool> {
    let arrived = world.server.arrived.iter().filter(|a| a.is_for(on));
    arrived.map(|arrived| arrived.refresh_token).collect()
}

#[test]
fn an_accepted_token_is_used_until_it_is_rejected() {
    let mut world = World::new();
    let tab = world.start();
    expire_token(&mut world);
    for task in ["t1", "t2", "t3"] {
        let call = world.charge(tab, task, 1);
        assert_eq!(word(&world.wait(call)), "charged");
    }
    let flags = refreshed(&world, On::AnyCharge);
    assert_eq!(flags, [false, true, false, false]);
    // The next token expires, too.
    world.server.heal();
    expire_token(&mut world);
    let call = world.charge(tab, "t4", 1);
    assert_eq!(word(&world.wait(call)), "charged");
    let flags = refreshed(&world, On::AnyCharge);
    assert_eq!(flags[4..], [false, true]);
}

#[test]
fn a_balance_and_a_charge_rejected_together_ask_for_one_token() {
    let mut world = World::new();
    let tab = world.start();
    expire_token(&mut world);
    world.refresh(tab);
    let call = world.charge(tab, "t1", 1);
    assert_eq!(word(&world.wait(call)), "charged");
    world.settle();
    let flags = refreshed(&world, On::Any);
    assert_eq!(flags.iter().filter(|refresh| **refresh).count(), 1);
}

#[test]
fn an_old_token_accepted_once_more_is_still_renewed() {
    let mut world = World::new();
    let tab = world.start();
    let mut charges = 0;
    world.server.rule(move |arrived| {
        charges += usize::from(arrived.is_for(On::Charge));
        (charges == 1).then(|| Fault::Answer(problem(401, "unauthorized")))
    });
    let calls = [world.charge(tab, "t1", 1), world.charge(tab, "t2", 1)];
    for call in calls {
        assert_eq!(word(&world.wait(call)), "charged");
    }
    let flags = refreshed(&world, On::AnyCharge);
    assert_eq!(flags, [false, false, true]);
}

#[test]
fn a_request_too_late_for_its_token_is_no_attempt_and_no_alert() {
    let mut world = World::new();
    let tab = world.start();
    world.server.fault(On::Charge, 1, Fault::StoodStill);
    let call = world.charge(tab, "t1", 5);
    let outcome = world.wait(call);
    assert_eq!((word(&outcome).as_str(), outcome.attempts), ("charged", 1));
    assert_eq!(alerts(&world, tab), []);
}

fn unaccepted(world: &mut World) {
    world.server.fault(
        On::Any,
        u32::MAX,
        Fault::Answer(problem(401, "unauthorized")),
    );
}

#[test]
fn a_rejected_token_is_renewed_once() {
    let mut world = World::new();
    let tab = world.start();
    world.server.rule(|arrived| {
        (!arrived.refresh_token).then(|| Fault::Answer(problem(401, "unauthorized")))
    });
    let call = world.charge(tab, "t1", 5);
    let outcome = world.wait(call);
    assert_eq!((word(&outcome).as_str(), outcome.attempts), ("charged", 2));
    assert_eq!(alerts(&world, tab), []);
    world.settle();
}

#[test]
fn a_token_rejected_twice_pauses_the_queue_with_one_alert() {
    let mut world = World::new();
    let tab = world.start();
    unaccepted(&mut world);
    let call = world.charge(tab, "t1", 5);
    let outcome = world.wait(call);
    assert_eq!(
        (word(&outcome).as_str(), outcome.attempts),
        ("queued Unauthorized", 2)
    );
    let refreshed: Vec<bool> = world
        .server
        .arrived
        .iter()
        .filter(|a| a.is_for(On::AnyCharge))
        .map(|a| a.refresh_token)
        .collect();
    assert_eq!(refreshed, [false, true]);
    let second = world.charge(tab, "t2", 6);
    assert_eq!(word(&world.wait(second)), "queued Unauthorized");
    world.run_for(3_600_000);
    assert_eq!(world.server.count(On::AnyCharge), 2);
    assert_eq!(alerts(&world, tab), [AlertKind::Unauthorized]);

    world.server.heal();
    world.settle();
    assert_eq!(world.server.balance(), 109);
    assert_eq!(alerts(&world, tab), [AlertKind::Unauthorized]);
}

#[test]
fn requests_rejected_together_are_charged_with_a_new_token() {
    let mut world = World::new();
    let tab = world.start();
    world.server.rule(|arrived| {
        (!arrived.refresh_token).then(|| Fault::Answer(problem(401, "unauthorized")))
    });
    let calls: Vec<_> = (0..4)
        .map(|n| world.charge(tab, &format!("t{n}"), 1))
        .collect();
    world.run_for(25);
    let late = world.charge(tab, "late", 1);
    for call in calls.into_iter().chain([late]) {
        assert_eq!(word(&world.wait(call)), "charged");
    }
    assert_eq!(alerts(&world, tab), []);
    world.settle();
}

#[test]
fn requests_rejected_twice_renew_one_token_and_raise_one_alert() {
    let mut world = World::new();
    let tab = world.start();
    unaccepted(&mut world);
    let calls: Vec<_> = (0..4)
        .map(|n| world.charge(tab, &format!("t{n}"), 1))
        .collect();
    for call in calls {
        assert_eq!(word(&world.wait(call)), "queued Unauthorized");
    }
    world.run_for(600_000);
    assert_eq!(alerts(&world, tab), [AlertKind::Unauthorized]);
    let with_refresh = world
        .server
        .arrived
        .iter()
        .filter(|a| a.is_for(On::AnyCharge) && a.refresh_token)
        .count();
    assert_eq!(with_refresh, 1);
    world.server.heal();
    world.settle();
    assert_eq!(world.server.balance(), 116);
}

#[test]
fn a_token_that_cannot_be_had_pauses_the_queue() {
    let mut world = World::new();
    let tab = world.start();
    world.server.fault(On::Any, u32::MAX, Fault::NoToken);
    let call = world.charge(tab, "t1", 5);
    let outcome = world.wait(call);
    assert_eq!(
        (word(&outcome).as_str(), outcome.attempts),
        ("queued Unauthorized", 0)
    );
    world.run_for(600_000);
    assert_eq!(alerts(&world, tab), [AlertKind::Unauthorized]);
    world.server.heal();
    world.settle();
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

#[test]
fn a_token_rejected_by_a_probe_and_a_charge_raises_one_alert() {
    let mut world = World::new();
    let tab = world.start();
    world.server.fault(On::Charge, 1, Fault::LoseAnswer);
    world.server.fault(On::Balance, 3, Fault::LoseRequest);
    unaccepted(&mut world);
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    world.run_for(600_000);
    // A rejected balance request does not count for charges: one charge finds out itself, once.
    assert_eq!(world.server.count(On::AnyCharge), 2);
    assert_eq!(
        alerts(&world, tab)
            .iter()
            .filter(|kind| **kind == AlertKind::Unauthorized)
            .count(),
        1
    );
    world.server.heal();
    world.settle();
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

#[test]
fn a_token_rejected_for_every_charge_of_a_batch_is_renewed_once() {
    let mut world = World::new();
    let tab = with_queue(&mut world, 3);
    let item = |n: usize| {
        serde_json::json!({"idempotency_key": format!("f:t{n:03}"), "status": "rejected",
            "problem": {"type": "unauthorized", "status": 401}})
    };
    let items = [item(0), item(1), item(2)];
    let body = serde_json::json!({"results": items, "balance": 120, "version": 1});
    let rejected = Fault::Answer(json_answer(200, body));
    world.server.fault(On::Batch, 1, rejected);
    let alerted = alerts(&world, tab);
    world.go_online(true);
    world.settle();
    assert_eq!(world.server.balance(), 117);
    let flags = refreshed(&world, On::AnyCharge);
    assert_eq!(flags.iter().filter(|refresh| **refresh).count(), 1);
    assert!(!alerts(&world, tab)[alerted.len()..].contains(&AlertKind::Unauthorized));
}

#[test]
fn a_charge_writes_nothing_while_a_new_token_is_on_trial() {
    for on in [On::Balance, On::Charge] {
        let mut world = World::new();
        let tab = world.start();
        let rejection = Fault::Answer(problem(401, "unauthorized"));
        world.server.fault(on, 1, rejection);
        world.server.fault(on, 1, Fault::Late(5_000));
        match on {
            On::Balance => world.refresh(tab),
            _ => world.charge(tab, "t1", 1),
        };
        world.run_for(100);
        let call = world.charge(tab, "t2", 1);
        world.run_for(100);
        let before = world.counts.transactions;
        world.run_for(4_000);
        assert_eq!(world.counts.transactions, before, "{on:?}");
        assert_eq!(word(&world.wait(call)), "charged");
        let flags = refreshed(&world, On::Any);
        assert_eq!(flags.iter().filter(|refresh| **refresh).count(), 1);
    }
}

#[test]
fn an_old_tokens_rejection_after_a_newer_one_was_accepted_asks_for_no_other() {
    let mut world = World::new();
    let tab = world.start();
    let rejection = || Fault::Answer(problem(401, "unauthorized"));
    world.server.fault(On::Charge, 1, rejection());
    let call = world.charge(tab, "t1", 1);
    world.run_until(|world| world.server.count(On::Charge) == 1);
    // That rejection takes its time.
    let is_answer = |happening: &Happening| matches!(happening, Happening::Answer { .. });
    world.postpone(is_answer, world.now.mono_ms + 1_000);
    world.server.fault(On::Balance, 1, rejection());
    world.refresh(tab);
    assert_eq!(word(&world.wait(call)), "charged");
    let flags = refreshed(&world, On::Any);
    assert_eq!(flags.iter().filter(|refresh| **refresh).count(), 1);
}

fn is_alerted(world: &World, tab: usize) -> bool {
    let alerts = world.snapshot(tab).alerts;
    alerts
        .iter()
        .any(|alert| alert.kind == AlertKind::Unauthorized)
}

#[test]
fn an_unauthorized_alert_ends_with_the_next_charge() {
    let mut world = World::new();
    let tab = world.start();
    for episodes in 1..3 {
        world.server.heal();
        world.server.fault(
            On::AnyCharge,
            2,
            Fault::Answer(problem(401, "unauthorized")),
        );
        let call = world.charge(tab, &format!("t{episodes}"), 1);
        assert_eq!(word(&world.wait(call)), "queued Unauthorized");
        assert!(is_alerted(&world, tab));
        let settled = world.settled(tab, &format!("t{episodes}"));
        assert_eq!(word(&world.wait(settled)), "charged");
        assert!(!is_alerted(&world, tab));
        assert_eq!(alerts(&world, tab).len(), episodes);
    }
}

#[test]
fn a_balance_ends_no_unauthorized_alert_of_charges_or_look_ups() {
    for on in [On::AnyCharge, On::LookUp] {
        let mut world = World::new();
        let tab = world.start();
        let rejection = Fault::Answer(problem(401, "unauthorized"));
        if on == On::LookUp {
            world.server.fault(On::Charge, 1, Fault::LoseAnswer);
        }
        world.server.fault(on, u32::MAX, rejection);
        let call = world.charge(tab, "t1", 5);
        world.run_for(25);
        world.cancel(tab, "t1");
        world.wait(call);
        world.run_for(2_000);
        assert!(is_alerted(&world, tab));
        let refresh = world.refresh(tab);
        world.run_until(|world| world.answers.contains_key(&refresh));
        assert!(is_alerted(&world, tab), "{on:?}");
    }
}
