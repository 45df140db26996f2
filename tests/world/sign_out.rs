//! Signing out: the mark in storage, and how other tabs hear of it.

use tollbox::core::engine::Event;
use tollbox::core::session::Session;

use super::World;
use super::driver::Driver;
use super::happening::Happening;
use super::tab::{Life, TabId};

/// The next user of this browser.
pub const NEXT_USER: &str = "bob";

impl<D: Driver> World<D> {
    pub fn mark_sign_out(&mut self, place: usize) {
        let in_ms = self.driver.mark_ms();
        let (tab, session) = (self.tabs[place].id, self.tabs[place].session);
        // No browser freezes a page whose transaction is under way.
        self.tabs[place].frozen_until_ms = 0;
        self.plan(in_ms, Happening::Mark { tab, session });
    }

    /// Writes the mark, though its tab may have died meanwhile.
    pub fn leave_mark(&mut self, tab: TabId, session: Session) {
        let alive = self.place(tab).is_some();
        if !alive && !self.orphans.contains(&tab) {
            return;
        }
        let marked = match D::mark_fault(self) {
            Some(fault) => Err(fault),
            None => {
                let mark = session.end(self.journal.mark, self.now.wall_ms);
                if mark > self.journal.mark {
                    let lag_ms = self.driver.lag_ms();
                    let journal = &mut self.journal;
                    journal.lagging_mark = journal.mark;
                    journal.lags_until_ms = self.now.mono_ms + lag_ms;
                    journal.mark = mark;
                    // The session's cache ends with it.
                    self.cache.clear();
                }
                self.note(|| format!("tab{tab}: signed out, the mark is {mark}"));
                self.tell_others(tab, &Event::SignedOut { mark });
                Ok(mark)
            }
        };
        if alive {
            self.tell(tab, Event::Marked(marked));
        }
        D::left_mark(self);
    }

    /// Acts on the mark, as the shell does after each read of the journal.
    pub fn heed_mark(&mut self, tab: TabId) {
        let mark = self.journal.mark;
        let engine = self.place(tab).map(|place| &self.tabs[place].engine);
        if engine.is_some_and(|engine| engine.is_over(mark) && !engine.is_signed_out()) {
            self.tell(tab, Event::SignedOut { mark });
        }
    }

    /// Whether the account has signed out since this tab was opened.
    pub fn is_over(&self, place: usize) -> bool {
        self.journal.mark > self.tabs[place].session.mark()
    }

    /// Whether the tab's shell lets nothing leave: its core has signed out, or sees in localStorage
    /// that another tab has.
    pub fn sees_sign_out(&self, place: usize) -> bool {
        let engine = &self.tabs[place].engine;
        engine.is_signed_out() || engine.is_over(self.journal.mark_seen(self.now.mono_ms))
    }

    /// Whether some tab works for the account.
    pub fn anybody_works(&self) -> bool {
        let mut tabs = self.tabs.iter().enumerate();
        tabs.any(|(place, tab)| tab.life == Life::Live && !self.is_over(place))
    }
}
