//! Records that are lost, damaged or unreadable: their charges may have been sent, so they are
//! looked up before anything certain is said.

use tollbox::core::balance::Confirmed;
use tollbox::core::charge::{ChargeRequest, Key};
use tollbox::core::clock::Now;
use tollbox::core::config::{Config, OfflineSpend};
use tollbox::core::engine::{CallRequest, Earlier, Effect, Engine, Event, Setup};
use tollbox::core::journal::{ApplyAt, Op};
use tollbox::core::outcome::{Outcome, What};
use tollbox::core::points::Points;
use tollbox::core::record::Record;
use tollbox::core::session::Session;
use tollbox::core::snapshot::StorageKind;

use super::outcomes::word;
use super::script::{Happening, World, key};
use super::server::{Fault, On, Server, problem};
use super::storage_failures::fail_next;
use super::world::START_WALL_MS;

/// A charge that was made while its tab died; the browser is offline.
fn with_one_taken() -> World {
    let mut world = World::new();
    world.locks = true;
    let tab = world.start();
    world.server.fault(On::Charge, 1, Fault::HangAfter);
    world.charge(tab, "t1", 5);
    world.run_for(500);
    world.crash(tab);
    world.go_online(false);
    world.run_for(60_000);
    assert_eq!(world.server.times_charged("f:t1"), 1);
    world
}

/// The same, and the next start cannot open the database.
fn without_the_database() -> World {
    let mut world = with_one_taken();
    world.wipe_journal();
    world.storage = StorageKind::LocalStorage;
    world.earlier = Earlier::Elsewhere;
    world
}

/// The same, and the charge's record was damaged.
fn with_one_damaged() -> World {
    let mut world = with_one_taken();
    world.wipe_journal();
    world.damage(key("t1"));
    world
}

/// Both cases, with their names.
fn both() -> [(&'static str, World); 2] {
    [
        ("without the database", without_the_database()),
        ("damaged", with_one_damaged()),
    ]
}

#[test]
fn a_lost_record_is_called_neither_queued_nor_cancelled() {
    for (what, mut world) in both() {
        let tab = world.start();
        let call = world.charge(tab, "t1", 5);
        assert_eq!(word(&world.wait(call)), "unknown Offline", "{what}");
        let cancelled = world.cancel(tab, "t1");
        assert_eq!(word(&world.wait(cancelled)), "unknown Offline", "{what}");
        let end = world.settled(tab, "t1");
        world.go_online(true);
        assert_eq!(word(&world.wait(end)), "charged again", "{what}");
        assert_eq!(world.server.times_charged("f:t1"), 1, "{what}");
    }
}

#[test]
fn a_lost_record_is_looked_up_before_it_is_sent() {
    for (what, mut world) in both() {
        world.go_online(true);
        let tab = world.start();
        let call = world.charge(tab, "t1", 5);
        assert_eq!(word(&world.wait(call)), "charged again", "{what}");
        let sent = world.server.count(On::Charge);
        assert_eq!((sent, world.server.count(On::LookUp)), (1, 1), "{what}");
    }
}

#[test]
fn a_lost_record_unknown_to_the_server_is_sent_at_once() {
    for (what, mut world) in both() {
        world.go_online(true);
        world.damage(key("t2"));
        let tab = world.start();
        let call = world.charge(tab, "t2", 5);
        let start_ms = world.now.mono_ms;
        assert_eq!(word(&world.wait(call)), "charged", "{what}");
        assert!(world.now.mono_ms - start_ms < 1_000, "{what}");
    }
}

#[test]
fn a_lost_record_fails_only_after_a_look_up() {
    for (what, mut world) in both() {
        world.config.offline_spend = OfflineSpend::Deny;
        world.damage(key("t2"));
        let tab = world.start();
        for task in ["t1", "t2"] {
            let call = world.charge(tab, task, 5);
            assert_eq!(word(&world.wait(call)), "unknown Offline", "{what}");
        }
        let ends = ["t1", "t2"].map(|task| world.settled(tab, task));
        world.go_online(true);
        assert_eq!(word(&world.wait(ends[0])), "charged again", "{what}");
        let second = word(&world.wait(ends[1]));
        assert_eq!(second, "failed OfflineSpendDenied", "{what}");
    }
}

#[test]
fn a_lost_record_that_cannot_be_stored_is_not_called_failed() {
    for (what, mut world) in both() {
        let tab = world.start();
        fail_next(&mut world, 1_000, |op| !matches!(op, Op::Read { .. }));
        let call = world.charge(tab, "t1", 5);
        assert_eq!(word(&world.wait(call)), "unknown Offline", "{what}");
        let end = world.settled(tab, "t1");
        world.go_online(true);
        world.run_for(20_000);
        world.fail_write = Box::new(|_, _| false);
        assert_eq!(word(&world.wait(end)), "charged again", "{what}");
        assert_eq!(world.server.count(On::Charge), 1, "{what}");
    }
}

#[test]
fn a_charge_that_an_unreadable_journal_may_have_is_not_called_failed() {
    let mut world = with_one_taken();
    world.earlier = Earlier::Here;
    world.fail_load = true;
    world.fail_write = Box::new(|_, _| true);
    let tab = world.start();
    let call = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(call)), "unknown Offline");
    let end = world.settled(tab, "t1");
    world.go_online(true);
    world.run_for(60_000);
    world.fail_load = false;
    world.fail_write = Box::new(|_, _| false);
    assert_eq!(word(&world.wait(end)), "charged again");
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

