//! The journal in memory: lost with the page.

use std::cell::RefCell;

use crate::core::charge::Key;
use crate::core::journal::{Applied, ApplyAt, Op, Write};
use crate::core::ordered::Map;
use crate::core::record::Record;

/// Records by key.
#[derive(Debug, Default)]
pub struct Memory {
    records: RefCell<Map<Key, Record>>,
}

impl Memory {
    /// Applies all of these.
    pub fn apply(&self, ops: &[Op], at: ApplyAt) -> Vec<Applied> {
        let mut records = self.records.borrow_mut();
        let mut results = Vec::with_capacity(ops.len());
        for op in ops {
            let applied = op.apply(records.get(op.key()).cloned(), at);
            match (applied.write, &applied.record) {
                (Write::Put, Some(record)) => {
                    records.insert(op.key().clone(), record.clone());
                }
                (Write::Delete, _) => {
                    records.remove(op.key());
                }
                (Write::Keep, _) | (Write::Put, None) => {}
            }
            results.push(applied);
        }
        results
    }

    /// Everything that is there.
    pub fn load(&self) -> Vec<Record> {
        self.records.borrow().values().cloned().collect()
    }
}
