//! A small deterministic world around engines: clocks, a journal and a lock that tabs share, a
//! network, and a server. It keeps the contract of `tollbox::core::engine` and checks the promises
//! after every step.

mod calls;
mod checks;
mod effects;
mod happening;
mod storage;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use tollbox::core::balance::Confirmed;
use tollbox::core::charge::{Charge, Key};
use tollbox::core::clock::Now;
use tollbox::core::config::Config;
use tollbox::core::engine::{Answer, CallId, Earlier, Engine, Event, Notice, Setup};
use tollbox::core::journal::Op;
use tollbox::core::record::Record;
use tollbox::core::session::Session;
use tollbox::core::snapshot::{ChargeRecord, Snapshot, StorageKind};

use crate::server::Server;

pub use happening::Happening;

/// More steps than any scenario takes: more means an endless loop.
const STEPS_LIMIT: usize = 200_000;
const TRACE_LINES: usize = 80;

/// 2026-01-01T00:00:00Z
pub const START_WALL_MS: u64 = 1_767_225_600_000;

/// Whether a transaction of this tab fails.
pub type WriteFault = Box<dyn FnMut(usize, &[Op]) -> bool>;

pub struct World {
    pub now: Now,
    pub config: Config,
    pub server: Server,
    pub journal: BTreeMap<Key, Record>,
    /// Charges whose records were damaged at rest.
    pub damaged: BTreeSet<Key>,
    pub earlier: Earlier,
    /// Committed transactions.
    pub transactions: usize,
    pub fail_write: WriteFault,
    /// Whether reading the whole journal fails.
    pub fail_load: bool,
    /// How long a transaction takes to commit.
    pub commit_ms: u64,
    /// Whether tabs can know which of them live.
    pub locks: bool,
    pub cache: Option<Confirmed>,
    /// The mark that the last sign-out left in storage.
    pub mark: u64,
    /// Whether writing the mark fails.
    pub fail_mark: bool,
    /// The mark of the last sign-out that was answered.
    pub signed_out_since: u64,
    /// Whether tabs hear each other.
    pub announcements: bool,
    pub online: bool,
    /// Whether tasks were started that other tabs hold too.
    pub tasks_shared: bool,
    /// Whether the server's answers have a `Date` that the page may read.
    pub dated: bool,
    pub storage: StorageKind,
    pub answers: BTreeMap<CallId, Answer>,
    pub answered_at_ms: BTreeMap<CallId, u64>,
    pub tabs: Vec<Option<Tab>>,
    /// Ticks after which the deadline was still in the past.
    pub spins: usize,
    pub(super) charges: BTreeMap<String, Charge>,
    pub(super) happenings: BTreeMap<(u64, u64), Happening>,
    pub(super) lock: Option<usize>,
    pub(super) lock_queue: VecDeque<usize>,
    pub(super) last_happening: u64,
    pub(super) last_call: CallId,
    pub(super) asked: Vec<(CallId, usize)>,
    steps: usize,
    trace: VecDeque<String>,
}

/// One client, and what it was observed to do.
pub struct Tab {
    pub engine: Engine,
    pub notices: Vec<(u64, Notice)>,
    /// What its listeners were last told of each charge.
    pub seen: BTreeMap<Key, ChargeRecord>,
    pub journal_orders: usize,
    /// Tasks that may be running.
    pub tasks: BTreeSet<Key>,
    pub(super) last_version: u64,
    /// Nothing may be sent before this.
    pub(super) held_until_ms: u64,
    /// Exceptions to that: a probe and a try for each retry call.
    pub(super) passes: u32,
    /// No answer has come since a request was lost.
    pub(super) outage: bool,
    pub(super) signed_out: bool,
    pub(super) session: Session,
    /// Happenings that wait for a frozen tab.
    pub(super) missed: Option<Vec<Happening>>,
    pub(super) writing: bool,
    spinning: bool,
    pub(super) lock_asked_at_ms: Option<u64>,
}

impl World {
    pub fn new() -> World {
        World::with(|_| {})
    }

