//! One charge as this tab knows it, with its times on this tab's own clock.

use super::turn::Turn;
use super::work::Work;
use crate::core::clock::Now;
use crate::core::record::{Purpose, Record, State};

/// A charge as this tab knows it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The record as last seen in the journal, or as it will be there.
    pub record: Record,
    /// Whether the journal has this record.
    pub saved: bool,
    /// The record that the journal has, where it has not this one yet.
    pub at_rest: Option<Box<Record>>,
    /// What this tab is doing about it.
    pub work: Work,
    /// Whether another tab has changed it since the journal was last read for it.
    pub outdated: bool,
    /// The number of transactions that this tab had begun when it first saw the charge.
    pub known_since: u64,
    /// The number of the transaction in which it was last read; 0 if it never was.
    pub read_in: u64,
    /// Whether it is sent alone: a batch with it was rejected as a whole, or the header spells its
    /// key otherwise. Sent in only one way, it is one key to every server.
    pub alone: bool,
    /// Its place in the order, if this tab was the first to take it on; else 0.
    pub own_sequence: u64,
    /// Whether it failed and this client has reopened it automatically, which happens once.
    pub retaken: bool,
    /// When this tab first saw it open; monotonic.
    pub since_ms: u64,
    /// When this tab saw it change last; monotonic.
    pub changed_ms: u64,
    /// When this tab's last request about it left; monotonic.
    pub left_at_ms: u64,
    /// When a request about it was last lost; monotonic.
    pub lost_at_ms: Option<u64>,
    /// Requests about it without a verdict, since its user last asked for it.
    pub setbacks: u32,
    /// How often something in front of the server found it too large, alone.
    pub too_large: u32,
    due_ms: u64,
    /// What it waits for, once it is due.
    pub(super) turn: Turn,
    claim: Instant,
    /// When this tab first saw the claim; monotonic.
    claim_seen_ms: u64,
    arrival: Instant,
}

impl Entry {
    /// Whether an operation or a request of this tab is under way for it.
    pub fn is_busy(&self) -> bool {
        self.work != Work::None
    }

    /// Whether this tab was the first to take it on.
    pub fn is_own(&self) -> bool {
        self.own_sequence == self.record.sequence()
    }

    /// When it may be worked on; monotonic.
    pub fn due_ms(&self) -> u64 {
        self.due_ms
    }

    /// Until when the last seen claim lasts; monotonic.
    pub fn claimed_until_ms(&self) -> u64 {
        self.claim.mono_ms
    }

    /// When a request must leave for its answer to be certain about this charge, if the answered
    /// one left too early: an earlier one may arrive after it. Monotonic.
    pub fn certain_at(&self) -> Option<u64> {
        let at_ms = self.may_arrive_until_ms();
        let early = self.left_at_ms < at_ms && !defect!(BelievesUntakenTooEarly);
        early.then_some(at_ms)
    }

    /// Whether it need not wait until requests of its unknown past can no longer arrive: the server
    /// did not know its key, so that past is so short that the key keeps a second sending harmless.
    pub fn may_be_sent_early(&self) -> bool {
        let looked_up = matches!(self.record.attempt(), Some((Purpose::LookUp, _)));
        looked_up && self.record.has_unknown_past() && !self.record.is_only_looked_up()
    }

    /// Until when an earlier sending may still arrive; monotonic.
    pub fn may_arrive_until_ms(&self) -> u64 {
        self.arrival.mono_ms
    }
}

/// An instant written by the wall clock, and its time on this tab's own. As long as it is the same
/// instant its time stays, however the wall clock jumps.
#[derive(Clone, Copy, Debug, Default)]
struct Instant {
    wall_ms: u64,
    mono_ms: u64,
}

impl Instant {
    fn follow(self, wall_ms: u64, limit_ms: u64, now: Now) -> Instant {
        match self.wall_ms == wall_ms {
            true => self,
            false => Instant {
                wall_ms,
                mono_ms: now.mono_of(wall_ms, limit_ms),
            },
        }
    }
}

/// How long times written by another tab may keep this one waiting, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Until the next attempt.
    pub delay_ms: u64,
    /// Until the next attempt, where the server asked the whole queue to wait.
    pub hold_ms: u64,
}

