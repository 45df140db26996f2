//! What an answer, or its absence, means for the charges that were sent, and for the gate.

use super::journaling::Then;
use super::sending::{Sent, SentWhat, Unauthorized};
use super::{Engine, SendId};
use crate::core::alert::AlertKind;
use crate::core::charge::{Charge, Key};
use crate::core::clock::Now;
use crate::core::journal::Op;
use crate::core::network::Asked;
use crate::core::outcome::{FailureReason, OpenReason, ParkReason};
use crate::core::protocol::answer::BODY_LIMIT;
use crate::core::protocol::{
    BatchAnswer, ChargeAnswer, LookUpAnswer, Reading, Response, Setback, SetbackKind,
};
use crate::core::record::{Cause, Conclusion, Failure, Record, State, Verdict};

/// Look-ups in a row that may go unanswered by a server that does answer otherwise, before the
/// charge is parked.
const LOOK_UPS_LIMIT: u32 = 3;

impl Engine {
    pub(super) fn answered(&mut self, now: Now, send: SendId, response: &Response) {
        let Some(sent) = self.sent.remove(&send) else {
            return;
        };
        let too_long = Response {
            status: 0,
            ..Response::default()
        };
        let response = match response.body.len() > BODY_LIMIT {
            true => &too_long,
            false => response,
        };
        match &sent.what {
            SentWhat::Charge { charge } => {
                let answer = ChargeAnswer::of(response, charge, now);
                self.charge_answered(now, &sent, charge, answer);
            }
            SentWhat::Batch { charges } => {
                let answer = BatchAnswer::of(response, charges, now);
                self.batch_answered(now, &sent, charges, answer);
            }
            SentWhat::LookUp { charge } => {
                let answer = LookUpAnswer::of(response, charge, now);
                self.look_up_answered(now, &sent, charge, answer);
            }
            SentWhat::Balance { etag } => {
                self.balance_answered(now, &sent, etag.as_deref(), response);
            }
        }
        self.leave_lane(send);
    }

    fn charge_answered(&mut self, now: Now, sent: &Sent, charge: &Charge, answer: ChargeAnswer) {
        match answer {
            ChargeAnswer::Settled(verdict, reading) => {
                self.server_answered(sent);
                self.conclude(&charge.key, Conclusion::Settled(verdict), 0, reading);
            }
            ChargeAnswer::Setback(setback) => {
                let hint = self.set_back(now, sent, Asked::Charge, &setback);
                self.conclude_set_back(now, &charge.key, &setback, hint);
            }
        }
    }

    fn batch_answered(&mut self, now: Now, sent: &Sent, charges: &[Charge], answer: BatchAnswer) {
        match answer {
            BatchAnswer::Results(answers, reading) => {
                self.server_answered(sent);
                for (charge, answer) in charges.iter().zip(answers) {
                    match answer {
                        ChargeAnswer::Settled(verdict, _) => {
                            let verdict = Conclusion::Settled(verdict);
                            self.conclude(&charge.key, verdict, 0, Some(reading));
                        }
                        ChargeAnswer::Setback(setback) => {
                            self.alert_if_foreign(now, &setback);
                            self.conclude_set_back(now, &charge.key, &setback, None);
                        }
                    }
                }
            }
            BatchAnswer::Unsupported => {
                self.batches = false;
                self.send_one_by_one(sent, charges, "the server takes no batches");
            }
            BatchAnswer::Refused(detail) => self.send_one_by_one(sent, charges, &detail),
            BatchAnswer::Setback(setback) => {
                let hint = self.set_back(now, sent, Asked::Charge, &setback);
                for charge in charges {
                    self.conclude_set_back(now, &charge.key, &setback, hint);
                }
            }
        }
    }

    fn send_one_by_one(&mut self, sent: &Sent, charges: &[Charge], detail: &str) {
        self.server_answered(sent);
        for charge in charges {
            self.outbox.update(&charge.key, |entry| entry.alone = true);
            let cause = Cause {
                reason: OpenReason::ServerError,
                detail: detail.to_owned(),
            };
            self.conclude(&charge.key, Conclusion::NotSent(cause), 0, None);
        }
    }

    fn look_up_answered(&mut self, now: Now, sent: &Sent, charge: &Charge, answer: LookUpAnswer) {
        let key = &charge.key;
        match answer {
            LookUpAnswer::Charged(receipt) => {
                self.server_answered(sent);
                let reading = Some(receipt.reading());
                let verdict = Verdict::Charged(receipt);
                self.conclude(key, Conclusion::Settled(verdict), 0, reading);
            }
            LookUpAnswer::NeverCharged => {
                self.server_answered(sent);
                let conclusion = self.never_charged(key);
                self.conclude(key, conclusion, 0, None);
            }
            LookUpAnswer::Refused(detail) => {
                self.server_answered(sent);
                self.count_try(key);
                let conclusion = match self.park_reason(key, now) {
                    Some(reason) => Conclusion::Park(reason, detail),
                    None => Conclusion::TurnedAway(Cause {
                        reason: OpenReason::ServerError,
                        detail,
                    }),
                };
                self.conclude(key, conclusion, 0, None);
            }
            LookUpAnswer::Setback(setback) => {
                let hint = self.set_back(now, sent, Asked::Charge, &setback);
                if hint.is_none() {
                    self.count_try(key);
                }
                self.look_up_set_back(now, key, setback, hint);
            }
        }
    }

