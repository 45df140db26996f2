//! Batches, and the flush that sends them.

use serde_json::{Value, json};
use tollbox::core::engine::{Answer, CallId, Notice};
use tollbox::core::outcome::OpenReason;
use tollbox::core::snapshot::{FlushReport, Stopped};

use super::outcomes::word;
use super::script::World;
use super::server::{Fault, On, json_answer, page, problem, with_retry_after};

/// A tab with `count` charges of one point, queued offline.
fn with_queue(world: &mut World, count: usize) -> usize {
    let tab = world.start();
    world.go_online(false);
    for n in 0..count {
        let call = world.charge(tab, &format!("t{n:03}"), 1);
        world.wait(call);
    }
    tab
}

fn report(world: &mut World, call: CallId) -> FlushReport {
    world.run_until(|world| world.answers.contains_key(&call));
    let Answer::Flush(report) = world.answer(call) else {
        panic!()
    };
    *report
}

fn keys(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("f:t{n:03}")).collect()
}

#[test]
fn a_queue_is_sent_in_order_and_in_batches() {
    let mut world = World::with(|config| config.batch_size = 4);
    let tab = with_queue(&mut world, 10);
    world.go_online(true);
    let flush = world.flush(tab);
    let report = report(&mut world, flush);
    assert_eq!(
        (report.charged, report.remaining, report.stopped),
        (10, 0, None)
    );
    let sent: Vec<String> = world
        .server
        .arrived
        .iter()
        .filter(|a| a.is_for(On::AnyCharge))
        .flat_map(|a| a.keys.clone())
        .collect();
    assert_eq!(sent, keys(10));
    assert_eq!(world.server.count(On::AnyCharge), 3);
    assert_eq!(world.server.balance(), 110);
    let progress: Vec<usize> = world
        .notices(tab)
        .iter()
        .filter_map(|(_, notice)| match notice {
            Notice::FlushProgress(progress) => Some(progress.done),
            _ => None,
        })
        .collect();
    assert!(
        progress.is_sorted() && progress.last() == Some(&10),
        "{progress:?}"
    );
    world.settle();
}

#[test]
fn a_batch_may_be_declined_in_part() {
    let mut world = World::new();
    let tab = world.start();
    world.go_online(false);
    for (task, amount) in [("a", 60), ("b", 60)] {
        world.charge(tab, task, amount);
    }
    world.settle_calls();
    world.server.charge_elsewhere(0, "x", 50);
    let settled = [world.settled(tab, "a"), world.settled(tab, "b")];
    world.go_online(true);
    let [first, second] = settled.map(|call| word(&world.wait(call)));
    assert_eq!(
        (first.as_str(), second.as_str()),
        ("charged", "declined InsufficientBalance")
    );
    assert_eq!(world.server.balance(), 10);
    world.settle();
}

#[test]
fn batch_results_match_by_key_and_ambiguous_ones_stay_open() {
    let item = |key: &str, amount: u64| {
        json!({"idempotency_key": key, "status": "charged", "charge_id": format!("c-{key}"),
        "amount": amount, "charged_at": "2026-01-01T00:00:00Z", "replayed": false})
    };
    let a = item("f:t000", 1);
    let b = item("f:t001", 1);
    // The server charged both each time; a charge without a clear result stays open.
    for (results, settled) in [
        (json!([b, a]), 2),
        (json!([a]), 1),
        (json!([a, item("f:other", 1)]), 1),
        (json!([a, b, b]), 1),
        (json!([a, item("f:t001", 2)]), 1),
        (json!([]), 0),
        (json!([a, 7]), 1),
    ] {
        let mut world = World::new();
        let tab = with_queue(&mut world, 2);
        let answer = json_answer(
            200,
            json!({"results": results, "balance": 118, "version": 3}),
        );
        world.server.fault(On::Batch, 1, Fault::AnswerAfter(answer));
        world.server.fault(On::AnyCharge, 1, Fault::Hang);
        world.go_online(true);
        world.run_until(|world| world.server.count(On::Batch) == 1);
        world.run_for(100);
        let charged = world.snapshot(tab).stats.charged;
        assert_eq!(charged, settled, "{results}");
        world.settle();
        assert_eq!(world.server.balance(), 118);
        assert_eq!(world.snapshot(tab).stats.charged, 2);
    }
}

