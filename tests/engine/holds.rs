//! Holds at a server that keeps them: `docs/holds.md`.

use serde_json::json;
use tollbox::core::engine::{Answer, CallId, CallRequest, Event};
use tollbox::core::protocol::Request;

use super::outcomes::word;
use super::script::{World, key};
use super::server::{ACCOUNT, Fault, On, json_answer, problem, with_retry_after};

/// A world whose server keeps holds.
fn world() -> World {
    let mut world = World::new();
    world.server.keeps_holds = true;
    world
}

fn available(world: &World, tab: usize) -> u64 {
    world.snapshot(tab).balance.unwrap().available.get()
}

fn held_at_server(world: &World) -> u64 {
    world.server.held(world.elapsed_ms())
}

/// Starts a task, and waits for the word on it.
fn start(world: &mut World, tab: usize, task: &str, amount: u64) -> CallId {
    let start = world.start_task(tab, task, amount);
    world.settle_calls();
    start
}

/// Another device holds points, of which no tab has heard.
fn hold_elsewhere(world: &mut World, points: u64, for_s: u64) {
    world.hold_elsewhere("elsewhere", points, for_s);
}

#[test]
fn a_server_that_keeps_no_holds_is_asked_for_none() {
    let mut world = World::new();
    let tab = world.start();
    start(&mut world, tab, "t1", 50);
    world.run_for(300_000);
    world.end_task(tab, "t1");
    world.settle();
    let asked = world.server.count(On::Hold) + world.server.count(On::Release);
    assert_eq!(asked, 0);
}

#[test]
fn a_task_is_held_at_the_server_until_its_charge_settles_it() {
    let mut world = world();
    let tab = world.start();
    let start = start(&mut world, tab, "t1", 50);
    assert_eq!(world.answer(start), &Answer::Started);
    assert_eq!((held_at_server(&world), available(&world, tab)), (50, 70));
    let call = world.charge(tab, "t1", 30);
    assert_eq!(word(&world.wait(call)), "charged");
    world.settle();
    assert_eq!((held_at_server(&world), available(&world, tab)), (0, 90));
    assert_eq!(world.server.count(On::Release), 0);
}

#[test]
fn points_held_by_another_device_are_not_available() {
    let mut world = world();
    hold_elsewhere(&mut world, 100, 600);
    let tab = world.start();
    let balance = world.snapshot(tab).balance.unwrap();
    assert_eq!((balance.confirmed.get(), balance.held.get()), (120, 100));
    assert_eq!(balance.available.get(), 20);
    let start = start(&mut world, tab, "t1", 21);
    assert_eq!(word(world.outcome(start)), "declined InsufficientBalance");
}

#[test]
fn work_does_not_start_on_points_that_another_device_has_just_held() {
    let mut world = world();
    let tab = world.start();
    hold_elsewhere(&mut world, 100, 600);
    assert_eq!(available(&world, tab), 120);
    let first = world.start_task(tab, "t1", 50);
    let second = world.start_task(tab, "t1", 50);
    world.settle_calls();
    for start in [first, second] {
        assert_eq!(word(world.outcome(start)), "declined InsufficientBalance");
    }
    assert_eq!(available(&world, tab), 20);
    // It may start once the other hold is over, and not before the server says so.
    world.run_for(600_000);
    // There was nothing to release but what another device may hold under these keys.
    assert_eq!(world.server.count(On::Release), 0);
    let later = world.start_task(tab, "t1", 50);
    world.settle_calls();
    assert_eq!(world.answer(later), &Answer::Started);
    assert_eq!(held_at_server(&world), 50);
}

#[test]
fn a_task_starts_all_the_same_where_its_hold_is_lost() {
    for fault in [
        Fault::LoseRequest,
        Fault::Hang,
        Fault::StoodStill,
        Fault::Answer(problem(500, "broken")),
    ] {
        let mut world = world();
        let tab = world.start();
        world.server.fault(On::Hold, 1, fault.clone());
        let asked_ms = world.now.mono_ms;
        let start = start(&mut world, tab, "t1", 50);
        assert_eq!(world.answer(start), &Answer::Started, "{fault:?}");
        let took_ms = world.driver.answered_at_ms[&start] - asked_ms;
        assert!(took_ms <= world.config.respond_within_ms, "{fault:?}");
        assert_eq!(available(&world, tab), 70);
        // It is requested again while the work runs.
        world.run_for(60_000);
        assert_eq!((held_at_server(&world), available(&world, tab)), (50, 70));
    }
}

#[test]
fn a_hold_whose_answer_is_lost_is_counted_twice_for_a_while_and_never_flatters() {
    let mut world = world();
    let tab = world.start();
    world.server.fault(On::Hold, 1, Fault::LoseAnswer);
    start(&mut world, tab, "t1", 50);
    world.refresh(tab);
    world.settle_calls();
    assert_eq!(available(&world, tab), 20);
    world.run_for(60_000);
    assert_eq!(available(&world, tab), 70);
}

