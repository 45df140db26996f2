//! The identity of states. Two states are the same if the same can happen from both.
//!
//! Four things make no difference: absolute times, only their distance from now; which of the two
//! tabs it is; how often a tab has started, only whether a claim is a dead tab's; and the number of
//! an attempt, only whether it is the one under way.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use super::journal::Rest;
use super::rules::Left;
use super::server::Server;
use super::tab::{Attempt, Name, Order, Stray, Work};
use super::world::World;

impl Hash for World {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let [one, two] = [0, 1].map(|swap| Eye { world: self, swap });
        let [ones, twos] = [one.work_of_all(), two.work_of_all()];
        match ones.cmp(&twos) {
            Ordering::Less => one.sight(ones).hash(hasher),
            Ordering::Greater => two.sight(twos).hash(hasher),
            Ordering::Equal => one.sight(ones).min(two.sight(twos)).hash(hasher),
        }
    }
}

/// The part of a state that makes a difference.
#[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Sight {
    work: [[Work; 2]; 2],
    journal: [Option<Rest>; 2],
    strays: Vec<Stray>,
    server: Server,
    left: Left,
    flags: [[bool; 2]; 2],
    defied: bool,
}

/// A view of a state, with the tabs in their places or swapped.
#[derive(Clone, Copy)]
struct Eye<'a> {
    world: &'a World,
    swap: usize,
}

impl Eye<'_> {
    fn work_of_all(self) -> [[Work; 2]; 2] {
        [0, 1].map(|place| {
            let tab = &self.world.tabs[place ^ self.swap];
            tab.work.map(|work| self.work(work))
        })
    }

    fn sight(self, work: [[Work; 2]; 2]) -> Sight {
        let world = self.world;
        let mut strays: Vec<Stray> = world.strays.iter().map(|stray| self.stray(stray)).collect();
        strays.sort_unstable();
        Sight {
            work,
            journal: [0, 1].map(|which| {
                let kept = world.journal[which].as_ref()?;
                Some(self.rest(kept.rest))
            }),
            strays,
            server: world.server,
            left: world.left,
            flags: [world.promised, world.said_untaken],
            defied: world.defied,
        }
    }

    /// The time from now; all past times are the same.
    fn time(self, at_ms: u64) -> u64 {
        at_ms.saturating_sub(self.world.wall_ms)
    }

    fn name(self, name: Name) -> Name {
        Name {
            place: name.place ^ self.swap,
            start: usize::from(!self.world.is_dead(name)),
        }
    }

    fn rest(self, rest: Rest) -> Rest {
        Rest {
            claimant: rest.claimant.map(|name| self.name(name)),
            times_ms: rest.times_ms.map(|at_ms| self.time(at_ms)),
            ..rest
        }
    }

    fn work(self, work: Work) -> Work {
        match work {
            Work::Idle => work,
            Work::Writing(order) => Work::Writing(self.order(order)),
            Work::Claimed(attempt) => Work::Claimed(self.attempt(attempt)),
            Work::Sent(attempt) => Work::Sent(self.attempt(attempt)),
            Work::Answered(attempt, word) => Work::Answered(self.attempt(attempt), word),
        }
    }

    fn order(self, order: Order) -> Order {
        match order {
            Order::Enqueue { claim_until_ms } => Order::Enqueue {
                claim_until_ms: claim_until_ms.map(|at_ms| self.time(at_ms)),
            },
            Order::Begin {
                sends,
                until_ms,
                over,
            } => Order::Begin {
                sends,
                until_ms: self.time(until_ms),
                over: over.map(|name| self.name(name)),
            },
            Order::Conclude { sends, number, end } => Order::Conclude {
                sends,
                number: number.min(1),
                end,
            },
            Order::Cancel | Order::Forget => order,
        }
    }

    fn attempt(self, attempt: Attempt) -> Attempt {
        Attempt {
            number: attempt.number.min(1),
            until_ms: self.time(attempt.until_ms),
            earlier_until_ms: self.time(attempt.earlier_until_ms),
            ..attempt
        }
    }

    fn stray(self, stray: &Stray) -> Stray {
        match *stray {
            Stray::Request { which, until_ms } => Stray::Request {
                which,
                until_ms: self.time(until_ms),
            },
            Stray::Write { name, which, order } => Stray::Write {
                name: self.name(name),
                which,
                order: self.order(order),
            },
        }
    }
}
