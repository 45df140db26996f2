//! Closing a client.

use tollbox::core::engine::Answer;
use tollbox::core::snapshot::{BalanceResult, FlushReport};

use super::outcomes::word;
use super::script::World;
use super::server::On;

#[test]
fn closing_answers_every_call_and_the_next_start_goes_on() {
    for after_ms in [0, 1, 2, 12, 22, 23] {
        let mut world = World::new();
        let tab = world.start();
        let charge = world.charge(tab, "t1", 5);
        let settled = world.settled(tab, "t1");
        let refresh = world.refresh(tab);
        let flush = world.flush(tab);
        world.run_for(after_ms);
        world.close(tab);
        let said = word(world.outcome(charge));
        assert!(
            ["queued", "unknown", "charged"]
                .iter()
                .any(|word| said.starts_with(word)),
            "{said}"
        );
        assert!(matches!(
            world.answer(settled),
            Answer::Closed | Answer::Outcome(_)
        ));
        assert!(matches!(
            world.answer(refresh),
            Answer::Balance(BalanceResult::Unavailable { .. } | BalanceResult::Fresh { .. })
        ));
        assert!(matches!(
            world.answer(flush),
            Answer::Flush(FlushReport { .. })
        ));
        world.run_for(60_000);
        assert!(world.tab(tab).engine.is_idle());
        assert_eq!(world.tab(tab).engine.deadline(), None);
        let late = world.charge(tab, "t2", 5);
        assert_eq!(world.answer(late), &Answer::Closed);

        let next = world.start();
        world.charge(next, "t1", 5);
        world.settle();
        assert_eq!(world.server.times_charged("f:t1"), 1);
    }
}

#[test]
fn closing_before_the_request_leaves_uses_up_no_attempt() {
    let mut world = World::new();
    let tab = world.start();
    world.charge(tab, "t1", 5);
    world.close(tab);
    world.run_for(100);
    assert_eq!(world.server.count(On::AnyCharge), 0);
    let next = world.start();
    let show = world.show(next, "t1");
    world.run_for(2);
    if let Answer::Record(Some(record)) = world.answer(show) {
        assert_eq!(
            record.attempts as usize,
            world.server.count(On::AnyCharge),
            "{record:?}"
        );
    }
    world.run_for(2_000);
    assert_eq!(
        world.server.times_charged("f:t1"),
        1,
        "it waits for its own dead claim"
    );
    world.settle();
}

#[test]
fn a_read_that_ends_after_close_is_announced_to_nobody() {
    let mut world = World::new();
    let (one, _two) = (world.start(), world.start());
    let call = world.charge(one, "t1", 5);
    world.wait(call);
    world.run_for(1_000);
    let before = world.counts.transactions;
    world.show(one, "t1");
    world.close(one);
    world.run_for(100);
    assert_eq!(world.counts.transactions - before, 1);
}
