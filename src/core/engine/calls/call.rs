//! One call of the user's, and its stage.

use super::super::context::Context;
use crate::core::charge::{Charge, Key};
use crate::core::clock::Now;
use crate::core::outcome::{Outcome, What};
use crate::core::reason::FailureReason;

/// One call about one charge.
#[derive(Clone, Debug)]
pub struct Call {
    pub kind: Kind,
    pub key: Key,
    /// The charge to be made, if the call gives one.
    pub charge: Option<Charge>,
    /// The latest time for its answer; monotonic.
    pub deadline_ms: Option<u64>,
    stage: Stage,
    /// Attempts on its behalf without a verdict, probes included.
    pub tries: u32,
    /// Whether it demands a try despite any hold, and has not had one.
    pub insists: bool,
}

/// The stage of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Waiting for progress of its charge.
    Waiting,
    /// Reading its charge from the journal, which alone can answer it.
    Reading {
        /// When an unsuccessful reading is repeated; monotonic.
        again_at_ms: Option<u64>,
        /// Number of failed readings.
        unread: u32,
    },
    /// Its request is being written.
    Writing,
}

/// The kind of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Charge,
    Retry,
    Cancel,
    Settled,
    Show,
}

impl Call {
    /// A call of this kind, to be answered within `respond_within_ms` unless it may wait
    /// indefinitely.
    pub fn new(now: Now, kind: Kind, key: Key, charge: Option<Charge>, cx: &Context) -> Call {
        let patient = kind == Kind::Settled;
        Call {
            kind,
            key,
            charge,
            deadline_ms: (!patient).then(|| now.after(cx.config.respond_within_ms)),
            stage: Stage::Waiting,
            tries: 0,
            insists: kind == Kind::Retry,
        }
    }

    /// Whether its charge is being read from the journal: nothing can be answered before that.
    pub fn is_reading(&self) -> bool {
        matches!(self.stage, Stage::Reading { .. })
    }

    /// Whether its request is being written.
    pub fn is_writing(&self) -> bool {
        self.stage == Stage::Writing
    }

    /// Number of failed readings of the journal for it.
    pub fn unread(&self) -> u32 {
        match self.stage {
            Stage::Reading { unread, .. } => unread,
            Stage::Waiting | Stage::Writing => 0,
        }
    }

    pub(super) fn set_stage(&mut self, stage: Stage) {
        self.stage = stage;
    }

    /// When it needs attention; monotonic.
    pub(super) fn next_ms(&self) -> Option<u64> {
        match self.stage {
            Stage::Reading { again_at_ms, .. } => again_at_ms,
            Stage::Waiting | Stage::Writing => self.deadline_ms,
        }
    }

    /// When it was to be read again, if that time has come; not again after that.
    pub(super) fn take_reading_due(&mut self, now: Now) -> Option<u64> {
        match &mut self.stage {
            Stage::Reading { again_at_ms, .. } => {
                again_at_ms.take_if(|at_ms| *at_ms <= now.mono_ms)
            }
            Stage::Waiting | Stage::Writing => None,
        }
    }

    /// Whether this answer is logged here, as the charge's own record does not log it.
    pub fn logs(&self, outcome: &Outcome) -> bool {
        let open = matches!(
            outcome.what,
            What::Queued { .. }
                | What::Unknown {
                    resolving: true,
                    ..
                }
        );
        let failed = match &outcome.what {
            What::Failed { reason, .. } => {
                // The end of an earlier try has been logged.
                outcome.attempts == 0
                    || matches!(
                        reason,
                        FailureReason::Conflict | FailureReason::StorageUnavailable
                    )
            }
            What::Charged { .. }
            | What::Queued { .. }
            | What::Unknown { .. }
            | What::Declined { .. } => false,
        };
        self.kind != Kind::Settled && (open || failed)
    }

    /// Whether its deadline has passed.
    pub fn is_overdue(&self, now: Now) -> bool {
        self.deadline_ms.is_some_and(|at_ms| at_ms <= now.mono_ms)
    }
}

impl Kind {
    /// Whether it requests that its charge be made.
    pub fn wants_sent(self) -> bool {
        match self {
            Kind::Charge | Kind::Retry => true,
            Kind::Cancel | Kind::Settled | Kind::Show => false,
        }
    }
}
