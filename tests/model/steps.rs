//! The effect of each action on the state.

use tollbox::core::record::Record;

use super::actions::{Action, Leaves};
use super::end::End;
use super::rules::Rule;
use super::server::Word;
use super::tab::{Attempt, Name, Order, Stray, Work};
use super::world::{LATE_MS, Protocol, World};

impl Protocol {
    pub fn take(&self, world: &mut World, action: Action) {
        match action {
            Action::Ask {
                place,
                which,
                at_once,
            } => self.ask(world, place, which, at_once),
            Action::Cancel { which } => {
                world.left.cancels[which] -= 1;
                self.transact(world, world.name(0), which, Order::Cancel);
            }
            Action::Forget { which } => {
                world.left.forgets -= 1;
                self.transact(world, world.name(0), which, Order::Forget);
                world.promised[which] = false;
            }
            Action::Begin { place, which } => {
                let order = self.claiming(world, which);
                self.write_and_send(world, place, which, order);
            }
            Action::BeginUnaware { place, which } => {
                let order = match self.claiming(world, which) {
                    Order::Begin { until_ms, over, .. } => Order::Begin {
                        sends: true,
                        until_ms,
                        over,
                    },
                    order => order,
                };
                self.write_and_send(world, place, which, order);
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
                if let Work::Sent(attempt) = world.tabs[place].work[which] {
                    world.tabs[place].work[which] = attempt.ended(End::NotSent);
                }
            }
            Action::Arrive {
                place,
                which,
                topped_up,
            } => self.arrive(world, place, which, topped_up),
            Action::Hear { place, which } => self.hear(world, place, which),
            Action::ArriveInVain { place, which }
            | Action::Lose { place, which }
            | Action::LoseAnswer { place, which, .. } => {
                world.left.losses -= 1;
                if let Work::Sent(attempt) = world.tabs[place].work[which] {
                    let end = self.mishap(world, which, &attempt, action);
                    world.tabs[place].work[which] = attempt.ended(end);
                }
            }
            Action::StrayArrives { stray, topped_up } => {
                if let Stray::Request { which, .. } = world.strays.remove(stray) {
                    self.charge(world, which, topped_up);
                }
            }
            Action::StrayCommits { stray } => {
                if let Stray::Write { name, which, order } = world.strays.remove(stray) {
                    self.transact_and_note(world, name, which, order);
                }
            }
            Action::Crash { place, leaves } => self.crash(world, place, leaves),
            Action::Tick => {
                world.wall_ms += 1;
                let now_ms = world.wall_ms;
                world.strays.retain(|stray| match stray {
                    Stray::Request { until_ms, .. } => *until_ms > now_ms,
                    Stray::Write { .. } => false,
                });
                for work in world.tabs.iter_mut().flat_map(|tab| &mut tab.work) {
                    if let Work::Sent(attempt) = work
                        && self.leaves_unseen()
                        && attempt.until_ms <= now_ms
                    {
                        // A request that has not arrived counts as not having left.
                        *work = attempt.ended(End::NotSent);
                    }
                }
            }
        }
    }

    fn ask(&self, world: &mut World, place: usize, which: usize, at_once: bool) {
        let order = self.asking(world, which, at_once);
        if !self.rules.has(Rule::TellAfterCommit) {
            world.promised[which] = true;
            world.tabs[place].work[which] = Work::Writing(order);
        } else if at_once {
            self.write_and_send(world, place, which, order);
        } else {
            self.commit(world, world.name(place), which, order);
        }
    }

    fn asking(&self, world: &mut World, which: usize, at_once: bool) -> Order {
        world.left.asks[which] -= 1;
        world.said_untaken[which] = false;
        Order::Enqueue {
            claim_until_ms: at_once.then_some(world.wall_ms + self.claim_ms),
        }
    }

    fn claiming(&self, world: &World, which: usize) -> Order {
        let kept = world.journal[which].as_ref();
        let claimant = kept.and_then(|kept| kept.rest.claimant);
        Order::Begin {
            sends: kept.is_none_or(|kept| self.wants_sending(&kept.record)),
            until_ms: world.wall_ms + self.claim_ms,
            over: claimant.filter(|name| world.is_dead(*name)),
        }
    }

