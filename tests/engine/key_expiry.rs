//! Keys that the server may have forgotten: they are looked up, and never resent unasked.

use tollbox::core::clock::CLOCK_SLACK_MS;

use super::outcomes::word;
use super::script::{World, key};
use super::server::{Fault, On, Server, page, problem};

const DAY_MS: u64 = 86_400_000;

/// A parked charge: it was made, its answer was lost, the server has forgotten its key since, and
/// could not be asked.
fn parked(world: &mut World) -> usize {
    world.server = Server::new(120, Some(DAY_MS));
    let tab = world.start();
    world.server.fault(On::Charge, 1, Fault::LoseAnswer);
    world.server.fault(On::Any, u32::MAX, Fault::LoseRequest);
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    world.run_for(DAY_MS + 60_000);
    world.server.heal();
    let mute = problem(403, "no-look-ups");
    world.server.fault(On::LookUp, 1, Fault::Answer(mute));
    let settled = world.settled(tab, "t1");
    assert_eq!(word(&world.wait(settled)), "parked KeyExpired");
    assert_eq!(world.server.times_charged("f:t1"), 1);
    tab
}

#[test]
fn retry_under_an_expired_key_looks_it_up_first() {
    let mut world = World::new();
    let tab = parked(&mut world);
    let retry = world.retry(tab, "t1");
    assert!(word(&world.wait(retry)).starts_with("charged"));
    world.settle();
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

#[test]
fn charge_under_an_expired_key_looks_it_up_first() {
    let mut world = World::new();
    let tab = parked(&mut world);
    let charge = world.seen(tab, "t1").clone();
    let mut again = world.request("t1", charge.amount.get());
    again.created_at_ms = charge.created_at;
    let call = world.charge_this(tab, again);
    assert!(word(&world.wait(call)).starts_with("charged"));
    world.settle();
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

#[test]
fn a_flush_looks_up_an_expired_key_first() {
    let mut world = World::new();
    let tab = parked(&mut world);
    world.flush(tab);
    world.settle();
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

/// A charge that was attempted more than a day ago.
fn expired(world: &mut World, first: Fault) -> usize {
    let tab = world.start();
    world.server.fault(On::Charge, 1, first);
    world.server.fault(On::Any, u32::MAX, Fault::LoseRequest);
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    world.run_for(DAY_MS + 60_000);
    world.server.heal();
    tab
}

#[test]
fn an_expired_key_that_was_charged_is_looked_up_not_sent() {
    let mut world = World::new();
    let tab = expired(&mut world, Fault::LoseAnswer);
    let settled = world.settled(tab, "t1");
    assert_eq!(word(&world.wait(settled)), "charged again");
    assert_eq!(world.server.count(On::AnyCharge), 1);
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

#[test]
fn an_expired_key_that_was_never_charged_is_looked_up_and_sent() {
    let mut world = World::new();
    let tab = expired(&mut world, Fault::LoseRequest);
    let settled = world.settled(tab, "t1");
    assert_eq!(word(&world.wait(settled)), "charged");
    assert_eq!(
        (
            world.server.count(On::LookUp),
            world.server.count(On::AnyCharge)
        ),
        (1, 2)
    );
}

#[test]
fn an_expired_key_that_cannot_be_looked_up_is_parked() {
    for mute in [
        problem(500, "broken"),
        problem(403, "no-look-ups"),
        problem(404, "nothing-here"),
    ] {
        let mut world = World::new();
        let tab = world.start();
        world.server.fault(On::Charge, 1, Fault::LoseAnswer);
        world.server.fault(On::Any, 3, Fault::LoseRequest);
        world
            .server
            .fault(On::LookUp, u32::MAX, Fault::Answer(mute));
        let call = world.charge(tab, "t1", 5);
        world.run_for(20);
        world.jump_wall(2 * 86_400_000);
        world.wait(call);
        let settled = world.settled(tab, "t1");
        let outcome = world.wait(settled);
        assert_eq!(
            (word(&outcome).as_str(), outcome.attempts),
            ("parked KeyExpired", 1)
        );
        assert_eq!(world.server.count(On::AnyCharge), 1);
        world.run_for(DAY_MS);
        assert_eq!(world.server.count(On::AnyCharge), 1);

        world.server.heal();
        let retry = world.retry(tab, "t1");
        assert_eq!(word(&world.wait(retry)), "charged again");
        assert_eq!(world.server.times_charged("f:t1"), 1);
    }
}

#[test]
fn a_captive_portals_404_answers_no_look_up() {
    let mut world = World::new();
    let tab = expired(&mut world, Fault::LoseAnswer);
    world.server.fault(On::LookUp, 1, Fault::Answer(page(404)));
    let settled = world.settled(tab, "t1");
    assert_eq!(word(&world.wait(settled)), "charged again");
    assert_eq!(world.server.count(On::AnyCharge), 1);
}

#[test]
fn an_old_charge_never_attempted_is_sent_without_a_look_up() {
    let mut world = World::new();
    let tab = world.start();
    world.go_online(false);
    world.charge(tab, "t1", 5);
    world.run_for(2 * DAY_MS);
    world.go_online(true);
    world.settle();
    assert_eq!(
        (
            world.server.count(On::LookUp),
            world.server.count(On::AnyCharge)
        ),
        (0, 1)
    );
}

#[test]
fn a_key_is_sent_as_long_as_the_request_ends_before_it_expires() {
    for (too_late_by_ms, sent) in [(0, (0, 2)), (1, (1, 1))] {
        let mut world = World::with(|config| config.max_attempts = 1);
        let tab = world.start();
        let broken = Fault::AnswerAfter(problem(500, "broken"));
        world.server.fault(On::Charge, 1, broken);
        let call = world.charge(tab, "t1", 5);
        world.wait(call);
        world.go_online(false);
        let margin_ms = world.config.claim_ms() + CLOCK_SLACK_MS;
        let limit_ms = world.config.key_ttl_ms - margin_ms;
        let age_ms = world.record(&key("t1")).unwrap().age_ms(world.now.wall_ms);
        // It is claimed as soon as the lock is there.
        let lock_ms = 1;
        world.run_for(limit_ms - age_ms.unwrap() - lock_ms + too_late_by_ms);
        world.go_online(true);
        world.run_for(100);
        let asked = (
            world.server.count(On::LookUp),
            world.server.count(On::AnyCharge),
        );
        assert_eq!(asked, sent);
        assert_eq!(world.server.times_charged("f:t1"), 1);
    }
}
