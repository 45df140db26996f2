//! Whether requests may leave: what is known of the network, the server's patience and the token.

use super::backoff::{Backoff, Jitter};
use super::clock::Now;
use super::outcome::OpenReason;
use super::snapshot::Network;

/// No wait that a server asks for is longer than a day, in milliseconds.
pub const LONGEST_HOLD_MS: u64 = 86_400_000;

/// What stands between the outbox and the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Obstacle {
    /// Nothing known.
    None,
    /// The last request was not answered by the billing server. Only probes leave.
    Unreachable,
    /// The token was refused twice. Only probes leave.
    Unauthorized,
}

/// What kind of request met an obstacle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// `GET balance`, which harms nothing.
    Probe,
    /// Anything else.
    Charge,
}

/// The gate that every charge request passes.
#[derive(Clone, Debug)]
pub struct Gate {
    browser_online: bool,
    /// The server has answered since the browser was last offline, or a request was lost.
    heard: bool,
    obstacle: Obstacle,
    /// When the next probe is due, while there is an obstacle; monotonic.
    probe_at_ms: u64,
    /// Failed probes in a row.
    failures: u32,
    /// Nothing leaves before this; monotonic.
    held_until_ms: u64,
    /// Answers in a row that asked for patience.
    busy: u32,
}

impl Gate {
    /// Open, if the browser does not say that it is offline.
    pub fn new(browser_online: bool) -> Gate {
        Gate {
            browser_online,
            heard: false,
            obstacle: Obstacle::None,
            probe_at_ms: 0,
            failures: 0,
            held_until_ms: 0,
            busy: 0,
        }
    }

    /// What the user is shown.
    pub fn network(&self) -> Network {
        match (self.browser_online, self.obstacle) {
            (false, _) => Network::Offline,
            (true, Obstacle::Unreachable) => Network::Unreachable,
            (true, Obstacle::None | Obstacle::Unauthorized) => Network::Online,
        }
    }

    /// Whether the server has been heard of since it was last out of reach: that the browser is
    /// online says nothing of it.
    pub fn is_in_reach(&self) -> bool {
        self.network() == Network::Online && self.heard
    }

    /// Whether the server is believed to be out of reach.
    pub fn is_out_of_reach(&self) -> bool {
        self.network() != Network::Online
    }

    /// Why no charge may leave now; `None` if it may.
    pub fn closed_for(&self, now: Now) -> Option<OpenReason> {
        if !self.browser_online {
            return Some(OpenReason::Offline);
        }
        match self.obstacle {
            Obstacle::Unreachable if defect!(ProbesWithCharges) => None,
            Obstacle::Unreachable => Some(OpenReason::Unreachable),
            Obstacle::Unauthorized => Some(OpenReason::Unauthorized),
            Obstacle::None if now.mono_ms < self.held_until_ms => Some(OpenReason::Busy),
            Obstacle::None => None,
        }
    }

    /// Whether any request at all may leave, a probe included.
    pub fn lets_probes_through(&self, now: Now) -> bool {
        self.browser_online && now.mono_ms >= self.held_until_ms
    }

    /// Whether a probe is due.
    pub fn probe_is_due(&self, now: Now) -> bool {
        self.obstacle != Obstacle::None
            && self.lets_probes_through(now)
            && now.mono_ms >= self.probe_at_ms
    }

    /// When the gate may open, or a probe is due, if nothing else happens; monotonic.
    pub fn wakes_at(&self, now: Now) -> Option<u64> {
        if !self.browser_online {
            return None;
        }
        let held = (now.mono_ms < self.held_until_ms).then_some(self.held_until_ms);
        match self.obstacle {
            Obstacle::None => held,
            Obstacle::Unreachable | Obstacle::Unauthorized => {
                Some(self.probe_at_ms.max(self.held_until_ms))
            }
        }
    }

    /// The browser has changed its mind about the network. Coming online is a hint to look now.
    pub fn browser_says(&mut self, online: bool, now: Now) {
        self.browser_online = online;
        if online {
            self.hurry(now);
        } else {
            self.heard = false;
        }
    }

