//! The sign-out of an account, in all of its tabs, and the calls that wait for it.

use super::CallId;
use super::context::Context;
use super::tabs::Tabs;
use crate::core::clock::Now;
use crate::core::config::LAUNCH_WITHIN_MS;
use crate::core::ordered::Set;
use crate::core::outbox::Outbox;

/// How long the other living tabs have to acknowledge the sign-out, in milliseconds. A frozen one
/// has nothing on its way, or a claim.
const ACKNOWLEDGED_WITHIN_MS: u64 = 1_000;

/// The sign-out, and the calls that wait for the list of open charges.
#[derive(Debug, Default)]
pub(super) struct SignOut {
    calls: Vec<CallId>,
    /// The latest time for their answer, with what this tab knows by then; monotonic.
    until_ms: Option<u64>,
    /// When storage was first known to have the mark; monotonic.
    marked_at_ms: Option<u64>,
    /// When the mark is retried; monotonic.
    mark_again_ms: Option<u64>,
    mark_failures: u32,
    /// Whether the journal has been read since, or can't be.
    read: bool,
    /// The tabs that have acknowledged it.
    left: Set<String>,
}

impl SignOut {
    pub(super) fn acknowledged(&mut self, tab: String) {
        self.left.insert(tab, ());
    }

    pub(super) fn deadline(&self, now: Now) -> Option<u64> {
        if self.calls.is_empty() {
            return None;
        }
        let marked_at_ms = self.marked_at_ms.filter(|_| self.read);
        let waits_ms = [ACKNOWLEDGED_WITHIN_MS, LAUNCH_WITHIN_MS];
        let waits_ms = waits_ms.map(|ms| marked_at_ms.map(|at_ms| at_ms.saturating_add(ms)));
        // Expired waits are over.
        let waits_ms = waits_ms.into_iter().flatten();
        let waits_ms = waits_ms.filter(|at_ms| *at_ms > now.mono_ms);
        waits_ms
            .chain(self.until_ms)
            .chain(self.mark_again_ms)
            .min()
    }

    /// Whether this is the first request, and no tab has left the mark yet.
    pub(super) fn is_new(&self) -> bool {
        self.calls.is_empty() && self.marked_at_ms.is_none()
    }

    /// Adds a call that requests it.
    pub(super) fn asked(&mut self, now: Now, call: CallId, cx: &Context) {
        self.calls.push(call);
        self.until_ms = Some(now.after(cx.config.respond_within_ms));
    }

    /// The journal is to be read once more.
    pub(super) fn reads(&mut self) {
        self.read = false;
    }

    /// The journal has been read, or can't be; `since` the sign-out.
    pub(super) fn has_read(&mut self, since: bool) {
        self.read = since;
    }

    /// The mark is in storage: from here on no tab of the session makes a claim.
    pub(super) fn marked(&mut self, now: Now) {
        self.marked_at_ms = Some(now.mono_ms);
    }

    /// The mark could not be written. Written after the answer to the call it would end the session
    /// of the next sign-in.
    pub(super) fn not_marked(&mut self, now: Now, cx: &mut Context) {
        let backoff = &cx.config.backoff;
        let delay_ms = backoff.delay_ms(self.mark_failures, &mut cx.jitter);
        self.mark_failures = self.mark_failures.saturating_add(1);
        self.mark_again_ms = (!self.calls.is_empty()).then(|| now.after(delay_ms.max(1)));
    }

    /// Whether the mark is to be retried now; not again after that.
    pub(super) fn mark_is_due(&mut self, now: Now) -> bool {
        self.mark_again_ms
            .take_if(|at_ms| *at_ms <= now.mono_ms)
            .is_some()
    }

    /// The waiting calls, to be answered now.
    pub(super) fn take_calls(&mut self) -> Vec<CallId> {
        self.until_ms = None;
        self.mark_again_ms = None;
        std::mem::take(&mut self.calls)
    }

    /// Whether sending has ended everywhere, or the callers have waited long enough.
    pub(super) fn is_over(&self, now: Now, tabs: &Tabs, outbox: &Outbox, cx: &Context) -> bool {
        let all_left = self.read && self.others_have_left(now, tabs, outbox, cx);
        all_left || self.until_ms.is_some_and(|at_ms| at_ms <= now.mono_ms)
    }

    /// Whether no other tab sends anything for the account any more, answers to other tabs apart.
    /// Each living tab has acknowledged, or is frozen. A charge that a frozen tab claimed before
    /// the mark leaves soon after that, or not at all.
    fn others_have_left(&self, now: Now, tabs: &Tabs, outbox: &Outbox, cx: &Context) -> bool {
        let Some(marked_at_ms) = self.marked_at_ms else {
            return false;
        };
        let passed_ms = now.mono_ms.saturating_sub(marked_at_ms);
        let has_left = |tab: &String| *tab == cx.tab || self.left.contains_key(tab);
        let acknowledged = passed_ms >= ACKNOWLEDGED_WITHIN_MS || tabs.all_alive(has_left);
        let claimants = outbox.watched().filter_map(|entry| entry.record.claim());
        let mut claimants = claimants.map(|claim| &claim.tab);
        let launched = passed_ms >= LAUNCH_WITHIN_MS
            || claimants.all(|tab| has_left(tab) || tabs.is_dead(tab));
        acknowledged && launched
    }
}
