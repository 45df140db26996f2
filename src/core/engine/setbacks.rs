//! What an answer without a verdict means for the gate and the token.

use super::Engine;
use super::auth::Unauthorized;
use super::sent::{Sent, SentWhat};
use crate::core::alert::AlertKind;
use crate::core::clock::Now;
use crate::core::liveness::Sign;
use crate::core::network::{Asked, Way};
use crate::core::protocol::{Setback, SetbackKind};

impl Engine {
    /// Draws the gate's and the token's conclusions from an answer without a verdict. Gives the
    /// delay of the next attempt where it is not for the charge's own backoff to say.
    pub(super) fn set_back(&mut self, now: Now, sent: &Sent, setback: &Setback) -> Option<u64> {
        let asked = sent.asked();
        let (backoff, jitter) = (&self.cx.config.backoff, &mut self.cx.jitter);
        match (setback.kind, asked) {
            (SetbackKind::Unauthorized, _) => {
                if self.auth.unauthorized(sent) == Unauthorized::Refused {
                    self.token_refused(now, asked);
                    let detail = self.cx.say(
                        &format!("the server does not accept the token: {}", setback.detail),
                        &format!("服务器不接受令牌：{}", setback.detail),
                    );
                    self.raise(now, AlertKind::Unauthorized, detail);
                }
                return Some(0);
            }
            (SetbackKind::AnotherAccount, _) => {
                match asked {
                    Asked::Probe => self.account_refused(now),
                    Asked::By(way) => self.gate.refused(way, now, backoff, jitter),
                }
                let detail = self.cx.say(
                    &format!("another account is signed in: {}", setback.detail),
                    &format!("当前登录的是另一个账户：{}", setback.detail),
                );
                self.raise(now, AlertKind::Unauthorized, detail);
                return Some(0);
            }
            (SetbackKind::Busy, _) if setback.untaken => {
                self.gate.busy(setback.retry_after, now, backoff, jitter);
                self.server_failed(now, asked);
                return Some(self.hold_ms(now));
            }
            (SetbackKind::Busy, _) => {
                self.gate
                    .held_by_another(setback.retry_after, now, backoff, jitter);
                self.not_answered(now, sent);
                return Some(self.hold_ms(now));
            }
            (SetbackKind::InProgress, _) if setback.own_word => self.server_answered(now, sent),
            // It is there, but may have failed before it looked at the token.
            (SetbackKind::ServerError, _) if setback.own_word => self.server_failed(now, asked),
            // Something before the server: that says nothing of the server.
            (SetbackKind::TooLarge, Asked::By(_)) => {}
            (SetbackKind::Foreign(wrong), Asked::Probe) if wrong.is_a_slip() => {
                self.alert_foreign(now, setback);
                self.probe_answered(now, Sign::Possible, false);
            }
            (SetbackKind::Foreign(_), Asked::By(way)) => {
                self.foreign |= way == Way::Sending;
                self.alert_foreign(now, setback);
                self.note_lost(now, sent);
                let (backoff, jitter) = (&self.cx.config.backoff, &mut self.cx.jitter);
                self.gate.doubt(way, now, backoff, jitter);
            }
            (SetbackKind::Foreign(_), Asked::Probe) => {
                self.alert_foreign(now, setback);
                self.not_answered(now, sent);
            }
            (
                SetbackKind::InProgress
                | SetbackKind::ServerError
                | SetbackKind::GaveUp
                | SetbackKind::TooLarge,
                _,
            ) => self.not_answered(now, sent),
        }
        None
    }

    fn hold_ms(&self, now: Now) -> u64 {
        self.gate.hold_ends_at().saturating_sub(now.mono_ms)
    }

    /// The balance is another account's, which is the server's own word.
    fn account_refused(&mut self, now: Now) {
        self.probe_answered(now, Sign::Possible, false);
        if !self.gate.is_out_of_reach() {
            let (backoff, jitter) = (&self.cx.config.backoff, &mut self.cx.jitter);
            self.gate.no_token(now, backoff, jitter);
        }
    }