    fn never_charged(&self, key: &Key) -> Conclusion {
        let exhausted = self
            .outbox
            .get(key)
            .is_some_and(|entry| self.is_exhausted(&entry.record));
        let failure = if self.calls.wants_cancelled(key) {
            Failure {
                reason: FailureReason::Cancelled,
                retryable: false,
                detail: "given up; the server says that it never charged it".to_owned(),
            }
        } else if exhausted {
            Failure {
                reason: FailureReason::RetriesExhausted,
                retryable: true,
                detail: "all attempts are used up; the server says that it never charged it"
                    .to_owned(),
            }
        } else {
            return Conclusion::NeverCharged;
        };
        Conclusion::Settled(Verdict::Failed(failure))
    }

    fn look_up_set_back(&mut self, now: Now, key: &Key, setback: Setback, hint: Option<u64>) {
        let look_ups = self
            .outbox
            .get(key)
            .map_or(0, |entry| look_ups(&entry.record));
        let cause = Cause {
            reason: setback.kind.reason(),
            detail: setback.detail,
        };
        let conclusion = match setback.kind {
            SetbackKind::Unauthorized | SetbackKind::Busy => Conclusion::NotSent(cause),
            SetbackKind::InProgress | SetbackKind::ServerError | SetbackKind::Foreign => {
                let last = look_ups.saturating_add(1) >= LOOK_UPS_LIMIT;
                match self.park_reason(key, now).filter(|_| last) {
                    Some(reason) => Conclusion::Park(reason, cause.detail),
                    None => Conclusion::TurnedAway(cause),
                }
            }
        };
        let delay_ms = self.config.backoff.delay_ms(look_ups, &mut self.jitter);
        let next_ms = hint.unwrap_or_else(|| now.wall_after(delay_ms));
        self.conclude(key, conclusion, next_ms, None);
    }

    /// Why a charge is parked when its look-up can't be answered; `None` where it need not be.
    fn park_reason(&self, key: &Key, now: Now) -> Option<ParkReason> {
        let record = &self.outbox.get(key)?.record;
        if self.is_exhausted(record) {
            Some(ParkReason::RetriesExhausted)
        } else {
            self.key_expired(record, now)
                .then_some(ParkReason::KeyExpired)
        }
    }

    /// Draws the gate's and the token's conclusions from an answer without a verdict. Gives the
    /// time of the next attempt where it is not for the charge's own backoff to say.
    pub(super) fn set_back(
        &mut self,
        now: Now,
        sent: &Sent,
        asked: Asked,
        setback: &Setback,
    ) -> Option<u64> {
        self.alert_if_foreign(now, setback);
        match setback.kind {
            SetbackKind::Unauthorized => {
                if self.auth.unauthorized(sent) == Unauthorized::Refused {
                    self.gate
                        .refused(asked, now, &self.config.backoff, &mut self.jitter);
                    self.raise(now, AlertKind::Unauthorized, setback.detail.clone());
                }
                return Some(0);
            }
            SetbackKind::Busy => {
                self.auth.accepted(sent);
                let backoff = &self.config.backoff;
                self.gate
                    .busy(setback.retry_after_ms, now, backoff, &mut self.jitter);
                return Some(0);
            }
            SetbackKind::InProgress | SetbackKind::ServerError | SetbackKind::Foreign => {}
        }
        if setback.own_word {
            self.server_answered(sent);
        } else {
            self.gate
                .lost(asked, now, &self.config.backoff, &mut self.jitter);
        }
        None
    }

    fn alert_if_foreign(&mut self, now: Now, setback: &Setback) {
        if setback.kind == SetbackKind::Foreign {
            self.raise(now, AlertKind::NetworkLost, setback.detail.clone());
        }
    }

    /// The billing server itself answered, and took the token.
    pub(super) fn server_answered(&mut self, sent: &Sent) {
        self.auth.accepted(sent);
        self.gate.answered();
        self.end_episode(AlertKind::Unauthorized);
    }

    fn conclude_set_back(&mut self, now: Now, key: &Key, setback: &Setback, hint: Option<u64>) {
        let cause = Cause {
            reason: setback.kind.reason(),
            detail: setback.detail.clone(),
        };
        let another_token = setback.kind == SetbackKind::Unauthorized
            && self.gate.closed_for(now) != Some(OpenReason::Unauthorized);
        if !another_token {
            self.count_try(key);
        }
        let conclusion = match setback.untaken {
            true => Conclusion::TurnedAway(cause),
            false => Conclusion::Lost(cause),
        };
        let next_ms = hint.unwrap_or_else(|| self.next_attempt_ms(now, key));
        self.conclude(key, conclusion, next_ms, None);
    }

