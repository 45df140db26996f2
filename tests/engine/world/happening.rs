//! What is to happen in the world, and to whom.

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
    /// The mark of its sign-out is put into storage.
    Mark {
        tab: usize,
    },
    /// The server does this, and nobody hears of it.
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
    /// What another tab has told.
    Hear {
        tab: usize,
        event: Event,
    },
}

impl Happening {
    /// The tab that it waits for, if that stands still. What is committed or sent goes on.
    pub fn befallen(&self) -> Option<usize> {
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