#[test]
fn the_hold_of_long_work_is_renewed() {
    let mut world = world();
    world.server.longest_hold_s = 60;
    let (one, two) = (world.start(), world.start());
    start(&mut world, one, "t1", 50);
    for _ in 0..60 {
        world.run_for(10_000);
        assert_eq!(held_at_server(&world), 50);
        assert_eq!((available(&world, one), available(&world, two)), (70, 70));
    }
    // Half of the time is over before each request.
    assert!(world.server.count(On::Hold) <= 25);
}

#[test]
fn work_that_fails_releases_its_hold() {
    let mut world = world();
    let (one, two) = (world.start(), world.start());
    start(&mut world, one, "t1", 50);
    world.end_task(one, "t1");
    world.run_for(100);
    assert_eq!(held_at_server(&world), 0);
    assert_eq!((available(&world, one), available(&world, two)), (120, 120));
}

#[test]
fn a_hold_whose_release_is_lost_expires() {
    let mut world = world();
    let tab = world.start();
    start(&mut world, tab, "t1", 50);
    world.server.fault(On::Release, 1, Fault::LoseRequest);
    world.end_task(tab, "t1");
    world.run_for(100);
    assert_eq!(available(&world, tab), 70);
    // The balance is read once it has expired.
    world.run_for(185_000);
    assert_eq!((held_at_server(&world), available(&world, tab)), (0, 120));
}

#[test]
fn a_task_that_is_started_again_after_a_reload_takes_over_its_hold() {
    let mut world = world();
    let tab = world.start();
    start(&mut world, tab, "t1", 100);
    world.crash(tab);
    let tab = world.start();
    assert_eq!(available(&world, tab), 20);
    let again = start(&mut world, tab, "t1", 100);
    assert_eq!(world.answer(again), &Answer::Started);
    assert_eq!((held_at_server(&world), available(&world, tab)), (100, 20));
}

#[test]
fn a_task_beyond_the_known_points_starts_only_with_the_servers_word() {
    for fault in [
        Fault::LoseRequest,
        Fault::Hang,
        Fault::Answer(problem(404, "not-found")),
    ] {
        let mut world = world();
        hold_elsewhere(&mut world, 100, 600);
        let tab = world.start();
        world.server.fault(On::Hold, 1, fault.clone());
        let start = start(&mut world, tab, "t1", 50);
        let told = word(world.outcome(start));
        assert_eq!(told, "declined InsufficientBalance", "{fault:?}");
        assert_eq!(available(&world, tab), 20);
    }
}

#[test]
fn a_task_beyond_all_points_is_declined_without_asking() {
    let mut world = world();
    hold_elsewhere(&mut world, 10, 600);
    let tab = world.start();
    let start = start(&mut world, tab, "t1", 121);
    assert_eq!(word(world.outcome(start)), "declined InsufficientBalance");
    assert_eq!(world.server.count(On::Hold), 0);
}

#[test]
fn a_task_that_another_device_has_charged_starts_and_is_paid() {
    let mut world = world();
    let tab = world.start();
    // The other device has the same client, and so the same key.
    let charge = world.request("t1", 50);
    let request = Request::charge(&charge).on_behalf_of("alice");
    world.execute(&request);
    let start = start(&mut world, tab, "t1", 50);
    assert_eq!(world.answer(start), &Answer::Started);
    let call = world.charge(tab, "t1", 50);
    assert_eq!(word(&world.wait(call)), "charged again");
    world.settle();
    assert_eq!((world.server.balance(), available(&world, tab)), (70, 70));
}

#[test]
fn an_outage_outlives_a_hold_and_nothing_is_counted_twice() {
    let mut world = world();
    let tab = world.start();
    start(&mut world, tab, "t1", 50);
    world.go_online(false);
    world.charge(tab, "t1", 50);
    for _ in 0..100 {
        world.run_for(10_000);
        assert_eq!(available(&world, tab), 70);
    }
    world.go_online(true);
    world.settle();
    assert_eq!(available(&world, tab), 70);
}

#[test]
fn a_renewal_that_is_declined_is_held_here_alone() {
    let mut world = world();
    world.server.longest_hold_s = 20;
    let tab = world.start();
    start(&mut world, tab, "t1", 50);
    world.server.fault(On::Hold, 2, Fault::LoseRequest);
    world.run_for(21_000);
    hold_elsewhere(&mut world, 100, 600);
    world.run_for(60_000);
    assert_eq!(held_at_server(&world), 100);
    assert_eq!(available(&world, tab), 0);
}

