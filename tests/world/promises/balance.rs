//! Checks of a tab's view: its balance, its holds and its counts.

use std::collections::BTreeMap;

use tollbox::core::charge::Key;
use tollbox::core::snapshot::{BillingStatus, Snapshot};

use crate::world::World;
use crate::world::driver::Driver;
use crate::world::tab::{Life, TabId};

impl<D: Driver> World<D> {
    pub fn check_snapshot(&mut self, place: usize, snapshot: &Snapshot) {
        let balance = snapshot.balance.as_ref();
        let really = balance.and_then(|balance| self.balance_at(balance.version));
        if let Err((invariant, what)) = self.examine(place, snapshot, really) {
            let id = self.tabs[place].id;
            self.violate(invariant, format!("tab{id}: {what}"));
        }
    }

    /// Checks that nothing is held twice: when all is written, the holds equal the open charges
    /// shown.
    pub fn check_holds(&mut self, place: usize) {
        let tab = &self.tabs[place];
        let at_rest = !tab.writing && tab.life != Life::Closing && self.books.none_is_gone();
        let Some(snapshot) = tab.snapshot.as_ref().filter(|_| at_rest) else {
            return;
        };
        let (held, open) = (snapshot.queue.held_points.get(), tab.open_points);
        let most = open + tab.task_points() + self.tasks_elsewhere(tab.id);
        if held > most {
            let id = tab.id;
            let what = format!("tab{id} holds {held}, and {most} are open or at work");
            self.violate("4 the balance", what);
        }
    }

    /// Notes the queue for the next start, as a tab does that knows all of the journal, and checks it.
    pub fn note_queue(&mut self, place: usize) {
        let tab = &self.tabs[place];
        let knows = tab.known_at == Some(self.journal.changes);
        let open = tab.engine.open_charges(0);
        if open.at_work {
            self.journal.noted = None;
        }
        let Some(queue) = open.at_rest.filter(|_| knows) else {
            return;
        };
        let really = self.journal.queue();
        if queue != really {
            let what = format!("tab{} notes {queue:?}, and there is {really:?}", tab.id);
            return self.violate("6 the counts", what);
        }
        if !open.at_work {
            self.journal.noted = Some((self.journal.commits, self.journal.changes, queue));
        }
    }

    /// Checks what a tab shows before it has read the journal.
    pub fn check_shown_ahead(&mut self, place: usize) {
        let tab = &self.tabs[place];
        if let Some(queue) = self.journal.noted_queue() {
            let snapshot = tab.engine.snapshot_of(tab.now(self.now), queue);
            self.check_snapshot(place, &snapshot);
        }
    }

    /// Points of other tabs' tasks, as far as this tab may have heard.
    pub fn tasks_elsewhere(&self, tab: TabId) -> u64 {
        let others = self.books.tasks.iter().filter(|(other, _)| **other != tab);
        others.map(|(_, points)| points).sum()
    }

    /// The points that are free at this version of the balance: of no other device's hold, and of
    /// none of the `held` that this tab holds for its own tasks and its open charges, unless they have
    /// been charged by then. What it holds for other tabs may have ended without its knowing.
    fn free_at(&self, place: usize, version: u64, held: u64) -> Option<u64> {
        let tab = &self.tabs[place];
        let at_ms = self.elapsed_ms();
        let elsewhere = self.books.held_elsewhere.iter();
        let elsewhere = elsewhere.filter(|hold| hold.version <= version && hold.until_ms > at_ms);
        let elsewhere: u64 = elsewhere.map(|hold| hold.points).sum();
        let open = tab.seen.iter().filter(|(_, (status, _))| is_open(*status));
        let open = open.map(|(key, (_, points))| (key, *points));
        let tasks = tab.tasks.iter().map(|(key, points)| (key, *points));
        let held_for: BTreeMap<&Key, u64> = tasks.chain(open).collect();
        let charged = held_for.iter().filter(|(key, _)| {
            let at = self.books.charged_by_version.get(key.as_str());
            at.is_some_and(|at| *at <= version)
        });
        let charged: u64 = charged.map(|(_, points)| points).sum();
        let held = held.min(held_for.values().sum());
        let balance = self.books.balances.get(&version)?;
        Some(balance.saturating_sub(elsewhere + held.saturating_sub(charged)))
    }

    /// `really` is the ledger's balance at the version shown.
    fn examine(
        &self,
        place: usize,
        snapshot: &Snapshot,
        really: Option<u64>,
    ) -> Result<(), (&'static str, String)> {
        let tab = &self.tabs[place];
        let stats = &snapshot.stats;
        let sum = stats.charged + stats.declined + stats.failed + stats.unknown + stats.open;
        if stats.enqueued != sum {
            return Err(("6 the counts", format!("they don't add up: {stats:?}")));
        }
        let queue = snapshot.queue;
        let held = queue.held_points.get();
        let open = queue.pending + queue.retrying + queue.unknown;
        let tasks = tab.tasks.is_empty();
        if open == 0 && tasks && held > self.tasks_elsewhere(tab.id) {
            return Err((
                "6 the counts",
                format!("nothing is open, and {held} points are held"),
            ));
        }
        let Some(balance) = &snapshot.balance else {
            return Ok(());
        };
        let wrong = |what: String| Err(("4 the balance", format!("{what}: {balance:?}")));
        if tab.engine.is_signed_out() {
            return wrong("it is signed out and shows a balance".to_owned());
        }
        let before = tab
            .snapshot
            .as_ref()
            .and_then(|before| before.balance.as_ref());
        if before.is_some_and(|before| before.version > balance.version) {
            return wrong("its version went back".to_owned());
        }
        if really != Some(balance.confirmed.get()) {
            return wrong(format!("at this version the ledger has {really:?}"));
        }
        let keeps_holds = self.server.keeps_holds;
        if (balance.held.get() != held && !keeps_holds)
            || balance.available != balance.confirmed.less(balance.held)
        {
            return wrong(format!("the holds are {held}"));
        }
        if keeps_holds {
            let free = self.free_at(place, balance.version, held);
            if free.is_some_and(|free| balance.available.get() > free) {
                return wrong(format!("it flatters: {free:?} are free at this version"));
            }
        }
        // Charges that another tab has settled and forgotten are not in this tab's balance yet.
        let gone = |status: BillingStatus, key| {
            status != BillingStatus::Success && self.books.forgotten.contains(key)
        };
        let seen = || {
            let seen = tab.seen.iter();
            seen.filter(|(key, (status, _))| !gone(*status, *key))
                .map(|(_, seen)| *seen)
        };
        if held < tab.open_points {
            let open: u64 = seen()
                .filter(|(status, _)| is_open(*status))
                .map(|(_, points)| points)
                .sum();
            if held < open {
                return wrong(format!("open charges come to {open} points"));
            }
        }
        let available = balance.available.get();
        if available > self.server.credited.saturating_sub(tab.spent_points) {
            let spent = seen().filter(|(status, _)| *status != BillingStatus::Failed);
            let spent: u64 = spent.map(|(_, points)| points).sum();
            let most = self.server.credited.saturating_sub(spent);
            if available > most {
                return wrong(format!("it flatters: at most {most} are available"));
            }
        }
        Ok(())
    }
}

fn is_open(status: BillingStatus) -> bool {
    match status {
        BillingStatus::Pending | BillingStatus::Retrying | BillingStatus::Unknown => true,
        BillingStatus::Success | BillingStatus::Failed => false,
    }
}
