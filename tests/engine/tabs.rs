//! Several tabs of one account.

use tollbox::core::config::OfflineSpend;
use tollbox::core::engine::{Answer, Event};
use tollbox::core::snapshot::Stopped;

use super::outcomes::word;
use super::script::{World, key};
use super::server::{Fault, On, problem};

#[test]
fn two_tabs_charging_the_same_task_charge_it_once() {
    for apart_ms in [0, 1, 2, 5, 12, 21, 22, 23, 24, 25, 40] {
        let mut world = World::new();
        let (one, two) = (world.start(), world.start());
        let first = world.charge(one, "t1", 5);
        world.run_for(apart_ms);
        let second = world.charge(two, "t1", 5);
        assert!(word(&world.wait(first)).starts_with("charged"));
        assert!(word(&world.wait(second)).starts_with("charged"));
        assert_eq!(world.server.count(On::AnyCharge), 1, "{apart_ms} ms apart");
        world.settle();
        assert_eq!(world.snapshot(two).balance.unwrap().available.get(), 115);
    }
}

#[test]
fn two_tabs_charging_different_amounts_under_one_key_conflict() {
    let mut world = World::new();
    let (one, two) = (world.start(), world.start());
    let first = world.charge(one, "t1", 5);
    let second = world.charge(two, "t1", 6);
    assert_eq!(word(&world.wait(first)), "charged");
    assert_eq!(word(&world.wait(second)), "failed Conflict");
    world.settle();
    assert_eq!(world.server.balance(), 115);
}

#[test]
fn a_charge_settles_in_every_tab() {
    let mut world = World::new();
    let tabs: Vec<usize> = (0..4).map(|_| world.start()).collect();
    world.go_online(false);
    let call = world.charge(tabs[0], "t1", 5);
    world.wait(call);
    world.run_for(10);
    let settled: Vec<_> = tabs.iter().map(|tab| world.settled(*tab, "t1")).collect();
    world.go_online(true);
    for call in settled {
        assert_eq!(word(&world.wait(call)), "charged");
    }
    assert_eq!(world.server.count(On::AnyCharge), 1);
    world.settle();
}

#[test]
fn four_tabs_coming_online_send_each_charge_once() {
    let mut world = World::with(|config| config.batch_size = 3);
    let tabs: Vec<usize> = (0..4).map(|_| world.start()).collect();
    world.go_online(false);
    for n in 0..20 {
        world.charge(tabs[n % 4], &format!("t{n}"), 1);
        world.run_for(3);
    }
    world.settle_calls();
    world.go_online(true);
    world.settle();
    assert_eq!(world.server.balance(), 100);
    let sent: usize = world
        .server
        .arrived
        .iter()
        .filter(|a| a.is_for(On::AnyCharge))
        .map(|a| a.keys.len())
        .sum();
    assert_eq!(sent, 20);
    for tab in tabs {
        let snapshot = world.snapshot(tab);
        assert_eq!((snapshot.stats.charged, snapshot.stats.open), (20, 0));
        assert_eq!(snapshot.balance.unwrap().available.get(), 100);
    }
}