#[test]
fn a_renewal_that_is_declined_ends_a_hold_that_the_server_has_lost() {
    let mut world = world();
    let tab = world.start();
    start(&mut world, tab, "t1", 50);
    let at_ms = world.elapsed_ms();
    let lost = world
        .server
        .ledger
        .release(ACCOUNT, key("t1").as_str(), at_ms);
    assert_eq!(lost.held, Some(0));
    hold_elsewhere(&mut world, 100, 600);
    // Before the lost one would have expired.
    world.run_for(100_000);
    assert_eq!(world.server.count(On::Hold), 2);
    assert_eq!((held_at_server(&world), available(&world, tab)), (100, 0));
}

#[test]
fn a_page_that_comes_back_is_held_again() {
    let mut world = world();
    let (one, two) = (world.start(), world.start());
    start(&mut world, one, "t1", 50);
    world.run_for(10);
    let gone = Event::PeerTasks {
        tab: "tab0".to_owned(),
        running: Vec::new(),
        leaves: true,
    };
    world.tell(two, gone);
    world.run_for(100);
    assert_eq!(held_at_server(&world), 0);
    for event in [Event::Woke, Event::Restored] {
        world.tell(one, event);
    }
    assert_eq!(available(&world, one), 70);
    world.run_for(11_000);
    assert_eq!((held_at_server(&world), available(&world, one)), (50, 70));
}

#[test]
fn a_short_hold_is_renewed_every_ten_seconds_and_never_flatters() {
    let mut world = world();
    world.server.longest_hold_s = 5;
    let tab = world.start();
    start(&mut world, tab, "t1", 50);
    for _ in 0..600 {
        world.run_for(100);
        assert!(available(&world, tab) <= 70);
    }
    assert!(world.server.count(On::Hold) <= 7);
}

#[test]
fn a_hold_that_ended_while_the_machine_slept_is_requested_again() {
    let mut world = world();
    let tab = world.start();
    start(&mut world, tab, "t1", 50);
    world.jump_wall(3_600_000);
    world.tell(tab, Event::Woke);
    world.run_for(11_000);
    assert_eq!(world.server.count(On::Hold), 2);
}

#[test]
fn a_charge_that_ends_untaken_releases_its_hold() {
    let mut world = world();
    let tab = world.start();
    start(&mut world, tab, "t1", 50);
    world
        .server
        .fault(On::Charge, 1, Fault::Answer(problem(403, "not-yours")));
    let call = world.charge(tab, "t1", 50);
    assert_eq!(word(&world.wait(call)), "failed Forbidden");
    world.run_for(100);
    assert_eq!((held_at_server(&world), available(&world, tab)), (0, 120));
}

#[test]
fn work_that_fails_offline_releases_its_hold_when_the_server_is_back() {
    let mut world = world();
    let tab = world.start();
    start(&mut world, tab, "t1", 50);
    world.go_online(false);
    world.end_task(tab, "t1");
    world.run_for(1_000);
    assert_eq!(held_at_server(&world), 50);
    world.go_online(true);
    world.run_for(1_000);
    assert_eq!((held_at_server(&world), available(&world, tab)), (0, 120));
}

#[test]
fn a_second_release_on_its_way_keeps_a_new_hold_waiting() {
    let mut world = world();
    let tab = world.start();
    world.server.fault(On::Hold, 1, Fault::Late(8_500));
    start(&mut world, tab, "t1", 50);
    world.server.fault(On::Release, 1, Fault::Late(1_200));
    world.end_task(tab, "t1");
    world.server.fault(On::Release, 1, Fault::Late(3_000));
    // The answer to the first came, and that to the second has not yet.
    world.run_for(1_600);
    assert_eq!(world.server.count(On::Release), 2);
    let again = world.start_task(tab, "t1", 50);
    world.run_for(100);
    assert_eq!(world.answer(again), &Answer::Started);
    assert_eq!(world.server.count(On::Hold), 1);
    assert!(available(&world, tab) <= 70);
    world.run_for(60_000);
    assert_eq!((held_at_server(&world), available(&world, tab)), (50, 70));
}

#[test]
fn a_release_does_not_overtake_the_hold_of_the_next_try() {
    let mut world = world();
    let tab = world.start();
    start(&mut world, tab, "t1", 50);
    world.server.fault(On::Release, 1, Fault::Late(5_000));
    world.end_task(tab, "t1");
    let again = start(&mut world, tab, "t1", 50);
    assert_eq!(world.answer(again), &Answer::Started);
    assert_eq!(available(&world, tab), 20);
    world.run_for(60_000);
    assert_eq!((held_at_server(&world), available(&world, tab)), (50, 70));
}

