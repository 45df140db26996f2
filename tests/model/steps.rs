//! What a step changes.

use tollbox::core::journal::{Applied, Op};
use tollbox::core::record::{Claim, Purpose, Record, State, Verdict};

use super::actions::Action;
use super::journal::commit;
use super::rules::Rule;
use super::server::{CHARGES, TOP_UP, Word};
use super::tab::{Attempt, End, Name, Order, Stray, Work};
use super::world::{CLAIM_MS, LATE_MS, Protocol, World};

impl Protocol {
    pub fn step(&self, world: &World, action: Action) -> World {
        let mut next = world.clone();
        self.take(&mut next, action);
        next
    }

    fn take(&self, world: &mut World, action: Action) {
        match action {
            Action::Ask {
                place,
                which,
                at_once,
            } => self.ask(world, place, which, at_once),
            Action::Cancel { which } => self.cancel(world, which),
            Action::TopUp => {
                world.left.top_ups -= 1;
                world.server.points += TOP_UP;
            }
            Action::Forget { which } => {
                world.left.forgets -= 1;
                let key = CHARGES[which].key.clone();
                let at = self.apply_at(world);
                commit(&mut world.journal[which], &Op::Forget { key }, at);
                world.promised[which] = false;
            }
            Action::Begin { place, which } => self.begin(world, place, which, None),
            Action::TakeOver { place, which } => {
                let dead = world.journal[which].as_ref().and_then(|kept| kept.claimant);
                self.begin(world, place, which, dead);
            }
            Action::Commit { place, which } => {
                if let Work::Writing(order) = world.tabs[place].work[which] {
                    let name = world.name(place);
                    world.tabs[place].work[which] = self.commit(world, name, which, order);
                }
            }
            Action::Launch { place, which } => self.launch(world, place, which),
            Action::KeepBack { place, which } => {
                world.left.kept_back -= 1;
                if let Work::Claimed(attempt) = world.tabs[place].work[which] {
                    world.tabs[place].work[which] = concluding(&attempt, End::NotSent);
                }
            }
            Action::Arrive { place, which } => {
                if let Work::Sent(attempt) = world.tabs[place].work[which] {
                    let word = match attempt.purpose {
                        Purpose::Send => self.arrive(world, which),
                        Purpose::LookUp => world.server.look_up(which),
                    };
                    world.tabs[place].work[which] = Work::Answered(attempt, word);
                }
            }
            Action::Hear { place, which } => {
                if let Work::Answered(attempt, word) = world.tabs[place].work[which] {
                    let end = self.end(world, &attempt, word);
                    if !self.rules.has(Rule::TellAfterCommit) && end.says_untaken() {
                        world.said_untaken[which] = true;
                    }
                    world.tabs[place].work[which] = concluding(&attempt, end);
                }
            }
            Action::Lose { place, which } => self.lose(world, place, which),
            Action::Refuse { place, which } => {
                world.left.losses -= 1;
                if let Work::Sent(attempt) | Work::Answered(attempt, _) =
                    world.tabs[place].work[which]
                {
                    let end = match attempt.exhausted || attempt.given_up {
                        true => End::Parked,
                        false => End::Refused,
                    };
                    world.tabs[place].work[which] = concluding(&attempt, end);
                }
            }
            Action::StrayArrives { stray } => {
                if let Stray::Request { which, .. } = world.strays.remove(stray) {
                    self.arrive(world, which);
                }
            }
            Action::StrayCommits { stray } => {
                if let Stray::Write { name, which, order } = world.strays.remove(stray) {
                    self.commit(world, name, which, order);
                }
            }
            Action::Crash { place } => self.crash(world, place),
            Action::Tick => self.tick(world),
        }
    }

    fn arrive(&self, world: &mut World, which: usize) -> Word {
        world
            .server
            .charge(which, self.rules.has(Rule::ServerKey))
    }

    fn ask(&self, world: &mut World, place: usize, which: usize, at_once: bool) {
        world.left.asks[which] -= 1;
        world.said_untaken[which] = false;
        if !self.rules.has(Rule::TellAfterCommit) {
            world.promised[which] = true;
        }
        let order = Order::Enqueue {
            claim_until_ms: at_once.then_some(world.wall_ms + CLAIM_MS),
        };
        match at_once {
            true => self.write_and_send(world, place, which, order, Purpose::Send),
            false => world.tabs[place].work[which] = Work::Writing(order),
        }
    }

