//! Reading the balance: when the user asks, when it is due, and as the probe of an outage.

use super::wire::{Sent, SentWhat, setback_detail};
use super::{Answer, CallId, Effect, Engine, Life};
use crate::core::balance::{Balance, is_stale};
use crate::core::clock::{Now, parse_http_date};
use crate::core::liveness::Sign;
use crate::core::outcome::OpenReason;
use crate::core::protocol::{BalanceAnswer, Reading, Response, SetbackKind};
use crate::core::record::Cause;
use crate::core::snapshot::{BalanceReason, BalanceResult};

/// The reading that is under way, and when the next is due.
#[derive(Debug, Default)]
pub(super) struct Refresh {
    pub(super) under_way: bool,
    waiting: Vec<CallId>,
    /// Monotonic; `None` before the first.
    pub(super) next_sync_ms: Option<u64>,
    /// The next is not for freshness' sake: it is made wherever the user looks.
    pub(super) needed: bool,
}

impl Refresh {
    pub(super) fn is_under_way(&self) -> bool {
        self.under_way
    }

    /// The machine slept: the next is due so much sooner.
    pub(super) fn slept(&mut self, by_ms: u64) {
        self.next_sync_ms = self.next_sync_ms.map(|at_ms| at_ms.saturating_sub(by_ms));
    }
}

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
        self.refresh.waiting.push(call);
        self.read_balance(now);
    }

    /// A reading that is put off may have become impossible: whoever waits for it is told.
    pub(super) fn refuse_refresh_if_shut(&mut self, now: Now) {
        let put_off = !self.refresh.under_way && !self.refresh.waiting.is_empty();
        if put_off && !self.wire.gate().lets_probes_through(now) {
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
        self.balance
            .view(self.held(), now.wall_ms, self.cx.config.stale_after_ms)
    }

    pub(super) fn read_balance(&mut self, now: Now) {
        if self.refresh.under_way {
            return;
        }
        self.refresh.under_way = true;
        self.wire.gate_mut().probe_left();
        self.sync_in(now, self.cx.config.sync_every_ms);
        let etag = self
            .balance
            .confirmed()
            .and_then(|known| known.etag.clone());
        let send = self.wire.next_send();
        self.send(now, send, SentWhat::Balance { etag });
    }

    pub(super) fn balance_answered(
        &mut self,
        now: Now,
        sent: &Sent,
        asked_with: Option<&str>,
        response: &Response,
    ) {
        self.refresh.under_way = false;
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
                let known = self
                    .balance
                    .confirmed()
                    .and_then(|known| known.etag.as_deref());
                if known == asked_with && sign != Sign::Cached {
                    self.balance.confirm_unchanged(now.wall_ms);
                    self.save_balance();
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
                self.ask_again_if_needed(now);
                self.count_try_of_all();
                let detail = setback_detail(&setback, &self.cx);
                self.tell_unavailable(now, BalanceReason::Open(reason), &detail);
                self.progress_all(now);
            }
        }
    }

    pub(super) fn balance_lost(&mut self, now: Now, cause: Cause) {
        self.refresh.under_way = false;
        self.wire.gate_mut().probe_ended();
        self.ask_again_if_needed(now);
        self.count_try_of_all();
        self.tell_unavailable(now, BalanceReason::Open(cause.reason), &cause.detail);
    }

    /// A reading that is needed is not done with a request.
    fn ask_again_if_needed(&mut self, now: Now) {
        if self.refresh.needed {
            let delay_ms = self.cx.config.backoff.max_ms.max(1);
            self.refresh.next_sync_ms = Some(now.after(delay_ms));
        }
    }

    /// The server has told the balance, or somebody that remembers its answer.
    fn balance_told(&mut self, now: Now, sent: &Sent, sign: Sign) {
        self.refresh.needed = false;
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
        for call in std::mem::take(&mut self.refresh.waiting) {
            match self.balance_view(now) {
                Some(balance) => {
                    self.resolve(call, Answer::Balance(BalanceResult::Fresh { balance }));
                }
                None => {
                    let reason = BalanceReason::Open(OpenReason::Unauthorized);
                    let detail = self.cx.say("signed out", "已退出登录");
                    self.no_balance_for(now, call, reason, detail);
                }
            }
        }
    }

    fn tell_unavailable(&mut self, now: Now, reason: BalanceReason, detail: &str) {
        for call in std::mem::take(&mut self.refresh.waiting) {
            self.no_balance_for(now, call, reason, detail.to_owned());
        }
    }

    /// Nothing is asked for any more; what is on its way is still answered.
    pub(super) fn sign_out_refresh(&mut self, now: Now) {
        if !self.refresh.under_way {
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

    /// Takes the server's word on the balance, unless it is an old one.
    pub(super) fn learn(&mut self, reading: Option<Reading>, etag: Option<String>, as_of_ms: u64) {
        let Some(reading) = reading else {
            return;
        };
        if self.life != Life::SignedOut && self.balance.learn(reading, etag, as_of_ms) {
            self.save_balance();
        }
    }

    fn save_balance(&mut self) {
        let confirmed = self.balance.confirmed().cloned();
        self.cx.push(Effect::SaveBalance(confirmed));
    }
}