    /// Claims a charge, and sends when that has committed. The time between the order and its
    /// commit matters only to a tab that dies in it: see `crash`. Without the rule the request
    /// leaves beside the transaction.
    fn write_and_send(&self, world: &mut World, place: usize, which: usize, order: Order) {
        let name = world.name(place);
        if self.rules.has(Rule::SendAfterCommit) {
            world.tabs[place].work[which] = self.commit(world, name, which, order);
            return;
        }
        let sends = match order {
            Order::Begin { sends, .. } => sends,
            Order::Enqueue { .. } | Order::Conclude { .. } | Order::Cancel | Order::Forget => true,
        };
        let record = world.journal[which].as_ref().map(|kept| &*kept.record);
        let attempts = record.map_or(0, Record::attempts);
        let attempt = Attempt {
            sends,
            number: attempts + u32::from(sends),
            ..self.attempt(record, world.wall_ms + self.claim_ms)
        };
        world.tabs[place].work[which] = Work::Claimed(attempt);
        self.launch(world, place, which);
        world.strays.push(Stray::Write { name, which, order });
    }

    /// Carries out a transaction of a live tab, and gives the tab's next work.
    fn commit(&self, world: &mut World, name: Name, which: usize, order: Order) -> Work {
        let done = self.transact_and_note(world, name, which, order);
        let until_ms = match order {
            Order::Enqueue { claim_until_ms } => claim_until_ms,
            Order::Begin { until_ms, .. } => Some(until_ms).filter(|_| done),
            Order::Conclude { .. } | Order::Cancel | Order::Forget => None,
        };
        match (until_ms, &world.journal[which]) {
            (Some(until_ms), Some(kept)) if kept.rest.claimant == Some(name) => {
                let attempt = self.attempt(Some(&kept.record), until_ms);
                match self.leaves_unseen() {
                    true => self.sent(world, attempt),
                    false => Work::Claimed(attempt),
                }
            }
            (Some(_) | None, _) => Work::Idle,
        }
    }

    /// Carries out a transaction, and gives whether it was effective.
    fn transact_and_note(&self, world: &mut World, name: Name, which: usize, order: Order) -> bool {
        if let Order::Enqueue { .. } = order {
            world.promised[which] = true;
            world.said_untaken[which] = false;
        }
        self.transact(world, name, which, order)
    }

    fn attempt(&self, record: Option<&Record>, until_ms: u64) -> Attempt {
        let attempt = record.and_then(Record::attempt);
        Attempt {
            sends: attempt.is_none_or(|(purpose, _)| purpose == super::tab::purpose(true)),
            number: attempt.map_or(0, |(_, number)| number),
            until_ms,
            earlier_until_ms: record.map_or(0, Record::may_arrive_until_ms),
            left_early: false,
            exhausted: record.is_some_and(|record| record.spent() >= self.most_attempts),
            cancelled: record.is_some_and(Record::is_cancelling),
        }
    }

    fn launch(&self, world: &mut World, place: usize, which: usize) {
        let work = world.tabs[place].work[which];
        if let Work::Claimed(attempt) | Work::Sent(attempt) = work {
            world.tabs[place].work[which] = self.sent(world, attempt);
        }
    }

    fn sent(&self, world: &mut World, attempt: Attempt) -> Work {
        world.defied |= attempt.cancelled && attempt.sends;
        let left_early = attempt.earlier_until_ms > world.wall_ms;
        Work::Sent(Attempt {
            until_ms: match self.rules.has(Rule::LeaveWithinClaim) {
                true => attempt.until_ms,
                false => world.wall_ms + self.claim_ms,
            },
            earlier_until_ms: match left_early {
                true => attempt.earlier_until_ms,
                false => 0,
            },
            left_early,
            ..attempt
        })
    }

