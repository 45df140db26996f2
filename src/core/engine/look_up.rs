//! Look-ups of charges, and the consequences of the server's answers.

use super::calls::Outlook;
use crate::core::charge::{Charge, Key};
use crate::core::outbox::Outbox;
use crate::core::percent::percent_decode;
use crate::core::protocol::{LookUpAnswer, Setback, SetbackKind, Spelling};
use crate::core::reason::{FailureReason, OpenReason, ParkReason};
use crate::core::record::{Cause, Conclusion, Failure, Record, State, Verdict};
use crate::core::text::Detail;

/// Consecutive unanswered look-ups, while the server does answer other requests, before the charge
/// is parked.
const LOOK_UPS_LIMIT: u32 = 3;

/// Statuses with which a server rejects a key that can't be one of its own.
const NO_SUCH_KEY: [u16; 4] = [400, 404, 414, 422];

/// The look-up of one charge.
#[derive(Clone, Copy, Debug)]
pub(super) struct LookUp<'a> {
    pub(super) charge: &'a Charge,
    pub(super) outbox: &'a Outbox,
    pub(super) outlook: Outlook<'a>,
}

impl LookUp<'_> {
    /// Whether "never charged" needs a second look-up: the server may know the key by the header's
    /// spelling.
    pub(super) fn is_to_be_asked_again(&self, answer: &LookUpAnswer) -> bool {
        let never = matches!(answer, LookUpAnswer::NeverCharged);
        never && self.charge.key.is_spelt_otherwise() && !defect!(BelievesOneSpelling)
    }

    /// The meaning of an answer, given the spelling of the key in the look-up.
    pub(super) fn meaning_of(
        &self,
        spelling: Spelling,
        status: u16,
        answer: LookUpAnswer,
    ) -> LookUpAnswer {
        match (spelling, answer) {
            // It has no such key, and none of the other spelling.
            (Spelling::Header, LookUpAnswer::Rejected(_)) if NO_SUCH_KEY.contains(&status) => {
                LookUpAnswer::NeverCharged
            }
            (spelling, LookUpAnswer::Charged(receipt)) => {
                let twin = self.twin(spelling);
                let is_open = twin.is_some_and(Record::is_held);
                match twin.map(Record::receipt) {
                    // The answer is about that charge.
                    Some(Some(twin)) if twin.charge_id == receipt.charge_id => {
                        LookUpAnswer::NeverCharged
                    }
                    // It may be.
                    Some(None) if spelling == Spelling::Header || is_open => {
                        LookUpAnswer::Rejected(Detail::AnotherKey)
                    }
                    Some(_) | None => LookUpAnswer::Charged(receipt),
                }
            }
            (Spelling::Own | Spelling::Header, answer) => answer,
        }
    }

    /// Another charge that this spelling may denote: by its own key, if the server decodes the
    /// header, else by the header's spelling of its key.
    fn twin(&self, spelling: Spelling) -> Option<&Record> {
        let key = &self.charge.key;
        let twin = match spelling {
            Spelling::Header => key.wire(),
            Spelling::Own => percent_decode(key.as_str())?,
        };
        let twin = Key::new(twin).ok().filter(|twin| twin != key)?;
        self.outbox.get(&twin).map(|entry| &entry.record)
    }

    fn record(&self) -> Option<&Record> {
        let entry = self.outbox.get(&self.charge.key)?;
        Some(&entry.record)
    }

    /// Consecutive look-ups without an answer.
    pub(super) fn unanswered(&self) -> u32 {
        self.record().map_or(0, look_ups)
    }

    /// The server says that it never charged this key.
    pub(super) fn never_charged(&self) -> Conclusion {
        let exhausted = self
            .record()
            .filter(|record| !record.is_cancelling() && !record.has_provisional_verdict())
            .is_some_and(|record| self.outlook.cx.is_exhausted(record));
        if !exhausted {
            return Conclusion::NeverCharged;
        }
        Conclusion::Settled(Verdict::Failed(Failure {
            reason: FailureReason::RetriesExhausted,
            retryable: true,
            detail: Detail::NeverCharged,
        }))
    }

    /// The server does not answer look-ups of this key.
    pub(super) fn rejected(&self, detail: Detail) -> Conclusion {
        match self.park_reason().or(self.not_sent_untold()) {
            Some(reason) => Conclusion::Park(reason, detail),
            None => Conclusion::TurnedAway(Cause {
                reason: OpenReason::ServerError,
                detail,
            }),
        }
    }

    /// The look-up brought no answer of the server's, or one that asks for patience.
    pub(super) fn set_back(&self, setback: &Setback) -> Conclusion {
        let cause = Cause {
            reason: setback.kind.reason(),
            detail: setback.detail.clone(),
        };
        match setback.kind {
            SetbackKind::Unauthorized | SetbackKind::AnotherAccount => Conclusion::NotSent(cause),
            SetbackKind::Busy if setback.untaken => Conclusion::Held(cause),
            SetbackKind::Busy => Conclusion::NotSent(cause),
            SetbackKind::InProgress
            | SetbackKind::ServerError
            | SetbackKind::GaveUp
            | SetbackKind::TooLarge
            | SetbackKind::Foreign(_) => {
                let last = self.unanswered().saturating_add(1) >= LOOK_UPS_LIMIT;
                let foreign = matches!(setback.kind, SetbackKind::Foreign(_));
                let untold = self.not_sent_untold().filter(|_| foreign);
                match self.park_reason().or(untold).filter(|_| last) {
                    Some(reason) => Conclusion::Park(reason, cause.detail),
                    None => Conclusion::TurnedAway(cause),
                }
            }
        }
    }

    /// A charge that is not sent before a look-up is parked if the server won't answer it.
    fn not_sent_untold(&self) -> Option<ParkReason> {
        self.record()?
            .is_only_looked_up()
            .then_some(ParkReason::RetriesExhausted)
    }

    /// Why a charge is parked when its look-up can't be answered; `None` if it need not be.
    fn park_reason(&self) -> Option<ParkReason> {
        let record = self.record()?;
        if self.outlook.cx.is_exhausted(record) {
            Some(ParkReason::RetriesExhausted)
        } else {
            self.outlook
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
