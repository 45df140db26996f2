//! One of the user's calls, and how far it has come.

use super::super::context::Context;
use crate::core::charge::{Charge, Key};
use crate::core::clock::Now;
use crate::core::outcome::{FailureReason, Outcome, What};

/// One call about one charge.
#[derive(Clone, Debug)]
pub struct Call {
    pub kind: Kind,
    pub key: Key,
    /// What is to be charged, where the call says so.
    pub charge: Option<Charge>,
    /// When it is answered at the latest; monotonic.
    pub deadline_ms: Option<u64>,
    stage: Stage,
    /// Attempts on its behalf that brought no verdict, probes included.
    pub tries: u32,
    /// It asks for a try whatever hold there is, and has not had one.
    pub insists: bool,
}

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// It waits for its charge to go on.
    Waiting,
    /// The journal is being asked for its charge, and only its word counts.
    Seeking {
        /// When it is asked again, which could not be read; monotonic.
        again_at_ms: Option<u64>,
        /// How often it could not be read.
        unread: u32,
    },
    /// What it asks for is being written down.
    Writing,
}

/// What a call asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Charge,
    Retry,
    Cancel,
    Settled,
    Show,
}

impl Call {
    /// One of this kind, to be answered within `respond_within_ms` if it is one of the impatient.
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

    /// Whether the journal is being asked for its charge: nothing can be said of that before.
    pub fn is_seeking(&self) -> bool {
        matches!(self.stage, Stage::Seeking { .. })
    }

    /// Whether what it asks for is being written down.
    pub fn is_writing(&self) -> bool {
        self.stage == Stage::Writing
    }

    /// How often the journal could not be read for it.
    pub fn unread(&self) -> u32 {
        match self.stage {
            Stage::Seeking { unread, .. } => unread,
            Stage::Waiting | Stage::Writing => 0,
        }
    }

    pub(super) fn set_stage(&mut self, stage: Stage) {
        self.stage = stage;
    }

    /// When something is to be done about it; monotonic.
    pub(super) fn next_ms(&self) -> Option<u64> {
        match self.stage {
            Stage::Seeking { again_at_ms, .. } => again_at_ms,
            Stage::Waiting | Stage::Writing => self.deadline_ms,
        }
    }

    /// Whether the journal is to be asked again now; it is not, from then on.
    pub(super) fn seeks_again(&mut self, now: Now) -> bool {
        match &mut self.stage {
            Stage::Seeking { again_at_ms, .. } => {
                again_at_ms.take_if(|at_ms| *at_ms <= now.mono_ms).is_some()
            }
            Stage::Waiting | Stage::Writing => false,
        }
    }

    /// Whether this answer to it is logged: where the charge's own record does not log it.
    pub fn logs(&self, outcome: &Outcome) -> bool {
        let open = matches!(
            outcome.what,
            What::Queued { .. }
                | What::Unknown {
                    resolving: true,
                    ..
                }
        );
        let refused = match &outcome.what {
            What::Failed { reason, .. } => {
                // What has become of an earlier try has been logged.
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
        self.kind != Kind::Settled && (open || refused)
    }

    /// Whether it should have been answered by now.
    pub fn is_overdue(&self, now: Now) -> bool {
        self.deadline_ms.is_some_and(|at_ms| at_ms <= now.mono_ms)
    }
}

impl Kind {
    /// Whether it asks for its charge to be made.
    pub fn wants_sent(self) -> bool {
        match self {
            Kind::Charge | Kind::Retry => true,
            Kind::Cancel | Kind::Settled | Kind::Show => false,
        }
    }
}
