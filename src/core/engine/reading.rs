//! Reading the balance: when the user asks, when it is due, and as the probe of an outage.

use super::wire::{Sent, SentWhat, setback_detail};
use super::{Answer, CallId, Engine, Life};
use crate::core::balance::{Balance, is_stale};
use crate::core::clock::{Now, parse_http_date};
use crate::core::liveness::Sign;
use crate::core::outcome::OpenReason;
use crate::core::protocol::{BalanceAnswer, Reading, Response, SetbackKind};
use crate::core::record::Cause;
use crate::core::snapshot::{BalanceReason, BalanceResult};

impl Engine {
    pub(super) fn refresh_balance(&mut self, now: Now, call: CallId, max_age_ms: Option<u64>) {
        let confirmed = self.balance.confirmed();
        let fresh = max_age_ms.is_some_and(|max_age_ms| {
            confirmed.is_some_and(|known| !is_stale(known.as_of_ms, now.wall_ms, max_age_ms))
        });
        if let (true, Some(balance)) = (fresh, self.balance_view(now)) {
            return self.resolve(call, Answer::Balance(BalanceResult::Fresh { balance }));
        }
        if self.life != Life::Running {
            let detail = self.cx.say("signed out", "已退出登录");
            let reason = BalanceReason::Open(OpenReason::Unauthorized);
            return self.no_balance_for(now, call, reason, detail);
        }
        if !self.wire.gate().lets_probes_through(now) {
            let (reason, detail) = self.why_shut(now);
            return self.no_balance_for(now, call, BalanceReason::Open(reason), detail);
        }
        self.balance.wait(call);
        self.read_balance(now);
    }

    /// A reading that is put off may have become impossible: whoever waits for it is told.
    pub(super) fn refuse_refresh_if_shut(&mut self, now: Now) {
        if self.balance.refresh().is_put_off() && !self.wire.gate().lets_probes_through(now) {
            let (reason, detail) = self.why_shut(now);
            self.tell_unavailable(now, BalanceReason::Open(reason), &detail);
        }
    }

    fn why_shut(&self, now: Now) -> (OpenReason, String) {
        match self.wire.gate().closed_for(now) {
            Some(reason @ OpenReason::Offline) => {
                (reason, self.cx.say("the browser is offline", "浏览器离线"))
            }
            // Whatever else there is, this is what keeps even probes back.
            Some(_) | None => {
                let detail = self
                    .cx
                    .say("the server asked for patience", "服务器要求稍候");
                (OpenReason::Busy, detail)
            }
        }
    }

    fn no_balance_for(&mut self, now: Now, call: CallId, reason: BalanceReason, detail: String) {
        let cached = self.balance_view(now);
        let result = BalanceResult::Unavailable {
            reason,
            detail,
            cached,
        };
        self.resolve(call, Answer::Balance(result));
    }

    pub(super) fn balance_view(&self, now: Now) -> Option<Balance> {
        self.balance.view(self.held(), now, &self.cx)
    }

    pub(super) fn read_balance(&mut self, now: Now) {
        if let Some(etag) = self.balance.begin(now, &mut self.cx) {
            self.wire.gate_mut().probe_left();
            let send = self.wire.next_send();
            self.send(now, send, SentWhat::Balance { etag });
        }
    }

