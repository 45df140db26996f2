//! Happenings: events that are scheduled in the world, and the tab that each concerns.

use tollbox::core::engine::{Event, SendId, Unsent};
use tollbox::core::journal::{Applied, Op};
use tollbox::core::protocol::{Request, Response};

#[derive(Debug)]
pub enum Happening {
    Commit {
        tab: usize,
        ops: Vec<Op>,
    },
    Committed {
        tab: usize,
        result: Result<Vec<Applied>, String>,
    },
    Load {
        tab: usize,
        all: bool,
    },
    /// The sign-out mark is written.
    Mark {
        tab: usize,
    },
    /// The server executes this request, and nobody gets the answer.
    Do {
        request: Request,
    },
    Arrive {
        tab: usize,
        send: SendId,
        request: Request,
        refresh_token: bool,
        limit_at_ms: u64,
    },
    Deliver {
        tab: usize,
        send: SendId,
        delivery: Delivery,
    },
    Lock {
        tab: usize,
    },
    LockTimeout {
        tab: usize,
        asked_at_ms: u64,
    },
    /// Another tab's announcement.
    Hear {
        tab: usize,
        event: Event,
    },
}

impl Happening {
    /// The tab that has to be running for it. Commits and requests go on without their tab.
    pub fn affected_tab(&self) -> Option<usize> {
        match self {
            Happening::Commit { .. }
            | Happening::Mark { .. }
            | Happening::Do { .. }
            | Happening::Arrive { .. } => None,
            Happening::Committed { tab, .. }
            | Happening::Load { tab, .. }
            | Happening::Deliver { tab, .. }
            | Happening::Lock { tab }
            | Happening::LockTimeout { tab, .. }
            | Happening::Hear { tab, .. } => Some(*tab),
        }
    }
}

#[derive(Debug)]
pub enum Delivery {
    Answer(Response),
    Lost { timed_out: bool },
    NotSent(Unsent),
}
