//! The gate: whether requests may leave, from the state of the network, the server's holds and the
//! token.
//!
//! There are two kinds of requests, two [`Way`]s; a loss on one says nothing of the other. The
//! first loss closes the gate for both until a probe is answered. If requests of one way are lost
//! though probes are answered, only that way is in trouble: its requests leave one at a time, each
//! after a backoff of its own, until one is answered.

mod retry_after;
mod trouble;

use self::retry_after::Holds;
pub use self::retry_after::LONGEST_HOLD_MS;
use self::trouble::{Trouble, Troubles};
use super::clock::Now;
use super::reason::OpenReason;
use super::record::Purpose;
use super::snapshot::Network;
use crate::core::backoff::{Backoff, Jitter};
use crate::core::protocol::RetryAfter;
use crate::core::server_clock::Sign;

/// How long a lost look-up is remembered if the server was alive, in milliseconds.
const FALSE_ALARM_MS: u64 = 600_000;

/// The obstacle between the outbox and the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Obstacle {
    /// None known.
    None,
    /// A charge was answered by something other than the billing server. A probe tells more.
    Doubt,
    /// The last request was not answered by the billing server. Only probes leave.
    Unreachable,
    /// There is no token, or it is another account's. Only probes leave.
    Unauthorized,
}

/// The two kinds of requests about charges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// Charges, alone or in batches.
    Sending,
    /// `GET charges`.
    LookUp,
}

impl Way {
    /// The way of requests for this purpose.
    pub fn of(purpose: Purpose) -> Way {
        match purpose {
            Purpose::Send => Way::Sending,
            Purpose::LookUp => Way::LookUp,
        }
    }
}

/// The kind of request that met an obstacle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Asked {
    /// `GET balance`, which harms nothing.
    Probe,
    /// Anything else.
    By(Way),
}

/// The gate that every charge request passes.
#[derive(Clone, Debug)]
pub struct Gate {
    browser_online: bool,
    /// Whether the server has answered since the browser was last offline or a request was lost.
    has_answered: bool,
    obstacle: Obstacle,
    /// When the next probe is due, while there is an obstacle; monotonic.
    probe_at_ms: u64,
    /// Consecutive failed probes and trials.
    failures: u32,
    /// A probe was answered, though perhaps by a cache: one request may find out, while the server
    /// still counts as unreachable.
    trial: bool,
    /// A request was lost that says little of the others; a probe has to check whether the server
    /// is alive.
    check: bool,
    /// That probe is under way.
    checking: bool,
    troubles: Troubles,
    /// A lost look-up closed the gate.
    by_look_up: bool,
    /// Until then a lost look-up closes the gate only if a probe is lost, too, because one was lost
    /// while the server was alive; monotonic.
    false_alarm_until_ms: u64,
    /// When the server was last known to be alive; monotonic.
    alive_ms: Option<u64>,
    holds: Holds,
    /// The user asked for one probe now, despite any hold.
    passes: bool,
}

impl Gate {
    /// A gate that is open unless the browser reports that it is offline.
    pub fn new(browser_online: bool) -> Gate {
        Gate {
            browser_online,
            has_answered: false,
            obstacle: Obstacle::None,
            probe_at_ms: 0,
            failures: 0,
            trial: false,
            check: false,
            checking: false,
            troubles: Troubles::default(),
            by_look_up: false,
            false_alarm_until_ms: 0,
            alive_ms: None,
            holds: Holds::default(),
            passes: false,
        }
    }

    /// The network state shown to the user.
    pub fn network(&self) -> Network {
        match (self.browser_online, self.obstacle) {
            (false, _) => Network::Offline,
            (true, Obstacle::Unreachable) => Network::Unreachable,
            (true, Obstacle::None | Obstacle::Doubt | Obstacle::Unauthorized) => Network::Online,
        }
    }

    /// Whether the server has answered since it was last unreachable. The browser's being online is
    /// no evidence of that.
    pub fn is_in_reach(&self) -> bool {
        self.network() == Network::Online && self.has_answered
    }

