//! The claim protocol, where its model finds traps: when "nothing was taken" is certain.

use tollbox::core::config::LAUNCH_WITHIN_MS;
use tollbox::core::engine::Event;
use tollbox::core::protocol::Request;
use tollbox::core::record::{Purpose, State};

use super::outcomes::word;
use super::script::{Happening, World, key};
use super::server::{Fault, On};

/// The lost request arrives after all.
fn arrives_late(world: &mut World, task: &str) {
    let request = Request::charge(world.journal.records[&key(task)].charge());
    let now_ms = world.now.mono_ms;
    world.server.answer(now_ms, &request);
}

#[test]
fn a_decline_is_only_as_late_as_its_request() {
    let mut world = World::new();
    let tab = world.start();
    world.server.fault(On::Charge, 1, Fault::LoseRequest);
    world.server.fault(On::AnyCharge, 1, Fault::Late(3_000));
    world.charge(tab, "t1", 500);
    let settled = world.settled(tab, "t1");
    world.run_until(|world| world.server.count(On::AnyCharge) == 1);
    let first_ms = world.now.mono_ms;
    // The second request is declined at once, and its answer is slow.
    world.run_until(|world| world.server.count(On::AnyCharge) == 2);
    world.server.top_up(1_000);
    assert!(world.now.mono_ms - first_ms < 2_000);
    arrives_late(&mut world, "t1");
    assert_eq!(world.server.times_charged("f:t1"), 1);
    let said = word(&world.wait(settled));
    assert!(said.starts_with("charged"), "{said}");
}

#[test]
fn a_look_up_answer_is_only_as_late_as_its_request() {
    let mut world = World::new();
    let tab = world.start();
    world.server.fault(On::Charge, 1, Fault::LoseRequest);
    world.server.fault(On::LookUp, 1, Fault::Late(3_000));
    world.charge(tab, "t1", 5);
    world.run_until(|world| world.server.count(On::AnyCharge) == 1);
    world.run_for(11);
    let cancel = world.cancel(tab, "t1");
    let settled = world.settled(tab, "t1");
    world.run_until(|world| world.server.count(On::LookUp) == 1);
    arrives_late(&mut world, "t1");
    assert_eq!(world.server.times_charged("f:t1"), 1);
    world.run_until(|world| world.answers.contains_key(&cancel));
    let said = word(&world.wait(settled));
    assert!(said.starts_with("charged"), "{said}");
}

#[test]
fn a_lapsed_claim_sends_nothing() {
    let mut world = World::new();
    let (one, two) = (world.start(), world.start());
    world.charge(one, "t1", 500);
    world.run_until(|world| !world.journal.records.is_empty());
    // The first tab is frozen before it hears that its claim has committed.
    let is_told = |happening: &Happening| matches!(happening, Happening::Committed { tab: 0, .. });
    let wakes_ms = world.now.mono_ms + world.config.claim_ms() + 2_000;
    world.postpone(is_told, wakes_ms);
    world.charge(two, "t1", 500);
    let settled = world.settled(two, "t1");
    let said = word(&world.wait(settled));
    assert!(said.starts_with("declined"), "{said}");
    world.server.top_up(1_000);
    world.run_for(5_000);
    assert_eq!(
        world.server.times_charged("f:t1"),
        0,
        "it was said to be declined"
    );
}

#[test]
fn a_request_does_not_outlive_its_claim() {
    let mut world = World::new();
    let (one, two) = (world.start(), world.start());
    world.charge(one, "t1", 500);
    world.run_until(|world| !world.journal.records.is_empty());
    let began_ms = world.now.mono_ms - 1;
    // The disk is slow.
    let is_told = |happening: &Happening| matches!(happening, Happening::Committed { tab: 0, .. });
    let slow_ms = world.config.claim_ms() - 1_000;
    world.postpone(is_told, began_ms + slow_ms);
    world.charge(two, "t1", 500);
    let settled = world.settled(two, "t1");
    let is_sent = |happening: &Happening| matches!(happening, Happening::Arrive { sending, .. } if sending.tab == 0 && sending.request.path == "charges");
    world.run_until(|world| world.happenings.any(is_sent));
    // The network is slow too, but within the request's timeout.
    world.postpone(is_sent, world.now.mono_ms + 5_000);
    let said = word(&world.wait(settled));
    assert!(said.starts_with("declined"), "{said}");
    world.server.top_up(1_000);
    world.run_for(10_000);
    assert_eq!(
        world.server.times_charged("f:t1"),
        0,
        "it was said to be declined"
    );
}

