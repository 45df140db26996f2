//! Retention of settled charges: `keepSettled` of them stay in the journal, the newest.

use super::calls::Calls;
use super::tabs::Tabs;
use crate::core::charge::Key;
use crate::core::clock::Now;
use crate::core::outbox::Outbox;

/// How long a settled charge stays in the journal while other tabs are, or may be, alive, in
/// milliseconds: they have been told of its end, and read it there.
const READ_WITHIN_MS: u64 = 1_000;

/// So many go in one transaction, and the next when that has ended.
const AT_ONCE: usize = 500;

/// More than so many don't wait for the end of a flush, which charges that keep coming may put off
/// for ever.
const MOST_PUT_OFF: usize = 10_000;

/// When surplus settled charges are deleted.
#[derive(Debug, Default)]
pub(super) struct Retention {
    /// When the next of those that other tabs may still read goes; monotonic.
    due_ms: Option<u64>,
}

impl Retention {
    /// The charges to delete now: the oldest settled ones beyond `keep`. Calls that wait for one in
    /// another tab have time to read it.
    pub(super) fn surplus(
        &mut self,
        now: Now,
        keep: usize,
        outbox: &Outbox,
        calls: &Calls,
        tabs: &Tabs,
    ) -> Vec<Key> {
        let alone = tabs.is_alone();
        self.due_ms = None;
        let mut gone = Vec::new();
        for key in outbox.surplus(keep).take(AT_ONCE) {
            if calls.is_asked_for(key) {
                // A call that is reading it from the journal may reopen it.
                continue;
            }
            let changed_ms = outbox.get(key).map_or(0, |entry| entry.changed_ms);
            let goes_at_ms = changed_ms.saturating_add(READ_WITHIN_MS);
            if !alone && goes_at_ms > now.mono_ms {
                // The others have changed since.
                self.due_ms = Some(goes_at_ms);
                break;
            }
            gone.push(key.clone());
        }
        gone
    }

    /// Puts it off to the end of a flush, unless there are too many.
    pub(super) fn puts_off(&mut self, keep: usize, outbox: &Outbox) -> bool {
        self.due_ms = None;
        outbox.surplus_count(keep) <= MOST_PUT_OFF
    }

    pub(super) fn is_due(&self, now: Now) -> bool {
        self.due_ms.is_some_and(|due_ms| due_ms <= now.mono_ms)
    }

    pub(super) fn deadline(&self) -> Option<u64> {
        self.due_ms
    }
}
