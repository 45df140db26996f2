//! Storage that the tabs share: transactions, and the mark of a sign-out.

use tollbox::core::engine::Event;
use tollbox::core::journal::{Applied, ApplyAt, Op, Write};

use super::World;

impl World {
    pub(super) fn mark_sign_out(&mut self, tab: usize) {
        if self.tabs[tab].is_none() {
            return;
        }
        let marked = match self.fail_mark {
            true => Err("the disk is full".to_owned()),
            false => {
                let mark = self.tab(tab).session.end(self.mark, self.now.wall_ms);
                self.mark = mark;
                // The session's cache ends with it.
                self.cache = None;
                self.note(format!("tab{tab}: signed out, the mark is {mark}"));
                self.tell_peers(tab, || Event::SignedOut { mark });
                Ok(mark)
            }
        };
        self.tell(tab, Event::Marked(marked));
    }

    pub(super) fn commit(&mut self, tab: usize, ops: &[Op]) -> Vec<Applied> {
        self.transactions += 1;
        let session = self.tab(tab).session;
        let at = ApplyAt::new(self.now.wall_ms, session).marked(self.mark);
        let mut results = Vec::new();
        for op in ops {
            let applied = match self.journal.get(op.key()) {
                None if self.damaged.contains(op.key()) => op.apply_after_loss(at),
                current => op.apply(current.cloned(), at),
            };
            match (applied.write, &applied.record) {
                (Write::Put, Some(record)) => {
                    self.journal.insert(op.key().clone(), record.clone());
                }
                (Write::Delete, _) => {
                    self.journal.remove(op.key());
                }
                (Write::Keep, _) => {}
                (Write::Put, None) => self.fail("there is nothing to put"),
            }
            results.push(applied);
        }
        results
    }
}
