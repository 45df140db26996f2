//! Tasks: whether one may start, and what it holds while it runs.

use tollbox::core::config::OfflineSpend;
use tollbox::core::engine::{Answer, CallRequest, Event, Running};
use tollbox::core::points::Points;

use super::outcomes::word;
use super::script::{Happening, World, key};
use super::server::{Fault, On, problem};

fn available(world: &World, tab: usize) -> u64 {
    world.snapshot(tab).balance.unwrap().available.get()
}

#[test]
fn a_task_for_the_whole_balance_may_start() {
    let mut world = World::new();
    let tab = world.start();
    let start = world.start_task(tab, "t1", 120);
    assert_eq!(world.answer(start), &Answer::Started);
    assert_eq!(available(&world, tab), 0);
}

#[test]
fn a_task_started_twice_is_held_once() {
    let mut world = World::new();
    let tab = world.start();
    for _ in 0..2 {
        let start = world.start_task(tab, "t1", 100);
        assert_eq!(world.answer(start), &Answer::Started);
        assert_eq!(available(&world, tab), 20);
    }
}

#[test]
fn a_task_already_queued_or_charged_holds_nothing_more() {
    let mut world = World::new();
    let tab = world.start();
    world.go_online(false);
    let call = world.charge(tab, "t1", 100);
    world.wait(call);
    let start = world.start_task(tab, "t1", 100);
    assert_eq!(world.answer(start), &Answer::Started);
    assert_eq!(available(&world, tab), 20);
    world.go_online(true);
    world.settle();
    let start = world.start_task(tab, "t1", 100);
    assert_eq!(world.answer(start), &Answer::Started);
    assert_eq!(available(&world, tab), 20);
    assert_eq!(world.server.balance(), 20);
}

#[test]
fn a_task_whose_charge_failed_is_held_anew() {
    let mut world = World::new();
    let tab = world.start();
    world
        .server
        .fault(On::Charge, 1, Fault::Answer(problem(403, "not-yours")));
    let call = world.charge(tab, "t1", 100);
    world.wait(call);
    assert_eq!(available(&world, tab), 120);
    let start = world.start_task(tab, "t1", 100);
    assert_eq!(world.answer(start), &Answer::Started);
    assert_eq!(available(&world, tab), 20);
}

#[test]
fn a_task_under_another_charges_key_may_not_start() {
    let mut world = World::new();
    let tab = world.start();
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    let start = world.start_task(tab, "t1", 6);
    assert_eq!(word(world.outcome(start)), "failed Conflict");
    assert_eq!(available(&world, tab), 115);
}

#[test]
fn a_task_beyond_offline_spend_may_not_start_offline() {
    let mut world = World::with(|config| config.offline_spend = OfflineSpend::Deny);
    let tab = world.start();
    world.go_online(false);
    let start = world.start_task(tab, "t1", 5);
    world.settle_calls();
    assert_eq!(word(world.outcome(start)), "failed OfflineSpendDenied");
    world.go_online(true);
    let start = world.start_task(tab, "t1", 5);
    assert_eq!(world.answer(start), &Answer::Started);
}

#[test]
fn points_held_by_a_task_are_not_spent_offline() {
    let mut world = World::new();
    let tab = world.start();
    world.start_task(tab, "running", 100);
    world.go_online(false);
    let call = world.charge(tab, "t1", 21);
    assert_eq!(word(&world.wait(call)), "failed OfflineSpendDenied");
    let call = world.charge(tab, "t2", 20);
    assert_eq!(word(&world.wait(call)), "queued Offline");
}

#[test]
fn no_task_starts_after_sign_out_or_close() {
    let mut world = World::new();
    let tab = world.start();
    world.sign_out(tab);
    let start = world.start_task(tab, "t1", 5);
    assert_eq!(world.answer(start), &Answer::Closed);
    world.close(tab);
    let start = world.start_task(tab, "t1", 5);
    assert_eq!(world.answer(start), &Answer::Closed);
}

