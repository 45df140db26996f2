//! The Web Lock under which one tab flushes: whose it is, and who waits for it, in order.

use std::collections::VecDeque;

use super::tab::TabId;

#[derive(Default)]
pub struct Lock {
    pub holder: Option<TabId>,
    queue: VecDeque<TabId>,
}

impl Lock {
    pub fn ask(&mut self, tab: TabId) {
        self.queue.push_back(tab);
    }

    pub fn is_awaited_by(&self, tab: TabId) -> bool {
        self.queue.contains(&tab)
    }

    pub fn give_up(&mut self, tab: TabId) {
        self.queue.retain(|waiting| *waiting != tab);
    }

    pub fn let_go(&mut self, tab: TabId) {
        self.give_up(tab);
        if self.holder == Some(tab) {
            self.holder = None;
        }
    }

    /// Gives the lock to the next tab, if it is free.
    pub fn grant(&mut self) -> Option<TabId> {
        if self.holder.is_some() {
            return None;
        }
        self.holder = self.queue.pop_front();
        self.holder
    }
}