    pub(super) fn balance_answered(
        &mut self,
        now: Now,
        sent: &Sent,
        asked_with: Option<&str>,
        response: &Response,
    ) {
        self.balance.ended();
        self.wire.gate_mut().probe_ended();
        let sign = self.wire.judge(now, sent, response);
        match BalanceAnswer::of(response, asked_with.is_some(), now) {
            BalanceAnswer::Fresh(reading, etag) => {
                let sign = self.sign_of(sent, &reading, sign);
                let behind = sent.is_behind(&reading);
                self.balance_told(now, sent, sign);
                if sign == Sign::Cached && !behind {
                    // As old as it says, if it says anything.
                    let as_of_ms = response.date.as_deref().and_then(parse_http_date);
                    let as_of_ms = as_of_ms.unwrap_or(0).min(now.wall_ms);
                    self.learn(Some(reading), None, as_of_ms);
                } else {
                    self.learn(Some(reading), etag, now.wall_ms);
                }
                self.tell_read(now, sign);
            }
            BalanceAnswer::Unchanged => {
                self.balance_told(now, sent, sign);
                if sign != Sign::Cached {
                    self.balance
                        .confirm_unchanged(now, asked_with, &mut self.cx);
                }
                self.tell_read(now, sign);
            }
            BalanceAnswer::Forbidden(detail) => {
                self.balance_told(now, sent, sign);
                self.tell_unavailable(now, BalanceReason::Forbidden, &detail);
            }
            BalanceAnswer::Rejected(detail) => {
                self.balance_told(now, sent, sign);
                self.tell_unavailable(now, BalanceReason::Rejected, &detail);
            }
            BalanceAnswer::Setback(setback) => {
                let refused_before = sent.refreshed;
                self.set_back(now, sent, &setback);
                let reason = setback.kind.reason();
                let may_ask =
                    self.life == Life::Running && self.wire.gate().lets_probes_through(now);
                if setback.kind == SetbackKind::Unauthorized && !refused_before && may_ask {
                    // Once more, with another token.
                    return self.read_balance(now);
                }
                self.balance.not_told(now, &self.cx);
                self.count_try_of_all();
                let detail = setback_detail(&setback, &self.cx);
                self.tell_unavailable(now, BalanceReason::Open(reason), &detail);
                self.progress_all(now);
            }
        }
    }

    pub(super) fn balance_lost(&mut self, now: Now, cause: Cause) {
        self.balance.ended();
        self.wire.gate_mut().probe_ended();
        self.balance.not_told(now, &self.cx);
        self.count_try_of_all();
        self.tell_unavailable(now, BalanceReason::Open(cause.reason), &cause.detail);
    }

    /// The server has told the balance, or somebody that remembers its answer.
    fn balance_told(&mut self, now: Now, sent: &Sent, sign: Sign) {
        self.balance.told();
        self.wire.balance_told(
            now,
            sent,
            sign,
            &self.outbox,
            &mut self.bulletin,
            &mut self.cx,
        );
    }

    /// What a balance shows of the server's life: nobody but the server knows of a later version,
    /// and the server does not forget an earlier one.
    fn sign_of(&self, sent: &Sent, reading: &Reading, sign: Sign) -> Sign {
        let known = self.balance.confirmed();
        let is_news = known.is_some_and(|known| known.version < reading.version);
        match sign {
            Sign::Certain | Sign::Possible if sent.is_behind(reading) => Sign::Cached,
            Sign::Possible if is_news => Sign::Certain,
            Sign::Certain | Sign::Possible | Sign::Cached => sign,
        }
    }

    fn tell_read(&mut self, now: Now, sign: Sign) {
        if sign != Sign::Cached {
            return self.tell_fresh(now);
        }
        let reason = BalanceReason::Open(OpenReason::Unreachable);
        let detail = self.cx.say(
            "the answer is an old one, which the server has not given now",
            "应答是旧的，并非服务器此刻所给",
        );
        self.tell_unavailable(now, reason, &detail);
    }

    fn tell_fresh(&mut self, now: Now) {
        match self.balance_view(now) {
            Some(balance) => self.balance.tell_fresh(&balance, &mut self.cx),
            None => {
                let reason = BalanceReason::Open(OpenReason::Unauthorized);
                let detail = self.cx.say("signed out", "已退出登录");
                self.tell_unavailable(now, reason, &detail);
            }
        }
    }

    fn tell_unavailable(&mut self, now: Now, reason: BalanceReason, detail: &str) {
        let cached = self.balance_view(now);
        self.balance
            .tell_unavailable(reason, detail, cached.as_ref(), &mut self.cx);
    }

    /// Nothing is asked for any more; what is on its way is still answered.
    pub(super) fn sign_out_refresh(&mut self, now: Now) {
        if !self.balance.refresh().is_under_way() {
            let reason = BalanceReason::Open(OpenReason::Unauthorized);
            let detail = self.cx.say("signed out", "已退出登录");
            self.tell_unavailable(now, reason, &detail);
        }
    }

    pub(super) fn close_refresh(&mut self, now: Now) {
        let reason = BalanceReason::Open(OpenReason::Timeout);
        let detail = self.cx.say("the client was closed", "客户端已关闭");
        self.tell_unavailable(now, reason, &detail);
    }

    pub(super) fn learn(&mut self, reading: Option<Reading>, etag: Option<String>, as_of_ms: u64) {
        self.balance.learn(reading, etag, as_of_ms, &mut self.cx);
    }
}