#[test]
fn a_task_that_finds_the_queue_full_may_not_start() {
    let mut world = World::with(|config| config.max_entries = 1);
    let tab = world.start();
    world.go_online(false);
    world.charge(tab, "t1", 5);
    world.settle_calls();
    let start = world.start_task(tab, "t2", 5);
    world.run_for(10);
    assert_eq!(word(world.outcome(start)), "failed QueueFull");
}

#[test]
fn a_finished_task_finds_its_place_in_the_queue() {
    let mut world = World::with(|config| config.max_entries = 2);
    let tab = world.start();
    world.go_online(false);
    let first = world.start_task(tab, "t1", 5);
    let second = world.start_task(tab, "t2", 5);
    // Running tasks take both places.
    let third = world.start_task(tab, "t3", 5);
    let other = world.charge(tab, "t4", 5);
    assert_eq!(word(&world.wait(other)), "failed QueueFull");
    assert_eq!(word(world.outcome(third)), "failed QueueFull");
    for (start, task) in [(first, "t1"), (second, "t2")] {
        assert_eq!(world.answer(start), &Answer::Started);
        let call = world.charge(tab, task, 5);
        assert_eq!(word(&world.wait(call)), "queued Offline");
    }
    world.go_online(true);
    world.settle();
    for task in ["f:t1", "f:t2"] {
        assert_eq!(world.server.times_charged(task), 1);
    }
}

#[test]
fn a_task_charged_less_than_held_releases_the_rest() {
    let mut world = World::with(|config| config.max_entries = 1);
    let tab = world.start();
    world.go_online(false);
    let start = world.start_task(tab, "t1", 10);
    world.settle_calls();
    assert_eq!(world.answer(start), &Answer::Started);
    assert_eq!(held(&world, tab), 10);
    let call = world.charge(tab, "t1", 4);
    assert_eq!(word(&world.wait(call)), "queued Offline");
    assert_eq!(held(&world, tab), 4);
    world.go_online(true);
    world.settle();
    assert_eq!(world.server.balance(), 116);
}

#[test]
fn a_task_charged_less_than_held_may_run_again_for_free() {
    let mut world = World::new();
    let (one, two) = (world.start(), world.start());
    world.start_task(one, "t1", 10);
    world.settle_calls();
    let call = world.charge(one, "t1", 4);
    world.wait(call);
    for tab in [one, two] {
        let again = world.start_task(tab, "t1", 10);
        world.settle_calls();
        assert_eq!(world.answer(again), &Answer::Started);
        let call = world.charge(tab, "t1", 4);
        assert!(word(&world.wait(call)).starts_with("charged"));
        // The key names the charge of 4 points.
        let call = world.charge(tab, "t1", 10);
        assert_eq!(word(&world.wait(call)), "failed Conflict");
    }
    for amount in [3, 5, 11] {
        let other = world.start_task(two, "t1", amount);
        assert_eq!(word(world.outcome(other)), "failed Conflict");
    }
    assert_eq!(world.server.balance(), 116);
}

#[test]
fn an_ended_task_frees_its_place_in_the_queue() {
    let mut world = World::with(|config| config.max_entries = 1);
    let tab = world.start();
    world.go_online(false);
    world.start_task(tab, "t1", 5);
    world.end_task(tab, "t1");
    let call = world.charge(tab, "t2", 5);
    assert_eq!(word(&world.wait(call)), "queued Offline");
}

#[test]
fn a_task_takes_a_place_in_every_tabs_queue() {
    let mut world = World::with(|config| config.max_entries = 1);
    let (one, two) = (world.start(), world.start());
    world.start_task(one, "t1", 5);
    world.run_for(10);
    let start = world.start_task(two, "t2", 5);
    world.settle_calls();
    assert_eq!(word(world.outcome(start)), "failed QueueFull");
    // The same task takes no second place.
    let start = world.start_task(two, "t1", 5);
    assert_eq!(world.answer(start), &Answer::Started);
    let call = world.charge(two, "t1", 5);
    assert_eq!(word(&world.wait(call)), "charged");
}