    /// Whether the server is believed to be unreachable.
    pub fn is_out_of_reach(&self) -> bool {
        self.network() != Network::Online
    }

    /// Whether requests of this way were lost or rejected and none has been answered since.
    pub fn is_in_trouble(&self, way: Way) -> bool {
        self.troubles.of(way).is_some()
    }

    /// Whether the token was rejected on this way and has not been accepted there since.
    pub fn is_rejected(&self, way: Way) -> bool {
        self.troubles
            .of(way)
            .is_some_and(|trouble| trouble.rejected)
    }

    /// Whether this way is limited to one request at a time, whose end tells of the others.
    pub fn is_on_trial(&self, way: Way) -> bool {
        self.trial || self.is_in_trouble(way)
    }

    /// Whether nothing shows that there is a server, so that a loss now tells nothing of the
    /// charge.
    pub fn is_trial_of_life(&self) -> bool {
        self.trial
    }

    /// Whether the server was known to be alive after this instant.
    pub fn has_lived_since(&self, mono_ms: u64) -> bool {
        self.alive_ms.is_some_and(|alive_ms| alive_ms >= mono_ms)
    }

    /// Why no charge may leave now; `None` if it may.
    pub fn closed_for(&self, now: Now) -> Option<OpenReason> {
        self.closed_to(Way::Sending, now)
    }

    /// Why no request of this way may leave now; `None` if one may.
    pub fn closed_to(&self, way: Way, now: Now) -> Option<OpenReason> {
        if !self.browser_online {
            return Some(OpenReason::Offline);
        }
        match self.obstacle {
            Obstacle::Unreachable if defect!(ProbesWithCharges) => return None,
            Obstacle::Unreachable if self.trial => {}
            Obstacle::Unreachable | Obstacle::Doubt => return Some(OpenReason::Unreachable),
            Obstacle::Unauthorized => return Some(OpenReason::Unauthorized),
            Obstacle::None => {}
        }
        if self.is_held(now) {
            return Some(OpenReason::Busy);
        }
        let trouble = self.troubles.of(way)?;
        let waits = !trouble.rejected && self.is_checking();
        trouble
            .closes(now)
            .or(waits.then_some(OpenReason::Unreachable))
    }

    /// Whether charges are waiting whose requests are lost while the server is alive.
    pub fn holds_suspects(&self, now: Now) -> bool {
        let suspects = self.troubles.suspects;
        suspects.is_some_and(|trouble| trouble.closes(now).is_some() || self.is_checking())
    }

    fn is_checking(&self) -> bool {
        self.check || self.checking
    }

    fn is_held(&self, now: Now) -> bool {
        now.mono_ms < self.hold_ends_at()
    }

    /// Whether one request that its user insists on may leave, despite holds and backoffs.
    pub fn lets_pass(&self) -> bool {
        let there = match self.obstacle {
            Obstacle::None | Obstacle::Unauthorized => true,
            Obstacle::Unreachable => self.trial,
            Obstacle::Doubt => false,
        };
        self.browser_online && there
    }

    /// Whether any request may leave at all, probes included.
    pub fn lets_probes_through(&self, now: Now) -> bool {
        self.browser_online && (self.passes || !self.is_held(now))
    }

    /// Whether a probe is due.
    pub fn probe_is_due(&self, now: Now) -> bool {
        let wanted_at_ms = self.probe_wanted_at();
        self.lets_probes_through(now) && wanted_at_ms.is_some_and(|at_ms| at_ms <= now.mono_ms)
    }

    /// When a probe may tell more; monotonic.
    fn probe_wanted_at(&self) -> Option<u64> {
        if self.obstacle != Obstacle::None {
            return Some(self.probe_at_ms);
        }
        let check = self.check.then_some(0);
        check.into_iter().chain(self.troubles.probe_at()).min()
    }

    /// Whether a probe leaves at once, despite any hold.
    pub fn probes_past_hold(&self) -> bool {
        self.browser_online && self.passes
    }