    pub fn with(configure: impl FnOnce(&mut Config)) -> World {
        let mut config = Config {
            sync_every_ms: 0,
            ..Config::default()
        };
        configure(&mut config);
        World {
            now: Now {
                mono_ms: 1_000,
                wall_ms: START_WALL_MS,
            },
            config,
            server: Server::new(120, None),
            journal: BTreeMap::new(),
            damaged: BTreeSet::new(),
            earlier: Earlier::Nothing,
            transactions: 0,
            fail_write: Box::new(|_, _| false),
            fail_load: false,
            commit_ms: 1,
            locks: false,
            cache: None,
            mark: 0,
            fail_mark: false,
            signed_out_since: 0,
            announcements: true,
            online: true,
            tasks_shared: false,
            dated: true,
            storage: StorageKind::IndexedDb,
            answers: BTreeMap::new(),
            answered_at_ms: BTreeMap::new(),
            tabs: Vec::new(),
            spins: 0,
            charges: BTreeMap::new(),
            happenings: BTreeMap::new(),
            lock: None,
            lock_queue: VecDeque::new(),
            last_happening: 0,
            last_call: 0,
            asked: Vec::new(),
            steps: 0,
            trace: VecDeque::new(),
        }
    }

    /// Opens a client; it recovers as the world runs.
    pub fn open(&mut self) -> usize {
        let tab = self.tabs.len();
        let setup = Setup {
            account: "alice".into(),
            tab: format!("tab{tab}"),
            seed: tab as u64 + 1,
            storage: self.storage,
            online: self.online,
            earlier: self.earlier,
            session: Session::since(self.mark),
        };
        self.note(format!("tab{tab} opens"));
        self.tabs.push(Some(Tab {
            engine: Engine::new(setup, self.config.clone()),
            notices: Vec::new(),
            seen: BTreeMap::new(),
            journal_orders: 0,
            tasks: BTreeSet::new(),
            last_version: 0,
            held_until_ms: 0,
            passes: 0,
            outage: false,
            signed_out: false,
            session: Session::since(self.mark),
            missed: None,
            writing: false,
            spinning: false,
            lock_asked_at_ms: None,
        }));
        if let Some(confirmed) = self.cache.clone() {
            self.engine(tab).handle_quietly(Event::Cached(confirmed));
        }
        self.drain(tab);
        tab
    }

    /// Opens a client, and lets it recover and read the balance.
    pub fn start(&mut self) -> usize {
        let tab = self.open();
        self.run_for(200);
        tab
    }

    /// Kills the tab. Its requests in flight still arrive.
    pub fn crash(&mut self, tab: usize) {
        self.note(format!("tab{tab} CRASHES"));
        self.tabs[tab] = None;
        self.release_lock(tab);
    }

    /// Freezes the tab.
    pub fn freeze(&mut self, tab: usize) {
        self.note(format!("tab{tab} is FROZEN"));
        self.engine(tab).missed = Some(Vec::new());
    }

    /// Thaws the tab, and delivers all that has happened meanwhile.
    pub fn thaw(&mut self, tab: usize) {
        self.note(format!("tab{tab} thaws"));
        for happening in self.engine(tab).missed.take().unwrap_or_default() {
            self.happen(happening);
        }
        self.check();
    }

    pub fn tab(&self, tab: usize) -> &Tab {
        self.tabs[tab].as_ref().unwrap()
    }

    pub fn snapshot(&self, tab: usize) -> Snapshot {
        self.tab(tab).engine.snapshot(self.now)
    }

    pub fn tell(&mut self, tab: usize, event: Event) {
        self.note(format!("tab{tab} <- {}", brief(&event)));
        self.engine(tab).spinning = false;
        let now = self.now;
        self.engine(tab).engine.handle(now, event);
        self.drain(tab);
        self.check();
    }

    pub fn go_online(&mut self, online: bool) {
        self.online = online;
        for tab in self.live() {
            self.tell(tab, Event::Online(online));
        }
    }

    pub fn jump_wall(&mut self, by_ms: i64) {
        self.note(format!("the wall clock jumps by {by_ms} ms"));
        self.now.wall_ms = self.now.wall_ms.checked_add_signed(by_ms).unwrap();
        // A machine that slept has waited too, by its wall clock.
        let slept_ms = u64::try_from(by_ms).unwrap_or(0);
        for tab in self.tabs.iter_mut().flatten() {
            tab.held_until_ms = tab.held_until_ms.saturating_sub(slept_ms);
        }
    }

    // ---- time

    /// Runs until `done`, and fails if nothing is left to happen before that.
    pub fn run_until(&mut self, mut done: impl FnMut(&World) -> bool) {
        while !done(self) {
            if !self.step(u64::MAX) {
                self.fail("nothing more happens, and what was waited for has not");
            }
        }
    }

