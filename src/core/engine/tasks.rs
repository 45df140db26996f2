//! Running tasks: work that will be charged when it is done, and whose points are held meanwhile,
//! here and in the other tabs. Tabs tell each other which tasks run in them. A dead tab is
//! recognised by its absence from the living ones, or by a long silence. A task that waits for the
//! server's word on the balance has not started yet.

use super::context::Context;
use super::server_holds::{Counted, ServerHolds};
use super::{CallId, Effect};
use crate::core::charge::{Charge, Key};
use crate::core::clock::Now;
use crate::core::ordered::{Map, map_of};
use crate::core::outbox::Outbox;
use crate::core::points::Points;

/// A task that is running, as tabs tell each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    /// The key of the future charge.
    pub key: Key,
    /// The points held.
    pub amount: Points,
    /// The server's hold for it, where there is one.
    pub counted: Option<Counted>,
}

json_members! { to and from Running { key, amount, counted } }

/// How often a tab announces its tasks, even unchanged ones, in milliseconds.
const TELL_EVERY_MS: u64 = 30_000;

/// How long a tab may be silent before its tasks count as over, in milliseconds. Timers of hidden
/// pages run once a minute.
const SILENCE_MS: u64 = 150_000;

/// Running tasks, here and in other tabs.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    own: Map<Key, Charge>,
    /// Tasks to be started when the balance or the journal has been read, in the order of their
    /// calls.
    waiting: Vec<Start>,
    /// The tasks of each other tab.
    elsewhere: Map<String, OfTab>,
    ended: Map<Key, EndedTask>,
    /// The last announcement to the other tabs, and when it was made; monotonic.
    told: Vec<Running>,
    told_at_ms: u64,
    /// When the next announcement is due; monotonic.
    tell_at_ms: u64,
    /// Whether it is to be made at the end of this turn.
    untold: bool,
}

/// A call that starts a task, and waits for its answer.
#[derive(Debug)]
pub(super) struct Start {
    pub(super) call: CallId,
    /// The charge to be made when the task is done.
    pub(super) charge: Charge,
    /// What has been read for it, or is being read.
    pub(super) stage: StartStage,
}

/// What has been read for a task that is to start. One that has waited for the server is refused
/// only after a look into the journal: another tab may have charged it meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StartStage {
    /// Nothing.
    New,
    /// The first balance.
    FirstBalance,
    /// The balance, since it was found too low.
    BalanceRead,
    /// The server was asked to hold the points, since only its holds are in the way, and has not said.
    NotApproved,
    /// The journal is being read.
    ReadingJournal,
    /// The journal too, as far as it can be.
    JournalRead,
}

impl StartStage {
    /// Whether all has been read that can be.
    pub(super) fn is_last(self) -> bool {
        match self {
            StartStage::New
            | StartStage::FirstBalance
            | StartStage::BalanceRead
            | StartStage::NotApproved => false,
            StartStage::ReadingJournal | StartStage::JournalRead => true,
        }
    }
}

impl Start {
    /// Whether the server's word on the points is still to come.
    pub(super) fn waits_for_balance(&self) -> bool {
        match self.stage {
            StartStage::New | StartStage::FirstBalance | StartStage::BalanceRead => true,
            StartStage::NotApproved | StartStage::ReadingJournal | StartStage::JournalRead => false,
        }
    }
}

#[derive(Debug)]
struct OfTab {
    tasks: Map<Key, Points>,
    /// When they expire, if nothing more is heard; monotonic.
    until_ms: u64,
}

/// A task that has ended in another tab. Its points are held until the journal shows whether a
/// charge holds them now.
#[derive(Debug)]
struct EndedTask {
    amount: Points,
    /// The number of transactions begun at its end: a later one shows it.
    begun: u64,
    /// When the hold ends at the latest; monotonic.
    until_ms: u64,
    /// Whether its tab is known to be gone too, and can't release its hold at the server.
    abandoned: bool,
}

impl Tasks {
    /// The task of this tab with this key.
    pub(super) fn own(&self, key: &Key) -> Option<&Charge> {
        self.own.get(key)
    }

    pub(super) fn start(&mut self, charge: Charge) {
        self.own.insert(charge.key.clone(), charge);
    }

    pub(super) fn end(&mut self, key: &Key) -> Option<Charge> {
        self.own.remove(key)
    }

    /// Keeps the call until the balance or the journal has been read.
    pub(super) fn wait(&mut self, start: Start) {
        self.waiting.push(start);
    }

    /// Whether a task under this key waits.
    pub(super) fn is_waiting(&self, key: &Key) -> bool {
        self.waiting.iter().any(|start| start.charge.key == *key)
    }

    /// The calls that wait for the balance, to be decided now.
    pub(super) fn take_waiting(&mut self) -> Vec<Start> {
        self.take(Start::waits_for_balance)
    }

    /// The call for which the journal has been read, and those behind it under the same key.
    pub(super) fn take_read(&mut self, call: CallId) -> Vec<Start> {
        let of_call = self.waiting.iter().find(|start| start.call == call);
        let Some(key) = of_call.map(|start| start.charge.key.clone()) else {
            return Vec::new();
        };
        self.take(|start| start.charge.key == key)
    }

