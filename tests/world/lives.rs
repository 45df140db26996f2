//! The lives of tabs, and what befalls the browser around them.

use tollbox::core::config::Config;
use tollbox::core::engine::{Engine, Event, Setup};

use super::World;
use super::driver::Driver;
use super::tab::{Life, Tab, TabId};

impl<D: Driver> World<D> {
    /// Opens a client; it recovers when the world goes on. Its monotonic clock reads 0 at
    /// `origin_ms` of the world's.
    pub fn admit(&mut self, id: TabId, setup: Setup, config: Config, origin_ms: u64) {
        let session = setup.session;
        self.note(|| format!("tab{id} opens"));
        let engine = Engine::new(setup, config);
        self.tabs
            .push(Tab::new(id, engine, session, origin_ms, self.now.mono_ms));
        self.grant_for_new_tab();
        match self.cache.of(session).cloned() {
            Some(confirmed) => self.tell(id, Event::Cached(confirmed)),
            None => self.drain(id),
        }
        if let Some(place) = self.place(id) {
            self.check_shown_ahead(place);
        }
    }

    /// Closes a client, which finishes what it writes.
    pub fn close(&mut self, tab: TabId) {
        let Some(place) = self.place(tab) else {
            return;
        };
        self.tabs[place].life = Life::Closing;
        self.give_up_requests(place);
        self.tell(tab, Event::Close);
    }

    pub fn give_up_requests(&mut self, place: usize) {
        let tab = &mut self.tabs[place];
        for send in std::mem::take(&mut tab.waiting) {
            self.dropped.insert((tab.id, send));
        }
    }

    /// A tab dies silently. Its requests may still arrive.
    pub fn kill(&mut self, place: usize) {
        let id = self.tabs[place].id;
        self.counts.crashes += 1;
        self.note(|| format!("tab{id} CRASHES"));
        self.books.tasks_are_unsure(self.now.mono_ms);
        D::dies(self, place);
        self.forget_tab(place);
    }

    pub fn forget_tab(&mut self, place: usize) {
        let id = self.tabs.remove(place).id;
        self.books.forget_calls_of(id);
        self.let_go_of_lock(id);
    }

    /// From now on all events of a tab wait, until it thaws.
    pub fn freeze_until(&mut self, place: usize, until_ms: u64) {
        let tab = &mut self.tabs[place];
        tab.frozen_until_ms = until_ms;
        let id = tab.id;
        self.books.expect_no_haste_of(id);
        self.note(|| format!("tab{id} is FROZEN until {until_ms}"));
    }

    /// Tells a tab something that makes it look again at all that is open.
    pub fn nudge(&mut self, tab: TabId, event: Event) {
        self.grant_all();
        if let Some(place) = self.place(tab) {
            self.tabs[place].nudged();
        }
        self.tell(tab, event);
    }

    /// The browser says whether it is online.
    pub fn go_online(&mut self, online: bool) {
        self.online = online;
        for tab in self.all_live() {
            self.nudge(tab, Event::Online(online));
        }
    }

    /// Sets the wall clock, or lets the machine sleep while its monotonic clock stands still.
    pub fn jump_wall(&mut self, by_ms: i64) {
        self.counts.jumps += 1;
        self.now.wall_ms = self.now.wall_ms.checked_add_signed(by_ms).unwrap();
        let wall_ms = self.now.wall_ms;
        self.note(|| format!("the wall clock jumps by {by_ms} ms to {wall_ms}"));
        // Waits may have been measured by this clock.
        let slept_ms = u64::try_from(by_ms).unwrap_or(0);
        for tab in self.tabs.iter_mut().filter(|_| slept_ms > 0) {
            tab.held_until_ms = tab.held_until_ms.saturating_sub(slept_ms);
            tab.nudged();
        }
    }
}
