//! A planned request.

use super::super::SendId;
use crate::core::charge::Key;
use crate::core::record::Purpose;

/// A planned request, and the charges that it will carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    pub purpose: Purpose,
    pub id: SendId,
    pub keys: Vec<Key>,
    /// When its claims were made; monotonic.
    pub since_ms: u64,
    /// Whether its user insists on it, despite any hold.
    pub passes: bool,
}

impl Plan {
    /// Adds `key` to the plan of this id in `plans`.
    pub fn collect(plans: &mut Vec<Plan>, plan: Plan, key: Key) {
        match plans.iter_mut().find(|known| known.id == plan.id) {
            Some(known) => known.keys.push(key),
            None => plans.push(plan.carrying(key)),
        }
    }

    pub fn carrying(self, key: Key) -> Plan {
        Plan {
            keys: vec![key],
            ..self
        }
    }
}
