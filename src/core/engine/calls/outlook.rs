//! The outlook for a call: its answer by now, and whether waiting longer is of use.

use super::super::Life;
use super::super::balance::BalanceSync;
use super::super::context::Context;
use super::super::journal::{Reader, Store, Writer};
use super::super::wire::Wire;
use super::{Call, Calls, Kind};
use crate::core::charge::Charge;
use crate::core::clock::{CLOCK_SLACK_MS, ClockWatch, Now};
use crate::core::network::Way;
use crate::core::outbox::Entry;
use crate::core::outcome::{Outcome, What};
use crate::core::reason::{FailureReason, OpenReason, UnknownReason};
use crate::core::record::{Record, State, Verdict};
use crate::core::text::Message;

/// Everything that bears on a charge's outcome, at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Outlook<'a> {
    pub now: Now,
    pub life: Life,
    pub cx: &'a Context,
    pub calls: &'a Calls,
    pub wire: &'a Wire,
    pub balance: &'a BalanceSync,
    pub writer: &'a Writer,
    pub reader: &'a Reader,
    pub store: &'a Store,
    pub clocks: &'a ClockWatch,
    /// Whether other tabs are known to be alive.
    pub others_live: bool,
}

impl Outlook<'_> {
    /// The answer to this call, if there is one by now.
    pub fn answer_to(&self, call: &Call, entry: &Entry) -> Option<Outcome> {
        let record = &entry.record;
        let other = |charge: &Charge| !charge.is_same_as(record.charge());
        if entry.saved && call.charge.as_ref().is_some_and(other) {
            return Some(self.conflict(call, record));
        }
        // A charged charge stays so, whatever has been read since.
        let up_to_date = is_charged(record) || (!entry.outdated && !self.reader.is_unread(entry));
        let wanted = self.calls.is_wanted_after_all(&call.key) && !is_charged(record);
        // The server's receipt is certain before it is written.
        let known = (!entry.is_busy() || is_charged(record)) && !wanted && up_to_date;
        let ended = known && !record.is_open();
        let answers = match call.kind {
            Kind::Charge | Kind::Retry => ended || (known && !self.worth_waiting(call, entry)),
            Kind::Settled => ended,
            // An open or parked charge is cancelled first: see `progress_cancel`.
            Kind::Cancel => {
                (ended && !record.is_held())
                    || (record.is_cancelling()
                        && !entry.is_busy()
                        && (self.life != Life::Running || !self.worth_waiting(call, entry)))
            }
            Kind::Show => false,
        };
        answers.then(|| match call.kind {
            Kind::Cancel => self.of_cancel(entry, self.of(entry)),
            Kind::Charge | Kind::Retry | Kind::Settled | Kind::Show => self.of(entry),
        })
    }

    /// The answer where the key belongs to another charge, which stays as it is.
    fn conflict(&self, call: &Call, record: &Record) -> Outcome {
        let asked = call.charge.as_ref().unwrap_or(record.charge());
        Outcome {
            key: asked.key.clone(),
            task_id: asked.task_id.clone(),
            amount: asked.amount,
            attempts: record.attempts(),
            what: conflict_with(self.cx, record.charge()),
        }
    }

    /// Whether an attempt for this call may still come before its deadline.
    pub fn worth_waiting(&self, call: &Call, entry: &Entry) -> bool {
        let deadline_ms = call.deadline_ms.unwrap_or(u64::MAX);
        if self.life == Life::SignedOut {
            return false;
        }
        if call.tries >= self.cx.config.max_attempts || self.now.mono_ms >= deadline_ms {
            return false;
        }
        if let State::Attempting(_) = entry.record.state() {
            // Another tab is at work on it.
            return true;
        }
        if self.writer.is_to_conclude(&call.key) {
            // The server's answer is reported as soon as it is written.
            return true;
        }
        // A charge that joins a retry waits for the retry's result.
        let asks_again = call.kind != Kind::Charge || self.calls.wants_retried(&call.key);
        let insists = call.tries > 0 || asks_again;
        if call.insists && (self.wire.gate().lets_pass() || self.is_being_probed()) {
            return true;
        }
        let way = match self.needs_look_up(&entry.record) {
            true => Way::LookUp,
            false => Way::Sending,
        };
        let next_ms = match self.wire.gate().closed_to(way, self.now) {
            None => Some(entry.due_ms()),
            Some(OpenReason::Busy) => self.wire.gate().opens_at(way),
            Some(OpenReason::Unreachable) if insists => self
                .wire
                .gate()
                .opens_at(way)
                .or(self.wire.gate().probe_at()),
            Some(OpenReason::Unauthorized) if self.balance.refresh().is_under_way() => {
                asks_again.then_some(self.now.mono_ms)
            }
            Some(
                OpenReason::Offline
                | OpenReason::Unreachable
                | OpenReason::Timeout
                | OpenReason::ServerError
                | OpenReason::Unauthorized,
            ) => None,
        };
        next_ms.is_some_and(|next_ms| next_ms <= deadline_ms)
    }

    /// Whether a probe is under way, or leaves at once.
    fn is_being_probed(&self) -> bool {
        self.balance.refresh().is_under_way() || self.wire.gate().probes_past_hold()
    }

    pub fn of(&self, entry: &Entry) -> Outcome {
        let waiting_for = self
            .wire
            .gate()
            .closed_for(self.now)
            .unwrap_or(OpenReason::Timeout);
        let outcome = Outcome::of(
            &entry.record,
            waiting_for,
            entry.saved && self.store.is_durable(),
            self.cx.config.locale,
        );
        if entry.outdated || self.reader.is_unread(entry) {
            return outcome.in_full_doubt(self.cx.config.locale);
        }
        // The journal may show that it was sent before, by another tab or an earlier start; or it
        // may not show yet what another tab has done with its own charge.
        let may_be_late = self.store.may_show_earlier_states() && self.others_live;
        match entry.saved && (!may_be_late || entry.is_own()) {
            true => outcome,
            false => outcome.in_doubt(self.cx.config.locale),
        }
    }

    fn not_written_yet(&self, outcome: Outcome) -> Outcome {
        let reason = self
            .wire
            .gate()
            .closed_for(self.now)
            .unwrap_or(OpenReason::Timeout);
        let detail = Message::NotStored.told(self.cx.config.locale);
        Outcome {
            what: What::unknown(reason, false, detail),
            ..outcome
        }
    }

    /// The outcome for a call that is not answered by a verdict.
    pub fn so_far(&self, call: &Call, entry: &Entry) -> Outcome {
        let outcome = self.of(entry);
        let again = entry.is_busy() || self.calls.is_wanted_after_all(&call.key);
        if again && !entry.record.is_held() && !is_charged(&entry.record) {
            // It is being reopened: its last verdict says nothing of this try.
            return self.not_written_yet(outcome);
        }
        match call.kind {
            Kind::Cancel => self.of_cancel(entry, outcome),
            Kind::Charge | Kind::Retry | Kind::Settled | Kind::Show => outcome,
        }
    }

    /// The outcome of a cancelled charge whose fate could not be established.
    fn of_cancel(&self, entry: &Entry, outcome: Outcome) -> Outcome {
        if !entry.record.is_held() {
            return outcome;
        }
        Outcome {
            what: What::Unknown {
                reason: match outcome.what {
                    What::Queued { reason, .. } => UnknownReason::Open(reason),
                    What::Unknown { reason, .. } => reason,
                    What::Charged { .. } | What::Declined { .. } | What::Failed { .. } => {
                        UnknownReason::Open(OpenReason::Timeout)
                    }
                },
                resolving: entry.record.is_open(),
                durable: entry.saved && self.store.is_durable(),
                detail: Message::NotAsked.told(self.cx.config.locale),
            },
            ..outcome
        }
    }

    /// Whether the server must be asked about this key before it is sent again: it may have been
    /// forgotten, the attempts are used up, or only a look-up can tell whether it is to be sent at
    /// all.
    pub fn needs_look_up(&self, record: &Record) -> bool {
        let cleared = match record.state() {
            State::Waiting(waiting) => waiting.cleared(),
            State::Attempting(attempting) => attempting.stays_cleared(),
            State::Parked(_) | State::Settled(_) => return false,
        };
        let left = record.may_have_left() || !self.store.is_durable();
        let may_be_taken = left && !cleared;
        let due = self.key_expired(record) || self.cx.is_exhausted(record);
        record.is_only_looked_up() || (may_be_taken && due)
    }

    /// Whether the server may have forgotten the key by the end of a request that is claimed now.
    /// After the clock was set back that is unknown, and asking is harmless.
    pub fn key_expired(&self, record: &Record) -> bool {
        let wall_ms = match defect!(IgnoresClockSetBack) {
            true => self.now.wall_ms,
            false => self.clocks.latest_wall_ms(self.now),
        };
        let margin_ms = match defect!(KeyTimeHasNoMargin) {
            true => 0,
            false => self.cx.config.claim_ms().saturating_add(CLOCK_SLACK_MS),
        };
        let ends = |age_ms: u64| age_ms.saturating_add(margin_ms) > self.cx.config.key_ttl_ms;
        record.age_ms(wall_ms).is_none_or(ends) && !defect!(SendsExpiredKey)
    }
}

/// An outcome of a charge that was made before the call.
pub fn replayed(outcome: Outcome) -> Outcome {
    match outcome.what {
        What::Charged {
            charge_id, balance, ..
        } => Outcome {
            what: What::Charged {
                charge_id,
                balance,
                replayed: true,
            },
            ..outcome
        },
        what @ (What::Queued { .. }
        | What::Unknown { .. }
        | What::Declined { .. }
        | What::Failed { .. }) => Outcome { what, ..outcome },
    }
}

/// Whether the server has taken the points.
pub fn is_charged(record: &Record) -> bool {
    matches!(record.state(), State::Settled(Verdict::Charged(_)))
}

/// Whether the key belongs to another charge.
pub fn is_conflict(what: &What) -> bool {
    let What::Failed { reason, .. } = what else {
        return false;
    };
    *reason == FailureReason::Conflict
}

/// The outcome where the key belongs to another charge.
pub fn conflict_with(cx: &Context, charge: &Charge) -> What {
    let message = Message::KeyTaken {
        amount: charge.amount,
        feature: charge.feature.clone(),
        task_id: charge.task_id.clone(),
    };
    What::Failed {
        reason: FailureReason::Conflict,
        retryable: false,
        detail: message.told(cx.config.locale),
    }
}
