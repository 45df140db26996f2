//! The balance: its known value, the calls that wait for it, and its background readings: at the
//! start, periodically while the page is visible, and when it is in doubt.

mod refresh;
mod sync;

pub(super) use self::refresh::Refresh;
use self::sync::Sync;
use super::Effect;
use super::context::Context;
use crate::core::balance::{Balance, BalanceBook, Confirmed, is_stale};
use crate::core::clock::Now;
use crate::core::points::Points;
use crate::core::protocol::BalanceReading;
use crate::core::snapshot::BalanceReason;
use crate::core::text::Message;

/// The balance of one client.
#[derive(Debug)]
pub(super) struct BalanceSync {
    book: BalanceBook,
    refresh: Refresh,
    sync: Sync,
    /// Whether the page is visible to its user.
    visible: bool,
    signed_out: bool,
    /// Whether a balance is kept back from the cache and the other tabs: the journal does not have
    /// the charge yet that it came with.
    kept_back: bool,
}

impl Default for BalanceSync {
    fn default() -> BalanceSync {
        BalanceSync {
            book: BalanceBook::default(),
            refresh: Refresh::default(),
            sync: Sync::default(),
            visible: true,
            signed_out: false,
            kept_back: false,
        }
    }
}

impl BalanceSync {
    /// The last balance from the server.
    pub(super) fn confirmed(&self) -> Option<&Confirmed> {
        self.book.confirmed()
    }

    /// The balance as its user sees it, with these points held.
    pub(super) fn view(&self, held: Points, now: Now, cx: &Context) -> Option<Balance> {
        self.book.view(held, now.wall_ms, cx.config.stale_after_ms)
    }

    pub(super) fn refresh(&self) -> &Refresh {
        &self.refresh
    }

    pub(super) fn is_stale(&self, now: Now, cx: &Context) -> bool {
        let known = self.book.confirmed();
        known.is_none_or(|known| is_stale(known.as_of_ms, now.wall_ms, cx.config.stale_after_ms))
    }

    /// The age of the balance since the server confirmed it; `None` if unknown.
    fn age_ms(&self, now: Now) -> Option<u64> {
        now.wall_ms.checked_sub(self.book.confirmed()?.as_of_ms)
    }

    // ---- the known balance

    /// Takes a balance from the server, unless it is an old one.
    pub(super) fn learn(
        &mut self,
        reading: Option<BalanceReading>,
        etag: Option<String>,
        as_of_ms: u64,
        cx: &mut Context,
    ) {
        let Some(reading) = reading.filter(|_| !self.signed_out) else {
            return;
        };
        if self.book.learn(reading, etag, as_of_ms) {
            self.save(cx);
        }
    }

    /// As [`BalanceSync::learn`], for this tab alone until [`BalanceSync::save_kept_back`].
    pub(super) fn learn_early(&mut self, reading: BalanceReading, as_of_ms: u64) {
        if !self.signed_out && self.book.learn(reading, None, as_of_ms) {
            self.kept_back = true;
        }
    }

    /// The journal has the charge that the balance came with, or has failed.
    pub(super) fn save_kept_back(&mut self, cx: &mut Context) {
        if std::mem::take(&mut self.kept_back) {
            self.save(cx);
        }
    }

    /// Takes a balance from another tab or an earlier start, unless newer news came meanwhile.
    pub(super) fn learn_cached(&mut self, confirmed: Confirmed) {
        if !self.signed_out {
            self.book.learn_cached(confirmed);
        }
    }

    /// The server keeps no holds any more.
    pub(super) fn forget_held(&mut self) {
        self.book.forget_held();
    }

    /// The server says that the balance with this `ETag` has not changed.
    pub(super) fn confirm_unchanged(&mut self, now: Now, etag: Option<&str>, cx: &mut Context) {
        let known = self
            .book
            .confirmed()
            .and_then(|known| known.etag.as_deref());
        if known == etag {
            self.book.confirm_unchanged(now.wall_ms);
            self.save(cx);
        }
    }

    fn save(&mut self, cx: &mut Context) {
        self.kept_back = false;
        cx.push(Effect::SaveBalance(self.book.confirmed().cloned()));
    }

    /// Stops showing a balance.
    pub(super) fn sign_out(&mut self, cx: &mut Context) {
        self.signed_out = true;
        self.kept_back = false;
        self.book.clear();
        cx.push(Effect::SaveBalance(None));
    }

    // ---- readings