    /// A probe has left.
    pub fn probe_left(&mut self) {
        self.passes = false;
        self.checking = std::mem::take(&mut self.check);
    }

    /// A probe has ended, with any result.
    pub fn probe_ended(&mut self) {
        self.checking = false;
    }

    /// When the gate may open or a probe is due, if nothing else happens; monotonic.
    pub fn wakes_at(&self, now: Now) -> Option<u64> {
        if !self.browser_online {
            return None;
        }
        let held_until_ms = self.hold_ends_at();
        let held = (now.mono_ms < held_until_ms).then_some(held_until_ms);
        let probe = self.probe_wanted_at().map(|at_ms| match self.passes {
            true => at_ms,
            false => at_ms.max(held_until_ms),
        });
        let ends = self.troubles.ends_after(now);
        held.into_iter().chain(probe).chain(ends).min()
    }

    /// The browser went online or offline. Going online is a hint to probe now.
    pub fn browser_says(&mut self, online: bool, now: Now) {
        self.browser_online = online;
        if online {
            self.hurry(now);
        } else {
            self.has_answered = false;
        }
    }

    /// Probes now instead of later.
    pub fn hurry(&mut self, now: Now) {
        self.probe_at_ms = self.probe_at_ms.min(now.mono_ms);
        self.failures = 0;
        self.troubles.hurry(now);
    }

    /// The user insists: a probe may leave now, despite any hold.
    pub fn hurry_past_hold(&mut self, now: Now) {
        self.hurry(now);
        self.passes = self.obstacle != Obstacle::None;
    }

    /// The machine slept for `by_ms`, during which the monotonic clock stood still.
    pub fn slept(&mut self, by_ms: u64) {
        self.probe_at_ms = self.probe_at_ms.saturating_sub(by_ms);
        self.holds.slept(by_ms);
        self.troubles.slept(by_ms);
    }

    /// How long until this way may open, if known; `None` while only a probe can tell.
    pub fn opens_at(&self, way: Way) -> Option<u64> {
        let only_probes = match self.obstacle {
            Obstacle::None => false,
            Obstacle::Unreachable => !self.trial,
            Obstacle::Doubt | Obstacle::Unauthorized => true,
        };
        let trouble = self.troubles.of(way);
        let rejected = trouble.is_some_and(|trouble| trouble.probe_at().is_some());
        let opens = self.browser_online && !only_probes && !rejected;
        let next_at_ms = trouble.map_or(0, |trouble| trouble.next_at_ms);
        opens.then_some(self.hold_ends_at().max(next_at_ms))
    }

    /// When the next probe is due, if a probe can tell more; monotonic.
    pub fn probe_at(&self) -> Option<u64> {
        let wanted_at_ms = self.probe_wanted_at().filter(|_| self.browser_online)?;
        Some(wanted_at_ms.max(self.hold_ends_at()))
    }

    /// A request was not answered by the billing server.
    pub fn lost(&mut self, by: Asked, now: Now, backoff: &Backoff, jitter: &mut Jitter) {
        let way = match by {
            Asked::Probe => {
                self.by_look_up = false;
                self.has_answered = false;
                // The server is out of reach, which says nothing of the way of the first loss.
                self.troubles.blame_outage(self.alive_ms);
                let first = self.obstacle == Obstacle::None;
                self.obstacle = Obstacle::Unreachable;
                return self.put_probe_off(!first, now, backoff, jitter);
            }
            Asked::By(way) => way,
        };
        match self.obstacle {
            Obstacle::Unreachable if self.trial => self.put_probe_off(true, now, backoff, jitter),
            // A request that left before the obstacle was known does not delay the next probe.
            Obstacle::Unreachable | Obstacle::Doubt => {}
            Obstacle::None | Obstacle::Unauthorized => match self.troubles.slot(way) {
                Some(trouble) if !trouble.rejected && !defect!(EveryLossClosesGate) => {
                    trouble.again(now, backoff, jitter);
                    self.check = true;
                }
                slot @ (Some(_) | None) => {
                    *slot = Some(Trouble::lost(now));
                    if way == Way::LookUp && self.is_false_alarm(now) {
                        self.check = true;
                        return;
                    }
                    self.by_look_up = way == Way::LookUp;
                    self.has_answered = false;
                    self.obstacle = Obstacle::Unreachable;
                    self.put_probe_off(false, now, backoff, jitter);
                }
            },
        }
    }

