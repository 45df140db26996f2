//! What an answer, or its absence, means for the charges that were sent, and for the gate.

use super::wire::{Sent, SentWhat};
use super::{Engine, Life, SendId, Unsent};
use crate::core::alert::AlertKind;
use crate::core::charge::Charge;
use crate::core::clock::Now;
use crate::core::outcome::{OpenReason, not_sent_yet};
use crate::core::protocol::answer::BODY_LIMIT;
use crate::core::protocol::{
    BatchAnswer, ChargeAnswer, LookUpAnswer, Reading, Response, Setback, SetbackKind, Spelling,
    Unreadable,
};
use crate::core::record::{Cause, Conclusion};

impl Engine {
    pub(super) fn answered(&mut self, now: Now, send: SendId, response: &Response) {
        let Some(sent) = self.wire.ended(send) else {
            return;
        };
        let too_long = Response::unreadable(Unreadable::TooLong);
        let response = match response.body.len() > BODY_LIMIT {
            true => &too_long,
            false => response,
        };
        #[cfg(feature = "defects")]
        let response = &crate::core::defects::response(response, &self.cx.tab, send);
        match &sent.what {
            SentWhat::Charge { charge } => {
                self.wire.answered_charge();
                let answer = ChargeAnswer::of(response, charge, now);
                #[cfg(feature = "defects")]
                let answer = crate::core::defects::answer(answer);
                if let ChargeAnswer::Settled(..) = &answer {
                    self.wire.hear_clock(now, &sent, response);
                }
                self.charge_answered(now, &sent, charge, answer);
            }
            SentWhat::Batch { charges } => {
                self.wire.answered_charge();
                let answer = BatchAnswer::of(response, charges, now);
                if let BatchAnswer::Results(..) = &answer {
                    self.wire.hear_clock(now, &sent, response);
                }
                self.batch_answered(now, &sent, charges, answer);
            }
            SentWhat::LookUp { charge, spelling } => {
                let sign = self.wire.judge(now, &sent, response);
                let answer = LookUpAnswer::of(response, charge, now).with(sign);
                let answer = self.heard_as(*spelling, charge, response.status, answer);
                if *spelling == Spelling::Own && self.is_to_be_asked_again(charge, &answer) {
                    self.server_answered(now, &sent);
                    return self.look_up_again(now, send, charge);
                }
                self.look_up_answered(now, &sent, charge, answer);
            }
            SentWhat::Balance { etag } => {
                self.balance_answered(now, &sent, etag.as_deref(), response);
            }
        }
        self.leave_slot(send);
    }

    fn charge_answered(&mut self, now: Now, sent: &Sent, charge: &Charge, answer: ChargeAnswer) {
        match answer {
            ChargeAnswer::Settled(verdict, reading) => {
                self.server_answered(now, sent);
                self.conclude(now, charge, Conclusion::Settled(verdict), 0, reading);
            }
            ChargeAnswer::Setback(setback) => {
                let hint = self.set_back(now, sent, &setback);
                self.conclude_set_back(now, sent, charge, &setback, hint);
            }
        }
    }

    fn batch_answered(&mut self, now: Now, sent: &Sent, charges: &[Charge], answer: BatchAnswer) {
        match answer {
            BatchAnswer::Results(answers, reading) => {
                self.server_answered(now, sent);
                self.wire.batch_answered(charges.len());
                self.results(now, sent, charges, answers, reading);
            }
            BatchAnswer::Unsupported { own_word } => {
                self.wire.batch_unsupported(now, own_word, &mut self.cx);
                let detail = self
                    .cx
                    .say("the server takes no batches", "服务器不支持批量扣费");
                match own_word {
                    true => self.send_one_by_one(now, sent, charges, &detail),
                    false => self.page_for_batch(now, sent, charges, detail),
                }
            }
            BatchAnswer::TooLarge { own_word, detail } => {
                self.batch_too_large(now, sent, charges, own_word, detail);
            }
            BatchAnswer::Refused(detail) => self.send_one_by_one(now, sent, charges, &detail),
            BatchAnswer::Setback(setback) => {
                let hint = self.set_back(now, sent, &setback);
                for charge in charges {
                    self.conclude_set_back(now, sent, charge, &setback, hint);
                }
            }
        }
    }

    fn results(
        &mut self,
        now: Now,
        sent: &Sent,
        charges: &[Charge],
        answers: Vec<ChargeAnswer>,
        reading: Reading,
    ) {
        let mut refused = false;
        for (charge, answer) in charges.iter().zip(answers) {
            match answer {
                ChargeAnswer::Settled(verdict, _) => {
                    let verdict = Conclusion::Settled(verdict);
                    self.conclude(now, charge, verdict, 0, Some(reading));
                }
                ChargeAnswer::Setback(setback) => {
                    let hint = match setback.kind {
                        // The whole queue's, and once is enough.
                        SetbackKind::Unauthorized | SetbackKind::AnotherAccount if !refused => {
                            refused = true;
                            self.set_back(now, sent, &setback)
                        }
                        SetbackKind::Foreign(_) => {
                            self.wire.item_is_foreign(
                                now,
                                &setback,
                                &mut self.bulletin,
                                &mut self.cx,
                            );
                            None
                        }
                        SetbackKind::Unauthorized
                        | SetbackKind::AnotherAccount
                        | SetbackKind::Busy
                        | SetbackKind::InProgress
                        | SetbackKind::GaveUp
                        | SetbackKind::TooLarge
                        | SetbackKind::ServerError => None,
                    };
                    self.conclude_set_back(now, sent, charge, &setback, hint);
                }
            }
        }
    }

