//! Journals that can be read only in part, or not at the moment.

use tollbox::core::alert::AlertKind;
use tollbox::core::engine::{Answer, CallRequest, Effect, Event};
use tollbox::core::journal::{Applied, Op, Write};
use tollbox::core::outcome::What;
use tollbox::core::record::Record;
use tollbox::core::snapshot::BillingStatus;

use super::outage::alerts;
use super::outcomes::word;
use super::script::{World, key};
use super::server::{Fault, On, problem};

#[test]
fn a_journal_unreadable_at_startup_is_read_within_a_minute() {
    let mut world = World::new();
    let first = world.start();
    world.go_online(false);
    let call = world.charge(first, "t1", 5);
    world.wait(call);
    world.crash(first);
    world.go_online(true);
    world.fail_load = true;
    let tab = world.start();
    assert_eq!(alerts(&world, tab), [AlertKind::StorageDegraded]);
    assert_eq!(world.snapshot(tab).queue.pending, 0);
    world.run_for(10_000);
    world.fail_load = false;
    let readable_ms = world.now.mono_ms;
    world.settle();
    assert!(world.now.mono_ms - readable_ms < 61_000);
    assert_eq!(world.server.times_charged("f:t1"), 1);
    assert_eq!(world.counts.spins, 0);
}

#[test]
fn a_new_charge_is_made_though_the_journal_cannot_be_read() {
    let mut world = World::new();
    world.fail_load = true;
    let tab = world.start();
    let call = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(call)), "charged");
    world.fail_load = false;
    world.settle();
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

#[test]
fn a_charge_not_written_yet_may_have_been_sent_before() {
    for fail_load in [false, true] {
        let mut world = World::new();
        world.fail_load = fail_load;
        let tab = world.start();
        let call = world.charge(tab, "t1", 5);
        world.tell(tab, Event::StopWaiting { call });
        assert_eq!(word(world.outcome(call)), "unknown Timeout");
        world.fail_load = false;
        world.settle();
        assert_eq!(world.server.times_charged("f:t1"), 1);
    }
}