#[test]
fn a_task_keeps_its_place_whatever_else_is_queued() {
    let mut world = World::with(|config| config.max_entries = 1);
    let (one, two) = (world.start(), world.start());
    world.announcements = false;
    world.start_task(one, "t1", 5);
    world.go_online(false);
    let other = world.charge(two, "t2", 5);
    assert_eq!(word(&world.wait(other)), "queued Offline");
    // Now this tab learns of the other charge, for which it had no room.
    world.tell(one, Event::Woke);
    world.run_for(10);
    let call = world.charge(one, "t1", 5);
    assert_eq!(word(&world.wait(call)), "queued Offline");
}

#[test]
fn a_running_task_holds_its_points_beyond_the_balance() {
    let mut world = World::new();
    let tab = world.start();
    world.charge(tab, "t1", 100);
    world.go_online(false);
    let charge = world.request("running", 50);
    world.ask(
        tab,
        CallRequest::StartTask {
            charge,
            running: true,
        },
    );
    world.settle_calls();
    let balance = world.snapshot(tab).balance.unwrap();
    assert_eq!((balance.held.get(), balance.available.get()), (150, 0));
}

fn held(world: &World, tab: usize) -> u64 {
    world.snapshot(tab).balance.unwrap().held.get()
}

#[test]
fn a_task_is_held_in_every_tab() {
    let mut world = World::new();
    let (one, two) = (world.start(), world.start());
    world.start_task(one, "t1", 100);
    world.run_for(10);
    assert_eq!((held(&world, one), held(&world, two)), (100, 100));
    let start = world.start_task(two, "t2", 21);
    world.settle_calls();
    assert!(word(world.outcome(start)).starts_with("declined"));
    // A tab that opens later asks for them.
    let three = world.start();
    assert_eq!(held(&world, three), 100);
    world.end_task(one, "t1");
    world.run_for(10);
    for tab in [one, two, three] {
        assert_eq!(held(&world, tab), 0);
    }
}

#[test]
fn a_task_that_becomes_a_charge_stays_held_in_every_tab() {
    for commit_ms in [1, 5, 50] {
        let mut world = World::new();
        world.commit_ms = commit_ms;
        let (one, two) = (world.start(), world.start());
        world.start_task(one, "t1", 100);
        world.run_for(10);
        // The second charge waits until the first has been written.
        world.charge(one, "first", 1);
        world.charge(one, "t1", 100);
        for _ in 0..1_000 {
            world.run_for(1);
            for tab in [one, two] {
                let balance = world.snapshot(tab).balance.unwrap();
                assert!(balance.available.get() <= 20, "{commit_ms}: {balance:?}");
            }
        }
        assert_eq!(held(&world, two), 0);
    }
}

#[test]
fn a_dead_tabs_task_is_released() {
    for locks in [true, false] {
        let mut world = World::new();
        world.locks = locks;
        let (one, two) = (world.start(), world.start());
        world.start_task(one, "t1", 100);
        world.run_for(10);
        world.crash(one);
        world.run_for(10);
        assert_eq!(held(&world, two), 100);
        world.run_for(if locks { 40_000 } else { 200_000 });
        assert_eq!(held(&world, two), 0, "with locks: {locks}");
    }
}

#[test]
fn a_long_running_task_stays_held() {
    for locks in [true, false] {
        let mut world = World::new();
        world.locks = locks;
        let (one, two) = (world.start(), world.start());
        world.start_task(one, "t1", 100);
        for _ in 0..100 {
            world.run_for(10_000);
            assert_eq!(held(&world, two), 100, "with locks: {locks}");
        }
    }
}

#[test]
fn a_closed_clients_task_is_released() {
    let mut world = World::new();
    let (one, two) = (world.start(), world.start());
    world.start_task(one, "t1", 100);
    world.run_for(10);
    world.close(one);
    world.run_for(10);
    assert_eq!(held(&world, two), 0);
}