    /// A request was lost, of a charge whose requests had been lost before while the server was
    /// alive.
    pub fn suspect_lost(&mut self, now: Now, backoff: &Backoff, jitter: &mut Jitter) {
        self.check = self.obstacle == Obstacle::None;
        let suspects = self.troubles.suspects.get_or_insert(Trouble::lost(now));
        suspects.again(now, backoff, jitter);
    }

    /// A request of such a charge was answered.
    pub fn suspect_answered(&mut self) {
        self.troubles.suspects = None;
    }

    /// A request was answered by something other than the billing server.
    pub fn doubt(&mut self, way: Way, now: Now, backoff: &Backoff, jitter: &mut Jitter) {
        match self.troubles.slot(way) {
            Some(trouble) => trouble.again(now, backoff, jitter),
            slot @ None => *slot = Some(Trouble::lost(now)),
        }
        match (self.obstacle, way) {
            (Obstacle::None, Way::Sending) => {
                self.obstacle = Obstacle::Doubt;
                self.probe_at_ms = now.mono_ms;
                self.failures = 0;
            }
            (Obstacle::None, Way::LookUp) => self.check = true,
            (Obstacle::Unreachable, _) if self.trial => {
                self.put_probe_off(true, now, backoff, jitter);
            }
            (Obstacle::Unreachable | Obstacle::Doubt | Obstacle::Unauthorized, _) => {}
        }
    }

    /// There was no token, or it is another account's, which says nothing of the network.
    pub fn no_token(&mut self, now: Now, backoff: &Backoff, jitter: &mut Jitter) {
        let first = self.obstacle == Obstacle::None;
        self.obstacle = match self.obstacle {
            Obstacle::None | Obstacle::Doubt => Obstacle::Unauthorized,
            known @ (Obstacle::Unreachable | Obstacle::Unauthorized) => known,
        };
        self.put_probe_off(!first, now, backoff, jitter);
    }

    /// A probe was answered: the balance is another account's. `open` as for
    /// [`Gate::probe_answered`].
    pub fn account_rejected(
        &mut self,
        open: bool,
        now: Now,
        backoff: &Backoff,
        jitter: &mut Jitter,
    ) {
        let before = (self.obstacle != Obstacle::None).then_some(self.failures);
        self.probe_answered(Sign::Possible, false, open, now, backoff, jitter);
        if self.is_out_of_reach() {
            return;
        }
        self.no_token(now, backoff, jitter);
        if let Some(failures) = before {
            // One obstacle in turn with another is no cause to probe the more often.
            self.failures = failures;
            self.put_probe_off(true, now, backoff, jitter);
        }
    }

    /// A new token was rejected on this way. Only an acceptance on the same way ends that; meanwhile
    /// the server may well report the balance.
    pub fn token_rejected(&mut self, way: Way, now: Now, backoff: &Backoff, jitter: &mut Jitter) {
        self.answered_with_error(way, now);
        let slot = self.troubles.slot(way);
        let before = slot.take().filter(|trouble| trouble.rejected);
        *slot = Some(Trouble::rejected(before, now, backoff, jitter));
    }

    fn put_probe_off(&mut self, again: bool, now: Now, backoff: &Backoff, jitter: &mut Jitter) {
        self.trial = false;
        self.failures = match again {
            true => self.failures.saturating_add(1),
            false => 0,
        };
        self.probe_at_ms = now.after(backoff.delay_ms(self.failures, jitter));
    }