    /// Begins a reading and returns the `ETag` to send. `None` if one is under way.
    pub(super) fn begin(&mut self, now: Now, cx: &mut Context) -> Option<Option<String>> {
        if !self.refresh.begin() {
            return None;
        }
        self.sync.put_off(now, cx.config.sync_every_ms, cx);
        let known = self.book.confirmed();
        Some(known.and_then(|known| known.etag.clone()))
    }

    pub(super) fn ended(&mut self) {
        self.refresh.end();
    }

    pub(super) fn wait(&mut self, call: super::CallId) {
        self.refresh.wait(call);
    }

    /// The balance was reported, by the server or by a cache.
    pub(super) fn told(&mut self) {
        self.sync.done();
    }

    /// The balance was not reported.
    pub(super) fn not_told(&mut self, now: Now, cx: &Context) {
        self.sync.again_if_needed(now, cx);
    }

    /// Answers the waiting calls; without a balance to show they are told that the client is signed
    /// out.
    pub(super) fn tell_fresh(&mut self, balance: &Balance, cx: &mut Context) {
        self.refresh.tell_fresh(balance, cx);
    }

    /// Answers the waiting calls with the known balance.
    pub(super) fn tell_unavailable(
        &mut self,
        reason: BalanceReason,
        message: &Message,
        cached: Option<&Balance>,
        cx: &mut Context,
    ) {
        self.refresh.tell_unavailable(reason, message, cached, cx);
    }

    // ---- background readings

    /// When the balance needs attention: for a sync, if one may be sent, or when it turns stale.
    pub(super) fn deadline(&self, now: Now, may_ask: bool, cx: &Context) -> Option<u64> {
        let next = self.sync.next_ms(self.visible);
        let sync = next.filter(|_| may_ask && !self.refresh.is_under_way());
        let stale = self.book.confirmed().and_then(|known| {
            let age_ms = now.wall_ms.checked_sub(known.as_of_ms)?;
            let left_ms = cx.config.stale_after_ms.checked_sub(age_ms)?;
            Some(now.after(left_ms.saturating_add(1)))
        });
        [sync, stale].into_iter().flatten().min()
    }

    /// Whether a background reading is due now.
    pub(super) fn is_due(&self, now: Now) -> bool {
        let next = self.sync.next_ms(self.visible);
        next.is_some_and(|at_ms| at_ms <= now.mono_ms)
    }

    /// Whether the due reading is still to be made. If another tab or a charge was first, it is put
    /// off: that tab stays the first as long as it reads.
    pub(super) fn is_wanted(&mut self, now: Now, cx: &mut Context) -> bool {
        let every_ms = cx.config.sync_every_ms;
        match self.age_ms(now) {
            Some(age_ms) if !self.sync.is_needed() && age_ms < every_ms => {
                let behind_ms = every_ms.div_ceil(4);
                let left_ms = every_ms.saturating_sub(age_ms).saturating_add(behind_ms);
                self.sync.put_off(now, left_ms, cx);
                false
            }
            Some(_) | None => true,
        }
    }

    pub(super) fn put_sync_off(&mut self, now: Now, cx: &mut Context) {
        let every_ms = cx.config.sync_every_ms;
        self.sync.put_off(now, every_ms, cx);
    }

    /// Requests a reading as soon as possible.
    pub(super) fn need(&mut self, now: Now) {
        self.sync.need(now);
    }

    /// The browser is online again: a reading shows whether the server can be reached. While the
    /// page is hidden, that can wait.
    pub(super) fn need_when_seen(&mut self, now: Now) {
        if self.visible {
            self.sync.need(now);
        }
    }

    /// The page became visible or hidden. Returns whether it became visible.
    pub(super) fn see(&mut self, visible: bool) -> bool {
        let before = std::mem::replace(&mut self.visible, visible);
        visible && !before
    }

    /// The machine slept.
    pub(super) fn slept(&mut self, by_ms: u64) {
        self.sync.slept(by_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::config::Config;

    #[test]
    fn balance_is_read_again_once_it_is_as_old_as_the_interval() {
        let config = Config {
            sync_every_ms: 60_000,
            ..Config::default()
        };
        let mut cx = Context::new("a".to_owned(), "tab".to_owned(), config, 1);
        for (age_ms, wanted) in [(59_999, false), (60_000, true)] {
            let mut balance = BalanceSync::default();
            let reading = BalanceReading {
                balance: Points::ZERO,
                version: 1,
                held: None,
            };
            balance.learn(Some(reading), None, 0, &mut cx);
            let now = Now {
                mono_ms: age_ms,
                wall_ms: age_ms,
            };
            assert_eq!(balance.is_wanted(now, &mut cx), wanted, "{age_ms}");
        }
    }
}