    /// All calls that wait.
    pub(super) fn take_all_waiting(&mut self) -> Vec<Start> {
        self.take(|_| true)
    }

    fn take(&mut self, wanted: impl Fn(&Start) -> bool) -> Vec<Start> {
        let (taken, kept) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(wanted);
        self.waiting = kept;
        taken
    }

    /// Ends all tasks of this client, and the holds for others.
    pub(super) fn end_all(&mut self) {
        self.own = Map::new();
        self.elsewhere = Map::new();
        self.ended = Map::new();
    }

    /// The points held for another tab's task with this key.
    pub(super) fn held_elsewhere(&self, key: &Key) -> Option<Points> {
        let mut tabs = self.elsewhere.values();
        tabs.find_map(|tab| tab.tasks.get(key).copied())
    }

    /// Whether a task with this key runs, here or in another tab.
    pub(super) fn is_running(&self, key: &Key) -> bool {
        self.own.contains_key(key) || self.held_elsewhere(key).is_some()
    }

    /// The tasks of other tabs whose points are held here.
    pub(super) fn keys_elsewhere(&self) -> impl Iterator<Item = &Key> {
        let running = self.elsewhere.values().flat_map(|tab| tab.tasks.keys());
        self.ended.keys().chain(running)
    }

    /// Whether any task runs in another tab.
    pub(super) fn any_elsewhere(&self) -> bool {
        !self.elsewhere.is_empty()
    }

    /// The points held by each task, wherever it runs.
    pub(super) fn holds(&self) -> Vec<(&Key, Points)> {
        let mut holds = Vec::new();
        for (key, charge) in &self.own {
            holds.push((key, charge.amount));
        }
        for (place, tab) in self.elsewhere.values().enumerate() {
            for (key, amount) in &tab.tasks {
                let mut before = self.elsewhere.values().take(place);
                if !self.own.contains_key(key) && !before.any(|tab| tab.tasks.contains_key(key)) {
                    holds.push((key, *amount));
                }
            }
        }
        for (key, ended) in &self.ended {
            if !self.is_running(key) {
                holds.push((key, ended.amount));
            }
        }
        #[cfg(test)]
        holds
            .iter()
            .for_each(|_| crate::core::ordered::visits::count());
        holds
    }

    /// The points held by the task of this key, wherever it runs.
    pub(super) fn held_by(&self, key: &Key) -> Option<Points> {
        let own = self.own.get(key).map(|charge| charge.amount);
        let ended = || self.ended.get(key).map(|ended| ended.amount);
        own.or_else(|| self.held_elsewhere(key)).or_else(ended)
    }

    /// The journal has been read for this key, in the transaction of this number. Returns whether a
    /// task with this key has ended with its tab.
    pub(super) fn read(&mut self, key: &Key, number: u64) -> bool {
        match self.ended.get(key) {
            Some(ended) if ended.begun < number => {
                let abandoned = ended.abandoned;
                self.ended.remove(key);
                abandoned
            }
            Some(_) | None => false,
        }
    }

