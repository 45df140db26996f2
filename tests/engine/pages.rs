//! A journal that is read page by page.

use tollbox::core::engine::{Effect, Event};
use tollbox::core::journal::ApplyAt;
use tollbox::core::outcome::FailureReason;
use tollbox::core::record::{Failure, Record};
use tollbox::core::session::Session;
use tollbox::core::snapshot::BillingStatus;
use tollbox::core::text::Detail;

use super::outcomes::word;
use super::script::{World, key};
use super::server::{Fault, On};
use super::world::TabId;

/// The tab is told of these events, and what it orders is given.
fn orders(world: &mut World, tab: TabId, events: Vec<Event>) -> Vec<Effect> {
    let now = world.now;
    let engine = world.engine(tab);
    let mut orders = Vec::new();
    for event in events {
        engine.handle(now, event);
        orders.extend(std::iter::from_fn(|| engine.poll()));
    }
    orders
}

/// The keys of the charges that the journal is asked for.
fn read(orders: &[Effect]) -> Vec<String> {
    let ops = orders.iter().filter_map(|effect| match effect {
        Effect::Journal { ops, .. } => Some(ops),
        _ => None,
    });
    ops.flatten().map(|op| op.key().to_string()).collect()
}

fn records(world: &World) -> [Record; 3] {
    let of = |(task, sequence)| Record::open(world.request(task, 5), sequence);
    [("t1", 1), ("t2", 2), ("t3", 3)].map(of)
}

/// The same charge, failed for good.
fn settled(record: &Record) -> Record {
    let failure = Failure {
        reason: FailureReason::Forbidden,
        retryable: false,
        detail: Detail::Said(None),
    };
    Record::failed(record.charge().clone(), record.sequence(), failure)
}

fn offline() -> (World, TabId) {
    let mut world = World::new();
    let tab = world.start();
    world.go_online(false);
    (world, tab)
}

#[test]
fn open_charges_are_known_as_soon_as_their_page_has_come() {
    let (mut world, tab) = offline();
    let [one, two, three] = records(&world);
    orders(
        &mut world,
        tab,
        vec![Event::Woke, Event::LoadedPage(vec![one, two])],
    );
    assert_eq!(world.snapshot(tab).queue.pending, 2);
    let end = Event::Loaded(Ok(vec![three]));
    let ordered = orders(&mut world, tab, vec![end]);
    assert_eq!(world.snapshot(tab).queue.pending, 3);
    assert_eq!(world.snapshot(tab).queue.held_points.get(), 15);
    assert_eq!(read(&ordered), Vec::<String>::new());
}

#[test]
fn only_charges_that_no_page_has_are_looked_for() {
    let (mut world, tab) = offline();
    let [one, two, three] = records(&world);
    let all = vec![one.clone(), two, three.clone()];
    orders(&mut world, tab, vec![Event::Woke, Event::Loaded(Ok(all))]);
    let again = vec![
        Event::Woke,
        Event::LoadedPage(vec![one]),
        Event::LoadedPage(vec![three]),
        Event::Loaded(Ok(Vec::new())),
    ];
    let ordered = orders(&mut world, tab, again);
    assert_eq!(read(&ordered), [key("t2").to_string()]);
}

#[test]
fn pages_of_a_reading_that_began_too_early_are_ignored() {
    let (mut world, tab) = offline();
    let [one, ..] = records(&world);
    let twice = vec![
        Event::Woke,
        Event::Woke,
        Event::LoadedPage(vec![one.clone()]),
    ];
    orders(&mut world, tab, twice);
    assert_eq!(world.snapshot(tab).queue.pending, 0);
    let ended = orders(&mut world, tab, vec![Event::Loaded(Ok(Vec::new()))]);
    let again = ended
        .iter()
        .any(|effect| matches!(effect, Effect::Load { .. }));
    assert!(again, "{ended:?}");
    orders(&mut world, tab, vec![Event::LoadedPage(vec![one])]);
    assert_eq!(world.snapshot(tab).queue.pending, 1);
}

#[test]
fn settled_charges_that_no_page_has_are_not_looked_for() {
    let (mut world, tab) = offline();
    let [one, two, ..] = records(&world);
    let all = vec![one.clone(), settled(&two)];
    orders(&mut world, tab, vec![Event::Woke, Event::Loaded(Ok(all))]);
    let open = Event::Loaded(Ok(vec![one]));
    let ordered = orders(&mut world, tab, vec![Event::Woke, open]);
    assert_eq!(read(&ordered), Vec::<String>::new());
}