    fn arrive(&self, world: &mut World, place: usize, which: usize, topped_up: bool) {
        let Work::Sent(attempt) = world.tabs[place].work[which] else {
            return;
        };
        let word = match attempt.sends {
            true => self.charge(world, which, topped_up),
            false => world.server.look_up(which),
        };
        world.tabs[place].work[which] = Work::Answered(attempt, word);
        if self.rules.has(Rule::Departure) {
            // The answer's meaning is as certain now as when it is heard.
            self.hear(world, place, which);
        }
    }

    fn charge(&self, world: &mut World, which: usize, topped_up: bool) -> Word {
        if topped_up {
            world.left.top_ups -= 1;
            world.server.top_up();
        }
        let remembers_keys = self.rules.has(Rule::ServerKey);
        world.server.charge(which, remembers_keys)
    }

    fn hear(&self, world: &mut World, place: usize, which: usize) {
        let Work::Answered(attempt, word) = world.tabs[place].work[which] else {
            return;
        };
        let end = match word {
            Word::Charged | Word::Replayed => End::Charged,
            Word::Declined => End::Declined,
            Word::NeverCharged if attempt.exhausted && !attempt.cancelled => End::Exhausted,
            Word::NeverCharged => End::NeverCharged,
        };
        let early = match self.rules.has(Rule::Departure) {
            true => attempt.left_early,
            false => attempt.earlier_until_ms > world.wall_ms,
        };
        let too_early = early && self.rules.has(Rule::TooEarly);
        let untaken = end.conclusion().says_untaken();
        let for_ms = attempt.earlier_until_ms.saturating_sub(world.wall_ms);
        let end = match too_early && untaken {
            true if attempt.sends && end == End::Declined => End::DeclinedTooEarly(for_ms),
            true => End::TooEarly(for_ms),
            false => end,
        };
        if !self.rules.has(Rule::TellAfterCommit) && untaken && !too_early {
            world.said_untaken[which] = true;
        }
        world.tabs[place].work[which] = attempt.ended(end);
    }

    /// The end of a request that brings no answer.
    fn mishap(&self, world: &mut World, which: usize, attempt: &Attempt, action: Action) -> End {
        let earlier_ms = attempt.earlier_until_ms.saturating_sub(world.wall_ms);
        match action {
            Action::ArriveInVain { .. } => {
                match !attempt.sends && (attempt.exhausted || attempt.cancelled) {
                    true => End::Parked,
                    false => End::TurnedAway,
                }
            }
            Action::LoseAnswer { topped_up, .. } => {
                self.charge(world, which, topped_up);
                End::Lost(earlier_ms)
            }
            _ if attempt.sends => {
                let until_ms = attempt.until_ms.min(world.wall_ms + LATE_MS);
                world.strays.push(Stray::Request { which, until_ms });
                End::Lost(earlier_ms.max(LATE_MS))
            }
            _ => End::NotSent,
        }
    }

    fn crash(&self, world: &mut World, place: usize, leaves: Option<(usize, Leaves)>) {
        world.left.crashes -= 1;
        let name = world.name(place);
        if let Some((which, leaves)) = leaves {
            let order = match leaves {
                Leaves::Ask { at_once } => self.asking(world, which, at_once),
                Leaves::Begin => self.claiming(world, which),
            };
            world.strays.push(Stray::Write { name, which, order });
        }
        for which in 0..2 {
            if let Work::Claimed(_) = world.tabs[place].work[which] {
                // It may have left as well; whether it arrives is open.
                self.launch(world, place, which);
            }
            match std::mem::replace(&mut world.tabs[place].work[which], Work::Idle) {
                Work::Writing(order) => world.strays.push(Stray::Write { name, which, order }),
                Work::Sent(attempt) if attempt.sends => {
                    let until_ms = attempt.until_ms;
                    world.strays.push(Stray::Request { which, until_ms });
                }
                Work::Idle | Work::Claimed(_) | Work::Sent(_) | Work::Answered(..) => {}
            }
        }
        world.tabs[place].start += 1;
    }
}
