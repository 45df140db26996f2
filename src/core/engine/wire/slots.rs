//! Connection slots. Foreground calls get one each; a browser has few connections to a host, and lets
//! the requests beyond them wait while their time limit runs.

use super::super::SendId;
use crate::core::network::Way;
use crate::core::ordered::Map;
use crate::core::record::Purpose;

/// Maximum number of single charge requests under way, for callers who wait. A browser opens 6
/// connections to a host; two stay free for the balance and a batch.
const SINGLE_SLOTS: usize = 4;

/// Maximum number of requests about holds under way. However long they take, all single charges get
/// their connections.
pub const HOLD_SLOTS: usize = 2;

/// The use of a connection slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// One charge, for a caller who waits, or its look-up.
    Single,
    /// A look-up without a waiting caller, in one of the single slots.
    LookUp,
    /// Several charges for callers who wait, while all single slots are taken.
    Crowd,
    /// Background sending, under the lock.
    Flush,
}

/// A taken slot, and its purpose.
#[derive(Clone, Copy, Debug)]
struct Taken {
    slot: Slot,
    purpose: Purpose,
}

/// The taken slots, by the plan or request that holds each.
#[derive(Debug, Default)]
pub struct Slots {
    taken: Map<SendId, Taken>,
}

impl Slots {
    pub fn is_free(&self, slot: Slot) -> bool {
        match slot {
            Slot::Single | Slot::LookUp => self.free_singles() > 0,
            Slot::Crowd | Slot::Flush => self.taken(slot) == 0,
        }
    }

    /// Number of free single slots.
    pub fn free_singles(&self) -> usize {
        let taken = self
            .taken(Slot::Single)
            .saturating_add(self.taken(Slot::LookUp));
        SINGLE_SLOTS.saturating_sub(taken)
    }

    pub fn taken(&self, slot: Slot) -> usize {
        let all = self.taken.values();
        all.filter(|taken| taken.slot == slot).count()
    }

    pub fn take(&mut self, id: SendId, slot: Slot, purpose: Purpose) {
        self.taken.insert(id, Taken { slot, purpose });
    }

    /// Frees the slot of this plan or request, which has ended.
    pub fn leave(&mut self, id: SendId) -> Option<Slot> {
        self.taken.remove(&id).map(|taken| taken.slot)
    }

    pub fn are_all_free(&self) -> bool {
        self.taken.is_empty()
    }

    /// Whether a slot is taken by a request of this way.
    pub fn any_of(&self, way: Way) -> bool {
        let mut ways = self.taken.values().map(|taken| Way::of(taken.purpose));
        ways.any(|taken| taken == way)
    }
}
