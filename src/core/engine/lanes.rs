//! The ways to the server, of which a browser has few: who waits has one of their own.

use super::{Engine, SendId};
use crate::core::record::Purpose;

/// Single charge requests under way at once, for callers who wait. A browser opens 6 connections
/// to a host; two stay free for the balance and a batch.
const LANES: usize = 4;

/// Which of the ways to the server a plan takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// One charge, for a caller who waits, or its look-up.
    Single,
    /// A look-up that nobody waits for, in one of the single lanes.
    LookUp,
    /// Several charges for callers who wait, while all lanes are taken.
    Crowd,
    /// Under the lock, for nobody in particular.
    Flush,
}

/// A lane that is taken, and what for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken {
    pub(super) lane: Lane,
    pub(super) purpose: Purpose,
}

impl Engine {
    pub(super) fn lane_is_free(&self, lane: Lane) -> bool {
        match lane {
            Lane::Single | Lane::LookUp => self.free_lanes() > 0,
            Lane::Crowd | Lane::Flush => self.taken(lane) == 0,
        }
    }

    /// Single lanes that are free.
    pub(super) fn free_lanes(&self) -> usize {
        let taken = self
            .taken(Lane::Single)
            .saturating_add(self.taken(Lane::LookUp));
        LANES.saturating_sub(taken)
    }

    pub(super) fn taken(&self, lane: Lane) -> usize {
        let lanes = self.lanes.values();
        lanes.filter(|taken| taken.lane == lane).count()
    }

    /// Whatever this plan or request was for has come to an end.
    pub(super) fn leave_lane(&mut self, id: SendId) {
        let left = self.lanes.remove(&id).map(|taken| taken.lane);
        if left == Some(Lane::Flush) {
            self.flush_step_ended();
        }
    }
}
