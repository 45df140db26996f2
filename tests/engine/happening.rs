//! What is to happen in the world, and to whom.

use tollbox::core::engine::{Event, SendId};
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

#[derive(Debug)]
pub enum Delivery {
    Answer(Response),
    Lost { timed_out: bool },
    NotSent,
}
