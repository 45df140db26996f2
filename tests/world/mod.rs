//! The world around the core: tabs with their clocks, the journal that they share, their lock and
//! their channel, the network, and the reference server's real ledger. It keeps the contract of
//! `tollbox::core::engine`, and checks the product's promises at every step.
//!
//! Wherever the world could go one way or the other, its [`Driver`] decides: a script in the
//! scenarios, dice in the simulator.

mod cache;
mod calls;
mod connections;
mod counts;
mod driver;
mod effects;
mod happening;
mod journal;
mod lives;
mod lock;
mod network;
pub mod promises;
mod schedule;
pub mod server;
pub mod sign_out;
mod tab;
pub mod trace;
mod transactions;

use std::collections::BTreeSet;

use tollbox::core::clock::Now;
use tollbox::core::config::Config;
use tollbox::core::engine::{CallId, Event, Running, SendId};

pub use cache::Cache;
pub use connections::Connections;
pub use counts::Counts;
pub use driver::Driver;
pub use happening::Happening;
pub use journal::Journal;
pub use lock::Lock;
pub use network::Sending;
pub use promises::Books;
pub use schedule::Schedule;
use server::Server;
pub use tab::{Life, Tab, TabId};
use trace::Trace;

/// 2026-01-01T00:00:00Z
pub const START_WALL_MS: u64 = 1_767_225_600_000;
/// More steps than any run takes in its first hour: a run that needs more is in a loop.
const STEPS_LIMIT: u64 = 400_000;
/// More steps than a run takes in each minute after that, when only backoff keeps four tabs busy.
const STEPS_A_MINUTE: u64 = 4_000;
/// Ticks in a row after which the deadline was still in the past that count as a loop.
const SPINS: u32 = 100;

/// All that is around the clients, and the clients themselves.
pub struct World<D: Driver> {
    pub driver: D,
    /// The usual configuration of a client.
    pub config: Config,
    pub now: Now,
    /// The monotonic time at which the world began.
    pub start_ms: u64,
    pub happenings: Schedule<Happening<D::Own>>,
    pub server: Server,
    pub connections: Connections,
    pub journal: Journal,
    pub cache: Cache,
    pub tabs: Vec<Tab>,
    pub last_call: CallId,
    pub lock: Lock,
    /// Dead tabs whose last transaction is committed all the same.
    pub orphans: BTreeSet<TabId>,
    /// Requests that their tab no longer waits for, though it may live.
    pub dropped: BTreeSet<(TabId, SendId)>,
    /// The browser's word about the network.
    pub online: bool,
    pub books: Books,
    pub counts: Counts,
    pub trace: Trace,
    /// The first promise that was broken, and how.
    pub violation: Option<String>,
    steps: u64,
}

impl<D: Driver> Drop for World<D> {
    fn drop(&mut self) {
        D::ends(self);
    }
}

impl<D: Driver> World<D> {
    /// A world without tabs, which begins at `start_ms` of its monotonic clock.
    pub fn of(driver: D, config: Config, server: Server, start_ms: u64, trace: Trace) -> World<D> {
        World {
            driver,
            config,
            now: Now {
                mono_ms: start_ms,
                wall_ms: START_WALL_MS,
            },
            start_ms,
            happenings: Schedule::default(),
            books: Books::new(server.credited),
            server,
            connections: Connections::default(),
            journal: Journal::default(),
            cache: Cache::default(),
            tabs: Vec::new(),
            last_call: 0,
            lock: Lock::default(),
            orphans: BTreeSet::new(),
            dropped: BTreeSet::new(),
            online: true,
            counts: Counts::default(),
            trace,
            violation: None,
            steps: 0,
        }
    }

    pub fn place(&self, id: TabId) -> Option<usize> {
        self.tabs.iter().position(|tab| tab.id == id)
    }

    pub fn all_live(&self) -> Vec<TabId> {
        let live = self.tabs.iter().filter(|tab| tab.life != Life::Closing);
        live.map(|tab| tab.id).collect()
    }

    /// Reports an event to a tab, and carries out its orders.
    pub fn tell(&mut self, id: TabId, event: Event) {
        let Some(place) = self.place(id) else {
            return;
        };
        if self.violation.is_some() {
            return;
        }
        if self.is_frozen(id) {
            return self.wait_for_thaw(id, Happening::Told { tab: id, event });
        }
        self.counts.events += 1;
        self.note(|| format!("tab{id} <- {}", trace::event(&event)));
        if let Event::PeerTasks { tab, running, .. } = &event
            && !self.still_runs(tab, running)
        {
            self.books.tasks_are_unsure(self.now.mono_ms);
        }
        let tab = &mut self.tabs[place];
        if matches!(event, Event::Woke) {
            tab.nudged();
        }
        let now = tab.now(self.now);
        tab.engine.handle(now, event);
        self.drain(id);
        D::told(self);
    }

    /// Whether an announcement of tasks is still true when heard: its tab may have died meanwhile.
    fn still_runs(&self, name: &str, running: &[Running]) -> bool {
        let told: u64 = running.iter().map(|task| task.amount.get()).sum();
        let mut tabs = self.tabs.iter();
        let tab = tabs.find(|tab| tab.name() == name);
        told <= tab.map_or(0, Tab::task_points)
    }