#[test]
fn one_task_in_two_tabs_is_held_once() {
    let mut world = World::new();
    let (one, two) = (world.start(), world.start());
    for tab in [one, two] {
        let start = world.start_task(tab, "t1", 100);
        world.settle_calls();
        assert!(matches!(world.answer(start), Answer::Started));
        world.run_for(10);
    }
    assert_eq!((held(&world, one), held(&world, two)), (100, 100));
    let call = world.charge(one, "t1", 100);
    world.wait(call);
    world.run_for(100);
    assert_eq!((held(&world, one), held(&world, two)), (0, 0));
}

#[test]
fn a_task_of_another_amount_under_a_running_key_is_a_conflict() {
    let mut world = World::new();
    let tab = world.start();
    world.start_task(tab, "t1", 10);
    let start = world.start_task(tab, "t1", 11);
    world.settle_calls();
    assert!(word(world.outcome(start)).starts_with("failed Conflict"));
    assert_eq!(held(&world, tab), 10);
}

#[test]
fn a_signed_out_tabs_task_is_released() {
    let mut world = World::new();
    let (one, two) = (world.start(), world.start());
    world.start_task(one, "t1", 100);
    world.run_for(10);
    let out = world.sign_out(one);
    world.run_until(|world| world.answers.contains_key(&out));
    let next = world.start();
    for tab in [one, two, next] {
        assert_eq!(world.snapshot(tab).queue.held_points.get(), 0);
    }
}

/// A client whose journal has been read, and whose first balance is on its way.
fn just_opened(world: &mut World) -> usize {
    let tab = world.open();
    world.run_until(|world| world.tab(tab).engine.is_recovered());
    assert_eq!(world.snapshot(tab).balance, None);
    tab
}

#[test]
fn a_task_waits_for_the_first_balance() {
    for (amount, said) in [(120, None), (121, Some("declined InsufficientBalance"))] {
        let mut world = World::new();
        let tab = just_opened(&mut world);
        let start = world.start_task(tab, "t1", amount);
        assert!(!world.answers.contains_key(&start), "nothing is known yet");
        world.settle_calls();
        match said {
            None => assert_eq!(world.answer(start), &Answer::Started),
            Some(said) => assert_eq!(word(world.outcome(start)), said),
        }
    }
}

#[test]
fn a_task_starts_without_a_balance_that_cannot_be_read() {
    let mut world = World::new();
    let forbidden = Fault::Answer(problem(403, "not-yours"));
    world.server.fault(On::Balance, u32::MAX, forbidden);
    let tab = just_opened(&mut world);
    let start = world.start_task(tab, "t1", 500);
    world.settle_calls();
    assert_eq!(world.answer(start), &Answer::Started);
    assert_eq!(world.snapshot(tab).queue.held_points.get(), 500);
}

#[test]
fn a_task_without_a_balance_may_not_start_while_the_server_is_unreachable() {
    let mut world = World::new();
    world
        .server
        .fault(On::Balance, u32::MAX, Fault::LoseRequest);
    let tab = just_opened(&mut world);
    let start = world.start_task(tab, "t1", 5);
    assert_eq!(word(&world.wait(start)), "failed OfflineSpendDenied");
}

#[test]
fn a_task_starts_when_a_top_up_has_been_read() {
    let mut world = World::new();
    let tab = world.start();
    world.server.top_up(10);
    let start = world.start_task(tab, "t1", 130);
    world.settle_calls();
    assert_eq!(world.answer(start), &Answer::Started);
    assert_eq!(available(&world, tab), 0);
}

#[test]
fn a_task_is_declined_once_the_server_has_confirmed_the_balance() {
    let mut world = World::new();
    let tab = world.start();
    let readings = world.server.count(On::Balance);
    let start = world.start_task(tab, "t1", 130);
    assert_eq!(word(&world.wait(start)), "declined InsufficientBalance");
    assert_eq!(world.server.count(On::Balance), readings + 1);
    assert_eq!(available(&world, tab), 120);
}

