//! The journal in memory: lost with the page.

use std::cell::RefCell;

use super::{Outcome, apply_to};
use crate::core::charge::Key;
use crate::core::journal::{Applied, ApplyAt, Op};
use crate::core::ordered::Map;
use crate::core::record::Record;

/// Records by key.
#[derive(Debug, Default)]
pub struct Memory {
    records: RefCell<Map<Key, Record>>,
}

impl Memory {
    /// Applies all of these.
    pub fn apply(&self, ops: &[Op], at: ApplyAt) -> Outcome<Vec<Applied>> {
        let mut records = self.records.borrow_mut();
        let applied = ops.iter().map(|op| {
            let current = records.get(op.key()).cloned();
            apply_to(&mut records, op, current, at)
        });
        Outcome {
            value: applied.collect(),
            damages: Vec::new(),
        }
    }

    /// Everything that is there.
    pub fn load(&self) -> Outcome<Vec<Record>> {
        Outcome {
            value: self.records.borrow().values().cloned().collect(),
            damages: Vec::new(),
        }
    }
}