    fn begin(&self, world: &mut World, place: usize, which: usize, over: Option<Name>) {
        let Some(kept) = &world.journal[which] else {
            return;
        };
        let purpose = self.purpose(&kept.record);
        let order = Order::Begin {
            purpose,
            until_ms: world.wall_ms + CLAIM_MS,
            over,
        };
        self.write_and_send(world, place, which, order, purpose);
    }

    /// First the one, and the other when that has committed; at once where the rule is left out.
    fn write_and_send(
        &self,
        world: &mut World,
        place: usize,
        which: usize,
        order: Order,
        purpose: Purpose,
    ) {
        let name = world.name(place);
        world.tabs[place].work[which] = match self.rules.has(Rule::SendAfterCommit) {
            true => Work::Writing(order),
            false => {
                world.strays.push(Stray::Write { name, which, order });
                let kept = world.journal[which].as_ref();
                let record = kept.map(|kept| &*kept.record);
                let attempts = record.map_or(0, Record::attempts);
                Work::Sent(Attempt {
                    purpose,
                    number: attempts + u32::from(purpose == Purpose::Send),
                    until_ms: world.wall_ms + CLAIM_MS,
                    earlier_until_ms: record.map_or(0, Record::may_arrive_until_ms),
                    left_early: record.map_or(0, Record::may_arrive_until_ms) > world.wall_ms,
                    exhausted: record.map_or(0, Record::spent) >= self.scope.attempts,
                    given_up: record.is_some_and(Record::given_up),
                })
            }
        };
    }

    fn cancel(&self, world: &mut World, which: usize) {
        world.left.cancels -= 1;
        let op = Op::Cancel {
            key: CHARGES[which].key.clone(),
            detail: "given up".to_owned(),
        };
        let at = self.apply_at(world);
        let applied = commit(&mut world.journal[which], &op, at);
        tell(world, which, &applied);
    }

    /// Carries out one transaction. Gives what its tab does next.
    fn commit(&self, world: &mut World, name: Name, which: usize, order: Order) -> Work {
        let at = self.apply_at(world);
        let (key, tab) = (CHARGES[which].key.clone(), name.text());
        match order {
            Order::Enqueue { claim_until_ms } => {
                let op = Op::Enqueue {
                    charge: CHARGES[which].clone(),
                    sequence: 1,
                    admission: Ok(()),
                    claim: claim_until_ms.map(|until_ms| Claim { tab, until_ms }),
                };
                let applied = commit(&mut world.journal[which], &op, at);
                world.promised[which] = true;
                world.said_untaken[which] = false;
                match claim_until_ms {
                    Some(until_ms) => self.claimed(name, until_ms, &applied),
                    None => Work::Idle,
                }
            }
            Order::Begin {
                purpose,
                until_ms,
                over,
            } => {
                let record = world.journal[which].as_ref().map(|kept| &kept.record);
                let given_up = record.is_some_and(|record| record.given_up());
                if given_up && purpose == Purpose::Send && self.rules.has(Rule::GivenUp) {
                    return Work::Idle;
                }
                let op = Op::Begin {
                    key,
                    purpose,
                    claim: Claim { tab, until_ms },
                    over: over.map(Name::text),
                };
                let applied = commit(&mut world.journal[which], &op, at);
                match applied.done {
                    true => self.claimed(name, until_ms, &applied),
                    false => Work::Idle,
                }
            }
            Order::Conclude {
                purpose,
                number,
                end,
            } => {
                let mut by = (tab, Some((purpose, number)));
                if !self.rules.has(Rule::OwnAttempt)
                    && let Some(kept) = &world.journal[which]
                {
                    by = (
                        kept.claimant.map_or(by.0, Name::text),
                        kept.record.attempt(),
                    );
                }
                let op = Op::Conclude {
                    key,
                    tab: by.0,
                    attempt: by.1,
                    conclusion: end.conclusion(),
                    next_attempt_at_ms: end.next_ms(),
                };
                let applied = commit(&mut world.journal[which], &op, at);
                tell(world, which, &applied);
                Work::Idle
            }
        }
    }

