//! States that the model has to reach, or it would prove little.

use stateright::Property;
use tollbox::core::outcome::FailureReason;
use tollbox::core::record::{State, Verdict};

use super::end::End;
use super::tab::{Order, Work};
use super::world::{Protocol, World};

pub fn reached() -> Vec<Property<Protocol>> {
    vec![
        Property::sometimes("both are charged", |_, world: &World| {
            (0..2).all(|which| is(world, which, charged))
        }),
        Property::sometimes("one is declined", |_, world: &World| {
            any(world, |state| {
                matches!(state, State::Settled(Verdict::Declined(_)))
            })
        }),
        Property::sometimes("one is given up", |_, world: &World| {
            any(world, |state| failed_for(state, FailureReason::Cancelled))
        }),
        Property::sometimes("its attempts are used up", |_, world: &World| {
            any(world, |state| {
                failed_for(state, FailureReason::RetriesExhausted)
            })
        }),
        Property::sometimes("one is parked", |_, world: &World| {
            any(world, |state| matches!(state, State::Parked(_)))
        }),
        Property::sometimes("a dead tab's claim is taken over", taken_over),
        Property::sometimes("what is charged is sent again", |_, world: &World| {
            all_work(world).any(|(which, work)| {
                let sends = matches!(work, Work::Sent(attempt) if attempt.sends);
                sends && world.server.has_charged(which)
            })
        }),
        Property::sometimes("it is too early for a verdict", |_, world: &World| {
            all_work(world).any(|(_, work)| {
                matches!(
                    work,
                    Work::Writing(Order::Conclude {
                        end: End::TooEarly(_) | End::DeclinedTooEarly(_),
                        ..
                    })
                )
            })
        }),
    ]
}

/// As long as no request was lost, only a takeover from a dead tab leaves behind a claim that has
/// not ended.
fn taken_over(protocol: &Protocol, world: &World) -> bool {
    let lost = world.left.losses < protocol.left.losses;
    let mut kept = world.journal.iter().flatten();
    !lost && kept.any(|kept| kept.record.may_arrive_until_ms() > world.wall_ms)
}

fn all_work(world: &World) -> impl Iterator<Item = (usize, &Work)> {
    let tabs = world.tabs.iter();
    tabs.flat_map(|tab| tab.work.iter().enumerate())
}

fn any(world: &World, holds: fn(&State) -> bool) -> bool {
    (0..2).any(|which| is(world, which, holds))
}

fn is(world: &World, which: usize, holds: fn(&State) -> bool) -> bool {
    world.state(which).is_some_and(holds)
}

fn charged(state: &State) -> bool {
    matches!(state, State::Settled(Verdict::Charged(_)))
}

fn failed_for(state: &State, reason: FailureReason) -> bool {
    matches!(state, State::Settled(Verdict::Failed(failure)) if failure.reason == reason)
}
