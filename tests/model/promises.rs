//! The promises.

use stateright::{Model, Property};
use tollbox::core::record::{State, Verdict};

use super::actions::Action;
use super::world::{Protocol, World};

impl Model for Protocol {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![self.opening()]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        self.all_actions(world, actions);
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        Some(self.step(world, action))
    }

    fn properties(&self) -> Vec<Property<Protocol>> {
        vec![
            Property::always("1 at most once", |_, world: &World| {
                world.server.times_charged.iter().all(|times| *times <= 1)
            }),
            Property::always("2 nothing lost", |_, world: &World| {
                (0..2).all(|which| !world.promised[which] || world.journal[which].is_some())
            }),
            Property::always("3 charged is true", |_, world: &World| {
                settled(world, |verdict, charged| match verdict {
                    Verdict::Charged(_) => charged,
                    Verdict::Declined(_) | Verdict::Failed(_) => true,
                })
            }),
            Property::always("3 untaken is true", |_, world: &World| {
                let said = |which: usize| world.said_untaken[which];
                let lies = (0..2).any(|which| said(which) && world.server.has_charged(which));
                !lies
                    && settled(world, |verdict, charged| match verdict {
                        Verdict::Charged(_) => true,
                        Verdict::Declined(_) | Verdict::Failed(_) => !charged,
                    })
            }),
            Property::always("3 queued is true", |_, world: &World| {
                (0..2).all(|which| {
                    let record = world.journal[which].as_ref().map(|kept| &kept.record);
                    match record.map(|record| record.state()) {
                        Some(State::Waiting(waiting)) => {
                            waiting.in_doubt() || !world.server.has_charged(which)
                        }
                        Some(State::Attempting(_) | State::Parked(_) | State::Settled(_)) | None => {
                            true
                        }
                    }
                })
            }),
            Property::always("given up is not sent", |_, world: &World| !world.defied),
            Property::always("no dead ends", |protocol: &Protocol, world: &World| {
                let mut actions = Vec::new();
                protocol.progress(world, &mut actions);
                !actions.is_empty()
                    || world
                        .journal
                        .iter()
                        .flatten()
                        .all(|kept| !kept.record.is_open())
            }),
        ]
    }
}

fn settled(world: &World, holds: impl Fn(&Verdict, bool) -> bool) -> bool {
    (0..2).all(|which| match &world.journal[which] {
        Some(kept) => match kept.record.state() {
            State::Settled(verdict) => holds(verdict, world.server.has_charged(which)),
            State::Waiting(_) | State::Attempting(_) | State::Parked(_) => true,
        },
        None => true,
    })
}
