//! The sign-out of an account, in all of its tabs, and who waits for it.

use super::CallId;
use super::context::Context;
use super::tabs::Tabs;
use crate::core::clock::Now;
use crate::core::config::LAUNCH_WITHIN_MS;
use crate::core::ordered::Set;
use crate::core::outbox::Outbox;

/// How long the other tabs that live have to say that they have heard of the sign-out, in
/// milliseconds. One that stands still has nothing on its way, or a claim.
const HEARD_WITHIN_MS: u64 = 1_000;

/// The sign-out, and who waits to be told what is open.
#[derive(Debug, Default)]
pub(super) struct SignOut {
    calls: Vec<CallId>,
    /// When they are told what this tab knows, whatever is still to be waited for; monotonic.
    until_ms: Option<u64>,
    /// Since when storage is known to have the mark; monotonic.
    marked_at_ms: Option<u64>,
    /// When that is tried again; monotonic.
    mark_again_ms: Option<u64>,
    mark_failures: u32,
    /// The journal has been read since, or can't be.
    read: bool,
    /// The tabs that have heard of it.
    left: Set<String>,
}

impl SignOut {
    pub(super) fn heard_of(&mut self, tab: String) {
        self.left.insert(tab, ());
    }

    pub(super) fn deadline(&self, now: Now) -> Option<u64> {
        if self.calls.is_empty() {
            return None;
        }
        let marked_at_ms = self.marked_at_ms.filter(|_| self.read);
        let waits_ms = [HEARD_WITHIN_MS, LAUNCH_WITHIN_MS];
        let waits_ms = waits_ms.map(|ms| marked_at_ms.map(|at_ms| at_ms.saturating_add(ms)));
        // Those that are over have been waited for.
        let waits_ms = waits_ms.into_iter().flatten();
        let waits_ms = waits_ms.filter(|at_ms| *at_ms > now.mono_ms);
        waits_ms
            .chain(self.until_ms)
            .chain(self.mark_again_ms)
            .min()
    }

    /// Whether nobody has asked for it yet, and no tab has marked it.
    pub(super) fn is_new(&self) -> bool {
        self.calls.is_empty() && self.marked_at_ms.is_none()
    }

    /// Somebody asks for it.
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

    /// The mark is in storage: from here on no tab of the session claims anything.
    pub(super) fn marked(&mut self, now: Now) {
        self.marked_at_ms = Some(now.mono_ms);
    }

    /// It could not be put there. Later than its answer it would end the session of whoever signs
    /// in next.
    pub(super) fn not_marked(&mut self, now: Now, cx: &mut Context) {
        let backoff = &cx.config.backoff;
        let delay_ms = backoff.delay_ms(self.mark_failures, &mut cx.jitter);
        self.mark_failures = self.mark_failures.saturating_add(1);
        self.mark_again_ms = (!self.calls.is_empty()).then(|| now.after(delay_ms.max(1)));
    }

    /// Whether that is to be tried again now; it is not, from then on.
    pub(super) fn mark_is_due(&mut self, now: Now) -> bool {
        self.mark_again_ms
            .take_if(|at_ms| *at_ms <= now.mono_ms)
            .is_some()
    }

    /// Whoever waits, and is told now.
    pub(super) fn take_calls(&mut self) -> Vec<CallId> {
        self.until_ms = None;
        self.mark_again_ms = None;
        std::mem::take(&mut self.calls)
    }

    /// Whether nothing is sent any more, or who signed out has waited long enough.
    pub(super) fn is_over(&self, now: Now, tabs: &Tabs, outbox: &Outbox, cx: &Context) -> bool {
        let all_left = self.read && self.others_have_left(now, tabs, outbox, cx);
        all_left || self.until_ms.is_some_and(|at_ms| at_ms <= now.mono_ms)
    }

    /// Whether no other tab sends anything for the account any more, its answers apart. Each that
    /// lives has said so, or stands still. What one that stands still has claimed before the mark
    /// leaves soon after that, or not at all.
    fn others_have_left(&self, now: Now, tabs: &Tabs, outbox: &Outbox, cx: &Context) -> bool {
        let Some(marked_at_ms) = self.marked_at_ms else {
            return false;
        };
        let passed_ms = now.mono_ms.saturating_sub(marked_at_ms);
        let has_left = |tab: &String| *tab == cx.tab || self.left.contains_key(tab);
        let heard = passed_ms >= HEARD_WITHIN_MS || tabs.all_alive(has_left);
        let claimants = outbox.iter().filter_map(|entry| entry.record.claim());
        let mut claimants = claimants.map(|claim| &claim.tab);
        let launched = passed_ms >= LAUNCH_WITHIN_MS
            || claimants.all(|tab| has_left(tab) || tabs.is_dead(tab));
        heard && launched
    }
}