#[test]
fn a_server_without_batches_gets_single_charges() {
    for none in [
        problem(404, "nothing-here"),
        page(404),
        problem(405, "post-not-here"),
        problem(501, "no-batches"),
    ] {
        let mut world = World::new();
        with_queue(&mut world, 5);
        world.server.fault(On::Batch, u32::MAX, Fault::Answer(none));
        world.go_online(true);
        world.settle();
        assert_eq!(
            (
                world.server.count(On::Batch),
                world.server.count(On::Charge)
            ),
            (1, 5)
        );
        assert_eq!(world.server.balance(), 115);
    }
}

#[test]
fn a_batch_rejected_as_a_whole_is_sent_one_by_one() {
    for rejection in [problem(400, "bad-batch"), problem(422, "what")] {
        let mut world = World::new();
        let tab = with_queue(&mut world, 5);
        world.server.fault(On::Batch, 1, Fault::Answer(rejection));
        world.go_online(true);
        world.settle();
        assert_eq!(
            (
                world.server.count(On::Batch),
                world.server.count(On::Charge)
            ),
            (1, 5)
        );
        assert_eq!(world.server.balance(), 115);
        // The next charges leave as a batch again.
        world.go_online(false);
        for n in 5..8 {
            world.charge(tab, &format!("t{n:03}"), 1);
        }
        world.settle_calls();
        world.go_online(true);
        world.settle();
        assert_eq!(
            (
                world.server.count(On::Batch),
                world.server.count(On::Charge)
            ),
            (2, 5)
        );
        assert_eq!(world.server.balance(), 112);
    }
}

#[test]
fn a_lost_batch_is_charged_once() {
    for fault in [
        Fault::LoseAnswer,
        Fault::LoseRequest,
        Fault::HangAfter,
        Fault::AnswerAfter(problem(500, "broken")),
        Fault::AnswerAfter(page(200)),
    ] {
        let mut world = World::new();
        with_queue(&mut world, 5);
        world.server.fault(On::Batch, 1, fault);
        world.go_online(true);
        world.settle();
        assert_eq!(world.server.balance(), 115);
        assert!(
            keys(5)
                .iter()
                .all(|key| world.server.times_charged(key) == 1)
        );
    }
}

#[test]
fn batch_items_marked_retry_are_sent_again() {
    let mut world = World::new();
    let tab = with_queue(&mut world, 2);
    let retry = |key: &str| json!({"idempotency_key": key, "status": "retry", "problem": {"type": "busy", "status": 503}});
    let results: Value = json!([retry("f:t000"), retry("f:t001")]);
    let answer = json_answer(
        200,
        json!({"results": results, "balance": 120, "version": 1}),
    );
    world.server.fault(On::Batch, 1, Fault::Answer(answer));
    world.go_online(true);
    world.run_for(100);
    let settled = world.settled(tab, "t000");
    assert!(word(&world.wait(settled)).starts_with("charged"));
    world.settle();
    assert_eq!(world.server.balance(), 118);
}

#[test]
fn a_flush_says_why_it_stopped() {
    for (fault, reason) in [
        (Fault::LoseRequest, OpenReason::Unreachable),
        (
            Fault::Answer(with_retry_after(problem(503, "busy"), "60")),
            OpenReason::Busy,
        ),
        (
            Fault::Answer(problem(401, "unauthorized")),
            OpenReason::Unauthorized,
        ),
    ] {
        let mut world = World::new();
        let tab = with_queue(&mut world, 3);
        world.server.fault(On::Any, 12, fault);
        world.go_online(true);
        let flush = world.flush(tab);
        let report = report(&mut world, flush);
        assert_eq!(
            (report.charged, report.remaining, report.stopped),
            (0, 3, Some(Stopped::Open(reason)))
        );
        world.settle();
        assert_eq!(world.server.balance(), 117);
    }
    let mut world = World::new();
    let tab = with_queue(&mut world, 3);
    let flush = world.flush(tab);
    assert_eq!(
        report(&mut world, flush).stopped,
        Some(Stopped::Open(OpenReason::Offline))
    );
}

#[test]
fn a_flush_of_an_empty_queue_reports_at_once() {
    let mut world = World::new();
    let tab = world.start();
    let flush = world.flush(tab);
    assert_eq!(world.answer(flush), &Answer::Flush(FlushReport::default()));
}

#[test]
fn a_flush_retries_failed_and_parked_charges() {
    let mut world = World::with(|config| config.max_total_attempts = 1);
    let tab = world.start();
    world
        .server
        .fault(On::Charge, 2, Fault::Answer(problem(500, "broken")));
    world
        .server
        .fault(On::LookUp, 1, Fault::Answer(problem(403, "no-look-ups")));
    for task in ["parked", "failed"] {
        world.charge(tab, task, 1);
        let settled = world.settled(tab, task);
        world.wait(settled);
    }
    let stats = world.snapshot(tab).stats;
    assert_eq!((stats.unknown, stats.failed), (1, 1));
    let flush = world.flush(tab);
    let report = report(&mut world, flush);
    assert_eq!(
        (report.charged, report.remaining, report.stopped),
        (2, 0, None)
    );
    world.settle();
    assert_eq!(world.server.balance(), 118);
}

