//! What can happen next.

use tollbox::core::record::{Purpose, Record, State, Verdict};

use super::rules::Rule;
use super::tab::{Attempt, Name, Stray, Work};
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
    /// A user gives a charge up, in either tab.
    Cancel { which: usize },
    /// The account is given points.
    TopUp,
    /// A tab lets a settled charge go.
    Forget { which: usize },
    /// A tab orders the transaction that claims a charge which is due.
    Begin { place: usize, which: usize },
    /// The same over a tab that is known to be dead.
    TakeOver { place: usize, which: usize },
    /// A tab's transaction commits.
    Commit { place: usize, which: usize },
    /// A tab is told that its claim has committed, and sends.
    Launch { place: usize, which: usize },
    /// The same, and it may not send just then.
    KeepBack { place: usize, which: usize },
    /// A request reaches the server.
    Arrive { place: usize, which: usize },
    /// An answer reaches its tab.
    Hear { place: usize, which: usize },
    /// A connection fails before the answer has come.
    Lose { place: usize, which: usize },
    /// The server won't tell what it knows of a charge.
    Refuse { place: usize, which: usize },
    /// A request that nobody waits for reaches the server.
    StrayArrives { stray: usize },
    /// A transaction of a tab that is gone commits after all.
    StrayCommits { stray: usize },
    /// A tab dies, and starts again.
    Crash { place: usize },
    /// Time goes by.
    Tick,
}

impl Protocol {
    pub fn all_actions(&self, world: &World, actions: &mut Vec<Action>) {
        self.progress(world, actions);
        self.happenings(world, actions);
    }

    /// What goes on by itself.
    pub fn progress(&self, world: &World, actions: &mut Vec<Action>) {
        for place in 0..2 {
            for which in 0..2 {
                match &world.tabs[place].work[which] {
                    Work::Idle => self.beginnings(world, place, which, actions),
                    Work::Writing(_) => actions.push(Action::Commit { place, which }),
                    Work::Claimed(_) => actions.push(Action::Launch { place, which }),
                    Work::Sent(_) => actions.push(Action::Arrive { place, which }),
                    Work::Answered(..) => actions.push(Action::Hear { place, which }),
                }
            }
        }
        for (stray, what) in world.strays.iter().enumerate() {
            actions.push(match what {
                Stray::Request { .. } => Action::StrayArrives { stray },
                Stray::Write { .. } => Action::StrayCommits { stray },
            });
        }
        if self.time_can_pass(world) {
            actions.push(Action::Tick);
        }
    }

    fn beginnings(&self, world: &World, place: usize, which: usize, actions: &mut Vec<Action>) {
        let Some(kept) = &world.journal[which] else {
            return;
        };
        let now_ms = world.wall_ms;
        match kept.record.state() {
            State::Waiting(waiting) if waiting.next_attempt_at_ms() <= now_ms => {
                actions.push(Action::Begin { place, which });
            }
            State::Attempting(attempting) => {
                let dead = kept.claimant.is_some_and(|name| world.is_dead(name));
                let lapsed = attempting.claim().until_ms <= now_ms;
                if lapsed || !self.rules.has(Rule::ClaimsHold) {
                    actions.push(Action::Begin { place, which });
                } else if dead {
                    actions.push(Action::TakeOver { place, which });
                }
            }
            State::Waiting(_) | State::Parked(_) | State::Settled(_) => {}
        }
    }

    /// What users do and what goes wrong, as often as it still may.
    fn happenings(&self, world: &World, actions: &mut Vec<Action>) {
        let left = &world.left;
        for which in 0..2 {
            let record = world.journal[which].as_ref().map(|kept| &kept.record);
            let askable = record.is_none_or(|record| match record.state() {
                State::Waiting(_)
                | State::Parked(_)
                | State::Settled(Verdict::Declined(_) | Verdict::Failed(_)) => true,
                State::Attempting(_) | State::Settled(Verdict::Charged(_)) => false,
            });
            if askable && left.asks[which] > 0 {
                let untried = record.is_none_or(|record| record.attempts() == 0);
                for place in 0..2 {
                    if world.tabs[place].work[which] == Work::Idle {
                        for at_once in [false, true] {
                            if !at_once || untried {
                                actions.push(Action::Ask {
                                    place,
                                    which,
                                    at_once,
                                });
                            }
                        }
                    }
                }
            }
            let cancellable = record.is_some_and(|record| record.is_held() && !record.given_up());
            if cancellable && left.cancels > 0 {
                actions.push(Action::Cancel { which });
            }
            let settled = record.is_some_and(|record| !record.is_held());
            if settled && left.forgets > 0 {
                actions.push(Action::Forget { which });
            }
        }
        if left.top_ups > 0 {
            actions.push(Action::TopUp);
        }
        for place in 0..2 {
            let mut busy = false;
            for which in 0..2 {
                let work = &world.tabs[place].work[which];
                busy = busy || *work != Work::Idle;
                match work {
                    Work::Idle | Work::Writing(_) => {}
                    Work::Claimed(_) if left.kept_back > 0 => {
                        actions.push(Action::KeepBack { place, which });
                    }
                    Work::Claimed(_) => {}
                    Work::Sent(attempt) | Work::Answered(attempt, _) if left.losses > 0 => {
                        actions.push(Action::Lose { place, which });
                        if attempt.purpose == Purpose::LookUp {
                            actions.push(Action::Refuse { place, which });
                        }
                    }
                    Work::Sent(_) | Work::Answered(..) => {}
                }
            }
            if busy && left.crashes > 0 {
                actions.push(Action::Crash { place });
            }
        }
    }

    /// Whether something waits for time to pass, and nothing has to happen first.
    fn time_can_pass(&self, world: &World) -> bool {
        let next_ms = world.wall_ms + 1;
        let mut waits = !world.strays.is_empty();
        let mut lapses = false;
        for kept in world.journal.iter().flatten() {
            waits = waits || kept.times.iter().any(|ms| *ms > world.wall_ms);
            lapses = lapses || kept.times[0] == next_ms && self.lives(world, kept.claimant);
        }
        for work in world.tabs.iter().flat_map(|tab| &tab.work) {
            match work {
                Work::Idle | Work::Writing(_) => {}
                // By now it has arrived, or is lost.
                Work::Sent(attempt) if attempt.until_ms == next_ms => return false,
                Work::Claimed(attempt) | Work::Sent(attempt) | Work::Answered(attempt, _) => {
                    let Attempt {
                        until_ms,
                        earlier_until_ms,
                        ..
                    } = attempt;
                    waits = waits || *until_ms > world.wall_ms || *earlier_until_ms > world.wall_ms;
                }
            }
        }
        waits && (!lapses || world.left.lapses > 0)
    }

    pub fn lives(&self, world: &World, claimant: Option<Name>) -> bool {
        claimant.is_some_and(|name| !world.is_dead(name))
    }

    /// What the record asks for.
    pub fn purpose(&self, record: &Record) -> Purpose {
        let waiting = match record.state() {
            State::Waiting(waiting) => waiting,
            State::Attempting(attempting) => attempting.before(),
            State::Parked(_) | State::Settled(_) => return Purpose::Send,
        };
        let exhausted = record.spent() >= self.scope.attempts;
        match record.attempts() > 0
            && !waiting.cleared()
            && (record.given_up() || exhausted)
        {
            true => Purpose::LookUp,
            false => Purpose::Send,
        }
    }
}
