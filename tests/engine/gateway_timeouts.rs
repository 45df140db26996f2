//! Gateways that time out: a request that they have passed on may still be charged.

use tollbox::core::protocol::Response;

use super::outcomes::word;
use super::script::World;
use super::server::{Fault, On, page, problem};

fn gateway_answers() -> Vec<Response> {
    let with_problem = [408, 502, 504].map(|status| problem(status, "upstream"));
    with_problem
        .into_iter()
        .chain([408, 502, 504].map(page))
        .collect()
}

/// A gateway answers the first charge, and the server makes it `later_ms` later.
fn passed_on(gateway: Response, later_ms: u64) -> World {
    let mut world = World::with(|config| config.max_attempts = 1);
    let mut first = true;
    world.server.rule(move |arrived| {
        let meets = arrived.is_for(On::Charge) && std::mem::take(&mut first);
        meets.then(|| Fault::AnswerThenDone(gateway.clone(), later_ms))
    });
    world
}

#[test]
fn cancel_trusts_no_look_up_while_a_request_may_still_arrive() {
    for gateway in gateway_answers() {
        let mut world = passed_on(gateway, 1_500);
        let tab = world.start();
        let call = world.charge(tab, "t1", 5);
        assert!(word(&world.wait(call)).starts_with("unknown"));
        let cancel = world.cancel(tab, "t1");
        let said = word(&world.wait(cancel));
        assert!(!said.starts_with("failed"), "{said}");
        world.settle();
        let settled = world.settled(tab, "t1");
        assert!(word(&world.wait(settled)).starts_with("charged"));
        assert_eq!(world.server.times_charged("f:t1"), 1);
    }
}

#[test]
fn attempts_are_not_exhausted_while_a_request_may_still_arrive() {
    for gateway in gateway_answers() {
        let mut world = passed_on(gateway, 4_000);
        world.config.max_total_attempts = 1;
        let tab = world.start();
        let call = world.charge(tab, "t1", 5);
        assert!(word(&world.wait(call)).starts_with("unknown"));
        world.settle();
        let settled = world.settled(tab, "t1");
        assert!(word(&world.wait(settled)).starts_with("charged"));
    }
}

#[test]
fn only_probes_are_sent_until_the_server_itself_answers() {
    let mut world = World::new();
    let tab = world.start();
    world
        .server
        .fault(On::Any, u32::MAX, Fault::Answer(problem(504, "upstream")));
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    world.run_for(600_000);
    assert_eq!(world.server.count(On::AnyCharge), 1);
    world.server.heal();
    world.settle();
    assert_eq!(world.server.times_charged("f:t1"), 1);
}
