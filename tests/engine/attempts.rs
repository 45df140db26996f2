//! Answers that only put a charge off use no attempts up.

use super::flush::with_queue;
use super::outcomes::word;
use super::server::{Fault, On, problem, with_retry_after};
use super::world::World;

#[test]
fn twenty_five_times_busy_and_then_charged_without_a_call() {
    for (status, retry_after) in [(503, Some("1")), (429, None), (503, None)] {
        let mut world = World::with(|config| config.backoff.max_ms = 2_000);
        let tab = world.start();
        let busy = problem(status, "busy");
        let busy = match retry_after {
            Some(retry_after) => with_retry_after(busy, retry_after),
            None => busy,
        };
        world.server.fault(On::AnyCharge, 25, Fault::Answer(busy));
        let call = world.charge(tab, "t1", 5);
        assert_eq!(word(&world.wait(call)), "queued Busy");
        let settled = world.settled(tab, "t1");
        assert_eq!(word(&world.wait(settled)), "charged");
        assert_eq!(world.outcome(settled).attempts, 26);
    }
}

#[test]
fn items_of_a_batch_that_are_put_off_use_no_attempts_up_and_are_backed_off() {
    let mut world = World::new();
    with_queue(&mut world, 2);
    let item = |n: usize| {
        serde_json::json!({"idempotency_key": format!("f:t{n:03}"), "status": "retry",
            "problem": {"type": "busy", "status": 503}})
    };
    let body = serde_json::json!({"results": [item(0), item(1)], "balance": 120, "version": 1});
    let answer = super::server::json_answer(200, body);
    world
        .server
        .fault(On::Batch, u32::MAX, Fault::Answer(answer));
    world
        .server
        .fault(On::Charge, u32::MAX, Fault::Answer(problem(503, "busy")));
    world.go_online(true);
    world.run_for(3_600_000);
    let sent = world.server.count(On::AnyCharge);
    assert!((30..600).contains(&sent), "{sent}");
    world.server.heal();
    world.settle();
    assert_eq!(world.server.balance(), 118);
}