#[test]
fn a_settled_charge_that_is_evicted_while_the_journal_is_read_is_not_looked_for() {
    let mut world = World::with(|config| config.keep_settled = 1);
    let tab = world.start();
    world.go_online(false);
    let [one, two, three] = records(&world);
    let all = vec![one.clone(), settled(&two), settled(&three)];
    orders(&mut world, tab, vec![Event::Woke, Event::Loaded(Ok(all))]);
    assert_eq!(world.snapshot(tab).queue.failed, 2);
    // What has something left to do, in two pages.
    orders(
        &mut world,
        tab,
        vec![Event::Woke, Event::LoadedPage(vec![one])],
    );
    world.run_for(2_000);
    let evicted = orders(&mut world, tab, vec![Event::Online(false)]);
    assert_eq!(read(&evicted), [key("t2").to_string()]);
    let ended = journaled(&mut world, &evicted);
    let loaded = Event::Loaded(Ok(Vec::new()));
    let ordered = orders(&mut world, tab, vec![ended, loaded]);
    assert_eq!(read(&ordered), Vec::<String>::new());
}

#[test]
fn a_charge_that_is_deleted_while_the_journal_is_read_does_not_come_back() {
    // The reading begins while the charge is being sent, or just before its deletion is written.
    for (read_after_ms, pause_ms) in [(100, 400), (228, 30), (230, 30), (232, 30)] {
        let mut world = World::with(|config| config.keep_settled = 0);
        world.locks = true;
        world.commit_ms = 5;
        let tab = world.start();
        world.server.fault(On::AnyCharge, 1, Fault::Late(200));
        let call = world.charge(tab, "t1", 500);
        world.run_for(read_after_ms);
        world.page = Some((0, pause_ms));
        world.tell(tab, Event::Online(true));
        assert_eq!(word(&world.wait(call)), "declined InsufficientBalance");
        world.page = None;
        world.server.top_up(1_000);
        world.run_for(60_000);
        assert_eq!(world.seen(tab, "t1").status, BillingStatus::Failed);
        assert_eq!(world.server.count(On::AnyCharge), 1);
        assert!(world.journal.records.is_empty(), "{read_after_ms} ms");
        assert_eq!(world.snapshot(tab).stats.declined, 1);
    }
}

#[test]
fn a_charge_that_one_transaction_reads_and_deletes_stays_deleted() {
    let mut world = World::with(|config| config.keep_settled = 1);
    let tab = world.start();
    let [one, two, _] = records(&world).map(|record| settled(&record));
    for record in [&one, &two] {
        let key = record.charge().key.clone();
        world.journal.records.insert(key, record.clone());
    }
    let peer = |task| Event::Peer {
        keys: vec![key(task)],
        confirmed: None,
    };
    // While something else is read, another tab tells of a charge that turns out to be one too many.
    let first = orders(&mut world, tab, vec![peer("other")]);
    let alone = Event::Alive(vec![world.tab(tab).name()]);
    let loaded = Event::Loaded(Ok(vec![one, two]));
    orders(
        &mut world,
        tab,
        vec![peer("t1"), alone, Event::Woke, loaded],
    );
    let ended = journaled(&mut world, &first);
    let second = orders(&mut world, tab, vec![ended]);
    assert_eq!(
        read(&second),
        [key("t1").to_string(), key("t1").to_string()]
    );
    let ended = journaled(&mut world, &second);
    let third = orders(&mut world, tab, vec![ended]);
    assert_eq!(world.journal.queue().failed, 1);
    assert_eq!(world.snapshot(tab).queue.failed, 1);
    assert_eq!(read(&third), Vec::<String>::new());
}

/// The journal's answer to what it is asked for.
fn journaled(world: &mut World, orders: &[Effect]) -> Event {
    let at = ApplyAt::new(world.now.wall_ms, Session::since(0));
    let ops = orders.iter().filter_map(|effect| match effect {
        Effect::Journal { ops, .. } => Some(ops),
        _ => None,
    });
    let applied = ops.flatten().map(|op| world.journal.apply(op, at, false).0);
    Event::Journaled(Ok(applied.collect()))
}
