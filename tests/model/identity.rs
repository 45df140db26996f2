//! When two states are one: at another time but with the same distances, or with the tabs in
//! each other's place, everything goes on in the same way.

use std::hash::{Hash, Hasher};

use tollbox::core::record::Purpose;

use super::journal::Kept;
use super::tab::{Attempt, End, Name, Order, Stray, Work};
use super::world::World;

impl Hash for World {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let marks = [false, true].map(|swapped| {
            let mut marks = Marks {
                now_ms: self.wall_ms,
                swapped,
                bytes: Vec::with_capacity(128),
            };
            marks.world(self);
            marks.bytes
        });
        let [one, two] = &marks;
        one.min(two).hash(hasher);
    }
}

struct Marks {
    now_ms: u64,
    swapped: bool,
    bytes: Vec<u8>,
}

impl Marks {
    fn world(&mut self, world: &World) {
        for kept in &world.journal {
            self.kept(kept.as_ref());
        }
        for place in 0..2 {
            let tab = &world.tabs[place ^ usize::from(self.swapped)];
            self.small(tab.start);
            for work in &tab.work {
                self.work(work);
            }
        }
        let server = &world.server;
        self.small(server.points as usize);
        self.bytes.extend(server.times_charged);
        self.strays(&world.strays);
        let left = &world.left;
        self.bytes.extend(left.asks);
        self.bytes.extend([
            left.losses,
            left.crashes,
            left.cancels,
            left.top_ups,
            left.kept_back,
            left.forgets,
            left.lapses,
        ]);
        for flag in [
            world.promised[0],
            world.promised[1],
            world.said_untaken[0],
            world.said_untaken[1],
            world.defied,
        ] {
            self.flag(flag);
        }
    }

    fn kept(&mut self, kept: Option<&Kept>) {
        let Some(kept) = kept else {
            return self.small(0);
        };
        self.small(1);
        self.bytes.extend(kept.shape.to_le_bytes());
        self.name(kept.claimant);
        for ms in kept.times {
            self.time(ms);
        }
    }

    fn work(&mut self, work: &Work) {
        match work {
            Work::Idle => self.small(0),
            Work::Writing(order) => {
                self.small(1);
                self.order(order);
            }
            Work::Claimed(attempt) => {
                self.small(2);
                self.attempt(attempt);
            }
            Work::Sent(attempt) => {
                self.small(3);
                self.attempt(attempt);
            }
            Work::Answered(attempt, word) => {
                self.small(4);
                self.attempt(attempt);
                self.small(*word as usize);
            }
        }
    }

    fn order(&mut self, order: &Order) {
        match order {
            Order::Enqueue { claim_until_ms } => {
                self.small(0);
                self.flag(claim_until_ms.is_some());
                self.time(claim_until_ms.unwrap_or(0));
            }
            Order::Begin {
                purpose,
                until_ms,
                over,
            } => {
                self.small(1);
                self.purpose(*purpose);
                self.time(*until_ms);
                self.name(*over);
            }
            Order::Conclude {
                purpose,
                number,
                end,
            } => {
                self.small(2);
                self.purpose(*purpose);
                self.small(*number as usize);
                self.end(*end);
            }
        }
    }

    fn end(&mut self, end: End) {
        match end {
            End::Charged => self.small(0),
            End::Declined => self.small(1),
            End::NeverCharged => self.small(2),
            End::Exhausted => self.small(3),
            End::Parked => self.small(4),
            End::NotSent => self.small(5),
            End::Refused => self.small(6),
            End::Lost(until_ms) => {
                self.small(7);
                self.time(until_ms);
            }
            End::TooEarly(until_ms) => {
                self.small(8);
                self.time(until_ms);
            }
        }
    }

    fn attempt(&mut self, attempt: &Attempt) {
        self.purpose(attempt.purpose);
        self.small(attempt.number as usize);
        self.time(attempt.until_ms);
        self.time(attempt.earlier_until_ms);
        self.flag(attempt.left_early);
        self.flag(attempt.exhausted);
        self.flag(attempt.given_up);
    }

    /// In no order.
    fn strays(&mut self, strays: &[Stray]) {
        let from = self.bytes.len();
        let mut all: Vec<Vec<u8>> = Vec::new();
        for stray in strays {
            match stray {
                Stray::Request { which, until_ms } => {
                    self.small(10 + *which);
                    self.time(*until_ms);
                }
                Stray::Write { name, which, order } => {
                    self.small(20 + *which);
                    self.name(Some(*name));
                    self.order(order);
                }
            }
            all.push(self.bytes.split_off(from));
        }
        all.sort_unstable();
        self.small(all.len());
        for marks in all {
            self.bytes.extend(marks);
        }
    }

    fn name(&mut self, name: Option<Name>) {
        self.small(name.map_or(0, |name| {
            1 + (name.place ^ usize::from(self.swapped)) * 2 + name.start
        }));
    }

    fn purpose(&mut self, purpose: Purpose) {
        self.flag(purpose == Purpose::Send);
    }

    /// What is over is over.
    fn time(&mut self, at_ms: u64) {
        self.small(at_ms.saturating_sub(self.now_ms) as usize);
    }

    fn flag(&mut self, flag: bool) {
        self.small(usize::from(flag));
    }

    fn small(&mut self, number: usize) {
        self.bytes.push(u8::try_from(number).unwrap());
    }
}