#[test]
fn a_flush_does_not_wait_for_backoff() {
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
    let asked_ms = world.now.mono_ms;
    let flush = world.flush(tab);
    let report = report(&mut world, flush);
    assert_eq!(report.charged, 1);
    assert!(world.now.mono_ms - asked_ms < 1_000);
}

#[test]
fn concurrent_flushes_both_report() {
    let mut world = World::with(|config| config.batch_size = 2);
    let tab = with_queue(&mut world, 5);
    world.go_online(true);
    let calls = [world.flush(tab), world.flush(tab)];
    for call in calls {
        let report = report(&mut world, call);
        assert_eq!((report.remaining, report.stopped), (0, None));
    }
    assert_eq!(world.server.balance(), 115);
}

#[test]
fn batches_are_tried_again_after_an_outage() {
    let mut world = World::new();
    let tab = world.start();
    // A foreign page.
    world.server.fault(On::Batch, 1, Fault::Answer(page(404)));
    let queue = |world: &mut World, tasks: [&str; 2]| {
        world.go_online(false);
        for task in tasks {
            let call = world.charge(tab, task, 5);
            world.wait(call);
        }
        world.go_online(true);
        world.settle();
    };
    queue(&mut world, ["t1", "t2"]);
    assert_eq!(
        (
            world.server.count(On::Batch),
            world.server.count(On::Charge)
        ),
        (1, 2)
    );
    queue(&mut world, ["t3", "t4"]);
    assert_eq!(
        (
            world.server.count(On::Batch),
            world.server.count(On::Charge)
        ),
        (2, 2)
    );
}

#[test]
fn a_batch_answered_by_a_foreign_page_may_have_been_charged() {
    // The browser sent it twice: the first copy was charged, the second got a page.
    let mut world = World::new();
    let tab = world.start();
    world.go_online(false);
    for task in ["t1", "t2"] {
        let call = world.charge(tab, task, 5);
        world.wait(call);
    }
    world
        .server
        .fault(On::Batch, 1, Fault::AnswerAfter(page(404)));
    world.server.fault(On::Charge, u32::MAX, Fault::Hang);
    world.go_online(true);
    world.run_until(|world| world.server.count(On::Batch) == 1);
    world.run_for(11);
    let cancel = world.cancel(tab, "t2");
    assert!(!word(&world.wait(cancel)).starts_with("failed"));
    world.server.heal();
    let settled = world.settled(tab, "t2");
    assert_eq!(word(&world.wait(settled)), "charged again");
}

/// Goes offline, queues these charges, and sends them.
fn send_queued(world: &mut World, tab: usize, numbers: std::ops::Range<usize>) {
    world.go_online(false);
    for n in numbers {
        let call = world.charge(tab, &format!("t{n:03}"), 1);
        world.wait(call);
    }
    world.go_online(true);
    world.settle();
}

#[test]
fn a_server_that_says_it_has_no_batches_is_sent_no_second_one() {
    for none in [problem(404, "nothing-here"), problem(501, "no-batches")] {
        let mut world = World::new();
        let tab = world.start();
        world.server.fault(On::Batch, u32::MAX, Fault::Answer(none));
        send_queued(&mut world, tab, 0..3);
        send_queued(&mut world, tab, 3..6);
        let sent = (
            world.server.count(On::Batch),
            world.server.count(On::Charge),
        );
        assert_eq!(sent, (1, 6));
        assert_eq!(world.server.balance(), 114);
    }
}

#[test]
fn batches_grow_again_after_a_lost_one() {
    let mut world = World::with(|config| config.batch_size = 8);
    let tab = world.start();
    world.run_for(2_000);
    world.server.fault(On::Batch, 1, Fault::LoseRequest);
    send_queued(&mut world, tab, 0..24);
    let arrived = world.server.arrived.iter();
    let sizes: Vec<usize> = arrived
        .filter(|arrived| arrived.is_for(On::AnyCharge))
        .map(|arrived| arrived.keys.len())
        .collect();
    assert!(sizes[1..].contains(&4), "halved at first: {sizes:?}");
    assert!(sizes[1..].contains(&8), "{sizes:?}");
    assert_eq!(world.server.balance(), 96);
}
