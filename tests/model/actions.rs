//! The actions that are possible in a state.

use tollbox::core::record::{Record, State, Verdict};

use super::rules::Rule;
use super::tab::{Stray, Work};
use super::world::{Protocol, World};

/// One step of the world. `place` is a tab's, `which` a charge's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A user asks for a charge.
    Ask {
        place: usize,
        which: usize,
        at_once: bool,
    },
    /// A user gives a charge up.
    Cancel { which: usize },
    /// A tab evicts a settled charge.
    Forget { which: usize },
    /// A tab claims a charge that is due, or whose claim has ended, or whose claimant is known to
    /// be dead.
    Begin { place: usize, which: usize },
    /// A tab claims a charge for sending, and has not learnt yet that it is given up.
    BeginUnaware { place: usize, which: usize },
    /// A transaction commits.
    Commit { place: usize, which: usize },
    /// A tab learns only now that its claim has committed, and sends.
    Launch { place: usize, which: usize },
    /// A tab learns that its claim has committed, and may not send at that time.
    KeepBack { place: usize, which: usize },
    /// A request reaches the server, perhaps after a top-up.
    Arrive {
        place: usize,
        which: usize,
        topped_up: bool,
    },
    /// A request reaches a server that has no time for it, or won't tell.
    ArriveInVain { place: usize, which: usize },
    /// An answer reaches its tab.
    Hear { place: usize, which: usize },
    /// A connection fails before the request has arrived; it may still arrive.
    Lose { place: usize, which: usize },
    /// A request arrives, and its answer is lost or says nothing.
    LoseAnswer {
        place: usize,
        which: usize,
        topped_up: bool,
    },
    /// An abandoned request reaches the server, perhaps after a top-up.
    StrayArrives { stray: usize, topped_up: bool },
    /// A transaction of a dead tab commits after all.
    StrayCommits { stray: usize },
    /// A tab dies, and starts again.
    Crash {
        place: usize,
        leaves: Option<(usize, Leaves)>,
    },
    /// Time passes.
    Tick,
}

/// The transaction during which a tab dies, unless it is the end of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaves {
    Ask { at_once: bool },
    Begin,
}

impl Protocol {
    pub fn everything(&self, world: &World, actions: &mut Vec<Action>) {
        self.progress(world, actions);
        for which in 0..2 {
            self.users(world, which, actions);
        }
        for place in 0..2 {
            for which in 0..2 {
                self.mishaps(world, place, which, actions);
            }
            if world.left.crashes > 0 {
                self.crashes(world, place, actions);
            }
        }
        for (stray, what) in world.strays.iter().enumerate() {
            if let Stray::Request { which, .. } = what
                && self.wants_top_up(world, *which)
            {
                actions.push(Action::StrayArrives {
                    stray,
                    topped_up: true,
                });
            }
        }
    }

    /// The actions that happen by themselves if nothing goes wrong.
    pub fn progress(&self, world: &World, actions: &mut Vec<Action>) {
        for place in 0..2 {
            for which in 0..2 {
                actions.extend(match &world.tabs[place].work[which] {
                    Work::Idle => self
                        .may_begin(world, which)
                        .then_some(Action::Begin { place, which }),
                    Work::Writing(_) => Some(Action::Commit { place, which }),
                    Work::Claimed(_) => Some(Action::Launch { place, which }),
                    Work::Sent(_) => Some(Action::Arrive {
                        place,
                        which,
                        topped_up: false,
                    }),
                    Work::Answered(..) => Some(Action::Hear { place, which }),
                });
            }
        }
        for (stray, what) in world.strays.iter().enumerate() {
            actions.push(match what {
                Stray::Request { .. } => Action::StrayArrives {
                    stray,
                    topped_up: false,
                },
                Stray::Write { .. } => Action::StrayCommits { stray },
            });
        }
        if self.time_can_pass(world) {
            actions.push(Action::Tick);
        }
    }

    /// Whether an idle tab may claim the charge.
    fn may_begin(&self, world: &World, which: usize) -> bool {
        let Some(kept) = &world.journal[which] else {
            return false;
        };
        match kept.record.state() {
            State::Waiting(waiting) => waiting.next_attempt_at_ms() <= world.wall_ms,
            State::Attempting(attempting) => {
                let dead = kept.rest.claimant.is_some_and(|name| world.is_dead(name));
                let held = attempting.claim().until_ms > world.wall_ms;
                dead || !held || !self.rules.has(Rule::ClaimsHold)
            }
            State::Parked(_) | State::Settled(_) => false,
        }
    }

    fn users(&self, world: &World, which: usize, actions: &mut Vec<Action>) {
        for place in 0..2 {
            for at_once in self.asks(world, place, which) {
                actions.push(Action::Ask {
                    place,
                    which,
                    at_once: *at_once,
                });
            }
        }
        let Some(record) = world.journal[which].as_ref().map(|kept| &*kept.record) else {
            return;
        };
        if record.is_held() && !record.is_cancelling() && world.left.cancels[which] > 0 {
            actions.push(Action::Cancel { which });
        }
        let untaken = !record.is_held() && record.receipt().is_none();
        if untaken && world.left.forgets > 0 {
            actions.push(Action::Forget { which });
        }
        // A tab may not know yet that the charge is given up: the journal rejects its claim.
        if record.is_cancelling() && self.may_begin(world, which) {
            for place in 0..2 {
                if world.tabs[place].work[which] == Work::Idle {
                    actions.push(Action::BeginUnaware { place, which });
                }
            }
        }
    }

