//! A journal that is read page by page.

use tollbox::core::engine::{Effect, Event};
use tollbox::core::outcome::FailureReason;
use tollbox::core::record::{Failure, Record};
use tollbox::core::text::Detail;

use super::script::{World, key};
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
    let failure = Failure {
        reason: FailureReason::Forbidden,
        retryable: false,
        detail: Detail::Said(None),
    };
    let settled = Record::failed(two.charge().clone(), 2, failure);
    let all = vec![one.clone(), settled];
    orders(&mut world, tab, vec![Event::Woke, Event::Loaded(Ok(all))]);
    let open = Event::Loaded(Ok(vec![one]));
    let ordered = orders(&mut world, tab, vec![Event::Woke, open]);
    assert_eq!(read(&ordered), Vec::<String>::new());
}