    fn send_one_by_one(&mut self, now: Now, sent: &Sent, charges: &[Charge], detail: &str) {
        self.server_answered(now, sent);
        for charge in charges {
            self.outbox.update(&charge.key, |entry| entry.alone = true);
        }
        self.batch_refused(now, charges, detail);
    }

    fn batch_refused(&mut self, now: Now, charges: &[Charge], detail: &str) {
        for charge in charges {
            let cause = Cause {
                reason: OpenReason::ServerError,
                detail: detail.to_owned(),
            };
            self.conclude(now, charge, Conclusion::BatchRefused(cause), 0, None);
        }
    }

    /// Somebody's page says that there are no batches. What became of these charges nobody knows.
    fn page_for_batch(&mut self, now: Now, sent: &Sent, charges: &[Charge], detail: String) {
        for charge in charges {
            self.outbox.update(&charge.key, |entry| entry.alone = true);
            let setback = Setback::of_page(detail.clone());
            self.conclude_set_back(now, sent, charge, &setback, None);
        }
    }

    /// The batch is halved. The server's own word is that nothing was taken; a proxy's is none,
    /// and says nothing of the server either.
    fn batch_too_large(
        &mut self,
        now: Now,
        sent: &Sent,
        charges: &[Charge],
        own_word: bool,
        detail: String,
    ) {
        self.wire.batch_too_large(charges.len());
        if own_word {
            self.server_answered(now, sent);
            return self.batch_refused(now, charges, &detail);
        }
        for charge in charges {
            let cause = Cause {
                reason: OpenReason::ServerError,
                detail: detail.clone(),
            };
            let later_ms = self.cx.config.arrives_after_limit_ms();
            let lost = self.lost_conclusion(now, sent, &charge.key, cause, later_ms);
            self.conclude(now, charge, lost, 0, None);
        }
    }

    pub(super) fn lost(&mut self, now: Now, send: SendId, timed_out: bool) {
        let Some(sent) = self.wire.ended(send) else {
            return;
        };
        let (reason, detail) = match timed_out {
            true => (
                OpenReason::Timeout,
                self.cx
                    .say("no answer within the time limit", "在时限内没有收到应答"),
            ),
            false => (
                OpenReason::Unreachable,
                self.cx.say(
                    "the connection failed before an answer came",
                    "连接在应答前中断",
                ),
            ),
        };
        self.wire
            .not_answered(now, &sent, &mut self.outbox, &mut self.cx);
        let cause = Cause { reason, detail };
        match &sent.what {
            SentWhat::Charge { charge } => self.charge_lost(now, &sent, charge, cause),
            SentWhat::Batch { charges } => {
                for charge in charges {
                    self.charge_lost(now, &sent, charge, cause.clone());
                }
            }
            SentWhat::LookUp { charge, .. } => {
                self.count_try(&charge.key);
                let next_ms = match defect!(EveryLossClosesGate) {
                    true => 0,
                    false => self.delay_of_look_up(&charge.key),
                };
                self.conclude(now, charge, Conclusion::NotSent(cause), next_ms, None);
            }
            SentWhat::Balance { .. } => self.balance_lost(now, cause),
        }
        self.leave_slot(send);
        self.progress_all(now);
    }

    pub(super) fn not_sent(&mut self, now: Now, send: SendId, why: Unsent) {
        let Some(sent) = self.wire.ended(send) else {
            return;
        };
        let next_ms = match why {
            Unsent::Late => self.cx.config.backoff.base_ms.max(1),
            Unsent::TokenLate
            | Unsent::TokenFailed
            | Unsent::NoToken
            | Unsent::Unable(_)
            | Unsent::SignedOut => 0,
        };
        let cause = match why {
            Unsent::Late => Cause {
                reason: OpenReason::Timeout,
                detail: not_sent_yet(OpenReason::Timeout),
            },
            Unsent::TokenLate => self.without_token(
                now,
                "getToken gave no token in time",
                "getToken 未能按时返回令牌",
            ),
            Unsent::TokenFailed => self.without_token(now, "getToken failed", "getToken 失败"),
            Unsent::NoToken => self.without_token(
                now,
                "getToken gave what is not a token",
                "getToken 返回的不是令牌",
            ),
            Unsent::Unable(detail) => self.without_token(now, &detail, &detail),
            Unsent::SignedOut => self.without_token(now, "signed out", "已退出登录"),
        };
        let charges = match sent.what {
            SentWhat::Charge { charge } | SentWhat::LookUp { charge, .. } => vec![charge],
            SentWhat::Batch { charges } => charges,
            SentWhat::Balance { .. } => {
                self.balance_lost(now, cause.clone());
                Vec::new()
            }
        };
        for charge in charges {
            self.count_try(&charge.key);
            self.conclude(
                now,
                &charge,
                Conclusion::NotSent(cause.clone()),
                next_ms,
                None,
            );
        }
        self.leave_slot(send);
        self.progress_all(now);
    }

    /// There is no token for a request, so it has not left.
    fn without_token(&mut self, now: Now, english: &str, chinese: &str) -> Cause {
        if self.life != Life::SignedOut {
            self.wire.no_token(now, &mut self.cx);
        }
        let detail = self.cx.say(english, chinese);
        self.raise(now, AlertKind::Unauthorized, detail.clone());
        Cause {
            reason: OpenReason::Unauthorized,
            detail,
        }
    }

    /// See [`Wire::set_back`](super::wire::Wire::set_back).
    pub(super) fn set_back(&mut self, now: Now, sent: &Sent, setback: &Setback) -> Option<u64> {
        self.wire.set_back(
            now,
            sent,
            setback,
            &mut self.outbox,
            &mut self.bulletin,
            &mut self.cx,
        )
    }

    pub(super) fn server_answered(&mut self, now: Now, sent: &Sent) {
        self.wire
            .server_answered(now, sent, &self.outbox, &mut self.bulletin);
    }
}