    /// Probes now instead of later.
    pub fn hurry(&mut self, now: Now) {
        self.probe_at_ms = self.probe_at_ms.min(now.mono_ms);
        self.failures = 0;
    }

    /// The machine slept for so long, in which the monotonic clock stood still.
    pub fn slept(&mut self, by_ms: u64) {
        self.probe_at_ms = self.probe_at_ms.saturating_sub(by_ms);
        self.held_until_ms = self.held_until_ms.saturating_sub(by_ms);
    }

    /// A request was not answered by the billing server.
    pub fn lost(&mut self, by: Asked, now: Now, backoff: &Backoff, jitter: &mut Jitter) {
        self.heard = false;
        self.obstruct(Obstacle::Unreachable, by, now, backoff, jitter);
    }

    /// There was no token to ask with, which says nothing of the server.
    pub fn no_token(&mut self, now: Now, backoff: &Backoff, jitter: &mut Jitter) {
        let obstacle = match self.obstacle {
            Obstacle::None => Obstacle::Unauthorized,
            known @ (Obstacle::Unreachable | Obstacle::Unauthorized) => known,
        };
        self.obstruct(obstacle, Asked::Probe, now, backoff, jitter);
    }

    /// The token was refused although it was new.
    pub fn refused(&mut self, by: Asked, now: Now, backoff: &Backoff, jitter: &mut Jitter) {
        self.heard = true;
        self.obstruct(Obstacle::Unauthorized, by, now, backoff, jitter);
    }

    fn obstruct(
        &mut self,
        obstacle: Obstacle,
        by: Asked,
        now: Now,
        backoff: &Backoff,
        jitter: &mut Jitter,
    ) {
        let first = self.obstacle == Obstacle::None;
        self.obstacle = obstacle;
        if first {
            self.failures = 0;
        } else if by == Asked::Probe {
            self.failures = self.failures.saturating_add(1);
        } else {
            // A request from before the obstacle was known does not put the next probe off.
            return;
        }
        self.probe_at_ms = now.after(backoff.delay_ms(self.failures, jitter));
    }

    /// The server asked for patience.
    pub fn busy(
        &mut self,
        retry_after_ms: Option<u64>,
        now: Now,
        backoff: &Backoff,
        jitter: &mut Jitter,
    ) {
        let asked_ms = retry_after_ms.filter(|_| !defect!(IgnoresRetryAfter));
        let wait_ms = asked_ms.unwrap_or_else(|| backoff.delay_ms(self.busy, jitter));
        self.busy = self.busy.saturating_add(1);
        let until_ms = now.after(wait_ms.min(LONGEST_HOLD_MS));
        self.held_until_ms = self.held_until_ms.max(until_ms);
        self.answered_with_error();
    }

    /// The server asked another tab for patience, or this one before it was opened anew.
    pub fn held_until(&mut self, mono_ms: u64) {
        self.held_until_ms = self.held_until_ms.max(mono_ms);
    }

    /// When the hold ends that the server asked for last; monotonic.
    pub fn hold_ends_at(&self) -> u64 {
        self.held_until_ms
    }

    /// The billing server answered, which says nothing of the token.
    pub fn answered_with_error(&mut self) {
        self.heard = true;
        if self.obstacle == Obstacle::Unreachable {
            self.obstacle = Obstacle::None;
            self.failures = 0;
        }
    }

    /// The billing server answered, and accepted the token.
    pub fn answered(&mut self) {
        self.heard = true;
        self.obstacle = Obstacle::None;
        self.failures = 0;
        self.busy = 0;
    }

    /// How long until a charge may leave, as far as is known; `None` while only a probe can
    /// tell.
    pub fn opens_at(&self) -> Option<u64> {
        match (self.browser_online, self.obstacle) {
            (true, Obstacle::None) => Some(self.held_until_ms),
            (true, Obstacle::Unreachable | Obstacle::Unauthorized) | (false, _) => None,
        }
    }

