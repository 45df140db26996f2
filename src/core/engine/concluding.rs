//! What attempts came to, written down; it is told after that.

use super::Engine;
use super::journal::Then;
use super::journaling::Uncommitted;
use super::wire::{Sent, SentWhat, setback_detail};
use crate::core::charge::{Charge, Key};
use crate::core::clock::Now;
use crate::core::journal::Op;
use crate::core::network::Way;
use crate::core::outcome::{OpenReason, ParkReason, not_sent_yet};
use crate::core::protocol::{Reading, Setback, SetbackKind};
use crate::core::record::{Cause, Conclusion, Purpose};

/// So often a single charge is too large for something before the server, before it is parked.
const TOO_LARGE_LIMIT: u32 = 2;

impl Engine {
    pub(super) fn conclude_set_back(
        &mut self,
        now: Now,
        sent: &Sent,
        charge: &Charge,
        setback: &Setback,
        hint: Option<u64>,
    ) {
        let key = &charge.key;
        self.outbox.update(key, |entry| {
            entry.setbacks = entry.setbacks.saturating_add(1);
        });
        let cause = Cause {
            reason: setback.kind.reason(),
            detail: setback_detail(setback, &self.cx),
        };
        let another_token =
            setback.kind == SetbackKind::Unauthorized && !self.wire.gate().is_refused(Way::Sending);
        if !another_token {
            self.count_try(key);
        }
        let conclusion = match (setback.untaken, setback.kind) {
            (true, SetbackKind::Busy) if hint.is_some() => Conclusion::Held(cause),
            (true, _) => Conclusion::TurnedAway(cause),
            (false, kind) => {
                let later_ms = match kind {
                    // Whoever gave up waiting may have passed it on.
                    SetbackKind::GaveUp | SetbackKind::Busy | SetbackKind::TooLarge => {
                        self.cx.config.arrives_after_limit_ms()
                    }
                    // The server has done with this request; what is not its own word tells nothing.
                    SetbackKind::ServerError if setback.own_word => 0,
                    SetbackKind::ServerError
                    | SetbackKind::Unauthorized
                    | SetbackKind::AnotherAccount
                    | SetbackKind::InProgress
                    | SetbackKind::Foreign(_) => self.cx.config.arrives_after_loss_ms(),
                };
                match self.is_too_large(key, setback) {
                    true => Conclusion::Park(ParkReason::RetriesExhausted, cause.detail),
                    false => self.lost_conclusion(now, sent, key, cause, later_ms),
                }
            }
        };
        let next_ms = hint.unwrap_or_else(|| self.delay_ms(key));
        self.conclude(now, charge, conclusion, next_ms, None);
    }

    /// Whether something before the server takes no request so large, however often it is sent.
    fn is_too_large(&mut self, key: &Key, setback: &Setback) -> bool {
        if setback.kind != SetbackKind::TooLarge {
            return false;
        }
        self.outbox.update(key, |entry| {
            entry.alone = true;
            entry.too_large = entry.too_large.saturating_add(1);
        });
        let times = self.outbox.get(key).map_or(0, |entry| entry.too_large);
        times >= TOO_LARGE_LIMIT
    }

    /// How long until a charge that has just been attempted is due again.
    pub(super) fn delay_ms(&mut self, key: &Key) -> u64 {
        let entry = self.outbox.get(key);
        // Not every setback uses an attempt up.
        let setbacks = entry.map_or(0, |entry| entry.record.spent().max(entry.setbacks));
        let backoff = &self.cx.config.backoff;
        backoff.delay_ms(setbacks.saturating_sub(1), &mut self.cx.jitter)
    }

    /// How long until a charge whose look-up has just been lost is looked up again: that uses no
    /// attempt up.
    pub(super) fn delay_of_look_up(&mut self, key: &Key) -> u64 {
        let setbacks = self.outbox.get(key).map_or(0, |entry| entry.setbacks);
        self.outbox.update(key, |entry| {
            entry.setbacks = entry.setbacks.saturating_add(1);
        });
        self.cx
            .config
            .backoff
            .delay_ms(setbacks, &mut self.cx.jitter)
    }

    pub(super) fn charge_lost(&mut self, now: Now, sent: &Sent, charge: &Charge, cause: Cause) {
        self.count_try(&charge.key);
        self.outbox.update(&charge.key, |entry| {
            entry.setbacks = entry.setbacks.saturating_add(1);
        });
        let next_ms = self.delay_ms(&charge.key);
        let later_ms = match cause.reason {
            OpenReason::Timeout => self.cx.config.arrives_after_limit_ms(),
            OpenReason::Offline
            | OpenReason::Unreachable
            | OpenReason::Busy
            | OpenReason::ServerError
            | OpenReason::Unauthorized => self.cx.config.arrives_after_loss_ms(),
        };
        let lost = self.lost_conclusion(now, sent, &charge.key, cause, later_ms);
        #[cfg(feature = "defects")]
        let lost = crate::core::defects::lost(lost);
        self.conclude(now, charge, lost, next_ms, None);
    }

    /// An attempt without an answer, which may arrive for another `later_ms`.
    pub(super) fn lost_conclusion(
        &self,
        now: Now,
        sent: &Sent,
        key: &Key,
        cause: Cause,
        later_ms: u64,
    ) -> Conclusion {
        let entry = self.outbox.get(key);
        let before_ms = entry.map_or(0, |entry| {
            entry.may_arrive_until_ms().saturating_sub(now.mono_ms)
        });
        let later_ms = before_ms.max(later_ms);
        match sent.on_trial {
            true => Conclusion::LostOnTrial(cause, later_ms),
            false => Conclusion::Lost(cause, later_ms),
        }
    }