    /// When a charge that has just been attempted is due again; wall clock.
    fn next_attempt_ms(&mut self, now: Now, key: &Key) -> u64 {
        let spent = self.outbox.get(key).map_or(0, |entry| entry.record.spent());
        let delay_ms = self
            .config
            .backoff
            .delay_ms(spent.saturating_sub(1), &mut self.jitter);
        now.wall_after(delay_ms)
    }

    pub(super) fn lost(&mut self, now: Now, send: SendId, timed_out: bool) {
        let Some(sent) = self.sent.remove(&send) else {
            return;
        };
        let (reason, detail) = match timed_out {
            true => (OpenReason::Timeout, "no answer within the time limit"),
            false => (
                OpenReason::Unreachable,
                "the connection failed before an answer came",
            ),
        };
        let asked = match &sent.what {
            SentWhat::Balance { .. } => Asked::Probe,
            SentWhat::Charge { .. } | SentWhat::Batch { .. } | SentWhat::LookUp { .. } => {
                Asked::Charge
            }
        };
        self.gate
            .lost(asked, now, &self.config.backoff, &mut self.jitter);
        let cause = Cause {
            reason,
            detail: detail.to_owned(),
        };
        match &sent.what {
            SentWhat::Charge { charge } => self.charge_lost(now, charge, cause),
            SentWhat::Batch { charges } => {
                for charge in charges {
                    self.charge_lost(now, charge, cause.clone());
                }
            }
            SentWhat::LookUp { charge } => {
                self.count_try(&charge.key);
                self.conclude(&charge.key, Conclusion::NotSent(cause), 0, None);
            }
            SentWhat::Balance { .. } => self.balance_lost(now, cause),
        }
        self.leave_lane(send);
        self.progress_all(now);
    }

    fn charge_lost(&mut self, now: Now, charge: &Charge, cause: Cause) {
        self.count_try(&charge.key);
        let next_ms = self.next_attempt_ms(now, &charge.key);
        self.conclude(&charge.key, Conclusion::Lost(cause), next_ms, None);
    }

    pub(super) fn not_sent(&mut self, now: Now, send: SendId, detail: String) {
        let Some(sent) = self.sent.remove(&send) else {
            return;
        };
        let asked = Asked::Probe;
        self.gate
            .refused(asked, now, &self.config.backoff, &mut self.jitter);
        self.raise(now, AlertKind::Unauthorized, detail.clone());
        let cause = Cause {
            reason: OpenReason::Unauthorized,
            detail,
        };
        let charges = match sent.what {
            SentWhat::Charge { charge } | SentWhat::LookUp { charge } => vec![charge],
            SentWhat::Batch { charges } => charges,
            SentWhat::Balance { .. } => {
                self.balance_lost(now, cause.clone());
                Vec::new()
            }
        };
        for charge in charges {
            self.count_try(&charge.key);
            self.conclude(&charge.key, Conclusion::NotSent(cause.clone()), 0, None);
        }
        self.leave_lane(send);
        self.progress_all(now);
    }

    /// Orders what an attempt came to to be written down. What it says is told after that.
    fn conclude(
        &mut self,
        key: &Key,
        conclusion: Conclusion,
        next_attempt_at_ms: u64,
        reading: Option<Reading>,
    ) {
        let op = Op::Conclude {
            key: key.clone(),
            tab: self.tab.clone(),
            conclusion,
            next_attempt_at_ms,
        };
        self.journaling.push(op, Then::Concluded { reading });
    }

    /// The client closes while requests are on their way: nobody will hear their answers.
    pub(super) fn conclude_all_lost(&mut self) {
        let cause = Cause {
            reason: OpenReason::Timeout,
            detail: "the client was closed before an answer came".to_owned(),
        };
        for (_, sent) in std::mem::take(&mut self.sent) {
            let (charges, conclusion) = match sent.what {
                SentWhat::Charge { charge } => (vec![charge], Conclusion::Lost(cause.clone())),
                SentWhat::Batch { charges } => (charges, Conclusion::Lost(cause.clone())),
                SentWhat::LookUp { charge } => (vec![charge], Conclusion::NotSent(cause.clone())),
                SentWhat::Balance { .. } => continue,
            };
            for charge in charges {
                self.conclude(&charge.key, conclusion.clone(), 0, None);
            }
        }
    }
}

fn look_ups(record: &Record) -> u32 {
    match record.state() {
        State::Waiting(waiting) => waiting.look_ups(),
        State::Attempting(attempting) => attempting.before().look_ups(),
        State::Parked(_) | State::Settled(_) => 0,
    }
}
