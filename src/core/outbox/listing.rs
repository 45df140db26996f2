//! Where a charge is listed in the outbox.

use super::entry::Entry;
use super::turn::Turn;
use super::work::Work;
use crate::core::snapshot::BillingStatus;

/// What an entry has in the outbox's indexes and sums; by default nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Listing {
    /// When it is due, where it is open and idle.
    pub(super) due: Option<Due>,
    /// When it was last changed, milliseconds since the Unix epoch, where it is settled and idle.
    pub(super) settled_ms: Option<u64>,
    pub(super) busy: bool,
    /// Whether it has a claim, or is outdated.
    pub(super) watched: bool,
    /// Whether it is idle and no longer open.
    pub(super) ended: bool,
    pub(super) status: Option<BillingStatus>,
    /// Its points, where they are held.
    pub(super) held: Option<u64>,
    /// Its points, where it is settled and being reopened.
    pub(super) again: Option<u64>,
}

/// When an idle open charge may be worked on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Due {
    /// Monotonic.
    pub(super) at_ms: u64,
    /// Its place in the order.
    pub(super) sequence: u64,
    /// What it waits for, once it is due.
    pub(super) turn: Turn,
}

impl Listing {
    pub(super) fn of(entry: &Entry) -> Listing {
        let record = &entry.record;
        let (busy, held) = (entry.is_busy(), record.is_held());
        let points = record.charge().amount.get();
        let due = Due {
            at_ms: entry.due_ms(),
            sequence: record.sequence(),
            turn: entry.turn,
        };
        Listing {
            due: (record.is_open() && !busy).then_some(due),
            settled_ms: (!held && !busy).then_some(record.updated_at_ms()),
            busy,
            watched: record.claim().is_some() || entry.outdated,
            ended: !record.is_open() && !busy,
            status: Some(BillingStatus::of(record)),
            held: held.then_some(points),
            again: (entry.work == Work::Admitting && !held).then_some(points),
        }
    }
}