    /// When the next probe is due, if one can tell more; monotonic.
    pub fn probe_at(&self) -> Option<u64> {
        let probing = self.browser_online && self.obstacle != Obstacle::None;
        probing.then_some(self.probe_at_ms.max(self.held_until_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff = Backoff {
        base_ms: 1_000,
        max_ms: 60_000,
    };

    fn at(mono_ms: u64) -> Now {
        Now {
            mono_ms,
            wall_ms: 0,
        }
    }

    fn lost(gate: &mut Gate, by: Asked, mono_ms: u64) {
        gate.lost(by, at(mono_ms), &BACKOFF, &mut Jitter::new(1));
    }

    fn busy(gate: &mut Gate, retry_after_ms: Option<u64>, mono_ms: u64) {
        gate.busy(retry_after_ms, at(mono_ms), &BACKOFF, &mut Jitter::new(1));
    }

    #[test]
    fn the_browsers_no_closes_the_gate_for_everything() {
        let mut gate = Gate::new(false);
        assert_eq!(gate.network(), Network::Offline);
        assert_eq!(gate.closed_for(at(0)), Some(OpenReason::Offline));
        assert!(!gate.lets_probes_through(at(0)) && !gate.probe_is_due(at(0)));
        assert_eq!(gate.wakes_at(at(0)), None);
        gate.browser_says(true, at(0));
        assert_eq!(gate.closed_for(at(0)), None);
    }

    #[test]
    fn a_lost_request_leaves_only_probes() {
        let mut gate = Gate::new(true);
        lost(&mut gate, Asked::Charge, 10);
        assert_eq!(gate.closed_for(at(10)), Some(OpenReason::Unreachable));
        assert!(gate.lets_probes_through(at(10)));
        let probe_at_ms = gate.probe_at().unwrap();
        assert!((10..=1_010).contains(&probe_at_ms));
        assert!(gate.probe_is_due(at(probe_at_ms)));
        gate.answered();
        assert_eq!(gate.closed_for(at(10)), None);
        assert_eq!(gate.probe_at(), None);
    }

    #[test]
    fn probes_back_off_and_old_requests_do_not_count() {
        let mut gate = Gate::new(true);
        lost(&mut gate, Asked::Charge, 0);
        let first = gate.probe_at();
        lost(&mut gate, Asked::Charge, 5_000);
        assert_eq!(gate.probe_at(), first);
        let mut latest_ms = 0;
        for _ in 0..200 {
            lost(&mut gate, Asked::Probe, 0);
            let probe_at_ms = gate.probe_at().unwrap();
            assert!(probe_at_ms <= 60_000);
            latest_ms = latest_ms.max(probe_at_ms);
        }
        gate.hurry(at(7));
        assert!(gate.probe_is_due(at(7)));
    }

    #[test]
    fn patience_holds_back_probes_too() {
        let mut gate = Gate::new(true);
        lost(&mut gate, Asked::Charge, 0);
        busy(&mut gate, Some(5_000), 0);
        gate.hurry(at(0));
        assert!(!gate.lets_probes_through(at(4_999)));
        assert_eq!(gate.closed_for(at(4_999)), Some(OpenReason::Busy));
        assert_eq!(gate.wakes_at(at(0)), Some(5_000));
        assert_eq!(gate.opens_at(), Some(5_000));
        assert_eq!(gate.closed_for(at(5_000)), None);
    }

    #[test]
    fn patience_is_never_shortened_and_never_longer_than_a_day() {
        let mut gate = Gate::new(true);
        busy(&mut gate, Some(5_000), 0);
        busy(&mut gate, Some(1_000), 0);
        gate.answered();
        assert_eq!(gate.opens_at(), Some(5_000));
        busy(&mut gate, Some(u64::MAX), 0);
        assert_eq!(gate.opens_at(), Some(LONGEST_HOLD_MS));
    }

    #[test]
    fn a_refused_token_is_no_outage() {
        let mut gate = Gate::new(true);
        gate.refused(Asked::Charge, at(0), &BACKOFF, &mut Jitter::new(1));
        assert_eq!(gate.closed_for(at(0)), Some(OpenReason::Unauthorized));
        assert_eq!(gate.network(), Network::Online);
        assert!(!gate.is_out_of_reach());
        assert!(gate.probe_at().is_some());
    }
}