#[test]
fn a_new_journal_that_does_not_work_fails_its_charges() {
    let mut world = World::new();
    world.fail_load = true;
    world.fail_write = Box::new(|_, _| true);
    let tab = world.start();
    let call = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(call)), "failed StorageUnavailable");
}

#[test]
fn a_charge_that_a_live_tab_may_have_made_is_not_called_failed() {
    let mut world = World::new();
    world.locks = true;
    let (one, two) = (world.start(), world.start());
    // The first tab learns on waking which tabs live.
    world.tell(one, Event::Woke);
    world.run_for(100);
    world.announcements = false;
    let call = world.charge(two, "t1", 5);
    assert_eq!(word(&world.wait(call)), "charged");
    world.fail_write = Box::new(move |tab, _| tab == one);
    let call = world.charge(one, "t1", 5);
    assert_eq!(word(&world.wait(call)), "unknown Timeout");
    world.fail_write = Box::new(|_, _| false);
    let end = world.settled(one, "t1");
    assert_eq!(word(&world.wait(end)), "charged");
    assert_eq!(world.server.count(On::Charge), 1);
}

#[test]
fn charges_from_the_fallback_storage_join_the_database() {
    let mut world = with_one_taken();
    let old = std::mem::take(&mut world.journal);
    world.storage = StorageKind::LocalStorage;
    world.earlier = Earlier::Elsewhere;
    let tab = world.start();
    for task in ["t1", "t2"] {
        let call = world.charge(tab, task, 5);
        assert_eq!(word(&world.wait(call)), "unknown Offline");
    }
    world.crash(tab);
    let fallback = std::mem::replace(&mut world.journal, old);
    world.move_over(fallback);
    world.storage = StorageKind::IndexedDb;
    world.earlier = Earlier::Here;
    world.go_online(true);
    world.start();
    world.settle();
    for task in ["t1", "t2"] {
        assert!(world.journal.records[&key(task)].receipt().is_some());
        assert_eq!(world.server.times_charged(&format!("f:{task}")), 1);
    }
}

#[test]
fn a_record_lost_while_its_tab_is_open_is_in_doubt_when_charged_again() {
    let mut world = World::new();
    let tab = world.start();
    world.server.fault(On::Charge, 1, Fault::LoseAnswer);
    world.config.max_attempts = 1;
    let call = world.charge(tab, "t1", 5);
    world.run_for(50);
    world.go_online(false);
    world.wait(call);
    world.wipe_journal();
    world.run_for(400_000);
    assert_eq!(world.snapshot(tab).queue.retrying, 0);
    let again = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(again)), "unknown Offline");
}

#[test]
fn a_queued_charge_that_is_gone_when_charged_again_is_in_doubt() {
    let mut world = World::new();
    world.locks = true;
    let (one, two) = (world.start(), world.start());
    world.go_online(false);
    let call = world.charge(one, "t1", 5);
    assert_eq!(word(&world.wait(call)), "queued Offline");
    world.run_for(100);
    // The other tab sends it, the answer is lost, and the journal is wiped.
    world.announcements = false;
    world.server.fault(On::AnyCharge, 1, Fault::LoseAnswer);
    world.tell(two, Event::Online(true));
    world.run_for(50);
    assert_eq!(world.server.times_charged("f:t1"), 1);
    world.crash(two);
    world.wipe_journal();
    let again = world.charge(one, "t1", 5);
    assert_eq!(word(&world.wait(again)), "unknown Offline");
    let end = world.settled(one, "t1");
    world.go_online(true);
    assert_eq!(word(&world.wait(end)), "charged again");
    assert_eq!(world.server.count(On::AnyCharge), 1);
}

