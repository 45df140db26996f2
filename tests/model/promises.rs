//! The promises, as properties of every state.

use stateright::Property;
use tollbox::core::record::{State, Verdict};

use super::actions::Action;
use super::world::{Protocol, World};

pub const AT_MOST_ONCE: &str = "1 a key is charged at most once";
pub const NOTHING_LOST: &str = "2 what was answered open is in the journal";
pub const CHARGED: &str = "3 what is said to be charged is";
pub const UNTAKEN: &str = "3 what is said to be declined or failed is not charged";
pub const QUEUED: &str = "3 what is said to be queued is not charged so far";
const GIVEN_UP: &str = "what is given up is not sent";
pub const SETTLES: &str = "where nothing more goes wrong, everything settles";

/// More steps than any run needs to its end.
const END_STEPS: usize = 200;

pub fn promises() -> Vec<Property<Protocol>> {
    vec![
        Property::always(AT_MOST_ONCE, |_, world: &World| {
            world.server.times_charged.iter().all(|times| *times <= 1)
        }),
        Property::always(NOTHING_LOST, |_, world: &World| {
            (0..2).all(|which| !world.promised[which] || world.journal[which].is_some())
        }),
        Property::always(CHARGED, |_, world: &World| {
            (0..2).all(|which| match world.state(which) {
                Some(State::Settled(Verdict::Charged(_))) => world.server.has_charged(which),
                _ => true,
            })
        }),
        // Checked in every later state, too, so this covers "and never will be".
        Property::always(UNTAKEN, |_, world: &World| {
            (0..2).all(|which| !world.said_untaken[which] || !world.server.has_charged(which))
        }),
        Property::always(QUEUED, |_, world: &World| {
            (0..2).all(|which| match world.state(which) {
                Some(State::Waiting(waiting)) if !waiting.in_doubt() => {
                    !world.server.has_charged(which)
                }
                _ => true,
            })
        }),
        Property::always(GIVEN_UP, |_, world: &World| !world.defied),
        Property::always(SETTLES, |protocol: &Protocol, world: &World| {
            match protocol.to_the_end {
                true => protocol.settles(world.clone()),
                // At least the run is not stuck.
                false => !world.is_open() || protocol.goes_on(world).is_some(),
            }
        }),
    ]
}

impl Protocol {
    fn goes_on(&self, world: &World) -> Option<Action> {
        let mut actions = Vec::new();
        self.progress(world, &mut actions);
        actions.first().copied()
    }

    fn settles(&self, mut world: World) -> bool {
        for _ in 0..END_STEPS {
            let Some(action) = self.goes_on(&world) else {
                return !world.is_open();
            };
            self.take(&mut world, action);
            self.drop_what_is_over(&mut world);
        }
        false
    }
}

impl World {
    pub fn state(&self, which: usize) -> Option<&State> {
        let kept = self.journal[which].as_ref()?;
        Some(kept.record.state())
    }

    fn is_open(&self) -> bool {
        let mut kept = self.journal.iter().flatten();
        kept.any(|kept| kept.record.is_open())
    }
}
