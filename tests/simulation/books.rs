//! What is known from outside: what the ledger really did, what was asked and what was said.

use std::collections::{BTreeMap, BTreeSet};

use tollbox::core::charge::Key;
use tollbox::core::engine::CallId;

use super::server::ACCOUNT;
use super::tab::TabId;
use super::world::World;

/// After so long a silence a tab's tasks are held by no other any more, and the journal has been
/// asked what became of them.
const TASKS_LAPSE_MS: u64 = 200_000;

/// A call that waits for its answer.
#[derive(Clone, Debug)]
pub struct Asked {
    pub tab: TabId,
    pub what: &'static str,
    pub key: Option<Key>,
    /// Whether the journal had this key then.
    pub known: bool,
    /// When it has to be answered.
    pub until_ms: Option<u64>,
    /// How often the journal has failed its tab since.
    pub failures: u32,
}

#[derive(Default)]
pub struct Books {
    /// The ledger's balance at each version.
    pub balances: BTreeMap<u64, u64>,
    /// How often each thing that the user wanted paid was charged, and for how many points at
    /// last: by the key that the client makes for it, whatever key it went out under.
    pub charged: BTreeMap<String, (u32, u64)>,
    /// By which tab's request each key was charged, and when.
    pub charged_by: BTreeMap<String, (TabId, u64)>,
    /// How often each key was sent.
    pub sent: BTreeMap<String, u32>,
    /// How often the server, in its own word, put off what was sent of it.
    pub put_off: BTreeMap<String, u32>,
    /// Keys of which the network has doubled a request.
    pub doubled: BTreeSet<String>,
    /// Whose request the server is answering.
    pub serving: Option<TabId>,
    pub calls: BTreeMap<CallId, Asked>,
    /// Said to be safe in the journal.
    pub promised: BTreeSet<Key>,
    /// Said to have taken nothing, for so many points, and not asked for again since.
    pub said_untaken: BTreeMap<Key, (u64, String)>,
    /// Deleted from the journal after their verdict.
    pub forgotten: BTreeSet<Key>,
    /// Tasks that were started, by tab.
    pub tasks: BTreeMap<TabId, u64>,
    /// Until then a tab may hold what another tab no longer has at work.
    pub tasks_unsure_until_ms: u64,
    /// Known before the journal was wiped: their client can't know what became of them.
    pub wiped: BTreeSet<Key>,
    /// The mark of the last sign-out of which whoever asked for it was told that it is over.
    pub signed_out_since: u64,
    /// Charges whose records were damaged, at one time or another.
    pub damaged: BTreeSet<Key>,
    /// What the journal has had a verdict of.
    pub ended: BTreeSet<Key>,
    /// Without a verdict when the wall clock was set back, and their age not noted as lost then.
    pub unaged: BTreeSet<Key>,
    entered: usize,
}

impl Books {
    pub fn new(seed_balance: u64) -> Books {
        Books {
            balances: BTreeMap::from([(1, seed_balance)]),
            ..Books::default()
        }
    }

    /// News of tasks has been lost, or a tab that would have brought them.
    pub fn tasks_are_unsure(&mut self, mono_ms: u64) {
        let until_ms = mono_ms + TASKS_LAPSE_MS;
        self.tasks_unsure_until_ms = self.tasks_unsure_until_ms.max(until_ms);
    }

    /// What happens to this tab is late from now on, and so are its answers.
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

impl World {
    pub fn enter_balance(&mut self) {
        let balance = self.server.ledger.balance(ACCOUNT);
        self.books.balances.insert(balance.version, balance.points);
    }

    /// Takes note of what the ledger has charged since the last time.
    pub fn enter_charges(&mut self) {
        self.enter_balance();
        let charges = self.server.ledger.charges(ACCOUNT);
        let new = charges.get(self.books.entered..).unwrap_or_default();
        let new: Vec<(String, String, u64)> = new
            .iter()
            .map(|charge| {
                let request = &charge.request;
                let key = usual_key(request.feature(), request.task_id());
                (key, request.key().to_owned(), request.amount().get())
            })
            .collect();
        self.books.entered = charges.len();
        for (key, wire, amount) in new {
            if wire.starts_with("elsewhere") {
                continue;
            }
            self.counts.charges += 1;
            self.note(|| format!("    CHARGED {wire}: {amount}"));
            let times = self.books.charged.get(&key).map_or(1, |known| known.0 + 1);
            self.books.charged.insert(key.clone(), (times, amount));
            if let Some(tab) = self.books.serving {
                let by = (tab, self.mono_ms);
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

/// What the client makes of a feature and a task where its caller gives no key.
pub fn usual_key(feature: &str, task_id: &str) -> String {
    format!("{feature}:{task_id}")
}