#[test]
fn a_lost_charge_is_known_while_it_is_written_anew() {
    let mut world = World::new();
    world.locks = true;
    world.server.fault(On::Charge, 1, Fault::LoseAnswer);
    let (one, two) = (world.start(), world.start());
    let call = world.charge(one, "t1", 5);
    world.run_for(50);
    world.go_online(false);
    world.wait(call);
    let cancelled = world.cancel(one, "t1");
    world.wait(cancelled);
    // The other tab looks it up.
    world.server.fault(On::LookUp, 1, Fault::Hang);
    world.tell(two, Event::Online(true));
    world.run_for(500);
    assert_eq!(world.server.count(On::LookUp), 1);
    let end = world.settled(one, "t1");
    // While one transaction runs, a reading and the new charge wait for the next.
    let read = |task| Event::Peer {
        keys: vec![key(task)],
        confirmed: None,
    };
    world.tell(one, read("t9"));
    world.tell(one, read("t1"));
    world.wipe_journal();
    world.charge(one, "t1", 5);
    world.crash(two);
    world.go_online(true);
    assert_eq!(word(&world.wait(end)), "charged again");
    assert_eq!(world.server.count(On::Charge), 1);
}

/// Two tabs know that a charge has failed; the first is back online, and makes it after all. Then
/// the journal is lost, and the second asks for a retry.
fn with_a_failure_outlived() -> (World, usize) {
    let mut world = World::new();
    world.server = Server::new(120, Some(86_400_000));
    world.locks = true;
    world.config.offline_spend = OfflineSpend::Deny;
    let (one, two) = (world.start(), world.start());
    world.go_online(false);
    let call = world.charge(one, "t1", 5);
    assert_eq!(word(&world.wait(call)), "failed OfflineSpendDenied");
    world.run_for(100);
    world.announcements = false;
    world.tell(one, Event::Online(true));
    let call = world.charge(one, "t1", 5);
    assert_eq!(word(&world.wait(call)), "charged");
    world.crash(one);
    world.wipe_journal();
    world.flush(two);
    (world, two)
}

#[test]
fn a_failure_that_is_gone_is_not_told_to_a_new_charge() {
    let (mut world, two) = with_a_failure_outlived();
    let call = world.charge(two, "t1", 5);
    assert_eq!(word(&world.wait(call)), "unknown Offline");
    let end = world.settled(two, "t1");
    world.go_online(true);
    assert_eq!(word(&world.wait(end)), "charged again");
    assert_eq!(world.server.count(On::AnyCharge), 1);
}

#[test]
fn a_failure_that_is_gone_is_told_as_unknown_and_as_left_to_the_user() {
    for cancels in [false, true] {
        let (mut world, two) = with_a_failure_outlived();
        let call = match cancels {
            true => world.cancel(two, "t1"),
            false => world.settled(two, "t1"),
        };
        let end = world.wait(call);
        assert_eq!(word(&end), "unknown Timeout");
        assert!(is_left_to_the_user(&end), "{end:?}");
    }
}

fn is_left_to_the_user(outcome: &Outcome) -> bool {
    matches!(
        outcome.what,
        What::Unknown {
            resolving: false,
            ..
        }
    )
}

#[test]
fn a_failure_that_is_gone_is_looked_up_when_charged_later() {
    const DAY_MS: u64 = 86_400_000;
    let told = Event::Peer {
        keys: vec![key("t1")],
        confirmed: None,
    };
    let asks: [fn(&mut World, usize, Event); 3] = [
        |world, tab, _| {
            world.settled(tab, "t1");
        },
        |world, tab, _| {
            world.cancel(tab, "t1");
        },
        |world, tab, told| world.tell(tab, told),
    ];
    for ask in asks {
        let (mut world, two) = with_a_failure_outlived();
        ask(&mut world, two, told.clone());
        // The server has forgotten the key by then.
        world.run_for(DAY_MS + 60_000);
        world.go_online(true);
        let call = world.charge(two, "t1", 5);
        assert_eq!(word(&world.wait(call)), "charged again");
        assert_eq!(world.server.times_charged("f:t1"), 1);
    }
}

