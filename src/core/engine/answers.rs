//! What an answer, or its absence, means for the charges that were sent, and for the gate.

use super::sending::{Sent, SentWhat, Unauthorized};
use super::{Engine, Life, SendId, Unsent};
use crate::core::alert::AlertKind;
use crate::core::charge::Charge;
use crate::core::clock::Now;
use crate::core::network::Asked;
use crate::core::outcome::OpenReason;
use crate::core::protocol::answer::BODY_LIMIT;
use crate::core::protocol::{
    BatchAnswer, ChargeAnswer, LookUpAnswer, Response, Setback, SetbackKind, Spelling,
};
use crate::core::record::{Cause, Conclusion};

impl Engine {
    pub(super) fn answered(&mut self, now: Now, send: SendId, response: &Response) {
        let Some(sent) = self.sent.remove(&send) else {
            return;
        };
        let too_long = Response::default();
        let response = match response.body.len() > BODY_LIMIT {
            true => &too_long,
            false => response,
        };
        #[cfg(feature = "defects")]
        let response = &crate::core::defects::response(response, &self.tab, send);
        match &sent.what {
            SentWhat::Charge { charge } => {
                self.foreign = false;
                let answer = ChargeAnswer::of(response, charge, now);
                #[cfg(feature = "defects")]
                let answer = crate::core::defects::answer(answer);
                self.charge_answered(now, &sent, charge, answer);
            }
            SentWhat::Batch { charges } => {
                self.foreign = false;
                let answer = BatchAnswer::of(response, charges, now);
                self.batch_answered(now, &sent, charges, answer);
            }
            SentWhat::LookUp { charge, spelling } => {
                let answer = LookUpAnswer::of(response, charge, now);
                let answer = self.heard_as(*spelling, charge, response.status, answer);
                if *spelling == Spelling::Wire && self.is_to_be_asked_raw(charge, &answer) {
                    self.server_answered(&sent);
                    return self.look_up_raw(now, send, charge);
                }
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
                self.doubt_versions(now, sent, reading.as_ref());
                self.conclude(now, charge, Conclusion::Settled(verdict), 0, reading);
            }
            ChargeAnswer::Setback(setback) => {
                let hint = self.set_back(now, sent, Asked::Charge, &setback);
                self.conclude_set_back(now, charge, &setback, hint);
            }
        }
    }

    fn batch_answered(&mut self, now: Now, sent: &Sent, charges: &[Charge], answer: BatchAnswer) {
        match answer {
            BatchAnswer::Results(answers, reading) => {
                self.server_answered(sent);
                self.doubt_versions(now, sent, Some(&reading));
                for (charge, answer) in charges.iter().zip(answers) {
                    match answer {
                        ChargeAnswer::Settled(verdict, _) => {
                            let verdict = Conclusion::Settled(verdict);
                            self.conclude(now, charge, verdict, 0, Some(reading));
                        }
                        ChargeAnswer::Setback(setback) => {
                            self.alert_if_foreign(now, Asked::Charge, &setback);
                            self.conclude_set_back(now, charge, &setback, None);
                        }
                    }
                }
            }
            BatchAnswer::Unsupported => {
                self.batches = false;
                self.send_one_by_one(
                    now,
                    sent,
                    charges,
                    &self.say("the server takes no batches", "服务器不支持批量扣费"),
                );
            }
            BatchAnswer::Refused(detail) => self.send_one_by_one(now, sent, charges, &detail),
            BatchAnswer::Setback(setback) => {
                let hint = self.set_back(now, sent, Asked::Charge, &setback);
                for charge in charges {
                    self.conclude_set_back(now, charge, &setback, hint);
                }
            }
        }
    }

    fn send_one_by_one(&mut self, now: Now, sent: &Sent, charges: &[Charge], detail: &str) {
        self.server_answered(sent);
        for charge in charges {
            self.outbox.update(&charge.key, |entry| entry.alone = true);
            let cause = Cause {
                reason: OpenReason::ServerError,
                detail: detail.to_owned(),
            };
            self.conclude(now, charge, Conclusion::BatchRefused(cause), 0, None);
        }
    }