#[test]
fn a_task_is_declined_by_the_known_balance_if_the_server_cannot_be_asked() {
    for fault in [
        Fault::LoseRequest,
        Fault::Hang,
        Fault::NoToken,
        Fault::Answer(problem(503, "busy")),
        Fault::Answer(problem(403, "not-yours")),
    ] {
        let mut world = World::new();
        let tab = world.start();
        world.server.top_up(10);
        world.server.fault(On::Balance, 1, fault.clone());
        let start = world.start_task(tab, "t1", 130);
        let outcome = world.wait(start);
        assert_eq!(available(&world, tab), 120, "{fault:?}");
        let refused = word(&outcome);
        // Out of reach, the server's balance may not be spent beyond what is known of it.
        let expected = ["declined InsufficientBalance", "failed OfflineSpendDenied"];
        assert!(expected.contains(&refused.as_str()), "{fault:?}: {refused}");
    }
}

#[test]
fn a_task_offline_is_refused_as_soon_as_the_journal_has_been_read() {
    let mut world = World::new();
    let tab = world.start();
    world.go_online(false);
    let start = world.start_task(tab, "t1", 130);
    world.run_for(2 * world.commit_ms);
    assert_eq!(word(world.outcome(start)), "failed OfflineSpendDenied");
}

#[test]
fn a_task_that_another_tab_has_charged_is_not_refused_for_want_of_room_or_reach() {
    let mut world = World::with(|config| {
        config.max_entries = 1;
        config.offline_spend = OfflineSpend::Deny;
    });
    let (one, two) = (world.start(), world.start());
    world.announcements = false;
    let call = world.charge(one, "t1", 5);
    assert_eq!(word(&world.wait(call)), "charged");
    world.go_online(false);
    let start = world.start_task(two, "t1", 5);
    world.settle_calls();
    assert_eq!(world.answer(start), &Answer::Started);
}

#[test]
fn a_task_whose_record_is_lost_is_not_refused() {
    let mut world = World::new();
    let tab = world.start();
    let call = world.charge(tab, "t1", 100);
    assert_eq!(word(&world.wait(call)), "charged");
    world.crash(tab);
    world.journal.records.remove(&key("t1"));
    let tab = world.start();
    world.tell(tab, Event::RecordsLost(vec![key("t1")]));
    world.refresh(tab);
    world.settle_calls();
    let start = world.start_task(tab, "t1", 100);
    world.settle_calls();
    assert_eq!(world.answer(start), &Answer::Started);
    let call = world.charge(tab, "t1", 100);
    assert_eq!(word(&world.wait(call)), "charged again");
    assert_eq!(world.server.balance(), 20);
}

#[test]
fn tasks_that_wait_together_start_in_their_order() {
    let mut world = World::new();
    let tab = just_opened(&mut world);
    let starts = ["t1", "t2", "t3"].map(|task| world.start_task(tab, task, 50));
    world.settle_calls();
    assert_eq!(world.answer(starts[0]), &Answer::Started);
    assert_eq!(world.answer(starts[1]), &Answer::Started);
    assert_eq!(
        word(world.outcome(starts[2])),
        "declined InsufficientBalance"
    );
    assert_eq!(available(&world, tab), 20);
}

#[test]
fn a_task_under_the_key_of_one_that_waits_is_decided_after_it() {
    for (top_up, second) in [(10, Some("failed Conflict")), (0, None)] {
        let mut world = World::new();
        let tab = world.start();
        if top_up > 0 {
            world.server.top_up(top_up);
        }
        let first = world.start_task(tab, "t1", 130);
        let other = world.start_task(tab, "t1", 100);
        assert!(!world.answers.contains_key(&other));
        world.settle_calls();
        match second {
            Some(said) => {
                assert_eq!(world.answer(first), &Answer::Started);
                assert_eq!(word(world.outcome(other)), said);
            }
            None => {
                assert_eq!(word(world.outcome(first)), "declined InsufficientBalance");
                assert_eq!(world.answer(other), &Answer::Started);
                assert_eq!(held(&world, tab), 100);
            }
        }
    }
}