    /// How a user may ask for a charge: to be sent at once, or not.
    fn asks(&self, world: &World, place: usize, which: usize) -> &'static [bool] {
        let idle = world.tabs[place].work[which] == Work::Idle;
        if !idle || world.left.asks[which] == 0 {
            return &[];
        }
        let Some(kept) = &world.journal[which] else {
            return &[false, true];
        };
        match kept.record.state() {
            // A caller joins an attempt under way, and is told of a receipt.
            State::Attempting(_) | State::Settled(Verdict::Charged(_)) => &[],
            State::Waiting(_)
            | State::Parked(_)
            | State::Settled(Verdict::Declined(_) | Verdict::Failed(_)) => {
                match kept.record.attempts() {
                    0 => &[false, true],
                    // A charge with attempts is looked up first.
                    _ => &[false],
                }
            }
        }
    }

    fn mishaps(&self, world: &World, place: usize, which: usize, actions: &mut Vec<Action>) {
        let left = &world.left;
        let attempt = match &world.tabs[place].work[which] {
            Work::Sent(attempt) => attempt,
            Work::Idle | Work::Writing(_) | Work::Claimed(_) | Work::Answered(..) => return,
        };
        if self.leaves_unseen() {
            if attempt.left_early && attempt.earlier_until_ms <= world.wall_ms {
                actions.push(Action::Launch { place, which });
            }
            if left.kept_back > 0 {
                actions.push(Action::KeepBack { place, which });
            }
        }
        if left.losses > 0 {
            actions.push(Action::Lose { place, which });
            actions.push(Action::ArriveInVain { place, which });
        }
        if !attempt.sends {
            return;
        }
        for topped_up in [false, true] {
            if topped_up && !self.wants_top_up(world, which) {
                continue;
            }
            if topped_up {
                actions.push(Action::Arrive {
                    place,
                    which,
                    topped_up,
                });
            }
            if left.losses > 0 {
                actions.push(Action::LoseAnswer {
                    place,
                    which,
                    topped_up,
                });
            }
        }
    }

    fn crashes(&self, world: &World, place: usize, actions: &mut Vec<Action>) {
        let work = &world.tabs[place].work;
        let mut push = |leaves| actions.push(Action::Crash { place, leaves });
        if *work != [Work::Idle; 2] {
            push(None);
        }
        for which in [0, 1]
            .into_iter()
            .filter(|which| work[*which] == Work::Idle)
        {
            if self.may_begin(world, which) {
                push(Some((which, Leaves::Begin)));
            }
            for at_once in self.asks(world, place, which) {
                push(Some((which, Leaves::Ask { at_once: *at_once })));
            }
        }
    }

    /// Whether to top up now. Only a request that could not be paid before shows when the account
    /// was topped up, so that happens when one arrives.
    fn wants_top_up(&self, world: &World, which: usize) -> bool {
        world.left.top_ups > 0 && world.server.would_decline(which)
    }

    /// Whether something waits for time to pass, and nothing has to happen first.
    fn time_can_pass(&self, world: &World) -> bool {
        let now_ms = world.wall_ms;
        let mut waits = !world.strays.is_empty();
        for kept in world.journal.iter().flatten() {
            waits = waits || kept.rest.times_ms.iter().any(|at_ms| *at_ms > now_ms);
        }
        for work in world.tabs.iter().flat_map(|tab| &tab.work) {
            match work {
                Work::Idle | Work::Writing(_) => {}
                // The request must arrive, or be lost, before that.
                Work::Sent(attempt) if !self.leaves_unseen() && attempt.until_ms == now_ms + 1 => {
                    return false;
                }
                Work::Claimed(attempt) | Work::Sent(attempt) | Work::Answered(attempt, _) => {
                    waits = waits || attempt.until_ms > now_ms || attempt.earlier_until_ms > now_ms;
                }
            }
        }
        waits
    }

    /// Whether the time at which a request left makes no difference until it arrives.
    pub fn leaves_unseen(&self) -> bool {
        self.rules.has(Rule::SendAfterCommit) && self.rules.has(Rule::LeaveWithinClaim)
    }

    /// Whether the record is to be sent, else looked up.
    pub fn wants_sending(&self, record: &Record) -> bool {
        let cleared = match record.state() {
            State::Waiting(waiting) => waiting.cleared(),
            State::Attempting(attempting) => attempting.stays_cleared(),
            State::Parked(_) | State::Settled(_) => return true,
        };
        if record.is_cancelling() {
            return false;
        }
        let exhausted = record.spent() >= self.most_attempts;
        record.attempts() == 0 || cleared || !exhausted
    }
}