impl Entry {
    pub(super) fn new(record: Record, saved: bool, now: Now, patience: Patience) -> Entry {
        let alone = record.charge().key.is_spelt_otherwise();
        let mut entry = Entry {
            record,
            saved,
            at_rest: None,
            work: Work::None,
            outdated: false,
            known_since: 0,
            read_in: 0,
            alone,
            own_sequence: 0,
            retaken: false,
            since_ms: now.mono_ms,
            changed_ms: now.mono_ms,
            left_at_ms: 0,
            lost_at_ms: None,
            setbacks: 0,
            too_large: 0,
            due_ms: 0,
            turn: Turn::Fresh,
            claim: Instant::default(),
            claim_seen_ms: 0,
            arrival: Instant::default(),
        };
        entry.set_times(now, patience);
        entry
    }

    /// Takes a later state of the record and returns the previous one. Unchanged times stay,
    /// however the wall clock has jumped since.
    pub(super) fn follow(
        &mut self,
        record: Record,
        saved: bool,
        now: Now,
        patience: Patience,
    ) -> Record {
        let before = std::mem::replace(&mut self.record, record);
        if before.state() != self.record.state() {
            self.set_times(now, patience);
        }
        match (self.saved, saved) {
            (_, true) => self.at_rest = None,
            (true, false) => self.at_rest = Some(Box::new(before.clone())),
            (false, false) => {}
        }
        self.saved = saved;
        self.outdated = false;
        before
    }

    /// The journal has this earlier state of the record, or had it: what is written next goes on from
    /// the latest of these.
    pub fn rest(&mut self, record: Record) {
        let is_earlier = |at_rest: &Record| record.is_older_than(at_rest);
        if !self.saved && !self.at_rest.as_deref().is_some_and(is_earlier) {
            self.at_rest = Some(Box::new(record));
        }
    }

    pub(super) fn hurry(&mut self, now: Now) {
        self.due_ms = self.due_ms.min(now.mono_ms);
    }

    /// A claim is not shortened: its tab's request stood still as well.
    pub(super) fn slept(&mut self, by_ms: u64) {
        if let State::Waiting(_) = self.record.state() {
            self.due_ms = self.due_ms.saturating_sub(by_ms);
        }
    }

    pub(super) fn delay(&mut self, mono_ms: u64) {
        self.due_ms = self.due_ms.max(mono_ms);
    }

    pub(super) fn keep_claim(&mut self) {
        if let Some(claim) = self.record.claim() {
            self.claim.mono_ms = self.claim_seen_ms.saturating_add(claim.lasts_ms());
            self.due_ms = self.claim.mono_ms;
        }
    }

    fn set_times(&mut self, now: Now, patience: Patience) {
        self.changed_ms = now.mono_ms;
        let until_ms = self.record.may_arrive_until_ms();
        if self.arrival.wall_ms != until_ms {
            // A vanished claimant's attempt was seen when its claim was.
            let seen_ms = match until_ms == self.claim.wall_ms {
                true => self.claim_seen_ms,
                false => now.mono_ms,
            };
            // Its whole length: the wall clock may have been set ahead since it was written.
            let meant_ms = self.record.may_arrive_for_ms();
            self.arrival = Instant {
                wall_ms: until_ms,
                mono_ms: seen_ms.saturating_add(meant_ms),
            };
        }
        self.due_ms = match self.record.state() {
            State::Waiting(waiting) => {
                let next_ms = waiting.next_attempt_at_ms();
                let longest_ms = match waiting.holds_queue() {
                    true => patience.hold_ms,
                    false => patience.delay_ms,
                };
                now.mono_of(next_ms, waiting.next_attempt_in_ms().min(longest_ms))
            }
            State::Attempting(_) if defect!(NoClaimsNoKeys) => now.mono_ms,
            State::Attempting(_) if defect!(ClaimNeverEnds) => u64::MAX,
            State::Attempting(attempting) => {
                let claim = attempting.claim();
                if self.claim.wall_ms != claim.until_ms {
                    self.claim_seen_ms = now.mono_ms;
                }
                self.claim = self.claim.follow(claim.until_ms, claim.lasts_ms(), now);
                self.claim.mono_ms
            }
            State::Parked(_) | State::Settled(_) => u64::MAX,
        };
    }
}