    /// The server asked clients to wait.
    pub fn busy(
        &mut self,
        asked: Option<RetryAfter>,
        now: Now,
        backoff: &Backoff,
        jitter: &mut Jitter,
    ) {
        self.holds.by_server(asked, now, backoff, jitter);
    }

    /// Something in front of the server asked clients to wait, which is honoured only briefly.
    pub fn held_by_another(
        &mut self,
        asked: Option<RetryAfter>,
        now: Now,
        backoff: &Backoff,
        jitter: &mut Jitter,
    ) {
        self.holds.by_another(asked, now, backoff, jitter);
    }

    /// The server's hold, as reported by another tab or left from an earlier start of this one.
    pub fn held_until(&mut self, mono_ms: u64) {
        self.holds.until(mono_ms);
    }

    /// When the latest hold ends; monotonic.
    pub fn hold_ends_at(&self) -> u64 {
        self.holds.end_at()
    }

    /// The billing server answered, without checking the token.
    pub fn answered_with_error(&mut self, way: Way, now: Now) {
        self.lives(now);
        match self.obstacle {
            Obstacle::Unreachable | Obstacle::Doubt => self.end_outage(now),
            Obstacle::None | Obstacle::Unauthorized => {}
        }
        let slot = self.troubles.slot(way);
        if slot.is_some_and(|trouble| !trouble.rejected) {
            *slot = None;
        }
    }

    /// The billing server answered and accepted the token.
    pub fn answered(&mut self, way: Way, now: Now) {
        self.lives(now);
        self.end_outage(now);
        self.holds.answered();
        *self.troubles.slot(way) = None;
        self.troubles.token_is_accepted();
    }

    /// A probe was answered, with its token accepted or not; `open` if there are charges that can
    /// find out more.
    pub fn probe_answered(
        &mut self,
        sign: Sign,
        accepted: bool,
        open: bool,
        now: Now,
        backoff: &Backoff,
        jitter: &mut Jitter,
    ) {
        let sign = match defect!(BelievesCachedBalance) {
            true => Sign::Certain,
            false => sign,
        };
        match sign {
            Sign::Certain => self.lives(now),
            Sign::Possible => self.has_answered = true,
            Sign::Cached => {}
        }
        match (self.obstacle, sign) {
            (Obstacle::Unreachable, Sign::Certain) => {
                self.end_outage(now);
            }
            (Obstacle::Unreachable, Sign::Possible) if !open => self.clear(),
            (Obstacle::Doubt, Sign::Certain | Sign::Possible) => self.clear(),
            (Obstacle::Unreachable | Obstacle::Doubt, Sign::Possible | Sign::Cached) => {
                self.obstacle = Obstacle::Unreachable;
                self.put_probe_off(true, now, backoff, jitter);
                self.trial = open;
            }
            (Obstacle::Unauthorized, Sign::Certain | Sign::Possible) if accepted => self.clear(),
            (Obstacle::Unauthorized, _) => self.put_probe_off(true, now, backoff, jitter),
            (Obstacle::None, _) => {}
        }
        if accepted && sign != Sign::Cached {
            return self.troubles.token_is_accepted();
        }
        self.troubles.not_probed(now, backoff, jitter);
    }

    fn is_false_alarm(&self, now: Now) -> bool {
        now.mono_ms < self.false_alarm_until_ms && !defect!(EveryLossClosesGate)
    }

    fn lives(&mut self, now: Now) {
        self.has_answered = true;
        self.alive_ms = Some(now.mono_ms);
    }

    /// The server lives. Where a lost look-up had closed the gate, that may have been the look-up's
    /// own fault.
    fn end_outage(&mut self, now: Now) {
        if self.obstacle == Obstacle::Unreachable && std::mem::take(&mut self.by_look_up) {
            self.false_alarm_until_ms = now.after(FALSE_ALARM_MS);
        }
        self.clear();
    }

    fn clear(&mut self) {
        self.obstacle = Obstacle::None;
        self.failures = 0;
        self.trial = false;
    }
}

#[cfg(test)]
mod tests;
