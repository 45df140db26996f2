//! One request to be.

use super::super::SendId;
use crate::core::charge::Key;
use crate::core::record::Purpose;

/// One request to be, and the charges that it will carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::core::engine) struct Plan {
    pub(in crate::core::engine) purpose: Purpose,
    pub(in crate::core::engine) id: SendId,
    pub(in crate::core::engine) keys: Vec<Key>,
    /// When its claims were made; monotonic.
    pub(in crate::core::engine) since_ms: u64,
    /// Its user insists on it, whatever hold there is.
    pub(in crate::core::engine) passes: bool,
}

impl Plan {
    /// Adds `key` to the plan of this id in `plans`.
    pub(in crate::core::engine) fn collect(plans: &mut Vec<Plan>, plan: Plan, key: Key) {
        match plans.iter_mut().find(|known| known.id == plan.id) {
            Some(known) => known.keys.push(key),
            None => plans.push(plan.carrying(key)),
        }
    }

    pub(in crate::core::engine) fn carrying(self, key: Key) -> Plan {
        Plan {
            keys: vec![key],
            ..self
        }
    }
}
