//! Which charges a list shows.

use super::snapshot::BillingStatus;

/// What is asked for of all charges.
#[derive(Clone, Copy, Debug)]
pub struct ChargeFilter {
    /// One bit for each status that is wanted: the lowest for the first of them, as they are declared.
    pub statuses: u32,
    /// The newest so many at most.
    pub limit: u32,
}

impl ChargeFilter {
    /// Whether charges of this status are wanted.
    pub fn wants(self, status: BillingStatus) -> bool {
        self.statuses & 1 << status as u32 != 0
    }
}
