//! Happenings: the scheduled events of a run.

use std::rc::Rc;

use tollbox::core::balance::Confirmed;
use tollbox::core::charge::Key;
use tollbox::core::engine::{Event, SendId, Unsent};
use tollbox::core::journal::{Applied, Op};
use tollbox::core::protocol::{Request, Response};
use tollbox::core::session::Session;

use super::network::Sending;
use super::tab::TabId;

/// A scheduled event.
pub enum Happening {
    /// The next action of the user or the world.
    Act,
    /// The wall clock is set back.
    SetBack {
        by_ms: u64,
    },
    Commit {
        tab: TabId,
        session: Session,
        ops: Vec<Op>,
        relaxed: bool,
    },
    Committed {
        tab: TabId,
        result: Result<Vec<Applied>, String>,
        at_ms: u64,
    },
    Load {
        tab: TabId,
        all: bool,
    },
    Arrive {
        sending: Rc<Sending>,
        /// Whether the client hears of this copy's answer.
        heard: bool,
    },
    Answer {
        tab: TabId,
        send: SendId,
        response: Response,
    },
    Lost {
        tab: TabId,
        send: SendId,
        timed_out: bool,
    },
    NotSent {
        tab: TabId,
        send: SendId,
        why: Unsent,
    },
    Lock {
        tab: TabId,
    },
    LockTimeout {
        tab: TabId,
        asked_ms: u64,
    },
    Peer {
        tab: TabId,
        keys: Vec<Key>,
        confirmed: Option<Confirmed>,
    },
    Cached {
        tab: TabId,
        confirmed: Confirmed,
    },
    /// The mark of a sign-out is written.
    Mark {
        tab: TabId,
        session: Session,
    },
    /// Its token is there, and the request leaves.
    Depart {
        tab: TabId,
        send: SendId,
        request: Request,
        limit_at_ms: u64,
    },
    /// The account signs in again, after another user.
    SignIn,
    /// A frozen tab is told this when it thaws.
    Told {
        tab: TabId,
        event: Event,
    },
}

impl Happening {
    /// The tab concerned, which may have to thaw first.
    pub fn befallen(&self) -> Option<TabId> {
        match self {
            Happening::Act
            | Happening::SetBack { .. }
            | Happening::Commit { .. }
            | Happening::Mark { .. }
            | Happening::SignIn
            | Happening::Arrive { .. } => None,
            Happening::Depart { tab, .. }
            | Happening::Committed { tab, .. }
            | Happening::Load { tab, .. }
            | Happening::Answer { tab, .. }
            | Happening::Lost { tab, .. }
            | Happening::NotSent { tab, .. }
            | Happening::Lock { tab }
            | Happening::LockTimeout { tab, .. }
            | Happening::Peer { tab, .. }
            | Happening::Cached { tab, .. }
            | Happening::Told { tab, .. } => Some(*tab),
        }
    }
}