#[test]
fn a_tab_does_not_release_what_another_tab_works_for() {
    let mut world = world();
    let (one, two) = (world.start(), world.start());
    start(&mut world, one, "t1", 50);
    start(&mut world, two, "t1", 50);
    world.run_for(10);
    world.end_task(one, "t1");
    world.run_for(100);
    assert_eq!(held_at_server(&world), 50);
    // That tab can't know of it until it has asked again.
    assert!(available(&world, two) <= 70);
    world.run_for(11_000);
    assert_eq!((available(&world, one), available(&world, two)), (70, 70));
}

#[test]
fn a_hold_that_another_tab_has_released_unknowingly_is_requested_again() {
    let mut world = world();
    hold_elsewhere(&mut world, 50, 600);
    let (one, two) = (world.start(), world.start());
    start(&mut world, one, "t1", 50);
    world.run_for(10);
    world.announcements = false;
    start(&mut world, two, "t1", 50);
    world.announcements = true;
    // It has not heard that the other one works for the same task.
    world.end_task(one, "t1");
    for _ in 0..1_200 {
        world.run_for(10);
        assert!(available(&world, two) <= 20);
    }
    assert_eq!((held_at_server(&world), available(&world, two)), (100, 20));
}

#[test]
fn a_hold_that_another_tab_has_released_is_doubted_though_its_task_started_again_at_once() {
    let mut world = world();
    world.gathers = true;
    hold_elsewhere(&mut world, 20, 600);
    let (one, two) = (world.start(), world.start());
    start(&mut world, one, "t1", 50);
    world.run_for(10);
    world.announcements = false;
    start(&mut world, two, "t1", 50);
    world.announcements = true;
    // Both in one turn, and it has not heard that the other one works for the same task.
    world.end_task(one, "t1");
    world.start_task(one, "t1", 50);
    for _ in 0..100 {
        world.run_for(1);
        assert!(available(&world, two) <= 50);
    }
    world.run_for(12_000);
    assert_eq!((held_at_server(&world), available(&world, two)), (70, 50));
}

#[test]
fn what_the_server_holds_for_many_tasks_is_announced_now_and_then() {
    let mut world = rich_world();
    world.gathers = true;
    let (one, two) = (world.start(), world.start());
    start_many(&mut world, one, "t", 200);
    world.settle_calls();
    let told = world.counts.tasks_told;
    assert!(told <= 200 * 20, "{told} entries");
    world.run_for(300);
    assert_eq!((available(&world, one), available(&world, two)), (920, 920));
}

#[test]
fn a_doubt_about_many_holds_is_announced_at_once() {
    let mut world = rich_world();
    world.gathers = true;
    let (one, two) = (world.start(), world.start());
    start_many(&mut world, one, "t", 200);
    world.run_for(450);
    assert!(held_at_server(&world) > 20);
    // Others may have released them while the page was away.
    world.tell(one, Event::Restored);
    world.run_for(2);
    assert!(available(&world, two) <= available(&world, one));
}

#[test]
fn a_hold_of_which_its_tab_is_no_longer_sure_is_counted_by_no_tab() {
    let mut world = world();
    let (one, two) = (world.start(), world.start());
    start(&mut world, one, "t1", 50);
    world.run_for(10);
    assert_eq!((available(&world, one), available(&world, two)), (70, 70));
    // Others may have released it while the page was away.
    world.tell(one, Event::Restored);
    world.run_for(2);
    assert_eq!((available(&world, one), available(&world, two)), (20, 20));
    world.run_for(11_000);
    assert_eq!((available(&world, one), available(&world, two)), (70, 70));
}

#[test]
fn a_living_tab_releases_what_a_dead_one_has_held() {
    let mut world = world();
    world.locks = true;
    let (one, two) = (world.start(), world.start());
    start(&mut world, one, "t1", 50);
    world.run_for(10);
    world.crash(one);
    world.run_for(40_000);
    assert_eq!(held_at_server(&world), 0);
    assert_eq!(available(&world, two), 120);
}

#[test]
fn a_living_tab_releases_what_one_has_held_that_went_without_a_word() {
    let mut world = world();
    let (one, two) = (world.start(), world.start());
    world.start_task(one, "t1", 50);
    // The server holds the points, and only it knows.
    world.run_until(|world| held_at_server(world) == 50);
    let gone = Event::PeerTasks {
        tab: "tab0".to_owned(),
        running: Vec::new(),
        leaves: true,
    };
    world.crash(one);
    world.tell(two, gone);
    world.run_for(100);
    assert_eq!(held_at_server(&world), 0);
    assert_eq!(available(&world, two), 120);
}

#[test]
fn a_living_tab_releases_what_a_closed_one_has_held() {
    let mut world = world();
    let (one, two) = (world.start(), world.start());
    start(&mut world, one, "t1", 50);
    world.run_for(10);
    world.close(one);
    world.run_for(100);
    assert_eq!(held_at_server(&world), 0);
    assert_eq!(available(&world, two), 120);
}