    /// Draws the gate's and the token's conclusions from an answer without a verdict. Gives the
    /// delay of the next attempt where it is not for the charge's own backoff to say.
    pub(super) fn set_back(
        &mut self,
        now: Now,
        sent: &Sent,
        asked: Asked,
        setback: &Setback,
    ) -> Option<u64> {
        self.alert_if_foreign(now, asked, setback);
        match setback.kind {
            SetbackKind::Unauthorized => {
                if self.auth.unauthorized(sent) == Unauthorized::Refused {
                    self.gate
                        .refused(asked, now, &self.config.backoff, &mut self.jitter);
                    let detail = self.say(
                        &format!("the server does not accept the token: {}", setback.detail),
                        &format!("服务器不接受令牌：{}", setback.detail),
                    );
                    self.raise(now, AlertKind::Unauthorized, detail);
                }
                return Some(0);
            }
            SetbackKind::Busy => {
                let backoff = &self.config.backoff;
                self.gate
                    .busy(setback.retry_after_ms, now, backoff, &mut self.jitter);
                let hold_ms = self.gate.hold_ends_at().saturating_sub(now.mono_ms);
                return Some(hold_ms);
            }
            SetbackKind::InProgress if setback.own_word => self.server_answered(sent),
            // It is there, but may have failed before it looked at the token.
            SetbackKind::ServerError if setback.own_word => self.gate.answered_with_error(),
            SetbackKind::InProgress | SetbackKind::ServerError | SetbackKind::Foreign => {
                self.gate
                    .lost(asked, now, &self.config.backoff, &mut self.jitter);
            }
        }
        None
    }

    fn alert_if_foreign(&mut self, now: Now, asked: Asked, setback: &Setback) {
        if setback.kind == SetbackKind::Foreign {
            self.foreign |= asked == Asked::Charge;
            let detail = self.setback_detail(setback);
            self.raise(now, AlertKind::NetworkLost, detail);
        }
    }

    /// The billing server itself answered, and took the token.
    pub(super) fn server_answered(&mut self, sent: &Sent) {
        self.auth.accepted(sent);
        self.gate.answered();
        self.end_episode(AlertKind::Unauthorized);
    }

    pub(super) fn setback_detail(&self, setback: &Setback) -> String {
        match setback.kind {
            SetbackKind::Foreign => self.say(
                "the answer is not the billing server's answer to this request",
                "应答不是计费服务器对本请求的应答",
            ),
            SetbackKind::Unauthorized
            | SetbackKind::Busy
            | SetbackKind::InProgress
            | SetbackKind::ServerError => setback.detail.clone(),
        }
    }

    pub(super) fn lost(&mut self, now: Now, send: SendId, timed_out: bool) {
        let Some(sent) = self.sent.remove(&send) else {
            return;
        };
        let (reason, detail) = match timed_out {
            true => (
                OpenReason::Timeout,
                self.say("no answer within the time limit", "在时限内没有收到应答"),
            ),
            false => (
                OpenReason::Unreachable,
                self.say(
                    "the connection failed before an answer came",
                    "连接在应答前中断",
                ),
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
        let cause = Cause { reason, detail };
        match &sent.what {
            SentWhat::Charge { charge } => self.charge_lost(now, charge, cause),
            SentWhat::Batch { charges } => {
                for charge in charges {
                    self.charge_lost(now, charge, cause.clone());
                }
            }
            SentWhat::LookUp { charge, .. } => {
                self.count_try(&charge.key);
                self.conclude(now, charge, Conclusion::NotSent(cause), 0, None);
            }
            SentWhat::Balance { .. } => self.balance_lost(now, cause),
        }
        self.leave_lane(send);
        self.progress_all(now);
    }

    pub(super) fn not_sent(&mut self, now: Now, send: SendId, why: Unsent) {
        let Some(sent) = self.sent.remove(&send) else {
            return;
        };
        let detail = match why {
            Unsent::TokenLate => self.say(
                "getToken gave no token in time",
                "getToken 未能按时返回令牌",
            ),
            Unsent::TokenFailed => self.say("getToken failed", "getToken 失败"),
            Unsent::NoToken => self.say(
                "getToken gave what is not a token",
                "getToken 返回的不是令牌",
            ),
            Unsent::Unable(detail) => detail,
            Unsent::SignedOut => self.say("signed out", "已退出登录"),
        };
        if self.life != Life::SignedOut {
            self.gate
                .no_token(now, &self.config.backoff, &mut self.jitter);
        }
        self.raise(now, AlertKind::Unauthorized, detail.clone());
        let cause = Cause {
            reason: OpenReason::Unauthorized,
            detail,
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
            self.conclude(now, &charge, Conclusion::NotSent(cause.clone()), 0, None);
        }
        self.leave_lane(send);
        self.progress_all(now);
    }
}
