//! Signing out: the mark in storage, how other tabs hear of it, and the user of later tokens.

use tollbox::core::engine::Event;
use tollbox::core::session::Session;

use super::happening::Happening;
use super::server::ACCOUNT;
use super::tab::{Life, TabId};
use super::world::World;

/// The next user of this browser.
pub const NEXT_USER: &str = "bob";
/// How far localStorage may lag behind in another process.
const LAG_MS: u64 = 50;
/// The longest stays of the next user.
const STAYS_MS: [u64; 3] = [2_000, 60_000, 600_000];

impl World {
    pub fn mark_sign_out(&mut self, place: usize) {
        let in_ms = match self.dice.chance(self.mix.slow_write) {
            true => self.dice.skewed(&[100, 2_000, 10_000]),
            false => self.dice.between(0, 4),
        };
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
        let fails = self.journal.full || self.dice.chance(self.mix.abort_write);
        let marked = match fails {
            true => Err("the transaction was aborted".to_owned()),
            false => {
                let journal = &mut self.journal;
                let mark = session.end(journal.mark, self.wall_ms);
                if mark > journal.mark {
                    journal.lagging_mark = journal.mark;
                    journal.lags_until_ms = self.mono_ms + self.dice.between(0, LAG_MS);
                    journal.mark = mark;
                    self.cache.push(None);
                }
                self.note(|| format!("tab{tab}: signed out, the mark is {mark}"));
                self.tell_others(tab, &Event::SignedOut { mark });
                Ok(mark)
            }
        };
        if alive {
            self.tell(tab, Event::Marked(marked));
        }
        if self.calm_since_ms.is_some() && !self.anybody_works() {
            self.open();
        }
    }

    /// Acts on the mark, as the shell does after each read of the journal.
    pub fn heed_mark(&mut self, tab: TabId) {
        let mark = self.journal.mark;
        let engine = self.place(tab).map(|place| &self.tabs[place].engine);
        if engine.is_some_and(|engine| engine.is_over(mark) && !engine.is_signed_out()) {
            self.tell(tab, Event::SignedOut { mark });
        }
    }

    pub fn announce_left(&mut self, tab: TabId) {
        let name = format!("tab{tab}");
        self.tell_others(tab, &Event::PeerLeft { tab: name });
    }

    fn tell_others(&mut self, from: TabId, event: &Event) {
        for tab in self.all_live() {
            if tab == from || self.dice.chance(self.mix.lose_announcement) {
                continue;
            }
            let in_ms = self.announcement_ms();
            let event = event.clone();
            self.plan(in_ms, Happening::Told { tab, event });
        }
    }

    /// Whether the account has signed out since this tab was opened.
    pub fn is_over(&self, place: usize) -> bool {
        self.journal.mark > self.tabs[place].session.mark()
    }

    /// Whether the tab's shell lets nothing leave: its core has signed out, or sees in localStorage
    /// that another tab has.
    pub fn sees_sign_out(&self, place: usize) -> bool {
        let journal = &self.journal;
        let mark = match self.mono_ms < journal.lags_until_ms {
            true => journal.lagging_mark,
            false => journal.mark,
        };
        let engine = &self.tabs[place].engine;
        engine.is_signed_out() || engine.is_over(mark)
    }

    /// Whether some tab works for the account.
    pub fn anybody_works(&self) -> bool {
        let mut tabs = self.tabs.iter().enumerate();
        tabs.any(|(place, tab)| tab.life == Life::Live && !self.is_over(place))
    }

    /// Notes that the caller of `signOut` has been answered.
    pub fn signed_out(&mut self, place: usize) {
        if self.is_over(place) {
            self.books.signed_out_since = self.journal.mark;
        }
        if self.calm_since_ms.is_some() || self.anybody_works() {
            // Tabs opened since belong to a session that goes on, and so do all tabs if the mark
            // could not be written.
            return;
        }
        if self.dice.chance(700) {
            self.change_user();
        }
    }

    /// Makes the token another user's, whatever clients are open.
    pub fn change_user(&mut self) {
        if self.user_name != ACCOUNT {
            return;
        }
        self.user_name = NEXT_USER;
        self.backend.token += 1;
        let stays_ms = self.dice.skewed(&STAYS_MS);
        self.note(|| format!("{NEXT_USER} signs in for {stays_ms} ms"));
        self.plan(stays_ms, Happening::SignIn);
    }

    pub fn sign_in_again(&mut self) {
        if self.user_name != ACCOUNT {
            self.note(|| format!("{ACCOUNT} signs in"));
            self.user_name = ACCOUNT;
            self.backend.token += 1;
        }
    }
}
