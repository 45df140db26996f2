//! One tab: its client, and the observations of it.

use std::collections::{BTreeMap, BTreeSet};

use tollbox::core::charge::Key;
use tollbox::core::clock::Now;
use tollbox::core::engine::{Engine, SendId};
use tollbox::core::session::Session;
use tollbox::core::snapshot::{BillingStatus, ChargeRecord, Snapshot};

use super::promises::Budget;
use super::server::On;

pub type TabId = usize;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    Live,
    SignedOut,
    /// Told to close, and still writing.
    Closing,
}

pub struct Tab {
    pub id: TabId,
    pub engine: Engine,
    pub life: Life,
    pub session: Session,
    /// Its monotonic clock reads 0 at this instant of the world's.
    pub origin_ms: u64,
    /// The time at which its timer fires.
    pub timer_ms: Option<u64>,
    /// A timer set in a hidden tab fires no sooner than this.
    pub throttle_ms: u64,
    /// It stands still until then.
    pub frozen_until_ms: u64,
    /// Ticks after which the deadline was still in the past, in a row.
    pub spins: u32,
    pub writing: bool,
    /// The changes of the journal after which it knows everything there, as the store counts them.
    pub known_at: Option<u64>,
    /// The first and the last of its own latest changes, without a gap.
    pub told: (u64, u64),
    /// Charges that it told as made before the journal had their verdict.
    pub told_early: BTreeSet<Key>,
    /// Its journal orders so far.
    pub journal_orders: usize,
    /// The time of the commit that it is just hearing of.
    pub speaks_of_ms: Option<u64>,
    /// Requests that it waits for.
    pub waiting: BTreeSet<SendId>,
    pub lock_asked_ms: u64,
    /// The last status of each charge that its listeners were told, and its points.
    pub seen: BTreeMap<Key, (BillingStatus, u64)>,
    /// Points of the charges that are open or parked.
    pub open_points: u64,
    /// Points of the charges that are open, parked or charged.
    pub spent_points: u64,
    pub tasks: BTreeMap<Key, u64>,
    /// The arrival of its last announcement of tasks.
    pub task_news_ms: u64,
    pub snapshot: Option<Snapshot>,
    /// The snapshot that is being shown.
    pub shown: Option<Snapshot>,
    /// Nothing may leave before this time.
    pub held_until_ms: u64,
    /// Failures of the journal in a row.
    pub failures: u32,
    pub outage: Option<Outage>,
    pub budget: Budget,
    pub last_send: SendId,
    /// Keys on the wire of which its user wants one try in spite of any hold.
    pub insists: BTreeSet<String>,
    pub probes_past_hold: u32,
    /// Its last requests about holds at the server: their keys, and when they left.
    pub holds_left: Vec<(String, u64)>,
    /// Its requests without an answer, with their kinds and keys.
    pub asks: BTreeMap<SendId, (On, Vec<String>)>,
}

/// The time since a request was lost in which nothing has answered.
#[derive(Clone, Copy, Debug)]
pub struct Outage {
    pub since_ms: u64,
    pub probes: u64,
    /// Events that make the client probe at once.
    pub nudges: u64,
    /// Requests about charges since the loss.
    pub sends: u64,
    /// Whether a probe was lost, too.
    pub probed: bool,
}

impl Tab {
    pub fn new(id: TabId, engine: Engine, session: Session, origin_ms: u64, opened_ms: u64) -> Tab {
        Tab {
            id,
            engine,
            life: Life::Live,
            session,
            origin_ms,
            timer_ms: None,
            throttle_ms: 0,
            frozen_until_ms: 0,
            spins: 0,
            writing: false,
            known_at: None,
            told: (0, 0),
            told_early: BTreeSet::new(),
            journal_orders: 0,
            speaks_of_ms: None,
            waiting: BTreeSet::new(),
            lock_asked_ms: 0,
            seen: BTreeMap::new(),
            open_points: 0,
            spent_points: 0,
            tasks: BTreeMap::new(),
            task_news_ms: 0,
            snapshot: None,
            shown: None,
            held_until_ms: 0,
            failures: 0,
            outage: None,
            budget: Budget::new(opened_ms),
            last_send: 0,
            insists: BTreeSet::new(),
            probes_past_hold: 0,
            holds_left: Vec::new(),
            asks: BTreeMap::new(),
        }
    }

    /// The name under which other tabs know it.
    pub fn name(&self) -> String {
        format!("tab{}", self.id)
    }

    /// An instant of the world on this tab's clocks.
    pub fn now(&self, now: Now) -> Now {
        Now {
            mono_ms: now.mono_ms - self.origin_ms,
            wall_ms: now.wall_ms,
        }
    }

    pub fn sees(&mut self, record: &ChargeRecord) {
        self.unsee(&record.key);
        let points = record.amount.get();
        let (open, spent) = counted(record.status, points);
        self.open_points += open;
        self.spent_points += spent;
        self.seen
            .insert(record.key.clone(), (record.status, points));
    }

    pub fn unsee(&mut self, key: &Key) {
        if let Some((status, points)) = self.seen.remove(key) {
            let (open, spent) = counted(status, points);
            self.open_points -= open;
            self.spent_points -= spent;
        }
    }

    /// The number of charges that it shows as open or parked.
    pub fn seen_open(&self) -> usize {
        let open = |status: BillingStatus| counted(status, 1).0 > 0;
        self.seen
            .values()
            .filter(|(status, _)| open(*status))
            .count()
    }

    pub fn task_points(&self) -> u64 {
        self.tasks.values().sum()
    }

    pub fn nudged(&mut self) {
        if let Some(outage) = &mut self.outage {
            outage.nudges += 1;
        }
    }
}

fn counted(status: BillingStatus, points: u64) -> (u64, u64) {
    match status {
        BillingStatus::Pending | BillingStatus::Retrying | BillingStatus::Unknown => {
            (points, points)
        }
        BillingStatus::Success => (0, points),
        BillingStatus::Failed => (0, 0),
    }
}