#[test]
fn a_task_that_another_tab_has_charged_meanwhile_is_not_declined() {
    let mut world = World::new();
    let (one, two) = (world.start(), world.start());
    world.announcements = false;
    world.server.top_up(10);
    let read = world.refresh(two);
    world.settle_calls();
    assert!(matches!(world.answer(read), Answer::Balance(_)));
    world
        .server
        .fault(On::Balance, 1, Fault::HangThenDone(1_000));
    let start = world.start_task(one, "t1", 130);
    let call = world.charge(two, "t1", 130);
    assert_eq!(word(&world.wait(call)), "charged");
    world.settle_calls();
    // Its points are taken already: the work may run, and costs nothing more.
    assert_eq!(world.answer(start), &Answer::Started);
}

#[test]
fn a_task_that_waits_at_sign_out_or_close_does_not_start() {
    for ends in [
        |world: &mut World, tab| {
            world.sign_out(tab);
        },
        World::close,
    ] {
        let mut world = World::new();
        let tab = world.start();
        world.server.top_up(10);
        let start = world.start_task(tab, "t1", 130);
        ends(&mut world, tab);
        assert_eq!(world.answer(start), &Answer::Closed);
        world.run_for(1_000);
        assert_eq!(world.snapshot(tab).queue.held_points.get(), 0);
    }
}

#[test]
fn a_task_that_waited_when_its_client_died_is_decided_by_the_next() {
    let mut world = World::new();
    let one = world.start();
    world.server.top_up(10);
    world.start_task(one, "t1", 130);
    world.crash(one);
    let two = world.start();
    let again = world.start_task(two, "t1", 130);
    world.settle_calls();
    assert_eq!(world.answer(again), &Answer::Started);
    assert_eq!(available(&world, two), 0);
}

#[test]
fn a_running_task_is_held_by_the_next_client_before_a_balance_is_known() {
    let mut world = World::new();
    let tab = just_opened(&mut world);
    let charge = world.request("running", 50);
    let running = true;
    let start = world.ask(tab, CallRequest::StartTask { charge, running });
    assert_eq!(world.answer(start), &Answer::Started);
    world.run_for(200);
    assert_eq!((held(&world, tab), available(&world, tab)), (50, 70));
}

#[test]
fn a_task_whose_charge_failed_holds_nothing_more() {
    let mut world = World::new();
    let tab = world.start();
    world.start_task(tab, "t1", 5);
    let rejected = Fault::Answer(problem(403, "not-yours"));
    world.server.fault(On::Charge, 1, rejected);
    let call = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(call)), "failed Forbidden");
    assert_eq!(world.snapshot(tab).queue.held_points.get(), 0);
}

#[test]
fn tasks_told_by_itself_or_after_sign_out_hold_nothing() {
    let mut world = World::new();
    let tab = world.start();
    let told = |tab: &str| Event::PeerTasks {
        tab: tab.to_owned(),
        running: vec![Running {
            key: key("t1"),
            amount: Points::new(5).unwrap(),
            counted: None,
        }],
        leaves: false,
    };
    world.tell(tab, told("tab0"));
    assert_eq!(world.snapshot(tab).queue.held_points.get(), 0);
    world.sign_out(tab);
    world.run_for(100);
    world.tell(tab, told("tab9"));
    assert_eq!(world.snapshot(tab).queue.held_points.get(), 0);
}

#[test]
fn a_task_is_not_declined_by_a_balance_before_the_journal_has_been_read() {
    let mut world = World::new();
    let (one, two) = (world.start(), world.start());
    world.announcements = false;
    world.server.top_up(10);
    let read = world.refresh(two);
    world.settle_calls();
    assert!(matches!(world.answer(read), Answer::Balance(_)));
    world.server.fault(On::Balance, 1, Fault::Hang);
    let start = world.start_task(one, "t1", 130);
    let call = world.charge(two, "t1", 130);
    assert_eq!(word(&world.wait(call)), "charged");
    // The journal is slow, and another balance comes meanwhile.
    world.commit_ms = 2_000;
    world.run_for(world.config.request_timeout_ms + 500);
    assert!(!world.answers.contains_key(&start));
    world.refresh(one);
    world.settle_calls();
    assert_eq!(world.answer(start), &Answer::Started);
}

