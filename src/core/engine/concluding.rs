//! What attempts came to, written down; it is told after that.

use super::Engine;
use super::journaling::Uncommitted;
use super::orders::Then;
use super::sending::SentWhat;
use crate::core::charge::{Charge, Key};
use crate::core::clock::Now;
use crate::core::journal::Op;
use crate::core::outcome::{OpenReason, not_sent_yet};
use crate::core::protocol::{Reading, Setback, SetbackKind};
use crate::core::record::{Cause, Conclusion, Purpose};

impl Engine {
    pub(super) fn conclude_set_back(
        &mut self,
        now: Now,
        charge: &Charge,
        setback: &Setback,
        hint: Option<u64>,
    ) {
        let key = &charge.key;
        let cause = Cause {
            reason: setback.kind.reason(),
            detail: self.setback_detail(setback),
        };
        let another_token = setback.kind == SetbackKind::Unauthorized
            && self.gate.closed_for(now) != Some(OpenReason::Unauthorized);
        if !another_token {
            self.count_try(key);
        }
        let conclusion = match (setback.untaken, setback.kind) {
            (true, SetbackKind::Busy) if hint.is_some() => Conclusion::Held(cause),
            (true, _) => Conclusion::TurnedAway(cause),
            // The server has done with this request; what is not its own word tells nothing.
            (false, SetbackKind::ServerError) if setback.own_word => {
                self.lost_conclusion(now, key, cause, 0)
            }
            (false, _) => {
                let later_ms = self.config.arrives_after_loss_ms();
                self.lost_conclusion(now, key, cause, later_ms)
            }
        };
        let next_ms = hint.unwrap_or_else(|| self.delay_ms(key));
        self.conclude(now, charge, conclusion, next_ms, None);
    }

    /// How long until a charge that has just been attempted is due again.
    fn delay_ms(&mut self, key: &Key) -> u64 {
        let spent = self.outbox.get(key).map_or(0, |entry| entry.record.spent());
        let backoff = &self.config.backoff;
        backoff.delay_ms(spent.saturating_sub(1), &mut self.jitter)
    }

    pub(super) fn charge_lost(&mut self, now: Now, charge: &Charge, cause: Cause) {
        self.count_try(&charge.key);
        let next_ms = self.delay_ms(&charge.key);
        let later_ms = match cause.reason {
            OpenReason::Timeout => self.config.arrives_after_limit_ms(),
            OpenReason::Offline
            | OpenReason::Unreachable
            | OpenReason::Busy
            | OpenReason::ServerError
            | OpenReason::Unauthorized => self.config.arrives_after_loss_ms(),
        };
        let lost = self.lost_conclusion(now, &charge.key, cause, later_ms);
        #[cfg(feature = "defects")]
        let lost = crate::core::defects::lost(lost);
        self.conclude(now, charge, lost, next_ms, None);
    }

    /// An attempt without an answer, which may arrive for another `later_ms`.
    fn lost_conclusion(&self, now: Now, key: &Key, cause: Cause, later_ms: u64) -> Conclusion {
        let entry = self.outbox.get(key);
        let before_ms = entry.map_or(0, |entry| {
            entry.may_arrive_until_ms().saturating_sub(now.mono_ms)
        });
        Conclusion::Lost(cause, before_ms.max(later_ms))
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
                (Conclusion::TooEarly, at_ms.saturating_sub(now.mono_ms))
            }
            Some(_) | None => (conclusion, next_attempt_in_ms),
        };
        let op = Op::Conclude {
            charge: charge.clone(),
            // Of its own: what the journal then has is no earlier state of what is known here.
            sequence: self.next_sequence(now),
            tab: self.tab.clone(),
            attempt,
            conclusion,
            next_attempt_in_ms,
        };
        if defect!(TellsBeforeJournaling) {
            let unwritten = Uncommitted::Failed(String::new());
            return self.not_committed(now, op, Then::Concluded { reading }, &unwritten);
        }
        self.journaling.push(op, Then::Concluded { reading });
    }

    /// When a request has to leave for its answer to be certain about this charge, if the one
    /// that has been answered left too early: an earlier one may arrive after it. Monotonic.
    fn certain_at(&self, key: &Key) -> Option<u64> {
        let entry = self.outbox.get(key)?;
        let at_ms = entry.may_arrive_until_ms();
        let early = entry.left_at_ms < at_ms && !defect!(BelievesUntakenTooEarly);
        early.then_some(at_ms)
    }

    /// The client closes while claims are being written down: nothing will leave by them.
    fn conclude_given_up(&mut self) {
        for (key, purpose) in self.journaling.give_up_claims() {
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
                tab: self.tab.clone(),
                attempt: Some((purpose, number)),
                conclusion: Conclusion::NotSent(cause),
                next_attempt_in_ms: 0,
            };
            self.journaling.push(op, Then::Concluded { reading: None });
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
            OpenReason::Timeout => self.config.backoff.base_ms.max(1),
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
            detail: self.say(
                "the client was closed before an answer came",
                "客户端在应答前已关闭",
            ),
        };
        self.conclude_given_up();
        let lost = Conclusion::Lost(cause.clone(), self.config.claim_ms());
        for (_, sent) in std::mem::take(&mut self.sent) {
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