#[test]
fn every_tab_counts_a_hold_once() {
    let mut world = world();
    let (one, two) = (world.start(), world.start());
    start(&mut world, one, "t1", 50);
    world.run_for(10);
    assert_eq!((available(&world, one), available(&world, two)), (70, 70));
    // A tab that opens later hears of it.
    let three = world.start();
    assert_eq!(available(&world, three), 70);
    world.charge(one, "t1", 50);
    for _ in 0..1_000 {
        world.run_for(1);
        for tab in [one, two, three] {
            assert!(available(&world, tab) <= 70);
        }
    }
    for tab in [one, two, three] {
        assert_eq!(available(&world, tab), 70);
    }
}

#[test]
fn a_hold_whose_charge_another_tab_has_paid_counts_no_more() {
    let mut world = world();
    hold_elsewhere(&mut world, 30, 600);
    let (one, two) = (world.start(), world.start());
    start(&mut world, one, "t1", 50);
    let call = world.charge(two, "t1", 50);
    assert_eq!(word(&world.wait(call)), "charged");
    world.settle_calls();
    assert_eq!((held_at_server(&world), available(&world, one)), (30, 40));
    // The work still runs. A charge that the server does not know is held here.
    world.server.fault(On::Charge, 100, Fault::LoseRequest);
    world.charge(one, "t2", 20);
    world.run_for(1_000);
    assert_eq!((available(&world, one), available(&world, two)), (20, 20));
}

#[test]
fn a_charge_in_doubt_is_held_until_its_verdict() {
    let mut world = world();
    let tab = world.start();
    start(&mut world, tab, "t1", 50);
    world.server.fault(On::Charge, 100, Fault::LoseAnswer);
    world.server.fault(On::LookUp, 100, Fault::LoseRequest);
    world.charge(tab, "t1", 50);
    world.run_for(1_000);
    world.refresh(tab);
    world.run_for(1_000);
    let balance = world.snapshot(tab).balance.unwrap();
    // It has been charged, which is not known here: it may as well be still to come.
    assert_eq!((balance.confirmed.get(), balance.available.get()), (70, 20));
    world.run_for(200_000);
    assert_eq!(available(&world, tab), 20);
    world.server.heal();
    world.settle();
    assert_eq!(available(&world, tab), 70);
}

#[test]
fn after_a_reload_less_is_shown_until_the_hold_expires_and_never_more() {
    let mut world = world();
    let tab = world.start();
    start(&mut world, tab, "t1", 50);
    world.go_online(false);
    let call = world.charge(tab, "t1", 50);
    world.wait(call);
    world.crash(tab);
    let tab = world.start();
    assert!(available(&world, tab) <= 70);
    world.go_online(true);
    world.settle();
    assert_eq!((world.server.balance(), available(&world, tab)), (70, 70));
}

#[test]
fn a_charge_that_comes_after_its_hold_is_decided_as_every_other() {
    let mut world = world();
    let tab = world.start();
    start(&mut world, tab, "t1", 50);
    world.go_online(false);
    world.charge(tab, "t1", 50);
    world.run_for(200_000);
    hold_elsewhere(&mut world, 100, 600);
    world.go_online(true);
    world.run_for(10_000);
    assert_eq!(world.server.times_charged("f:t1"), 0);
    assert_eq!(available(&world, tab), 20);
}

#[test]
fn a_server_that_rejects_a_hold_is_not_asked_again() {
    let mut world = world();
    let tab = world.start();
    world
        .server
        .fault(On::Hold, 1, Fault::Answer(problem(404, "not-found")));
    let start = start(&mut world, tab, "t1", 50);
    assert_eq!(world.answer(start), &Answer::Started);
    world.run_for(300_000);
    assert_eq!(world.server.count(On::Hold), 1);
    assert_eq!(available(&world, tab), 70);
}

#[test]
fn an_expired_token_is_renewed_for_a_hold() {
    let mut world = world();
    let tab = world.start();
    world
        .server
        .fault(On::Hold, 1, Fault::Answer(problem(401, "unauthorized")));
    let start = start(&mut world, tab, "t1", 50);
    assert_eq!(world.answer(start), &Answer::Started);
    assert_eq!(held_at_server(&world), 50);
    let asked = world.server.arrived.iter();
    let refreshes = asked.filter(|arrived| arrived.refresh_token).count();
    assert_eq!(refreshes, 1);
}

#[test]
fn a_hold_heeds_retry_after() {
    let mut world = world();
    let tab = world.start();
    let busy = with_retry_after(problem(503, "maintenance"), "30");
    world.server.fault(On::Hold, 1, Fault::Answer(busy));
    let start = start(&mut world, tab, "t1", 50);
    assert_eq!(world.answer(start), &Answer::Started);
    let call = world.charge(tab, "t1", 50);
    assert_eq!(word(&world.wait(call)), "queued Busy");
    world.settle();
    assert_eq!(world.server.balance(), 70);
}