    pub fn is_frozen(&self, id: TabId) -> bool {
        let place = self.place(id);
        place.is_some_and(|place| self.tabs[place].frozen_until_ms > self.now.mono_ms)
    }

    /// Keeps a happening for a frozen tab.
    fn wait_for_thaw(&mut self, id: TabId, happening: Happening<D::Own>) {
        let place = self.place(id);
        let until_ms = place.map_or(0, |place| self.tabs[place].frozen_until_ms);
        self.happenings.plan(until_ms, happening);
    }

    pub fn drain(&mut self, id: TabId) {
        let gathers_ms = self.driver.gathers_ms();
        self.drain_but(id, gathers_ms);
    }

    /// Carries out a tab's orders, but for what may be put off for so long.
    pub fn drain_but(&mut self, id: TabId, gathers_ms: Option<u64>) {
        let Some(place) = self.place(id) else {
            return;
        };
        while self.violation.is_none() {
            if let Some(in_ms) = gathers_ms
                && self.tabs[place].engine.may_gather()
            {
                self.plan(in_ms, Happening::TurnEnds { tab: id });
                break;
            }
            let Some(effect) = self.tabs[place].engine.poll() else {
                break;
            };
            self.perform(place, effect);
        }
        if let Some(snapshot) = self.tabs[place].shown.take() {
            self.check_snapshot(place, &snapshot);
            self.tabs[place].snapshot = Some(snapshot);
        }
        self.check_holds(place);
        self.note_queue(place);
        self.check_told_early(place);
        let now_ms = self.now.mono_ms;
        let tab = &mut self.tabs[place];
        tab.timer_ms = tab.engine.deadline().map(|at_ms| {
            let at_ms = (at_ms + tab.origin_ms).max(now_ms + 1);
            at_ms.max(now_ms + tab.throttle_ms)
        });
        if tab.life == Life::Closing && tab.engine.is_idle() {
            self.note(|| format!("tab{id} has closed"));
            D::closed(self, place);
        }
    }

    pub fn plan(&mut self, in_ms: u64, happening: Happening<D::Own>) {
        self.happenings.plan(self.now.mono_ms + in_ms, happening);
    }

    /// Takes the earliest happening or tick; false if there is none until `until_ms`.
    pub fn step(&mut self, until_ms: u64) -> bool {
        self.steps += 1;
        let minutes = self.elapsed_ms() / 60_000;
        let later = minutes.saturating_sub(60) * STEPS_A_MINUTE;
        if self.steps > STEPS_LIMIT + later {
            self.violate("5 liveness", "it goes round in circles".to_owned());
            return false;
        }
        let next = self.happenings.next_ms();
        let timers = self
            .tabs
            .iter()
            .filter_map(|tab| Some((tab.timer_ms?.max(tab.frozen_until_ms), tab.id)));
        match (next, timers.min()) {
            (next, Some((at_ms, tab)))
                if at_ms <= until_ms && next.is_none_or(|next| at_ms < next) =>
            {
                self.advance_to(at_ms);
                self.tick(tab);
            }
            (Some(at_ms), _) if at_ms <= until_ms => {
                self.advance_to(at_ms);
                if let Some(happening) = self.happenings.pop() {
                    match happening.befallen().filter(|tab| self.is_frozen(*tab)) {
                        None => self.happen(happening),
                        Some(tab) => self.wait_for_thaw(tab, happening),
                    }
                }
            }
            (_, _) => return false,
        }
        self.use_free_connections();
        self.violation.is_none()
    }

    fn tick(&mut self, id: TabId) {
        self.tell(id, Event::Tick);
        let now_ms = self.now.mono_ms;
        let Some(place) = self.place(id) else {
            return;
        };
        let tab = &mut self.tabs[place];
        let due_ms = tab.engine.deadline().map(|at_ms| at_ms + tab.origin_ms);
        let again = due_ms.is_some_and(|at_ms| at_ms <= now_ms);
        tab.spins = if again { tab.spins + 1 } else { 0 };
        self.counts.spins += u64::from(again);
        if tab.spins > SPINS {
            self.violate(
                "5 liveness",
                format!("tab{id} spins: its deadline stays in the past"),
            );
        }
    }

    pub fn advance_to(&mut self, mono_ms: u64) {
        let by_ms = mono_ms.saturating_sub(self.now.mono_ms);
        self.now.mono_ms += by_ms;
        self.now.wall_ms += by_ms;
        self.counts.simulated_ms += by_ms;
    }

    /// The time since the start, on a clock that never jumps.
    pub fn elapsed_ms(&self) -> u64 {
        self.now.mono_ms - self.start_ms
    }

    pub fn note(&mut self, line: impl FnOnce() -> String) {
        let at_ms = self.elapsed_ms();
        self.trace.note(at_ms, line);
    }

    pub fn violate(&mut self, promise: &str, what: String) {
        self.note(|| format!("VIOLATION of {promise}: {what}"));
        if self.violation.is_none() {
            self.violation = Some(format!("{promise}: {what}"));
        }
        D::violated(self);
    }
}