    /// The tasks that other tabs are to hold points for. A task that has become a charge stays
    /// among them until the journal has the charge.
    fn to_tell<'a>(
        &'a self,
        outbox: &'a Outbox,
        server: &'a ServerHolds,
    ) -> impl Iterator<Item = (&'a Key, Points, Option<&'a Counted>)> {
        let unsaved = self.told.iter().filter(|task| {
            let entry = outbox.get(&task.key).filter(|entry| !entry.saved);
            !self.own.contains_key(&task.key) && entry.is_some_and(|entry| entry.record.is_held())
        });
        let unsaved = unsaved.map(|task| (&task.key, task.amount, task.counted.as_ref()));
        let own = self.own.values();
        let own = own.map(|charge| (&charge.key, charge.amount, server.to_tell(&charge.key)));
        own.chain(unsaved)
    }

    /// When an announcement or an expiry is due; monotonic.
    pub(super) fn deadline(&self) -> Option<u64> {
        let silence = self.elsewhere.values().map(|tab| tab.until_ms);
        let ended = self.ended.values().map(|ended| ended.until_ms);
        let tell = (!self.told.is_empty()).then_some(self.tell_at_ms);
        silence.chain(ended).chain(tell).min()
    }

    /// Replaces the tasks of another tab, which may be on its way out. Returns those that have ended.
    pub(super) fn update_tab(
        &mut self,
        now: Now,
        tab: String,
        running: Vec<Running>,
        leaves: bool,
        begun: u64,
        cx: &Context,
    ) -> Vec<Key> {
        let tasks = map_of(running.into_iter().map(|task| (task.key, task.amount)));
        let before = self.elsewhere.remove(&tab);
        if !tasks.is_empty() {
            let until_ms = now.after(SILENCE_MS);
            self.elsewhere.insert(tab, OfTab { tasks, until_ms });
        }
        self.end_elsewhere(now, before, leaves, begun, cx)
    }

    /// Ends the tasks of dead tabs. Returns them.
    pub(super) fn end_gone(
        &mut self,
        now: Now,
        is_gone: impl Fn(&String) -> bool,
        begun: u64,
        cx: &Context,
    ) -> Vec<Key> {
        let gone = take_if(&mut self.elsewhere, |tab, _| is_gone(tab));
        self.end_elsewhere(now, gone, true, begun, cx)
    }

    fn end_elsewhere(
        &mut self,
        now: Now,
        tasks: impl IntoIterator<Item = OfTab>,
        abandoned: bool,
        begun: u64,
        cx: &Context,
    ) -> Vec<Key> {
        let mut keys = Vec::new();
        for (key, amount) in tasks.into_iter().flat_map(|tab| tab.tasks) {
            if self.held_elsewhere(&key).is_none() {
                let ended = EndedTask {
                    amount,
                    begun,
                    until_ms: now.after(cx.config.claim_ms()),
                    abandoned,
                };
                self.ended.insert(key.clone(), ended);
                keys.push(key);
            }
        }
        keys
    }

    /// Expires tasks that have been silent for too long, and sees whether an announcement is due.
    /// Returns the tasks that have ended.
    pub(super) fn advance(
        &mut self,
        now: Now,
        outbox: &Outbox,
        server: &ServerHolds,
        begun: u64,
        cx: &Context,
    ) -> Vec<Key> {
        let is_over = |until_ms: u64| until_ms <= now.mono_ms;
        let silent = take_if(&mut self.elsewhere, |_, tab| is_over(tab.until_ms));
        let keys = self.end_elsewhere(now, silent, false, begun, cx);
        drop(take_if(&mut self.ended, |_, ended| is_over(ended.until_ms)));
        // Whether there is news for this turn; or only that the server counts more holds by now, without
        // which the others show too few points.
        let (mut is_news, mut counts_more) = (false, false);
        let mut told = self.told.iter();
        let mut before = told.next();
        for (key, amount, counted) in self.to_tell(outbox, server) {
            match before.filter(|task| task.key == *key && task.amount == amount) {
                Some(task) => {
                    is_news |= task.counted.is_some() && counted.is_none();
                    counts_more |= task.counted.as_ref() != counted;
                    before = told.next();
                }
                None => is_news = true,
            }
        }
        is_news |= before.is_some();
        if counts_more {
            // One entry a millisecond is enough.
            let entries = u64::try_from(self.told.len()).unwrap_or(u64::MAX);
            let tell_at_ms = self.told_at_ms.saturating_add(entries);
            self.tell_at_ms = self.tell_at_ms.min(tell_at_ms);
        }
        self.untold = is_news || (!self.told.is_empty() && is_over(self.tell_at_ms));
        keys
    }

    /// Whether there is an announcement to be made at the end of this turn.
    pub(super) fn is_untold(&self) -> bool {
        self.untold
    }

    /// Whether the others are still to hear that the task of this key has ended. They would not, if it
    /// started again before that.
    pub(super) fn is_end_untold(&self, key: &Key) -> bool {
        self.untold && !self.own.contains_key(key) && self.told.iter().any(|task| task.key == *key)
    }

    /// The client closes: what ran in it has ended.
    pub(super) fn close(&mut self, cx: &mut Context) {
        self.untold = false;
        if !self.told.is_empty() {
            self.told = Vec::new();
            cx.push(Effect::AnnounceTasks {
                running: Vec::new(),
                leaves: true,
            });
        }
    }

    /// The page slept: other tabs may have taken it for dead, and it has not heard of them.
    pub(super) fn woke(
        &mut self,
        now: Now,
        outbox: &Outbox,
        server: &ServerHolds,
        cx: &mut Context,
    ) {
        cx.push(Effect::AskTasks);
        if !self.told.is_empty() {
            self.tell(now, outbox, server, cx);
        }
    }

    /// Announces the tasks of this tab.
    pub(super) fn tell(
        &mut self,
        now: Now,
        outbox: &Outbox,
        server: &ServerHolds,
        cx: &mut Context,
    ) {
        let running = self.to_tell(outbox, server);
        let running = running.map(|(key, amount, counted)| Running {
            key: key.clone(),
            amount,
            counted: counted.cloned(),
        });
        let running: Vec<Running> = running.collect();
        self.told.clone_from(&running);
        self.told_at_ms = now.mono_ms;
        self.tell_at_ms = now.after(TELL_EVERY_MS);
        self.untold = false;
        cx.push(Effect::AnnounceTasks {
            running,
            leaves: false,
        });
    }
}

fn take_if<K: Ord + Clone, V>(
    map: &mut Map<K, V>,
    mut condition: impl FnMut(&K, &V) -> bool,
) -> Vec<V> {
    let keys: Vec<K> = map
        .iter()
        .filter(|(key, value)| condition(key, value))
        .map(|(key, _)| key.clone())
        .collect();
    keys.iter().filter_map(|key| map.remove(key)).collect()
}
