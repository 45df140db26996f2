//! The tabs of a scenario: how they come and go, and what they show.

use tollbox::core::balance::Confirmed;
use tollbox::core::charge_filter::ChargeFilter;
use tollbox::core::engine::{Engine, Notice, Setup};
use tollbox::core::record::Record;
use tollbox::core::session::Session;
use tollbox::core::snapshot::{ChargeRecord, Snapshot};

use super::{World, key};
use crate::world::server::ACCOUNT;
use crate::world::{Tab, TabId};

impl World {
    /// Opens a client; it recovers as the world runs.
    pub fn open(&mut self) -> TabId {
        let id = self.driver.opened;
        self.driver.opened += 1;
        let setup = Setup {
            account: ACCOUNT.to_owned(),
            tab: format!("tab{id}"),
            seed: id as u64 + 1,
            storage: self.driver.storage,
            online: self.online,
            earlier: self.driver.earlier,
            session: Session::since(self.journal.mark),
        };
        self.admit(id, setup, self.config.clone(), 0);
        id
    }

    /// Opens a client, and lets it recover and read the balance.
    pub fn start(&mut self) -> TabId {
        let tab = self.open();
        self.run_for(200);
        tab
    }

    /// A balance that an earlier page of this session has cached.
    pub fn cache_balance(&mut self, confirmed: Confirmed) {
        let session = Session::since(self.journal.mark);
        self.cache.write(session, Some(confirmed));
    }

    /// Kills the tab. Its requests in flight still arrive.
    pub fn crash(&mut self, tab: TabId) {
        let place = self.place_of(tab);
        self.kill(place);
    }

    /// Freezes the tab until it is thawed.
    pub fn freeze(&mut self, tab: TabId) {
        let place = self.place_of(tab);
        self.freeze_until(place, u64::MAX);
    }

    /// Thaws the tab, and delivers all that has happened meanwhile.
    pub fn thaw(&mut self, tab: TabId) {
        self.note(|| format!("tab{tab} thaws"));
        self.tab_mut(tab).frozen_until_ms = 0;
        for missed in self.happenings.take_all(u64::MAX) {
            self.happen(missed);
        }
    }

    fn place_of(&self, tab: TabId) -> usize {
        match self.place(tab) {
            Some(place) => place,
            None => self.fail(&format!("there is no tab{tab}")),
        }
    }

    pub fn tab(&self, tab: TabId) -> &Tab {
        &self.tabs[self.place_of(tab)]
    }

    fn tab_mut(&mut self, tab: TabId) -> &mut Tab {
        let place = self.place_of(tab);
        &mut self.tabs[place]
    }

    pub fn engine(&mut self, tab: TabId) -> &mut Engine {
        &mut self.tab_mut(tab).engine
    }

    /// All charges, as the tab lists them where the journal has these records.
    pub fn list(&self, tab: TabId, stored: Option<Vec<Record>>) -> Vec<ChargeRecord> {
        let filter = ChargeFilter {
            statuses: u32::MAX,
            limit: u32::MAX,
        };
        self.tab(tab).engine.show_list(stored, filter)
    }

    pub fn snapshot(&self, tab: TabId) -> Snapshot {
        let tab = self.tab(tab);
        tab.engine.snapshot(tab.now(self.now))
    }

    /// What the tab's listeners were told, and when.
    pub fn notices(&self, tab: TabId) -> &[(u64, Notice)] {
        self.driver.notices.get(&tab).map_or(&[], Vec::as_slice)
    }

    /// What they were last told of this charge.
    pub fn seen(&self, tab: TabId, task: &str) -> &ChargeRecord {
        &self.driver.seen[&(tab, key(task))]
    }

    pub fn fail(&self, why: &str) -> ! {
        panic!("{why}\nthe last steps:\n{}", self.trace.text());
    }
}
