//! The promises, as what holds in every state.

use stateright::{Model, Property};
use tollbox::core::record::{State, Verdict};

use super::actions::Action;
use super::world::{Protocol, World};

pub const AT_MOST_ONCE: &str = "1 a key is charged at most once";
pub const NOTHING_LOST: &str = "2 what was answered open is in the journal";
pub const CHARGED: &str = "3 what is said to be charged is";
pub const UNTAKEN: &str = "3 what is said to be declined or failed is not charged";
pub const QUEUED: &str = "3 what is said to be queued is not charged so far";
pub const GIVEN_UP: &str = "what is given up is not sent";
pub const NO_DEAD_END: &str = "where nothing goes on, nothing is open";

impl Model for Protocol {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![self.opening()]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        self.everything(world, actions);
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        let mut next = world.clone();
        self.take(&mut next, action);
        self.settle(&mut next);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Protocol>> {
        vec![
            Property::always(AT_MOST_ONCE, |_, world: &World| {
                world.server.times_charged.iter().all(|times| *times <= 1)
            }),
            Property::always(NOTHING_LOST, |_, world: &World| {
                (0..2).all(|which| !world.promised[which] || world.journal[which].is_some())
            }),
            Property::always(CHARGED, |_, world: &World| {
                (0..2).all(|which| match state(world, which) {
                    Some(State::Settled(Verdict::Charged(_))) => world.server.has_charged(which),
                    _ => true,
                })
            }),
            Property::always(UNTAKEN, |_, world: &World| {
                (0..2).all(|which| !world.said_untaken[which] || !world.server.has_charged(which))
            }),
            Property::always(QUEUED, |_, world: &World| {
                (0..2).all(|which| match state(world, which) {
                    Some(State::Waiting(waiting)) if !waiting.in_doubt() => {
                        !world.server.has_charged(which)
                    }
                    _ => true,
                })
            }),
            Property::always(GIVEN_UP, |_, world: &World| !world.defied),
            Property::always(NO_DEAD_END, |protocol: &Protocol, world: &World| {
                let mut open = world.journal.iter().flatten();
                if !open.any(|kept| kept.record.is_open()) {
                    return true;
                }
                let mut actions = Vec::new();
                protocol.progress(world, &mut actions);
                !actions.is_empty()
            }),
        ]
    }
}

fn state(world: &World, which: usize) -> Option<&State> {
    world.journal[which].as_ref().map(|kept| kept.record.state())
}