#[test]
fn a_release_heeds_retry_after() {
    let mut world = world();
    let tab = world.start();
    start(&mut world, tab, "t1", 50);
    let busy = with_retry_after(problem(503, "maintenance"), "30");
    world.server.fault(On::Release, 1, Fault::Answer(busy));
    world.end_task(tab, "t1");
    world.run_for(100);
    let call = world.charge(tab, "t2", 50);
    assert_eq!(word(&world.wait(call)), "queued Busy");
    world.settle();
    assert_eq!(world.server.balance(), 70);
}

#[test]
fn work_that_fails_leaves_its_hold_to_an_open_charge_of_the_same_key() {
    let mut world = world();
    let (one, two) = (world.start(), world.start());
    start(&mut world, one, "t1", 50);
    world.server.fault(On::AnyCharge, 100, Fault::LoseRequest);
    world.charge(two, "t1", 50);
    world.run_for(1_000);
    world.end_task(one, "t1");
    world.run_for(1_000);
    assert_eq!(world.server.count(On::Release), 0);
    assert_eq!(held_at_server(&world), 50);
    world.server.heal();
    world.settle();
    assert_eq!((held_at_server(&world), available(&world, one)), (0, 70));
}

#[test]
fn a_charge_beyond_what_was_held_holds_the_rest_here() {
    let mut world = world();
    let tab = world.start();
    start(&mut world, tab, "t1", 50);
    world.server.fault(On::AnyCharge, 100, Fault::LoseRequest);
    world.charge(tab, "t1", 60);
    world.run_for(1_000);
    assert_eq!(available(&world, tab), 60);
}

#[test]
fn a_start_that_waits_for_its_hold_ends_with_the_charge_of_its_task() {
    let mut world = world();
    let tab = world.start();
    world.server.fault(On::Hold, 1, Fault::Hang);
    let start = world.start_task(tab, "t1", 50);
    let call = world.charge(tab, "t1", 50);
    assert_eq!(word(&world.wait(call)), "charged");
    assert_eq!(world.answer(start), &Answer::Started);
}

#[test]
fn a_start_that_waits_for_its_hold_ends_with_its_client() {
    for signs_out in [true, false] {
        let mut world = world();
        let tab = world.start();
        world.server.fault(On::Hold, 1, Fault::Hang);
        let start = world.start_task(tab, "t1", 50);
        match signs_out {
            true => drop(world.sign_out(tab)),
            false => world.close(tab),
        }
        world.settle_calls();
        assert_eq!(world.answer(start), &Answer::Closed);
    }
}

#[test]
fn a_running_task_that_a_new_client_takes_over_is_held_again() {
    let mut world = world();
    let tab = world.start();
    start(&mut world, tab, "t1", 50);
    world.crash(tab);
    let tab = world.start();
    let charge = world.request("t1", 50);
    let running = true;
    world.ask(tab, CallRequest::StartTask { charge, running });
    world.settle_calls();
    world.run_for(100);
    assert_eq!((held_at_server(&world), available(&world, tab)), (50, 70));
}

#[test]
fn a_late_answer_to_an_earlier_hold_counts_for_nothing() {
    let mut world = world();
    let tab = world.start();
    world.server.fault(On::Hold, 1, Fault::Late(9_500));
    // Told after respondWithin, while the server is still about to answer.
    start(&mut world, tab, "t1", 50);
    world.server.fault(On::Release, 1, Fault::Hang);
    world.end_task(tab, "t1");
    world.run_for(1_000);
    start(&mut world, tab, "t1", 50);
    assert!(available(&world, tab) <= 70);
    world.run_for(120_000);
    assert_eq!((held_at_server(&world), available(&world, tab)), (50, 70));
    assert!(world.record(&key("t1")).is_none());
}

#[test]
fn an_answer_from_before_a_release_counts_for_nothing() {
    let mut world = world();
    hold_elsewhere(&mut world, 50, 600);
    let tab = world.start();
    world.server.fault(On::Hold, 1, Fault::Late(8_900));
    start(&mut world, tab, "t1", 50);
    world.server.fault(On::Release, 1, Fault::Late(3_000));
    world.end_task(tab, "t1");
    world.run_for(100);
    world.start_task(tab, "t1", 50);
    for _ in 0..1_000 {
        world.run_for(10);
        assert!(available(&world, tab) <= 20);
    }
    assert_eq!((held_at_server(&world), available(&world, tab)), (100, 20));
}