#[test]
fn a_task_that_ended_stays_held_until_a_later_reading_shows_its_charge() {
    let mut world = World::new();
    let (one, two) = (world.start(), world.start());
    world.start_task(one, "t1", 100);
    world.run_for(10);
    // This reading is from before the charge, and is heard of after it.
    world.show(two, "t1");
    let is_heard = |happening: &Happening| matches!(happening, Happening::Committed { tab: 1, .. });
    world.run_until(|world| world.happenings.any(is_heard));
    world.postpone(is_heard, world.now.mono_ms + 10);
    world.charge(one, "t1", 100);
    for _ in 0..100 {
        world.run_for(1);
        let balance = world.snapshot(two).balance.unwrap();
        assert!(balance.available.get() <= 20, "{balance:?}");
    }
    assert_eq!(held(&world, two), 0);
}

/// Whether a tab is about to hear of another's tasks.
fn are_announced(world: &World) -> bool {
    world.happenings.any(|happening| {
        let Happening::Told { event, .. } = happening else {
            return false;
        };
        matches!(event, Event::PeerTasks { .. })
    })
}

#[test]
fn a_tab_without_tasks_announces_none() {
    let mut world = World::new();
    let (one, _two) = (world.start(), world.start());
    world.charge(one, "t1", 5);
    let until_ms = world.now.mono_ms + 100_000;
    while world.step(until_ms) {
        assert!(!are_announced(&world));
    }
}

#[test]
fn tasks_that_start_or_end_in_one_turn_are_announced_together() {
    let mut world = World::new();
    world.gathers = true;
    let (one, two) = (world.start(), world.start());
    let tasks = ["t1", "t2", "t3"];
    for task in tasks {
        world.start_task(one, task, 10);
    }
    assert_eq!(world.counts.tasks_told, 0, "the turn is not over");
    world.run_for(10);
    assert_eq!((world.counts.tasks_told, held(&world, two)), (3, 30));
    for task in tasks {
        world.end_task(one, task);
    }
    world.run_for(10);
    assert_eq!((world.counts.tasks_told, held(&world, two)), (3, 0));
}

#[test]
fn a_tab_that_wakes_asks_for_the_tasks_of_others() {
    let mut world = World::new();
    let (one, two) = (world.start(), world.start());
    world.announcements = false;
    world.start_task(one, "t1", 100);
    world.run_for(10);
    assert_eq!(held(&world, two), 0, "it slept");
    world.announcements = true;
    world.tell(two, Event::Woke);
    world.run_for(10);
    assert_eq!(held(&world, two), 100);
}

#[test]
fn a_tab_that_wakes_announces_its_tasks_to_those_that_took_it_for_dead() {
    let mut world = World::new();
    let (one, two) = (world.start(), world.start());
    world.start_task(one, "t1", 100);
    world.run_for(10);
    world.announcements = false;
    world.run_for(200_000);
    assert_eq!(held(&world, two), 0, "it was silent for too long");
    world.announcements = true;
    world.tell(one, Event::Woke);
    world.run_for(10);
    assert_eq!(held(&world, two), 100);
}

#[test]
fn a_task_behind_one_that_is_declined_waits_for_a_balance_of_its_own() {
    let mut world = World::new();
    let tab = world.start();
    world.commit_ms = 200;
    let first = world.start_task(tab, "t1", 130);
    world.run_for(100);
    // The first is looked for in the journal by now.
    let second = world.start_task(tab, "t1", 130);
    world.server.top_up(10);
    world.settle_calls();
    assert_eq!(word(world.outcome(first)), "declined InsufficientBalance");
    assert_eq!(world.answer(second), &Answer::Started);
}
