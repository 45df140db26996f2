//! Looking a charge up: what the server knows of a key before it is sent again or given up.

use super::wire::{Sent, SentWhat, setback_detail};
use super::{Engine, Life, SendId};
use crate::core::charge::{Charge, Key};
use crate::core::clock::Now;
use crate::core::network::Way;
use crate::core::outcome::{FailureReason, OpenReason, ParkReason};
use crate::core::percent::percent_decode;
use crate::core::protocol::{LookUpAnswer, Setback, SetbackKind, Spelling};
use crate::core::record::{Cause, Conclusion, Failure, Record, State, Verdict};

/// Look-ups in a row that may go unanswered by a server that does answer otherwise, before the
/// charge is parked.
const LOOK_UPS_LIMIT: u32 = 3;

/// How a server refuses a key that can't be one of its own.
const NO_SUCH_KEY: [u16; 4] = [400, 404, 414, 422];

impl Engine {
    /// Whether "never charged" is not to be believed yet: the server may know the key by the
    /// header's spelling.
    pub(super) fn is_to_be_asked_again(&self, charge: &Charge, answer: &LookUpAnswer) -> bool {
        let never = matches!(answer, LookUpAnswer::NeverCharged);
        never && charge.key.is_spelt_otherwise() && !defect!(BelievesOneSpelling)
    }

    /// Asks once more, by the header's spelling, in the place of the first look-up.
    pub(super) fn look_up_again(&mut self, now: Now, send: SendId, charge: &Charge) {
        let shut = match self.life != Life::Running || self.wire.waits_for_token() {
            true => Some(OpenReason::Unauthorized),
            false => self.wire.gate().closed_to(Way::LookUp, now),
        };
        if let Some(reason) = shut {
            self.conclude_not_sent(now, &charge.key, reason);
            return self.leave_slot(send);
        }
        let what = SentWhat::LookUp {
            charge: charge.clone(),
            spelling: Spelling::Header,
        };
        self.send(now, send, what);
    }

    /// What an answer is worth, by the spelling that was asked for.
    pub(super) fn heard_as(
        &self,
        spelling: Spelling,
        charge: &Charge,
        status: u16,
        answer: LookUpAnswer,
    ) -> LookUpAnswer {
        match (spelling, answer) {
            // It has no key that is spelt so, and none of the other spelling.
            (Spelling::Header, LookUpAnswer::Refused(_)) if NO_SUCH_KEY.contains(&status) => {
                LookUpAnswer::NeverCharged
            }
            (spelling, LookUpAnswer::Charged(receipt)) => {
                match self.twin(spelling, &charge.key).map(Record::receipt) {
                    // It has answered about that one.
                    Some(Some(twin)) if twin.charge_id == receipt.charge_id => {
                        LookUpAnswer::NeverCharged
                    }
                    Some(None) if spelling == Spelling::Header => {
                        LookUpAnswer::Refused(self.cx.say(
                            "the server's answer may be about another key, which it spells so",
                            "服务器的应答可能指的是另一个写法相同的键",
                        ))
                    }
                    Some(_) | None => LookUpAnswer::Charged(receipt),
                }
            }
            (Spelling::Own | Spelling::Header, answer) => answer,
        }
    }

    /// Another charge that may be meant by this spelling: by its own key, where the server decodes
    /// the header, else by the header's spelling of that.
    fn twin(&self, spelling: Spelling, key: &Key) -> Option<&Record> {
        let twin = match spelling {
            Spelling::Header => key.wire(),
            Spelling::Own => percent_decode(key.as_str())?,
        };
        let twin = Key::new(twin).ok().filter(|twin| twin != key)?;
        self.outbox.get(&twin).map(|entry| &entry.record)
    }