#[test]
fn a_failure_that_is_gone_is_not_told_where_writing_fails() {
    for retries in [false, true] {
        for times in [1, 100] {
            let (mut world, two) = with_a_failure_outlived();
            fail_next(&mut world, times, |op| !matches!(op, Op::Read { .. }));
            let call = match retries {
                true => world.retry(two, "t1"),
                false => world.charge(two, "t1", 5),
            };
            assert!(word(&world.wait(call)).starts_with("unknown"));
            world.fail_write = Box::new(|_, _| false);
            let end = world.settled(two, "t1");
            world.go_online(true);
            assert_eq!(word(&world.wait(end)), "charged again");
            assert_eq!(world.server.count(On::AnyCharge), 1);
        }
    }
}

#[test]
fn a_failure_outlived_is_not_told_where_nothing_can_be_written_or_read() {
    for retries in [false, true] {
        let (mut world, two) = with_a_failure_outlived();
        world.fail_write = Box::new(|_, _| true);
        let call = match retries {
            true => world.retry(two, "t1"),
            false => world.charge(two, "t1", 5),
        };
        let said = world.wait(call);
        assert!(word(&said).starts_with("unknown"), "{said:?}");
    }
}

#[test]
fn a_local_storage_charge_is_looked_up_before_it_is_called_cancelled() {
    let mut world = World::new();
    world.storage = StorageKind::LocalStorage;
    let (one, two) = (world.start(), world.start());
    world.go_online(false);
    let call = world.charge(one, "t1", 5);
    world.wait(call);
    world.run_for(100);
    // The second tab keeps seeing the record from before the first has sent it.
    let stale: Record = world.journal.records[&key("t1")].clone();
    world.announcements = false;
    world.server.fault(On::AnyCharge, 1, Fault::LoseAnswer);
    world.tell(one, Event::Online(true));
    world.run_for(50);
    assert_eq!(world.server.times_charged("f:t1"), 1);
    world.crash(one);
    world.journal.records.insert(key("t1"), stale);
    let cancelled = world.cancel(two, "t1");
    assert_eq!(word(&world.wait(cancelled)), "unknown Offline");
    let end = world.settled(two, "t1");
    world.go_online(true);
    assert_eq!(word(&world.wait(end)), "charged again");
}

#[test]
fn a_local_storage_charge_of_another_tab_is_not_called_queued() {
    let mut world = World::new();
    world.storage = StorageKind::LocalStorage;
    world.locks = true;
    let alone = world.start();
    world.go_online(false);
    let call = world.charge(alone, "t1", 5);
    assert_eq!(word(&world.wait(call)), "queued Offline");
    let other = world.start();
    let call = world.charge(other, "t1", 5);
    assert_eq!(word(&world.wait(call)), "unknown Offline");
    // Its own has been sent by nobody.
    let call = world.charge(other, "t2", 5);
    assert_eq!(word(&world.wait(call)), "queued Offline");
}