#[test]
fn a_cancelled_charge_is_not_claimed_for_sending() {
    let mut world = World::new();
    let (one, two) = (world.start(), world.start());
    world.server.fault(On::Charge, 1, Fault::LoseRequest);
    world.charge(one, "t1", 5);
    world.run_until(|world| world.server.count(On::AnyCharge) == 1);
    world.run_for(300);
    let record = &world.journal.records[&key("t1")];
    assert!(matches!(record.state(), State::Waiting(_)));
    world.cancel(two, "t1");
    // At the same moment the browser tells the first tab that it is online.
    world.tell(one, Event::Online(true));
    world.run_for(3);
    let record = &world.journal.records[&key("t1")];
    assert!(record.is_cancelling());
    let sends = matches!(record.attempt(), Some((Purpose::Send, _)));
    assert!(!sends, "{record:?}");
}

#[test]
fn an_answer_to_an_old_attempt_settles_no_new_one() {
    let mut world = World::with(|config| config.keep_settled = 0);
    let (one, two) = (world.start(), world.start());
    world.charge(one, "t1", 500);
    world.run_until(|world| world.server.count(On::Charge) == 1);
    // The charge is declined, and the first tab freezes before it hears of it.
    let is_heard = |happening: &Happening| matches!(happening, Happening::Answer { tab: 0, .. });
    let heard = world.take_out(is_heard);
    world.charge(two, "t1", 500);
    let settled = world.settled(two, "t1");
    let said = word(&world.wait(settled));
    assert!(said.starts_with("declined"), "{said}");
    for n in 0..4 {
        let call = world.charge(two, &format!("u{n}"), 1);
        world.wait(call);
        world.run_for(10);
    }
    world.run_for(10);
    // The first tab charges it again.
    world.tell(one, Event::Woke);
    world.run_for(20);
    let again = world.charge(one, "t1", 500);
    world.run_for(5);
    world.happenings.plan_last(world.now.mono_ms, heard);
    let said = word(&world.wait(again));
    world.server.top_up(1_000);
    world.run_for(60);
    assert!(!said.starts_with("declined") || world.server.times_charged("f:t1") == 0);
}

/// Another client with longer limits may be sending a charge that this one has no record of.
#[test]
fn a_lost_record_may_have_been_sent_under_a_longer_claim() {
    let mut world = World::with(|config| config.request_timeout_ms = 500);
    let tab = world.start();
    world.tell(tab, Event::RecordsLost(vec![key("t1")]));
    world.server.fault(On::Any, u32::MAX, Fault::LoseRequest);
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    world.cancel(tab, "t1");
    world.server.heal();
    world.run_for(15_000);
    arrives_late(&mut world, "t1");
    let settled = world.settled(tab, "t1");
    let said = word(&world.wait(settled));
    assert!(said.starts_with("charged"), "{said}");
}

#[test]
fn a_claim_is_used_within_five_seconds_or_not_at_all() {
    for (commit_ms, sent) in [(LAUNCH_WITHIN_MS, 1), (LAUNCH_WITHIN_MS + 1, 0)] {
        for set_back_ms in [0, 60_000] {
            let mut world = World::new();
            let tab = world.start();
            world.commit_ms = commit_ms;
            world.charge(tab, "t1", 5);
            // By a clock that was set back, the claim seems to last longer.
            world.jump_wall(-set_back_ms);
            world.run_for(commit_ms + 100);
            assert_eq!(world.server.count(On::Charge), sent, "{set_back_ms}");
        }
    }
}

#[test]
fn a_claim_that_others_take_for_old_is_renewed_before_it_is_used() {
    for ahead_ms in [LAUNCH_WITHIN_MS + 1, 3_600_000] {
        let mut world = World::new();
        let tab = world.start();
        world.charge(tab, "t1", 5);
        world.jump_wall(ahead_ms as i64);
        world.run_until(|world| world.server.count(On::Charge) == 1);
        let claim = world.journal.records[&key("t1")].claim().unwrap();
        let left_ms = claim.until_ms - world.now.wall_ms;
        let on_its_way_ms = 10;
        assert!(left_ms + on_its_way_ms >= world.config.under_way_ms());
    }
}

#[test]
fn a_tab_that_comes_online_leaves_a_claimed_charge_to_its_claimant() {
    let mut world = World::new();
    let (one, two) = (world.start(), world.start());
    world.server.fault(On::Charge, 1, Fault::Late(2_000));
    let call = world.charge(two, "t1", 5);
    world.run_until(|world| world.server.count(On::Charge) == 1);
    let orders = world.tab(one).journal_orders;
    world.nudge(one, Event::Online(true));
    world.run_for(1_000);
    assert_eq!(world.tab(one).journal_orders, orders);
    assert_eq!(word(&world.wait(call)), "charged");
}