    pub(super) fn look_up_answered(
        &mut self,
        now: Now,
        sent: &Sent,
        charge: &Charge,
        answer: LookUpAnswer,
    ) {
        let key = &charge.key;
        match answer {
            LookUpAnswer::Charged(receipt) => {
                self.server_answered(now, sent);
                let reading = Some(receipt.reading());
                let verdict = Verdict::Charged(receipt);
                self.conclude(now, charge, Conclusion::Settled(verdict), 0, reading);
            }
            LookUpAnswer::NeverCharged => {
                self.server_answered(now, sent);
                let conclusion = self.never_charged(key);
                self.conclude(now, charge, conclusion, 0, None);
            }
            LookUpAnswer::Refused(detail) => {
                self.server_answered(now, sent);
                self.count_try(key);
                let reason = self.park_reason(key, now);
                let conclusion = match reason.or(self.not_sent_untold(key)) {
                    Some(reason) => Conclusion::Park(reason, detail),
                    None => Conclusion::TurnedAway(Cause {
                        reason: OpenReason::ServerError,
                        detail,
                    }),
                };
                self.conclude(now, charge, conclusion, 0, None);
            }
            LookUpAnswer::Setback(setback) => {
                let hint = self.set_back(now, sent, &setback);
                if hint.is_none() {
                    self.count_try(key);
                }
                self.look_up_set_back(now, charge, setback, hint);
            }
        }
    }

    fn never_charged(&self, key: &Key) -> Conclusion {
        let exhausted = self
            .outbox
            .get(key)
            .filter(|entry| !entry.record.given_up() && !entry.record.is_refused())
            .is_some_and(|entry| self.cx.is_exhausted(&entry.record));
        if !exhausted {
            return Conclusion::NeverCharged;
        }
        Conclusion::Settled(Verdict::Failed(Failure {
            reason: FailureReason::RetriesExhausted,
            retryable: true,
            detail: self.cx.say(
                "all attempts are used up; the server says that it never charged it",
                "尝试次数已用尽；服务器确认从未扣费",
            ),
        }))
    }

    fn look_up_set_back(&mut self, now: Now, charge: &Charge, setback: Setback, hint: Option<u64>) {
        let key = &charge.key;
        let look_ups = self
            .outbox
            .get(key)
            .map_or(0, |entry| look_ups(&entry.record));
        let cause = Cause {
            reason: setback.kind.reason(),
            detail: setback_detail(&setback, &self.cx),
        };
        let conclusion = match setback.kind {
            SetbackKind::Unauthorized | SetbackKind::AnotherAccount => Conclusion::NotSent(cause),
            SetbackKind::Busy if setback.untaken => Conclusion::Held(cause),
            SetbackKind::Busy => Conclusion::NotSent(cause),
            SetbackKind::InProgress
            | SetbackKind::ServerError
            | SetbackKind::GaveUp
            | SetbackKind::TooLarge
            | SetbackKind::Foreign(_) => {
                let last = look_ups.saturating_add(1) >= LOOK_UPS_LIMIT;
                let foreign = matches!(setback.kind, SetbackKind::Foreign(_));
                let reason = self.park_reason(key, now);
                let reason = reason.or(self.not_sent_untold(key).filter(|_| foreign));
                match reason.filter(|_| last) {
                    Some(reason) => Conclusion::Park(reason, cause.detail),
                    None => Conclusion::TurnedAway(cause),
                }
            }
        };
        let delay_ms = self
            .cx
            .config
            .backoff
            .delay_ms(look_ups, &mut self.cx.jitter);
        let next_ms = hint.unwrap_or(delay_ms);
        self.conclude(now, charge, conclusion, next_ms, None);
    }

    /// What is not sent before the server has told of it is parked where it won't.
    fn not_sent_untold(&self, key: &Key) -> Option<ParkReason> {
        let record = &self.outbox.get(key)?.record;
        record
            .is_only_looked_up()
            .then_some(ParkReason::RetriesExhausted)
    }

    /// Why a charge is parked when its look-up can't be answered; `None` where it need not be.
    fn park_reason(&self, key: &Key, now: Now) -> Option<ParkReason> {
        let record = &self.outbox.get(key)?.record;
        if self.cx.is_exhausted(record) {
            Some(ParkReason::RetriesExhausted)
        } else {
            self.outlook(now)
                .key_expired(record)
                .then_some(ParkReason::KeyExpired)
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