#[test]
fn a_charge_that_could_not_be_stored_is_looked_up_first_once_its_record_is_lost() {
    let mut world = World::new();
    let tab = world.start();
    world.fail_write = Box::new(|_, _| true);
    let call = world.charge(tab, "t1", 5);
    assert_eq!(word(&world.wait(call)), "failed StorageUnavailable");
    world.fail_write = Box::new(|_, _| false);
    // Another tab has sent it, and its record was damaged since.
    world.tell(tab, Event::RecordsLost(vec![key("t1")]));
    let flush = world.flush(tab);
    world.run_until(|world| world.answers.contains_key(&flush));
    world.settle();
    assert_eq!(world.server.count(On::LookUp), 1);
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

#[test]
fn a_charge_known_as_lost_while_it_is_written_is_not_called_failed() {
    let mut world = World::new();
    let tab = world.start();
    world.fail_write = Box::new(|_, ops| ops.iter().any(|op| !matches!(op, Op::Read { .. })));
    world.commit_ms = 100;
    let call = world.charge(tab, "t1", 5);
    world.run_for(50);
    world.tell(tab, Event::RecordsLost(vec![key("t1")]));
    let outcome = world.wait(call);
    assert!(word(&outcome).starts_with("unknown"), "{outcome:?}");
    let end = world.settled(tab, "t1");
    world.fail_write = Box::new(|_, _| false);
    assert_eq!(word(&world.wait(end)), "charged");
    assert_eq!(world.server.times_charged("f:t1"), 1);
}

/// Another tab's message makes this tab read the charge `t1`.
fn told_of(world: &mut World, tab: usize) {
    let keys = vec![key("t1")];
    let confirmed = None;
    world.tell(tab, Event::Peer { keys, confirmed });
}

#[test]
fn a_charge_lost_while_the_page_wakes_is_unknown_to_calls_that_wait_for_its_end() {
    let mut world = World::new();
    let tab = world.start();
    world.go_online(false);
    let call = world.charge(tab, "t1", 5);
    world.wait(call);
    let settled = world.settled(tab, "t1");
    world.tell(tab, Event::Woke);
    // The journal is slow to read as a whole.
    let later_ms = world.now.mono_ms + 60_000;
    world.postpone(|what| matches!(what, Happening::Load { .. }), later_ms);
    world.wipe_journal();
    told_of(&mut world, tab);
    world.run_for(100);
    let outcome = world.outcome(settled);
    assert!(matches!(outcome.what, What::Unknown { .. }), "{outcome:?}");
}

#[test]
fn a_lost_charge_that_could_not_be_requested_again_is_unknown_to_every_call() {
    let mut world = World::with(|config| config.max_attempts = 1);
    let (one, two) = (world.start(), world.start());
    let broken = Fault::AnswerAfter(problem(500, "broken"));
    world.server.fault(On::Charge, 1, broken);
    let call = world.charge(two, "t1", 5);
    world.wait(call);
    world.server.fault(On::LookUp, u32::MAX, Fault::Hang);
    world.cancel(two, "t1");
    world.run_for(1_000);
    assert_eq!(world.server.count(On::LookUp), 1);
    world.crash(two);
    let settled = world.settled(one, "t1");
    world.wipe_journal();
    world.fail_write = Box::new(|_, ops| ops.iter().any(|op| matches!(op, Op::Enqueue { .. })));
    told_of(&mut world, one);
    let again = world.charge(one, "t1", 5);
    world.run_for(100_000);
    for call in [settled, again] {
        assert!(matches!(world.outcome(call).what, What::Unknown { .. }));
    }
}

/// A client that hears of its write only after `meanwhile`, which a reading told it.
fn hears_of_its_write_after(meanwhile: &[Event]) -> (Engine, Key) {
    let now = Now {
        mono_ms: 1_000,
        wall_ms: START_WALL_MS,
    };
    let setup = Setup {
        account: "alice".to_owned(),
        tab: "tab".to_owned(),
        seed: 1,
        storage: StorageKind::IndexedDb,
        online: false,
        earlier: Earlier::default(),
        session: Session::since(0),
    };
    let mut engine = Engine::new(setup, Config::default());
    let orders = |engine: &mut Engine| std::iter::from_fn(|| engine.poll()).collect::<Vec<_>>();
    orders(&mut engine);
    engine.handle(now, Event::Alive(vec!["tab".to_owned()]));
    engine.handle(now, Event::Loaded(Ok(Vec::new())));
    let balance = Confirmed {
        balance: Points::new(100).unwrap(),
        version: 1,
        as_of_ms: START_WALL_MS,
        etag: None,
        held: None,
    };
    engine.handle(now, Event::Cached(balance));
    let request = ChargeRequest {
        task_id: "t1".to_owned(),
        amount: 5.0,
        feature: "f".to_owned(),
        ..ChargeRequest::default()
    };
    let charge = request.into_charge(now.wall_ms).unwrap();
    let key = charge.key.clone();
    orders(&mut engine);
    let request = CallRequest::Charge(charge);
    engine.handle(now, Event::Call { id: 1, request });
    let ordered = orders(&mut engine);
    let ops = ordered.iter().find_map(|effect| match effect {
        Effect::Journal { ops, .. } => Some(ops),
        _ => None,
    });
    let mut record = None;
    let mut applied = Vec::new();
    for op in ops.unwrap() {
        let result = op.apply(record, ApplyAt::new(now.wall_ms, Session::since(0)));
        record = result.record.clone();
        applied.push(result);
    }
    engine.handle(now, Event::Woke);
    for event in meanwhile {
        engine.handle(now, event.clone());
    }
    let rest = record.into_iter().filter(|_| meanwhile.is_empty());
    engine.handle(now, Event::Loaded(Ok(rest.collect())));
    engine.handle(now, Event::Journaled(Ok(applied)));
    (engine, key)
}

#[test]
fn a_record_lost_while_its_client_waits_to_hear_of_writing_it_does_not_count_as_at_rest() {
    let (engine, key) = hears_of_its_write_after(&[]);
    assert!(engine.record_at_rest(&key).is_some());
    let lost = Event::RecordsLost(vec![key]);
    let (engine, key) = hears_of_its_write_after(&[lost]);
    assert_eq!(engine.record_at_rest(&key), None);
}