    /// Orders what an attempt came to to be written down. What it says is told after that.
    pub(super) fn conclude(
        &mut self,
        now: Now,
        charge: &Charge,
        conclusion: Conclusion,
        next_attempt_in_ms: u64,
        reading: Option<Reading>,
    ) {
        let key = &charge.key;
        let entry = self.outbox.get(key);
        let attempt = entry.and_then(|entry| entry.record.attempt());
        let (conclusion, next_attempt_in_ms) = match self.certain_at(key) {
            Some(at_ms) if conclusion.says_untaken() => {
                let next_ms = match self.may_be_sent_early(key) {
                    true => 0,
                    false => at_ms.saturating_sub(now.mono_ms),
                };
                let sent = matches!(attempt, Some((Purpose::Send, _)));
                let refusal = conclusion.verdict().filter(|_| sent);
                (Conclusion::TooEarly(refusal), next_ms)
            }
            Some(_) | None => (conclusion, next_attempt_in_ms),
        };
        let op = Op::Conclude {
            charge: charge.clone(),
            // Of its own: what the journal then has is no earlier state of what is known here.
            sequence: self.next_sequence(now),
            tab: self.cx.tab.clone(),
            attempt,
            conclusion,
            next_attempt_in_ms,
        };
        if defect!(TellsBeforeWriter) {
            let unwritten = Uncommitted::Failed(String::new());
            return self.not_committed(now, op, Then::Concluded { reading }, &unwritten);
        }
        self.writer.push(op, Then::Concluded { reading });
    }

    /// When a request has to leave for its answer to be certain about this charge, if the one
    /// that has been answered left too early: an earlier one may arrive after it. Monotonic.
    fn certain_at(&self, key: &Key) -> Option<u64> {
        let entry = self.outbox.get(key)?;
        let at_ms = entry.may_arrive_until_ms();
        let early = entry.left_at_ms < at_ms && !defect!(BelievesUntakenTooEarly);
        early.then_some(at_ms)
    }

    /// Whether it need not wait until nothing of its unknown past can arrive any more: the server
    /// did not know its key, so that past is so short that the key keeps a second sending harmless.
    fn may_be_sent_early(&self, key: &Key) -> bool {
        self.outbox.get(key).is_some_and(|entry| {
            let record = &entry.record;
            let looked_up = matches!(record.attempt(), Some((Purpose::LookUp, _)));
            looked_up && record.has_unknown_past() && !record.is_only_looked_up()
        })
    }

    /// The client closes while claims are being written down: nothing will leave by them.
    fn conclude_given_up(&mut self) {
        for (key, purpose) in self.writer.give_up_claims() {
            let Some(record) = self.outbox.get(&key).map(|entry| &entry.record) else {
                continue;
            };
            let sending = u32::from(purpose == Purpose::Send);
            let number = record.attempts().saturating_add(sending);
            let cause = Cause {
                reason: OpenReason::Timeout,
                detail: not_sent_yet(OpenReason::Timeout),
            };
            let op = Op::Conclude {
                charge: record.charge().clone(),
                sequence: record.sequence(),
                tab: self.cx.tab.clone(),
                attempt: Some((purpose, number)),
                conclusion: Conclusion::NotSent(cause),
                next_attempt_in_ms: 0,
            };
            self.writer.push(op, Then::Concluded { reading: None });
        }
    }

    /// What was claimed does not leave after all.
    pub(super) fn conclude_not_sent(&mut self, now: Now, key: &Key, reason: OpenReason) {
        let Some(entry) = self.outbox.get(key) else {
            return;
        };
        let charge = entry.record.charge().clone();
        let cause = Cause {
            reason,
            detail: not_sent_yet(reason),
        };
        let next_ms = match reason {
            // The journal is slow, and nothing says that it would be faster at once.
            OpenReason::Timeout => self.cx.config.backoff.base_ms.max(1),
            OpenReason::Offline
            | OpenReason::Unreachable
            | OpenReason::Busy
            | OpenReason::ServerError
            | OpenReason::Unauthorized => 0,
        };
        self.conclude(now, &charge, Conclusion::NotSent(cause), next_ms, None);
    }

    /// The client closes while requests are on their way: nobody will hear their answers.
    pub(super) fn conclude_all_lost(&mut self, now: Now) {
        let cause = Cause {
            reason: OpenReason::Timeout,
            detail: self.cx.say(
                "the client was closed before an answer came",
                "客户端在应答前已关闭",
            ),
        };
        self.conclude_given_up();
        let lost = Conclusion::Lost(cause.clone(), self.cx.config.claim_ms());
        for sent in self.wire.give_up_all() {
            let (charges, conclusion) = match sent.what {
                SentWhat::Charge { charge } => (vec![charge], lost.clone()),
                SentWhat::Batch { charges } => (charges, lost.clone()),
                SentWhat::LookUp { charge, .. } => {
                    (vec![charge], Conclusion::NotSent(cause.clone()))
                }
                SentWhat::Balance { .. } => continue,
            };
            for charge in &charges {
                self.conclude(now, charge, conclusion.clone(), 0, None);
            }
        }
    }
}
