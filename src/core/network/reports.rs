//! What requests came to, as the gate takes it.

use super::trouble::Trouble;
use super::{Asked, FALSE_ALARM_MS, Gate, Obstacle, Way};
use crate::core::backoff::{Backoff, Jitter};
use crate::core::clock::Now;
use crate::core::liveness::Sign;
use crate::core::protocol::RetryAfter;

impl Gate {
    /// A request was not answered by the billing server.
    pub fn lost(&mut self, by: Asked, now: Now, backoff: &Backoff, jitter: &mut Jitter) {
        let way = match by {
            Asked::Probe => {
                self.by_look_up = false;
                self.heard = false;
                let first = self.obstacle == Obstacle::None;
                self.obstacle = Obstacle::Unreachable;
                return self.put_probe_off(!first, now, backoff, jitter);
            }
            Asked::By(way) => way,
        };
        match self.obstacle {
            Obstacle::Unreachable if self.trial => self.put_probe_off(true, now, backoff, jitter),
            // A request from before the obstacle was known does not put the next probe off.
            Obstacle::Unreachable | Obstacle::Doubt => {}
            Obstacle::None | Obstacle::Unauthorized => match self.troubles.slot(way) {
                Some(trouble) if !trouble.refused && !defect!(EveryLossClosesGate) => {
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
                    self.heard = false;
                    self.obstacle = Obstacle::Unreachable;
                    self.put_probe_off(false, now, backoff, jitter);
                }
            },
        }
    }

    /// A request was lost of a charge whose requests had been lost before, while the server lived.
    pub fn suspect_lost(&mut self, now: Now, backoff: &Backoff, jitter: &mut Jitter) {
        self.check = self.obstacle == Obstacle::None;
        let suspects = self.troubles.suspects.get_or_insert(Trouble::lost(now));
        suspects.again(now, backoff, jitter);
    }

    /// A request of such a charge was answered.
    pub fn suspect_answered(&mut self) {
        self.troubles.suspects = None;
    }

    /// What answered a request was not the billing server.
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

    /// There was no token to ask with, or it is another account's: that says nothing of the
    /// network.
    pub fn no_token(&mut self, now: Now, backoff: &Backoff, jitter: &mut Jitter) {
        let first = self.obstacle == Obstacle::None;
        self.obstacle = match self.obstacle {
            Obstacle::None | Obstacle::Doubt => Obstacle::Unauthorized,
            known @ (Obstacle::Unreachable | Obstacle::Unauthorized) => known,
        };
        self.put_probe_off(!first, now, backoff, jitter);
    }

    /// The token was refused on this way although it was new. Only what is accepted there ends
    /// that: the server may well tell the balance all the while.
    pub fn refused(&mut self, way: Way, now: Now, backoff: &Backoff, jitter: &mut Jitter) {
        self.answered_with_error(way, now);
        let slot = self.troubles.slot(way);
        let before = slot.take().filter(|trouble| trouble.refused);
        *slot = Some(Trouble::refused(before, now, backoff, jitter));
    }

    fn put_probe_off(&mut self, again: bool, now: Now, backoff: &Backoff, jitter: &mut Jitter) {
        self.trial = false;
        self.failures = match again {
            true => self.failures.saturating_add(1),
            false => 0,
        };
        self.probe_at_ms = now.after(backoff.delay_ms(self.failures, jitter));
    }

    /// The server asked for patience.
    pub fn busy(
        &mut self,
        asked: Option<RetryAfter>,
        now: Now,
        backoff: &Backoff,
        jitter: &mut Jitter,
    ) {
        self.holds.by_server(asked, now, backoff, jitter);
    }

    /// Something before the server asked for patience, which it can't ask for long.
    pub fn held_by_another(
        &mut self,
        asked: Option<RetryAfter>,
        now: Now,
        backoff: &Backoff,
        jitter: &mut Jitter,
    ) {
        self.holds.by_another(asked, now, backoff, jitter);
    }

    /// The server asked another tab for patience, or this one before it was opened anew.
    pub fn held_until(&mut self, mono_ms: u64) {
        self.holds.until(mono_ms);
    }

    /// When the hold ends that was asked for last; monotonic.
    pub fn hold_ends_at(&self) -> u64 {
        self.holds.end_at()
    }

    /// The billing server answered, which says nothing of the token.
    pub fn answered_with_error(&mut self, way: Way, now: Now) {
        self.lives(now);
        match self.obstacle {
            Obstacle::Unreachable | Obstacle::Doubt => self.clear(),
            Obstacle::None | Obstacle::Unauthorized => {}
        }
        let slot = self.troubles.slot(way);
        if slot.is_some_and(|trouble| !trouble.refused) {
            *slot = None;
        }
    }

    /// The billing server answered, and accepted the token.
    pub fn answered(&mut self, way: Way, now: Now) {
        self.lives(now);
        self.clear();
        self.holds.answered();
        *self.troubles.slot(way) = None;
        self.troubles.token_is_accepted();
    }

    /// A probe was answered, and the token was accepted or not; `open` where there are charges
    /// that can find out more.
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
            Sign::Possible => self.heard = true,
            Sign::Cached => {}
        }
        match (self.obstacle, sign) {
            (Obstacle::Unreachable, Sign::Certain) => {
                if std::mem::take(&mut self.by_look_up) {
                    self.false_alarm_until_ms = now.after(FALSE_ALARM_MS);
                }
                self.clear();
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
        self.heard = true;
        self.alive_ms = Some(now.mono_ms);
    }

    fn clear(&mut self) {
        self.obstacle = Obstacle::None;
        self.failures = 0;
        self.trial = false;
    }
}