#[test]
fn a_tab_that_hears_no_announcements_reads_the_journal_itself() {
    let mut world = World::new();
    let (one, two) = (world.start(), world.start());
    world.announcements = false;
    world.go_online(false);
    let call = world.charge(one, "t1", 5);
    world.wait(call);
    let settled = world.settled(two, "t1");
    world.go_online(true);
    assert_eq!(word(&world.wait(settled)), "charged");
    world.settle();
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

#[test]
fn a_balance_does_not_flatter_in_a_tab_that_reads_the_journal_first() {
    let mut world = World::new();
    let (one, two) = (world.start(), world.start());
    world.announcements = false;
    let call = world.charge(one, "t1", 5);
    world.run_for(5);
    let joined = world.settled(two, "t1");
    world.run_for(5);
    world.wait(call);
    // The second tab finds the charge settled in the journal, and no word of the balance with it.
    world.tell(two, Event::Woke);
    world.wait(joined);
    assert_eq!(world.snapshot(two).balance.unwrap().available.get(), 115);
}

#[test]
fn a_charge_taken_over_from_a_frozen_tab_is_charged_once() {
    let mut world = World::with(|config| config.request_timeout_ms = 10_000);
    let (one, two) = (world.start(), world.start());
    world.server.fault(On::Charge, 1, Fault::HangAfter);
    world.charge(one, "t1", 5);
    world.run_for(50);
    // A killed tab and a frozen one look the same from here.
    world.crash(one);
    let settled = world.settled(two, "t1");
    assert_eq!(word(&world.wait(settled)), "charged again");
    assert_eq!(world.server.times_charged("f:t1"), 1);
    world.settle();
}

#[test]
fn cancel_while_another_tab_sends_tells_the_truth() {
    for apart_ms in 0..40 {
        let mut world = World::new();
        let (one, two) = (world.start(), world.start());
        world.go_online(false);
        world.charge(one, "t1", 5);
        world.settle_calls();
        world.run_for(10);
        world.go_online(true);
        world.run_for(apart_ms);
        let cancel = world.cancel(two, "t1");
        let said = word(&world.wait(cancel));
        world.settle();
        let times = world.server.times_charged("f:t1");
        match said.as_str() {
            "failed Cancelled" => assert_eq!(times, 0),
            "charged" | "charged again" => assert_eq!(times, 1),
            other => panic!("{other}, {apart_ms} ms apart"),
        }
    }
}

#[test]
fn a_flush_during_another_tabs_long_flush_says_so() {
    let mut world = World::with(|config| config.request_timeout_ms = 60_000);
    let (one, two) = (world.start(), world.start());
    world.go_online(false);
    world.charge(one, "t1", 1);
    world.charge(one, "t2", 1);
    world.settle_calls();
    world.run_for(10);
    world.server.fault(On::Batch, 1, Fault::HangAfter);
    world.go_online(true);
    world.run_for(30);
    let flush = world.flush(two);
    world.run_until(|world| world.answers.contains_key(&flush));
    let Answer::Flush(report) = world.answer(flush) else {
        panic!()
    };
    assert!(
        report.stopped == Some(Stopped::AnotherTab) || report.remaining == 0,
        "{report:?}"
    );
    world.settle();
    assert_eq!(world.server.balance(), 118);
}

#[test]
fn a_declined_charge_retried_in_two_tabs_is_charged_once() {
    let mut world = World::new();
    let (one, two) = (world.start(), world.start());
    let call = world.charge(one, "t1", 500);
    world.wait(call);
    world.run_for(10);
    world.server.top_up(1_000);
    let calls = [world.retry(one, "t1"), world.retry(two, "t1")];
    for call in calls {
        let said = word(&world.wait(call));
        assert!(said.starts_with("charged"), "{said}");
    }
    assert_eq!(world.server.times_charged("f:t1"), 1);
    world.settle();
}

#[test]
fn an_evicted_charge_is_forgotten_in_every_tab() {
    let mut world = World::with(|config| config.keep_settled = 2);
    let (one, two) = (world.start(), world.start());
    for n in 0..10 {
        let call = world.charge(one, &format!("t{n}"), 1);
        world.wait(call);
        world.run_for(10);
    }
    world.settle();
    world.run_for(1_100);
    assert_eq!(world.journal.records.len(), 2);
    assert!(world.journal.records.contains_key(&key("t9")));
    assert_eq!(world.snapshot(two).stats.charged, 10);
    world
        .server
        .fault(On::Any, 1, Fault::Answer(problem(500, "broken")));
    let again = world.charge(two, "t0", 1);
    assert_eq!(word(&world.wait(again)), "charged again");
    assert_eq!(world.server.times_charged("f:t0"), 1);
}

#[test]
fn a_charge_cancelled_in_one_tab_is_not_retried_in_another() {
    let mut world = World::with(|config| config.offline_spend = OfflineSpend::Deny);
    let (one, two) = (world.start(), world.start());
    world.go_online(false);
    let call = world.charge(one, "t1", 5);
    assert_eq!(word(&world.wait(call)), "failed OfflineSpendDenied");
    world.run_for(10);
    // The other tab hears no announcement from here on.
    world.announcements = false;
    let again = world.retry(one, "t1");
    world.wait(again);
    world.config.offline_spend = OfflineSpend::Unlimited;
    let cancel = world.cancel(one, "t1");
    world.wait(cancel);
    let reopened = world.journal.records.get(&key("t1")).cloned().unwrap();
    let cancelled = reopened.ask_again(world.now.wall_ms).unwrap();
    let cancelled = cancelled.cancel(world.now.wall_ms).unwrap();
    world.journal.records.insert(key("t1"), cancelled);
    world.tell(two, Event::Online(true));
    world.run_for(1_000);
    assert_eq!(world.server.times_charged("f:t1"), 0);
}

#[test]
fn a_failed_charge_is_retried_by_one_tab_once() {
    let mut world = World::with(|config| {
        config.offline_spend = OfflineSpend::Deny;
        config.max_total_attempts = 1;
    });
    let tabs = [world.start(), world.start()];
    world.go_online(false);
    let call = world.charge(tabs[0], "t1", 5);
    assert_eq!(word(&world.wait(call)), "failed OfflineSpendDenied");
    world.run_for(10);
    world
        .server
        .fault(On::AnyCharge, u32::MAX, Fault::LoseRequest);
    for _ in 0..4 {
        world.go_online(true);
        world.run_for(60_000);
        world.go_online(false);
        world.run_for(1_000);
    }
    assert_eq!(world.server.count(On::AnyCharge), 1);
}

#[test]
fn a_change_heard_of_but_not_read_leaves_its_charge_unknown() {
    let mut world = World::with(|config| config.respond_within_ms = 500);
    let (one, two) = (world.start(), world.start());
    world.go_online(false);
    let call = world.charge(one, "t1", 5);
    assert_eq!(word(&world.wait(call)), "queued Offline");
    world.run_for(10);
    let retry = world.retry(one, "t1");
    world.run_for(5);
    world.commit_ms = 2_000;
    world.tell(
        one,
        Event::Peer {
            keys: vec![key("t1")],
            confirmed: None,
        },
    );
    let second = world.charge(one, "t1", 5);
    let said = word(&world.wait(second));
    assert!(said.starts_with("unknown"), "{said}");
    world.wait(retry);
    let _ = two;
}

#[test]
fn a_live_tabs_claim_survives_a_clock_jump() {
    for before_ms in [0, 3_600_000] {
        let mut world = World::new();
        world.locks = true;
        let one = world.start();
        world.run_for(before_ms);
        world.server.fault(On::Charge, 1, Fault::Late(6_000));
        let call = world.charge(one, "t1", 5);
        world.run_for(50);
        world.jump_wall(86_400_000);
        world.start();
        world.run_for(5_000);
        assert_eq!(
            world
                .server
                .arrived
                .iter()
                .filter(|a| a.on != On::Balance)
                .count(),
            1
        );
        assert_eq!(word(&world.wait(call)), "charged");
    }
}

#[test]
fn a_tab_with_a_shorter_timeout_respects_a_longer_claim() {
    let mut world = World::new();
    let patient = world.start();
    world.config.request_timeout_ms = 500;
    let hasty = world.start();
    world
        .server
        .fault(On::Charge, 1, Fault::HangThenDone(9_000));
    let call = world.charge(patient, "t1", 5);
    world.run_until(|world| world.server.count(On::Charge) == 1);
    let cancel = world.cancel(hasty, "t1");
    let said = word(&world.wait(cancel));
    assert!(said.starts_with("unknown"), "{said}");
    world.wait(call);
    let settled = world.settled(hasty, "t1");
    let said = word(&world.wait(settled));
    assert!(said.starts_with("charged"), "{said}");
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

#[test]
fn a_charge_queued_by_another_living_tab_is_not_in_doubt() {
    let mut world = World::new();
    world.locks = true;
    let (one, two) = (world.start(), world.start());
    world.go_online(false);
    let call = world.charge(one, "t1", 5);
    assert_eq!(word(&world.wait(call)), "queued Offline");
    let again = world.charge(two, "t1", 5);
    assert_eq!(word(&world.wait(again)), "queued Offline");
}