#[test]
fn a_task_that_waits_for_the_servers_word_is_not_declined_if_another_tab_has_charged_it() {
    let mut world = world();
    let (one, two) = (world.start(), world.start());
    world.announcements = false;
    let call = world.charge(one, "t1", 50);
    assert_eq!(word(&world.wait(call)), "charged");
    hold_elsewhere(&mut world, 60, 600);
    world.server.fault(On::Hold, 1, Fault::LoseRequest);
    world.refresh(two);
    world.settle_calls();
    let start = start(&mut world, two, "t1", 50);
    assert_eq!(world.answer(start), &Answer::Started);
}

#[test]
fn an_expired_token_is_renewed_for_a_release() {
    let mut world = world();
    let tab = world.start();
    start(&mut world, tab, "t1", 50);
    world
        .server
        .fault(On::Release, 1, Fault::Answer(problem(401, "unauthorized")));
    world.end_task(tab, "t1");
    world.run_for(100);
    assert_eq!((held_at_server(&world), available(&world, tab)), (0, 120));
}

#[test]
fn a_server_that_stops_keeping_holds_is_believed() {
    let mut world = world();
    let tab = world.start();
    start(&mut world, tab, "t1", 10);
    hold_elsewhere(&mut world, 100, 100_000);
    world.refresh(tab);
    world.settle_calls();
    assert_eq!(available(&world, tab), 10);
    world.books.held_elsewhere.clear();
    let answer = json_answer(200, json!({"balance": 120, "version": 3}));
    world.server.fault(On::Balance, 1, Fault::Answer(answer));
    world.refresh(tab);
    world.settle_calls();
    // What runs here is held here.
    assert_eq!(available(&world, tab), 110);
}

/// A world with points for many tasks.
fn rich_world() -> World {
    let mut world = world();
    world.server.top_up(1_000);
    world
}

/// Starts the tasks `PREFIX0`, `PREFIX1` … of 1 point each, so many at once.
fn start_many(world: &mut World, tab: usize, prefix: &str, tasks: usize) -> Vec<CallId> {
    let start = |n: usize| world.start_task(tab, &format!("{prefix}{n}"), 1);
    (0..tasks).map(start).collect()
}

/// The keys of all requests about holds so far, and what each was.
fn asked_of_holds(world: &World) -> Vec<(On, &str)> {
    let asked = world.server.arrived.iter();
    let asked = asked.filter(|arrived| matches!(arrived.on, On::Hold | On::Release));
    asked
        .map(|arrived| (arrived.on, arrived.keys[0].as_str()))
        .collect()
}

#[test]
fn a_charge_does_not_wait_for_a_connection_behind_the_holds_of_many_tasks() {
    let mut world = rich_world();
    world.connections.most = Some(6);
    let tab = world.start();
    world.server.fault(On::Hold, u32::MAX, Fault::Late(500));
    let starts = start_many(&mut world, tab, "t", 300);
    let asked_ms = world.now.mono_ms;
    let call = world.charge(tab, "paid", 5);
    assert_eq!(word(&world.wait(call)), "charged");
    let took_ms = world.answered_at_ms[&call] - asked_ms;
    assert!(took_ms < 100, "{took_ms} ms");
    world.settle_calls();
    for start in starts {
        assert_eq!(world.answer(start), &Answer::Started);
    }
    // Those that did not get their turn while their calls waited get it now.
    world.run_for(80_000);
    assert_eq!(held_at_server(&world), 300);
}

#[test]
fn tasks_are_held_in_the_order_of_their_starts_two_at_a_time() {
    let mut world = rich_world();
    let tab = world.start();
    world.server.fault(On::Hold, u32::MAX, Fault::Late(500));
    for task in ["d", "c", "b", "a"] {
        world.start_task(tab, task, 1);
    }
    world.run_for(400);
    assert_eq!(
        asked_of_holds(&world),
        [(On::Hold, "f:d"), (On::Hold, "f:c")]
    );
    world.run_for(500);
    let later = [(On::Hold, "f:b"), (On::Hold, "f:a")];
    assert_eq!(asked_of_holds(&world)[2..], later);
}

#[test]
fn a_release_leaves_before_the_holds_that_wait() {
    let mut world = rich_world();
    let tab = world.start();
    start(&mut world, tab, "z", 50);
    world.server.fault(On::Hold, u32::MAX, Fault::Late(500));
    start_many(&mut world, tab, "t", 10);
    world.end_task(tab, "z");
    world.run_for(700);
    assert_eq!(asked_of_holds(&world)[3], (On::Release, "f:z"));
    world.run_for(5_000);
    assert_eq!(held_at_server(&world), 10);
}

