//! The books of a run, kept from outside: the ledger's charges, the calls, and the answers to them.

use std::collections::{BTreeMap, BTreeSet};

use tollbox::core::charge::Key;
use tollbox::core::engine::CallId;

use crate::world::World;
use crate::world::driver::Driver;
use crate::world::server::{ACCOUNT, ELSEWHERE};
use crate::world::tab::TabId;

/// After a silence of this length no other tab holds a tab's tasks any more, and the journal has
/// been asked for their charges.
const TASKS_LAPSE_MS: u64 = 200_000;

/// A call that waits for its answer.
#[derive(Clone, Debug)]
pub struct Asked {
    pub tab: TabId,
    pub what: &'static str,
    pub key: Option<Key>,
    /// Whether the journal had this key at the time of the call.
    pub known: bool,
    /// The deadline of its answer.
    pub until_ms: Option<u64>,
    /// Failures of the journal for its tab since the call.
    pub failures: u32,
}

/// A hold of another device.
#[derive(Clone, Copy, Debug)]
pub struct HeldElsewhere {
    pub points: u64,
    /// The balance's version from which on it counts.
    pub version: u64,
    /// When it expires, by the server's clock.
    pub until_ms: u64,
}

#[derive(Default)]
pub struct Books {
    /// The ledger's balance at each version.
    pub balances: BTreeMap<u64, u64>,
    /// How often each thing that the user wanted paid was charged, and the points of the last
    /// charge. By the key that the client makes for it, whatever key it was sent under.
    pub charged: BTreeMap<String, (u32, u64)>,
    /// The tab whose request charged each key, and when.
    pub charged_by: BTreeMap<String, (TabId, u64)>,
    /// The balance's version when each was first known to be charged.
    pub charged_by_version: BTreeMap<String, u64>,
    /// What other devices have held.
    pub held_elsewhere: Vec<HeldElsewhere>,
    /// How often each key was sent.
    pub sent: BTreeMap<String, u32>,
    /// How often the server itself put off a sending of each key.
    pub put_off: BTreeMap<String, u32>,
    /// Keys whose charge the server itself has forbidden.
    pub forbidden: BTreeSet<String>,
    /// Keys with a request that the network has doubled.
    pub doubled: BTreeSet<String>,
    /// The tab whose request the server is answering.
    pub serving: Option<TabId>,
    /// Everything that was ever to be paid.
    pub wanted: BTreeSet<Key>,
    pub calls: BTreeMap<CallId, Asked>,
    /// Charges that were said to be safe in the journal.
    pub promised: BTreeSet<Key>,
    /// Charges that were said to have taken nothing, and not asked for again since, with their
    /// points.
    pub said_untaken: BTreeMap<Key, (u64, String)>,
    /// Charges evicted from the journal after their verdict.
    pub forgotten: BTreeSet<Key>,
    /// Points of the tasks started, by tab.
    pub tasks: BTreeMap<TabId, u64>,
    /// Until then a tab may hold points of tasks that no longer run in another.
    pub tasks_unsure_until_ms: u64,
    /// Charges known before the journal was wiped: their client can't know their fate.
    pub wiped: BTreeSet<Key>,
    /// The mark of the last sign-out whose caller was told that it is over.
    pub signed_out_since: u64,
    /// Charges whose records have ever been damaged.
    pub damaged: BTreeSet<Key>,
    /// Charges that have had a verdict in the journal.
    pub ended: BTreeSet<Key>,
    /// The latest time until which a server has asked any tab, dead or alive, to wait.
    pub longest_hold_ms: u64,
    entered: usize,
}

impl Books {
    pub fn new(seed_balance: u64) -> Books {
        Books {
            balances: BTreeMap::from([(1, seed_balance)]),
            ..Books::default()
        }
    }

    /// To be called when an announcement of tasks was lost, or the tab that would have made one.
    pub fn tasks_are_unsure(&mut self, mono_ms: u64) {
        let until_ms = mono_ms + TASKS_LAPSE_MS;
        self.tasks_unsure_until_ms = self.tasks_unsure_until_ms.max(until_ms);
    }

    /// Lifts the deadlines of this tab's calls, as its events are late from now on.
    pub fn expect_no_haste_of(&mut self, tab: TabId) {
        let calls = self.calls.values_mut();
        for asked in calls.filter(|asked| asked.tab == tab) {
            asked.until_ms = None;
        }
    }

    /// Whether no record has ever vanished from the journal.
    pub fn none_is_gone(&self) -> bool {
        self.wiped.is_empty() && self.damaged.is_empty()
    }

    pub fn forget_calls_of(&mut self, tab: TabId) {
        self.calls.retain(|_, asked| asked.tab != tab);
    }
}

impl<D: Driver> World<D> {
    /// The ledger's balance at this version.
    pub fn balance_at(&mut self, version: u64) -> Option<u64> {
        if !self.books.balances.contains_key(&version) {
            // Points may have been credited or taken behind the clients' backs.
            self.enter_balance();
        }
        self.books.balances.get(&version).copied()
    }

    pub fn enter_balance(&mut self) {
        let balance = self.server.ledger.balance(ACCOUNT, 0);
        self.books.balances.insert(balance.version, balance.points);
    }

    /// Another device holds points, if there are as many.
    pub fn hold_elsewhere(&mut self, key: &str, points: u64, expires_in_s: u64) {
        let at_ms = self.elapsed_ms();
        if self.server.hold_elsewhere(at_ms, key, points, expires_in_s) {
            self.enter_balance();
            self.books.held_elsewhere.push(HeldElsewhere {
                points,
                version: self.server.ledger.balance(ACCOUNT, 0).version,
                until_ms: at_ms + expires_in_s * 1_000,
            });
        }
    }

    /// Enters the ledger's charges since the last time.
    pub fn enter_charges(&mut self) {
        self.enter_balance();
        let charges = self.server.ledger.charges(ACCOUNT);
        let new = charges.get(self.books.entered..).unwrap_or_default();
        let ours = new
            .iter()
            .filter(|charge| charge.request.feature() != ELSEWHERE);
        let ours: Vec<(String, String, u64)> = ours
            .map(|charge| {
                let request = &charge.request;
                let key = usual_key(request.feature(), request.task_id());
                (key, request.key().to_owned(), request.amount().get())
            })
            .collect();
        self.books.entered = charges.len();
        for (key, wire, amount) in ours {
            self.counts.charges += 1;
            self.note(|| format!("    CHARGED {wire}: {amount}"));
            let times = self.books.charged.get(&key).map_or(1, |known| known.0 + 1);
            self.books.charged.insert(key.clone(), (times, amount));
            let version = self.server.ledger.balance(ACCOUNT, 0).version;
            self.books
                .charged_by_version
                .entry(key.clone())
                .or_insert(version);
            if let Some(tab) = self.books.serving {
                let by = (tab, self.now.mono_ms);
                self.books.charged_by.insert(key.clone(), by);
            }
            if times > 1 {
                let what = format!("{key} is charged {times} times, at last under {wire}");
                self.violate("1 at most once", what);
            }
            self.check_charged(&key, amount);
        }
    }
}

/// The key that the client makes of a feature and a task when its caller gives none.
pub fn usual_key(feature: &str, task_id: &str) -> String {
    format!("{feature}:{task_id}")
}