#[test]
fn a_charge_made_unheard_by_another_tab_is_not_called_queued() {
    let mut world = World::new();
    let (one, two) = (world.start(), world.start());
    world.announcements = false;
    let call = world.charge(one, "t1", 5);
    assert_eq!(word(&world.wait(call)), "charged");
    // The caller stops waiting before its transaction ends.
    let call = world.charge(two, "t1", 5);
    world.tell(two, Event::StopWaiting { call });
    assert_eq!(word(world.outcome(call)), "unknown Timeout");
    world.settle();
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

#[test]
fn a_charge_just_changed_by_another_tab_is_not_called_unsent() {
    let mut world = World::new();
    let (one, two) = (world.start(), world.start());
    world.go_online(false);
    let call = world.charge(one, "t1", 5);
    world.wait(call);
    world.run_for(10);
    world.tell(
        two,
        Event::Peer {
            keys: vec![key("t1")],
            confirmed: None,
        },
    );
    let call = world.charge(two, "t1", 5);
    world.tell(two, Event::StopWaiting { call });
    assert_eq!(word(world.outcome(call)), "unknown Offline");
    // The change has been read by now, and nothing had been sent.
    world.run_for(10);
    let call = world.charge(two, "t1", 5);
    world.tell(two, Event::StopWaiting { call });
    assert_eq!(word(world.outcome(call)), "queued Offline");
    world.go_online(true);
    world.settle();
}

#[test]
fn a_failure_evicted_by_another_tab_is_in_doubt() {
    let mut world = World::new();
    let (one, two) = (world.start(), world.start());
    world
        .server
        .fault(On::Charge, 1, Fault::Answer(problem(403, "not-yours")));
    let call = world.charge(one, "t1", 5);
    world.wait(call);
    world.run_for(10);
    world.wipe_journal();
    let settled = world.settled(two, "t1");
    let show = world.show(two, "t1");
    world.run_for(10);
    // The other tab may have charged it since.
    assert_eq!(word(world.outcome(settled)), "unknown Timeout");
    assert_eq!(world.answer(show), &Answer::Record(None));
}

#[test]
fn an_open_charge_gone_from_the_journal_is_parked_and_not_resent() {
    let mut world = World::new();
    let tab = world.start();
    world.go_online(false);
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    let settled = world.settled(tab, "t1");
    world.wipe_journal();
    world.tell(tab, Event::Woke);
    world.run_for(10);
    let outcome = world.outcome(settled);
    assert!(word(outcome).starts_with("parked"), "{outcome:?}");
    assert!(matches!(outcome.what, What::Unknown { durable: false, .. }));
    let balances = world.server.count(On::Balance);
    world.go_online(true);
    world.run_for(120_000);
    assert_eq!(world.server.count(On::AnyCharge), 0);
    assert_eq!(world.snapshot(tab).stats.unknown, 1);
    // Its hold is gone, so the balance is read anew.
    assert_eq!(world.server.count(On::Balance), balances + 1);
}

#[test]
fn cancel_is_answered_parked_when_its_charge_has_vanished() {
    let mut world = World::new();
    let tab = world.start();
    world.server.fault(On::Charge, 1, Fault::LoseRequest);
    world.server.fault(On::Any, u32::MAX, Fault::Hang);
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    let cancel = world.cancel(tab, "t1");
    world.run_for(10);
    world.wipe_journal();
    world.tell(tab, Event::Woke);
    world.run_for(100);
    let outcome = world.outcome(cancel);
    assert!(word(outcome).starts_with("parked"), "{outcome:?}");
}

#[test]
fn cancel_that_finds_its_charge_gone_is_answered_parked() {
    let mut world = World::new();
    let tab = world.start();
    world.go_online(false);
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    world.run_for(10);
    world.wipe_journal();
    let cancel = world.cancel(tab, "t1");
    world.run_for(100);
    let outcome = world.outcome(cancel);
    assert!(word(outcome).starts_with("parked"), "{outcome:?}");
}

#[test]
fn a_key_that_cannot_be_read_is_not_found_in_the_end() {
    let mut world = World::new();
    let tab = world.start();
    world.fail_write = Box::new(|_, ops| ops.iter().any(|op| matches!(op, Op::Read { .. })));
    let asked_ms = world.now.mono_ms;
    let retry = world.retry(tab, "t1");
    world.run_until(|world| world.answers.contains_key(&retry));
    assert_eq!(world.answer(retry), &Answer::NotFound);
    let waited_ms = world.now.mono_ms - asked_ms;
    assert!((8_000..70_000).contains(&waited_ms), "{waited_ms} ms");
    assert_eq!(world.counts.spins, 0);
}

#[test]
fn an_unsaved_charge_is_listed() {
    let mut world = World::new();
    let tab = world.start();
    let call = world.charge(tab, "kept", 5);
    world.wait(call);
    world.fail_write = Box::new(|_, _| true);
    let call = world.charge(tab, "unkept", 6);
    world.wait(call);
    let stored = world.journal.records.values().cloned().collect();
    let all = world.list(tab, Some(stored));
    let shown: Vec<(&str, BillingStatus)> = all
        .iter()
        .map(|record| (record.key.as_str(), record.status))
        .collect();
    // Newest first.
    assert_eq!(
        shown,
        [
            ("f:unkept", BillingStatus::Failed),
            ("f:kept", BillingStatus::Success)
        ]
    );
}

#[test]
fn a_record_of_a_newer_version_is_left_alone_and_not_sent() {
    let mut world = World::new();
    let tab = world.start();
    let (charge, now) = (world.request("t1", 5), world.now);
    let engine = world.engine(tab);
    let request = CallRequest::Charge(charge);
    engine.handle(now, Event::Call { id: 77, request });
    let mut said = None;
    while let Some(effect) = engine.poll() {
        match effect {
            Effect::Journal { ops, .. } => {
                let unreadable = |_: &Op| Applied::unreadable("of version 9".into());
                let applied = ops.iter().map(unreadable).collect();
                engine.handle(now, Event::Journaled(Ok(applied)));
            }
            Effect::Send { request, .. } => panic!("{request:?}"),
            Effect::Resolve { call: 77, answer } => said = Some(answer),
            _ => {}
        }
    }
    let Some(Answer::Outcome(outcome)) = said else {
        panic!("{said:?}")
    };
    // The newer version may have sent it.
    assert_eq!(word(&outcome), "unknown Timeout");
    let What::Unknown { detail, .. } = outcome.what else {
        unreachable!()
    };
    assert!(detail.contains("of version 9"), "{detail}");
}

#[test]
fn an_unsaved_charge_is_found_by_its_key() {
    let mut world = World::new();
    let tab = world.start();
    world.fail_write = Box::new(|_, ops| ops.iter().any(|op| matches!(op, Op::Enqueue { .. })));
    let call = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(call)), "failed StorageUnavailable");
    for _ in 0..2 {
        let show = world.show(tab, "t1");
        world.run_for(10);
        let Answer::Record(Some(record)) = world.answer(show) else {
            panic!("{:?}", world.answer(show))
        };
        assert_eq!(record.status, BillingStatus::Failed);
    }
}

