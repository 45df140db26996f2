//! Happenings: what is scheduled in the world.

use std::rc::Rc;

use tollbox::core::engine::{Event, SendId, Unsent};
use tollbox::core::journal::{Applied, Op};
use tollbox::core::protocol::Response;
use tollbox::core::record::Record;
use tollbox::core::session::Session;

use super::network::Sending;
use super::tab::TabId;

pub enum Happening<Own> {
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
    LoadRest {
        tab: TabId,
        all: bool,
        changes: u64,
        records: Result<Vec<Record>, String>,
    },
    /// The mark of a sign-out is written.
    Mark {
        tab: TabId,
        session: Session,
    },
    /// Its token is there, and the request leaves.
    Depart {
        sending: Sending,
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
    /// A tab is told this: by another tab, or when it thaws.
    Told {
        tab: TabId,
        event: Event,
    },
    /// What was put off until its callers have gone on is done.
    TurnEnds {
        tab: TabId,
    },
    /// The driver's own.
    Own(Own),
}

impl<Own> Happening<Own> {
    /// The tab concerned, which may have to thaw first. Commits and requests go on without their
    /// tab.
    pub fn befallen(&self) -> Option<TabId> {
        match self {
            Happening::Commit { .. }
            | Happening::Mark { .. }
            | Happening::Arrive { .. }
            | Happening::Own(_) => None,
            Happening::Depart { sending } => Some(sending.tab),
            Happening::Committed { tab, .. }
            | Happening::Load { tab, .. }
            | Happening::LoadRest { tab, .. }
            | Happening::Answer { tab, .. }
            | Happening::Lost { tab, .. }
            | Happening::NotSent { tab, .. }
            | Happening::Lock { tab }
            | Happening::LockTimeout { tab, .. }
            | Happening::Told { tab, .. }
            | Happening::TurnEnds { tab } => Some(*tab),
        }
    }
}