    pub fn run_for(&mut self, ms: u64) {
        let until_ms = self.now.mono_ms + ms;
        while self.step(until_ms) {}
        self.advance_to(until_ms);
    }

    /// Runs until no charge is open and no happening is left.
    pub fn settle(&mut self) {
        let start_ms = self.now.mono_ms;
        self.run_until(|world| {
            let late = world.now.mono_ms - start_ms > 3_600_000;
            if late {
                world.fail("not settled within an hour");
            }
            world.happenings.is_empty()
                && !world.journal.values().any(Record::is_open)
                && world.all_answered()
        });
    }

    /// Runs until every call has its answer.
    pub fn settle_calls(&mut self) {
        self.run_until(|world| world.all_answered());
    }

    fn all_answered(&self) -> bool {
        let mut asked = self.asked.iter();
        asked.all(|(call, tab)| self.tabs[*tab].is_none() || self.answers.contains_key(call))
    }

    /// Runs the earliest happening or tick; false if there is none until `until_ms`.
    pub fn step(&mut self, until_ms: u64) -> bool {
        self.steps += 1;
        if self.steps > STEPS_LIMIT {
            self.fail("it goes round in circles");
        }
        let next = self
            .happenings
            .first_key_value()
            .map(|((at_ms, _), _)| *at_ms);
        let tick = self.next_tick();
        match (next, tick) {
            (next, Some((at_ms, tab)))
                if at_ms <= until_ms && next.is_none_or(|next| at_ms < next) =>
            {
                self.advance_to(at_ms);
                self.tick(tab);
            }
            (Some(at_ms), _) if at_ms <= until_ms => {
                self.advance_to(at_ms);
                let (_, happening) = self.happenings.pop_first().unwrap();
                self.happen(happening);
            }
            (_, _) => return false,
        }
        self.check();
        true
    }

    fn next_tick(&self) -> Option<(u64, usize)> {
        let ticks = self.tabs.iter().enumerate().filter_map(|(number, tab)| {
            let goes = |tab: &&Tab| !tab.spinning && tab.missed.is_none();
            let tab = tab.as_ref().filter(goes)?;
            Some((tab.engine.deadline()?, number))
        });
        ticks.min()
    }

    fn tick(&mut self, tab: usize) {
        let now = self.now;
        self.note(format!("tab{tab} <- Tick"));
        self.engine(tab).engine.handle(now, Event::Tick);
        self.drain(tab);
        let still_due = self
            .tab(tab)
            .engine
            .deadline()
            .is_some_and(|at_ms| at_ms <= now.mono_ms);
        if still_due {
            // A browser would tick again and again, until something else happens.
            self.note(format!("tab{tab}: its deadline stays in the past"));
            self.spins += 1;
            self.engine(tab).spinning = true;
        }
    }

    fn advance_to(&mut self, mono_ms: u64) {
        let by_ms = mono_ms.saturating_sub(self.now.mono_ms);
        self.now.mono_ms += by_ms;
        self.now.wall_ms += by_ms;
    }

    // ---- the tabs

    pub(super) fn engine(&mut self, tab: usize) -> &mut Tab {
        self.tabs[tab].as_mut().unwrap()
    }

    pub(super) fn live(&self) -> Vec<usize> {
        (0..self.tabs.len())
            .filter(|tab| self.tabs[*tab].is_some())
            .collect()
    }

    // ---- the trace

    pub(super) fn note(&mut self, line: String) {
        if self.trace.len() >= TRACE_LINES {
            self.trace.pop_front();
        }
        self.trace
            .push_back(format!("{:>9} {line}", self.now.mono_ms));
    }

    pub fn fail(&self, why: &str) -> ! {
        let trace: Vec<&str> = self.trace.iter().map(String::as_str).collect();
        panic!("{why}\nthe last steps:\n{}", trace.join("\n"));
    }
}

impl Tab {
    /// Reports an event without polling.
    fn handle_quietly(&mut self, event: Event) {
        self.engine.handle(
            Now {
                mono_ms: 1_000,
                wall_ms: START_WALL_MS,
            },
            event,
        );
    }
}

pub fn key(task: &str) -> Key {
    Key::new(format!("f:{task}")).unwrap()
}

pub fn brief(thing: &impl std::fmt::Debug) -> String {
    let text = format!("{thing:?}");
    match text.char_indices().nth(600) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
