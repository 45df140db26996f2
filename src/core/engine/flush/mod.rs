//! The flush: background sending, one tab at a time, one batch per lock while other tabs live.

mod lock;
mod run;

pub(super) use self::lock::Lock;
pub(super) use self::run::Run;
use super::context::Context;
use super::{Answer, CallId, Notice};
use crate::core::charge::Key;
use crate::core::clock::Now;
use crate::core::journal::Op;
use crate::core::outbox::Outbox;
use crate::core::snapshot::{FlushProgress, FlushReport, Stopped};

/// The flush under way, if any.
#[derive(Debug, Default)]
pub(super) struct Flush {
    run: Option<Run>,
    /// Failed charges to be reopened once there is room, during a flush.
    left_out: Vec<Op>,
    lock: Lock,
    elsewhere: Option<Elsewhere>,
}

/// The flush of another tab.
#[derive(Clone, Copy, Debug)]
struct Elsewhere {
    progress: FlushProgress,
    /// When it counts as over if nothing more is heard of it; monotonic.
    until_ms: u64,
}

impl Flush {
    /// Progress of the flush under way, in this tab or another.
    pub(super) fn shown(&self) -> Option<FlushProgress> {
        let elsewhere = self.elsewhere.map(|elsewhere| elsewhere.progress);
        self.progress().or(elsewhere)
    }

    /// Progress of this tab's own flush.
    pub(super) fn progress(&self) -> Option<FlushProgress> {
        self.run.as_ref()?.progress()
    }

    pub(super) fn run(&self) -> Option<&Run> {
        self.run.as_ref()
    }

    pub(super) fn lock(&self) -> Lock {
        self.lock
    }

    pub(super) fn lock_mut(&mut self) -> &mut Lock {
        &mut self.lock
    }

    /// When another tab's flush counts as over; monotonic.
    pub(super) fn deadline(&self) -> Option<u64> {
        self.elsewhere.map(|elsewhere| elsewhere.until_ms)
    }

    /// Another tab has reported the progress of its flush; `None` when that is over.
    pub(super) fn update_elsewhere(
        &mut self,
        now: Now,
        progress: Option<FlushProgress>,
        cx: &Context,
    ) {
        self.elsewhere = progress.map(|progress| Elsewhere {
            progress,
            // A step waits for the lock, and then for an answer; neither takes longer.
            until_ms: now.after(cx.config.claim_ms().saturating_mul(2)),
        });
    }

    pub(super) fn forget_elsewhere(&mut self, now: Now) {
        let is_over = |elsewhere: &mut Elsewhere| elsewhere.until_ms <= now.mono_ms;
        self.elsewhere.take_if(is_over);
    }

    /// Sends these in the background, for this caller if there is one.
    pub(super) fn add(&mut self, keys: Vec<Key>, caller: Option<CallId>) {
        self.run.get_or_insert_default().add(keys, caller);
    }

    /// Queues these to be reopened once there is room.
    pub(super) fn leave_out(&mut self, ops: impl IntoIterator<Item = Op>) {
        self.left_out.extend(ops);
    }

    pub(super) fn has_left_out(&self) -> bool {
        !self.left_out.is_empty()
    }

    pub(super) fn take_left_out(&mut self) -> Vec<Op> {
        std::mem::take(&mut self.left_out)
    }

    /// A charge of the flush has had its turn, with any result.
    pub(super) fn is_through_with(&mut self, key: &Key, outbox: &Outbox, cx: &mut Context) {
        let run = self.run.as_mut();
        if run.is_some_and(|run| run.is_through_with(key, outbox))
            && let Some(progress) = self.progress()
        {
            cx.notice(Notice::FlushProgress(progress));
        }
    }

    /// Ends the flush under way, and answers the calls that wait for it.
    pub(super) fn end(&mut self, stopped: Option<Stopped>, outbox: &Outbox, cx: &mut Context) {
        let Some(run) = self.run.take() else {
            return;
        };
        self.left_out.clear();
        self.lock.need_no_longer();
        let elsewhere = run.has_callers() && is_sent_elsewhere(outbox, cx);
        let stopped = stopped.or(elsewhere.then_some(Stopped::AnotherTab));
        let (report, callers, had_work) = run.report();
        let report = FlushReport {
            remaining: outbox.open(),
            stopped,
            ..report
        };
        if had_work {
            cx.notice(Notice::FlushReport(report));
        }
        for call in callers {
            cx.resolve(call, Answer::Flush(report));
        }
    }
}

/// Whether another tab is at work on open charges.
fn is_sent_elsewhere(outbox: &Outbox, cx: &Context) -> bool {
    let mut claims = outbox.watched().filter_map(|entry| entry.record.claim());
    claims.any(|claim| claim.tab != cx.tab)
}
