//! Tabs that crash between any two steps, and what the next start makes of the journal.

use tollbox::core::engine::Event;

use super::outcomes::word;
use super::script::{World, key};
use super::server::{Fault, On, problem};

/// Crashes the tab after 0, 1, 2, … steps; the journal remains.
fn crash_everywhere(prepare: impl Fn(&mut World) -> usize, tasks: &[&str]) {
    for steps in 0.. {
        let mut world = World::new();
        let tab = prepare(&mut world);
        let mut taken = 0;
        while taken < steps && world.step(u64::MAX) && world.now.mono_ms < 60_000 {
            taken += 1;
        }
        let through = taken < steps;
        world.crash(tab);
        world.server.heal();
        world.cache.clear();
        let next = world.start();
        for task in tasks {
            // After a crash the application charges the same task again.
            world.charge(next, task, 1);
        }
        world.settle();
        for task in tasks {
            let times = world.server.times_charged(&format!("f:{task}"));
            assert_eq!(times, 1, "{task}, crashed after {steps} steps");
        }
        if through {
            return;
        }
    }
}

#[test]
fn a_charge_is_charged_once_wherever_the_tab_dies() {
    crash_everywhere(
        |world| {
            let tab = world.start();
            world.charge(tab, "t1", 1);
            tab
        },
        &["t1"],
    );
}

#[test]
fn a_lost_answer_is_charged_once_wherever_the_tab_dies() {
    crash_everywhere(
        |world| {
            let tab = world.start();
            world.server.fault(On::Charge, 1, Fault::LoseAnswer);
            world
                .server
                .fault(On::Any, 3, Fault::Answer(problem(500, "broken")));
            world.charge(tab, "t1", 1);
            tab
        },
        &["t1"],
    );
}

#[test]
fn a_queue_is_charged_once_wherever_the_tab_dies() {
    crash_everywhere(
        |world| {
            let tab = world.start();
            world.go_online(false);
            world.charge(tab, "t1", 1);
            world.charge(tab, "t2", 1);
            world.charge(tab, "t3", 1);
            world.settle_calls();
            world.go_online(true);
            tab
        },
        &["t1", "t2", "t3"],
    );
}

#[test]
fn an_unknown_charge_is_finished_by_the_next_start_alone() {
    for steps in 0..60 {
        let mut world = World::with(|config| config.max_attempts = 1);
        let tab = world.start();
        world.server.fault(On::Any, u32::MAX, Fault::LoseRequest);
        let call = world.charge(tab, "t1", 5);
        world.wait(call);
        for _ in 0..steps {
            world.step(u64::MAX);
        }
        world.crash(tab);
        world.server.heal();
        let next = world.start();
        let settled = world.settled(next, "t1");
        assert!(word(&world.wait(settled)).starts_with("charged"));
        assert_eq!(world.server.times_charged("f:t1"), 1);
    }
}

#[test]
fn a_dead_tabs_claim_lapses() {
    let mut world = World::new();
    let tab = world.start();
    world.server.fault(On::Charge, 1, Fault::HangAfter);
    world.charge(tab, "t1", 5);
    world.run_until(|world| world.server.count(On::Charge) == 1);
    world.crash(tab);
    let next = world.start();
    let started_ms = world.now.mono_ms;
    let settled = world.settled(next, "t1");
    assert_eq!(word(&world.wait(settled)), "charged again");
    assert!(world.now.mono_ms - started_ms <= world.config.claim_ms() + 1_000);
}

#[test]
fn a_settled_charge_is_known_after_a_restart() {
    let mut world = World::new();
    let tab = world.start();
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    // Its verdict is written, too.
    world.settle();
    world.crash(tab);
    let next = world.start();
    let again = world.charge(next, "t1", 5);
    assert_eq!(word(&world.wait(again)), "charged again");
    assert_eq!(world.server.count(On::AnyCharge), 1);
    // It was settled before this client was opened.
    assert_eq!(world.snapshot(next).stats.enqueued, 0);
}

#[test]
fn a_balance_cache_rolled_back_by_a_crash_does_not_flatter() {
    let mut world = World::new();
    let tab = world.start();
    let before = world.cache.clone();
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    world.crash(tab);
    // localStorage comes back as it was; IndexedDB has lost nothing.
    world.cache = before;
    world.online = false;
    let next = world.start();
    assert_eq!(world.snapshot(next).balance.unwrap().available.get(), 115);
}

#[test]
fn a_wiped_journal_charges_nothing_twice() {
    let mut world = World::new();
    let tab = world.start();
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    world.crash(tab);
    world.wipe_journal();
    let next = world.start();
    let again = world.charge(next, "t1", 5);
    assert_eq!(word(&world.wait(again)), "charged again");
    assert_eq!(world.server.times_charged("f:t1"), 1);
    assert!(world.record(&key("t1")).is_some());
}

#[test]
fn a_claim_of_a_tab_known_to_be_dead_is_taken_over_at_once() {
    let mut world = World::new();
    let tab = world.start();
    world.server.fault(On::Charge, 1, Fault::Hang);
    world.charge(tab, "t1", 5);
    world.run_for(20);
    world.crash(tab);
    let next = world.start();
    let living = vec![format!("tab{next}")];
    world.tell(next, Event::Alive(living));
    world.run_for(1_000);
    assert_eq!(world.server.times_charged("f:t1"), 1);
    world.settle();
}

#[test]
fn a_live_tab_keeps_its_claim() {
    let mut world = World::new();
    let (one, two) = (world.start(), world.start());
    world.server.fault(On::Charge, 1, Fault::Hang);
    world.charge(one, "t1", 5);
    world.run_for(20);
    let living = vec![format!("tab{one}"), format!("tab{two}")];
    world.tell(two, Event::Alive(living));
    world.run_for(1_000);
    assert_eq!(world.server.count(On::AnyCharge), 1);
    world.settle();
}