/// Another tab takes the charge on between two reads, of which the later one ends first. The
/// earlier one is what `request` and `then` lead to.
fn assert_is_kept(request: CallRequest, then: Option<Event>) {
    let mut world = World::new();
    let tab = world.start();
    world.go_online(false);
    let (now, record) = (world.now, Record::open(world.request("t1", 5), 1));
    let engine = world.engine(tab);
    let call = Event::Call { id: 77, request };
    let loaded = [Event::Woke, Event::Loaded(Ok(vec![record]))];
    let not_found = Applied {
        record: None,
        write: Write::Keep,
        done: true,
        unreadable: None,
        lost: false,
        signed_out: false,
    };
    let read = Event::Journaled(Ok(vec![not_found]));
    for event in [call].into_iter().chain(then).chain(loaded).chain([read]) {
        engine.handle(now, event);
        while engine.poll().is_some() {}
    }
    assert_eq!(engine.snapshot(now).queue.pending, 1);
    assert_eq!(engine.snapshot(now).queue.held_points.get(), 5);
}

#[test]
fn a_charge_that_arrives_between_two_reads_is_not_lost() {
    assert_is_kept(CallRequest::Settled(key("t1")), None);
}

#[test]
fn a_charge_that_replaces_an_unwritten_one_between_two_reads_is_not_lost() {
    // Its own can't be written, so the journal is read for it.
    let own = World::new().request("t1", 5);
    let failed = Event::Journaled(Err("disk full".to_owned()));
    assert_is_kept(CallRequest::Charge(own), Some(failed));
}

#[test]
fn known_charges_are_listed_though_the_journal_cannot_be_read() {
    let mut world = World::new();
    let tab = world.start();
    world.go_online(false);
    for task in ["t1", "t2"] {
        let call = world.charge(tab, task, 5);
        world.wait(call);
    }
    let shown = world.list(tab, None);
    let keys: Vec<&str> = shown.iter().map(|shown| shown.key.as_str()).collect();
    assert_eq!(keys, ["f:t2", "f:t1"]);
}

#[test]
fn a_charge_that_only_the_journal_has_is_shown() {
    let mut world = World::new();
    let (one, two) = (world.start(), world.start());
    world.announcements = false;
    world.run_for(60_000);
    let call = world.charge(one, "t1", 5);
    world.wait(call);
    let shown = world.show(two, "t1");
    world.run_for(100);
    let Answer::Record(Some(record)) = world.answer(shown) else {
        panic!("{:?}", world.answer(shown))
    };
    assert_eq!(record.status, BillingStatus::Success);
}

#[test]
fn a_verdict_is_told_though_the_journal_cannot_be_reread_on_waking() {
    let mut world = World::new();
    let tab = world.start();
    world.fail_load = true;
    world.tell(tab, Event::Woke);
    let call = world.charge(tab, "t1", 500);
    assert_eq!(word(&world.wait(call)), "declined InsufficientBalance");
    let since_ms = world.config.respond_within_ms;
    assert!(world.answered_at_ms[&call] < since_ms);
}