    fn claimed(&self, name: Name, until_ms: u64, applied: &Applied) -> Work {
        let Some(record) = &applied.record else {
            return Work::Idle;
        };
        let own = record.claim().is_some_and(|claim| claim.tab == name.text());
        match record.attempt() {
            Some((purpose, number)) if own => Work::Claimed(Attempt {
                purpose,
                number,
                until_ms,
                earlier_until_ms: record.may_arrive_until_ms(),
                left_early: false,
                exhausted: record.spent() >= self.scope.attempts,
                given_up: record.given_up(),
            }),
            Some(_) | None => Work::Idle,
        }
    }

    fn launch(&self, world: &mut World, place: usize, which: usize) {
        let Work::Claimed(attempt) = world.tabs[place].work[which] else {
            return;
        };
        let in_time = self.rules.has(Rule::LeaveWithinClaim);
        world.tabs[place].work[which] = if in_time && attempt.until_ms <= world.wall_ms {
            concluding(&attempt, End::NotSent)
        } else {
            world.defied |= attempt.given_up && attempt.purpose == Purpose::Send;
            Work::Sent(Attempt {
                until_ms: match in_time {
                    true => attempt.until_ms,
                    false => world.wall_ms + CLAIM_MS,
                },
                left_early: attempt.earlier_until_ms > world.wall_ms,
                ..attempt
            })
        };
    }

    /// What an answer means.
    fn end(&self, world: &World, attempt: &Attempt, word: Word) -> End {
        let end = match word {
            Word::Charged => End::Charged,
            Word::Declined => End::Declined,
            Word::NeverCharged if attempt.exhausted && !attempt.given_up => End::Exhausted,
            Word::NeverCharged => End::NeverCharged,
        };
        let early = match self.rules.has(Rule::Departure) {
            true => attempt.left_early,
            false => attempt.earlier_until_ms > world.wall_ms,
        };
        match early && end.says_untaken() && self.rules.has(Rule::TooEarly) {
            true => End::TooEarly(attempt.earlier_until_ms),
            false => end,
        }
    }

    fn lose(&self, world: &mut World, place: usize, which: usize) {
        world.left.losses -= 1;
        let until_ms = world.wall_ms + LATE_MS;
        let work = world.tabs[place].work[which];
        let (Work::Sent(attempt) | Work::Answered(attempt, _)) = work else {
            return;
        };
        let sends = attempt.purpose == Purpose::Send;
        if sends && matches!(work, Work::Sent(_)) {
            world.strays.push(Stray::Request {
                which,
                until_ms: until_ms.min(attempt.until_ms),
            });
        }
        let end = match sends {
            true => End::Lost(until_ms),
            false => End::NotSent,
        };
        world.tabs[place].work[which] = concluding(&attempt, end);
    }

    fn crash(&self, world: &mut World, place: usize) {
        world.left.crashes -= 1;
        let name = world.name(place);
        for which in 0..2 {
            match std::mem::replace(&mut world.tabs[place].work[which], Work::Idle) {
                Work::Writing(order) => {
                    world.strays.push(Stray::Write { name, which, order });
                }
                Work::Sent(Attempt {
                    purpose: Purpose::Send,
                    until_ms,
                    ..
                }) => world.strays.push(Stray::Request { which, until_ms }),
                Work::Idle | Work::Claimed(_) | Work::Sent(_) | Work::Answered(..) => {}
            }
        }
        world.tabs[place].start += 1;
    }

    fn tick(&self, world: &mut World) {
        world.wall_ms += 1;
        let now_ms = world.wall_ms;
        world.strays.retain(|stray| match stray {
            Stray::Request { until_ms, .. } => *until_ms > now_ms,
            Stray::Write { .. } => false,
        });
        let lapsed = world.journal.iter().flatten().any(|kept| {
            kept.times[0] == now_ms && self.lives(world, kept.claimant)
        });
        if lapsed && world.left.lapses < u8::MAX {
            world.left.lapses -= 1;
        }
    }
}

fn concluding(attempt: &Attempt, end: End) -> Work {
    Work::Writing(Order::Conclude {
        purpose: attempt.purpose,
        number: attempt.number,
        end,
    })
}

/// The caller is told what the journal has.
fn tell(world: &mut World, which: usize, applied: &Applied) {
    if let Some(record) = &applied.record
        && let State::Settled(Verdict::Declined(_) | Verdict::Failed(_)) = record.state()
    {
        world.said_untaken[which] = true;
    }
}
