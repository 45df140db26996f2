//! Reduction: state that can make no difference any more is dropped at once, to keep states few.

use tollbox::core::record::{State, Verdict};

use super::end::End;
use super::rules::{Left, Rule};
use super::tab::{Attempt, Name, Order, Stray, Work};
use super::world::{Protocol, World};

/// The conclusion `charged`, believed from any tab, whatever the attempt was.
const CHARGED: Order = Order::Conclude {
    sends: false,
    number: 0,
    end: End::Charged,
};

impl Protocol {
    pub fn drop_what_is_over(&self, world: &mut World) {
        for which in 0..2 {
            self.tell(world, which);
            if self.rules.has(Rule::ServerKey) {
                self.drop_replays(world, which);
            }
            if self.rules.has(Rule::OwnAttempt) && self.rules.has(Rule::SendAfterCommit) {
                self.drop_superseded(world, which);
            }
        }
        if (0..2).all(|which| self.is_over(world, which)) {
            world.left = Left::default();
        }
    }

    /// Tells callers the journal's verdict.
    fn tell(&self, world: &mut World, which: usize) {
        if let Some(kept) = &world.journal[which]
            && let State::Settled(Verdict::Declined(_) | Verdict::Failed(_)) = kept.record.state()
        {
            world.said_untaken[which] = true;
        }
    }

    /// Whether nothing that matters can happen to the charge.
    fn is_over(&self, world: &World, which: usize) -> bool {
        let asked_no_more = world.left.asks[which] == 0;
        match &world.journal[which] {
            Some(kept) => kept.record.receipt().is_some(),
            None => asked_no_more && !world.strays.iter().any(|stray| stray.is_of(which)),
        }
    }

    /// Drops repeats of a charged key: the server charges it no more, and a receipt is the end.
    fn drop_replays(&self, world: &mut World, which: usize) {
        if !world.server.has_charged(which) {
            return;
        }
        let over = self.is_over(world, which);
        world.strays.retain(|stray| match stray {
            Stray::Request { .. } => !stray.is_of(which),
            Stray::Write { .. } => !over || !stray.is_of(which),
        });
        if over {
            for tab in &mut world.tabs {
                tab.work[which] = Work::Idle;
            }
            world.left.asks[which] = 0;
        }
        if !(0..2).any(|which| world.server.would_decline(which)) {
            world.left.top_ups = 0;
        }
    }

    /// Reduces superseded attempts: one that is no longer the journal's never will be again, and
    /// can only take the points.
    fn drop_superseded(&self, world: &mut World, which: usize) {
        for place in 0..2 {
            let name = world.name(place);
            let work = world.tabs[place].work[which];
            world.tabs[place].work[which] = match work {
                Work::Idle => work,
                Work::Writing(order) => match still_matters(world, name, which, order) {
                    Some(order) => Work::Writing(order),
                    None => Work::Idle,
                },
                Work::Claimed(attempt) => Work::Claimed(plain(world, name, which, attempt)),
                Work::Sent(attempt) => Work::Sent(plain(world, name, which, attempt)),
                Work::Answered(attempt, word) => {
                    Work::Answered(plain(world, name, which, attempt), word)
                }
            };
        }
        for stray in std::mem::take(&mut world.strays) {
            match stray {
                Stray::Write {
                    name,
                    which: of,
                    order,
                } if of == which => {
                    if let Some(order) = still_matters(world, name, which, order) {
                        world.strays.push(Stray::Write { name, which, order });
                    }
                }
                Stray::Write { .. } | Stray::Request { .. } => world.strays.push(stray),
            }
        }
    }
}

/// The part of a pending transaction that still matters, if any.
fn still_matters(world: &World, name: Name, which: usize, order: Order) -> Option<Order> {
    match order {
        Order::Enqueue { .. } | Order::Begin { .. } | Order::Cancel | Order::Forget => Some(order),
        Order::Conclude {
            end: End::Charged, ..
        } => Some(CHARGED),
        Order::Conclude { sends, number, .. } => {
            is_under_way(world, name, which, sends, number).then_some(order)
        }
    }
}

fn plain(world: &World, name: Name, which: usize, attempt: Attempt) -> Attempt {
    match is_under_way(world, name, which, attempt.sends, attempt.number) {
        true => attempt,
        false => Attempt {
            number: 0,
            earlier_until_ms: 0,
            left_early: false,
            exhausted: false,
            ..attempt
        },
    }
}

fn is_under_way(world: &World, name: Name, which: usize, sends: bool, number: u32) -> bool {
    world.journal[which].as_ref().is_some_and(|kept| {
        let attempt = Some((super::tab::purpose(sends), number));
        kept.rest.claimant == Some(name) && kept.record.attempt() == attempt
    })
}