    /// A new token was refused.
    fn token_refused(&mut self, now: Now, asked: Asked) {
        match asked {
            // That the balance is not told says nothing of charges: they learn it themselves.
            Asked::Probe => self.probe_answered(now, Sign::Possible, false),
            Asked::By(way) => {
                let (backoff, jitter) = (&self.cx.config.backoff, &mut self.cx.jitter);
                self.gate.refused(way, now, backoff, jitter);
            }
        }
    }

    /// The billing server itself answered, though it may not have looked at the token.
    fn server_failed(&mut self, now: Now, asked: Asked) {
        match asked {
            Asked::Probe => self.probe_answered(now, Sign::Possible, false),
            Asked::By(way) => self.gate.answered_with_error(way, now),
        }
    }

    /// Takes a probe's answer for what it is worth.
    pub(super) fn probe_answered(&mut self, now: Now, sign: Sign, accepted: bool) {
        let open = self.outbox.open() > 0;
        let (backoff, jitter) = (&self.cx.config.backoff, &mut self.cx.jitter);
        self.gate
            .probe_answered(sign, accepted, open, now, backoff, jitter);
    }

    /// The server did not answer this, or something else did. Where requests about the same
    /// charge were lost before while the server lived, that is no sign of an outage.
    pub(super) fn not_answered(&mut self, now: Now, sent: &Sent) {
        let suspect = sent
            .charges()
            .iter()
            .any(|charge| self.is_suspect(&charge.key));
        self.note_lost(now, sent);
        match suspect {
            true => {
                let (backoff, jitter) = (&self.cx.config.backoff, &mut self.cx.jitter);
                self.gate.suspect_lost(now, backoff, jitter);
            }
            false => {
                let (backoff, jitter) = (&self.cx.config.backoff, &mut self.cx.jitter);
                self.gate.lost(sent.asked(), now, backoff, jitter);
            }
        }
    }

    fn note_lost(&mut self, now: Now, sent: &Sent) {
        for charge in sent.charges() {
            self.outbox
                .update(&charge.key, |entry| entry.lost_at_ms = Some(now.mono_ms));
        }
        match &sent.what {
            SentWhat::Batch { charges } => self.batching.lost(charges.len()),
            // Whatever is wrong may be wrong with it: it spoils no batch.
            SentWhat::Charge { charge } => {
                self.outbox.update(&charge.key, |entry| entry.alone = true);
            }
            SentWhat::LookUp { .. } | SentWhat::Balance { .. } => {}
        }
    }

    pub(super) fn alert_foreign(&mut self, now: Now, setback: &Setback) {
        let detail = self.setback_detail(setback);
        self.raise(now, AlertKind::NetworkLost, detail);
    }

    /// The billing server itself answered a request about charges, and took the token.
    pub(super) fn server_answered(&mut self, now: Now, sent: &Sent) {
        self.auth.accepted(sent);
        if sent
            .charges()
            .iter()
            .any(|charge| self.is_suspect(&charge.key))
        {
            self.gate.suspect_answered();
        }
        if let Asked::By(way) = sent.asked() {
            self.gate.answered(way, now);
        }
        if !self.is_any_way_refused() {
            self.bulletin.end(AlertKind::Unauthorized);
        }
    }

    pub(super) fn is_any_way_refused(&self) -> bool {
        self.gate.is_refused(Way::Sending) || self.gate.is_refused(Way::LookUp)
    }

    pub(super) fn setback_detail(&self, setback: &Setback) -> String {
        match setback.kind {
            SetbackKind::Foreign(wrong) => wrong.text(),
            SetbackKind::TooLarge => self.cx.say(
                &format!(
                    "{}: the request is too large for something before the server",
                    setback.detail
                ),
                &format!("{}：请求过大，被服务器之前的某个环节拒绝", setback.detail),
            ),
            SetbackKind::Unauthorized
            | SetbackKind::AnotherAccount
            | SetbackKind::Busy
            | SetbackKind::InProgress
            | SetbackKind::GaveUp
            | SetbackKind::ServerError => setback.detail.clone(),
        }
    }
}