#[test]
fn a_hold_is_renewed_before_it_expires_while_many_tasks_start() {
    let mut world = rich_world();
    world.server.longest_hold_s = 24;
    let tab = world.start();
    start(&mut world, tab, "z", 500);
    world.run_for(11_000);
    world.server.longest_hold_s = 180;
    world.server.fault(On::Hold, u32::MAX, Fault::Late(1_000));
    start_many(&mut world, tab, "t", 60);
    for _ in 0..40 {
        world.run_for(1_000);
        assert!(held_at_server(&world) >= 500);
    }
    assert_eq!(held_at_server(&world), 560);
}

#[test]
fn tasks_that_end_at_once_are_released_two_at_a_time() {
    let mut world = rich_world();
    let tab = world.start();
    let starts = start_many(&mut world, tab, "t", 50);
    world.settle_calls();
    world.run_for(1_000);
    assert_eq!(held_at_server(&world), 50);
    world.server.fault(On::Release, u32::MAX, Fault::Late(500));
    for n in 0..starts.len() {
        world.end_task(tab, &format!("t{n}"));
    }
    world.run_for(300);
    assert_eq!(world.server.count(On::Release), 2);
    world.run_for(15_000);
    assert_eq!(world.server.count(On::Release), 50);
    assert_eq!((held_at_server(&world), available(&world, tab)), (0, 1_120));
}

#[test]
fn the_holds_of_a_dead_tab_are_released_two_at_a_time() {
    let mut world = rich_world();
    world.locks = true;
    let (one, two) = (world.start(), world.start());
    start_many(&mut world, one, "t", 50);
    world.settle_calls();
    world.run_for(1_000);
    assert_eq!(held_at_server(&world), 50);
    world.server.fault(On::Release, u32::MAX, Fault::Late(100));
    world.crash(one);
    world.run_for(50_000);
    assert_eq!(world.server.count(On::Release), 50);
    assert_eq!((held_at_server(&world), available(&world, two)), (0, 1_120));
}

#[test]
fn a_task_that_starts_again_while_its_release_waits_is_held_for_its_new_amount() {
    let mut world = rich_world();
    let tab = world.start();
    start(&mut world, tab, "z", 50);
    world.server.fault(On::Hold, 2, Fault::Late(5_000));
    start_many(&mut world, tab, "t", 2);
    world.end_task(tab, "z");
    let again = world.start_task(tab, "z", 30);
    assert_eq!(world.answer(again), &Answer::Started);
    world.run_for(6_000);
    assert_eq!(world.server.count(On::Release), 1);
    assert_eq!(held_at_server(&world), 32);
    assert_eq!(available(&world, tab), 1_088);
}

#[test]
fn requests_about_holds_that_get_no_answer_make_way_for_others() {
    for fault in [Fault::Hang, Fault::LoseRequest, Fault::StoodStill] {
        let mut world = rich_world();
        let tab = world.start();
        world.server.fault(On::Hold, 2, fault.clone());
        start_many(&mut world, tab, "t", 4);
        world.run_for(11_000);
        assert_eq!(held_at_server(&world), 2, "{fault:?}");
        world.server.fault(On::Release, 2, fault.clone());
        for n in 0..4 {
            world.end_task(tab, &format!("t{n}"));
        }
        world.run_for(11_000);
        assert_eq!(world.server.count(On::Release), 4, "{fault:?}");
    }
}

#[test]
fn a_start_that_waits_for_its_turn_is_told_at_once_that_the_server_is_out_of_reach() {
    let mut world = rich_world();
    let tab = world.start();
    world.server.fault(On::Hold, u32::MAX, Fault::Hang);
    let starts = start_many(&mut world, tab, "t", 3);
    world.run_for(100);
    world.go_online(false);
    world.run_for(1);
    assert_eq!(world.answer(starts[2]), &Answer::Started);
    assert!(!world.answers.contains_key(&starts[0]));
}

#[test]
fn starts_that_wait_for_their_turn_end_with_their_client() {
    for signs_out in [true, false] {
        let mut world = rich_world();
        let tab = world.start();
        world.server.fault(On::Hold, u32::MAX, Fault::Hang);
        let starts = start_many(&mut world, tab, "t", 10);
        match signs_out {
            true => drop(world.sign_out(tab)),
            false => world.close(tab),
        }
        world.settle_calls();
        for start in starts {
            assert_eq!(world.answer(start), &Answer::Closed);
        }
        world.run_for(60_000);
        assert_eq!(world.server.count(On::Hold), 2);
    }
}

#[test]
fn a_hold_that_expired_while_its_release_could_not_leave_is_not_released() {
    let mut world = world();
    let tab = world.start();
    start(&mut world, tab, "t1", 50);
    world.go_online(false);
    world.end_task(tab, "t1");
    world.run_for(200_000);
    world.go_online(true);
    world.settle();
    assert_eq!(world.server.count(On::Release), 0);
    assert_eq!(available(&world, tab), 120);
}
