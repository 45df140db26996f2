//! The world of one run: clocks, scheduled events, and everything that tabs share.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use tollbox::core::balance::Confirmed;
use tollbox::core::engine::{CallId, Earlier, Engine, Event, Running, SendId, Setup};
use tollbox::core::session::Session;
use tollbox::core::snapshot::StorageKind;

use super::books::Books;
use super::class::Classes;
use super::counts::Counts;
use super::dice::Dice;
use super::happening::Happening;
use super::journal::Journal;
use super::mix::Mix;
use super::network::Backend;
use super::patience::NEW_CHARGE;
use super::server::Server;
use super::tab::{Life, Tab, TabId};
use super::trace::{self, Trace};
use super::user::User;

/// 2026-01-01T00:00:00Z
pub const START_WALL_MS: u64 = 1_767_225_600_000;
const START_MONO_MS: u64 = 10_000_000;
/// More steps than any run takes in its first hour: a run that needs more is in a loop.
const STEPS_LIMIT: u64 = 400_000;
/// More steps than a run takes in each minute after that, when only backoff keeps four tabs busy.
const STEPS_A_MINUTE: u64 = 4_000;

pub struct World {
    pub mix: Mix,
    pub dice: Dice,
    pub mono_ms: u64,
    pub wall_ms: u64,
    pub happenings: BTreeMap<(u64, u64), Happening>,
    last_happening: u64,
    pub server: Server,
    pub backend: Backend,
    pub journal: Journal,
    /// The database, while the browser lacks it and the journal is a fallback.
    pub database: Option<Journal>,
    /// The past values of the balance cache, newest last, and their sessions.
    pub cache: Vec<Option<(Session, Confirmed)>>,
    /// The signed-in user, whose token clients get.
    pub user_name: &'static str,
    pub tabs: Vec<Tab>,
    last_tab: TabId,
    pub last_call: CallId,
    pub lock: Option<TabId>,
    pub lock_queue: VecDeque<TabId>,
    /// Dead tabs whose last transaction is committed all the same.
    pub orphans: BTreeSet<TabId>,
    /// Requests that their tab no longer waits for, though it may live.
    pub given_up: BTreeSet<(TabId, SendId)>,
    /// The browser's word about the network.
    pub online: bool,
    pub user: User,
    pub books: Books,
    pub counts: Counts,
    pub trace: Trace,
    pub violation: Option<String>,
    pub calm_since_ms: Option<u64>,
    /// The latest time until which a server has asked any tab, dead or alive, to wait.
    pub longest_hold_ms: u64,
    steps: u64,
}

impl World {
    pub fn new(seed: u64, classes: Classes, late_ms: u64, trace: Trace) -> World {
        let mut dice = Dice::new(seed);
        let mix = Mix::draw(classes, late_ms, &mut dice);
        let mut server = Server::new(mix.seed_balance, mix.key_ttl_ms);
        server.checks_accounts = mix.checks_accounts;
        server.decodes_keys = mix.decodes_keys;
        let mut world = World {
            user: User::new(mix.actions),
            books: Books::new(mix.seed_balance),
            mix,
            dice,
            mono_ms: START_MONO_MS,
            wall_ms: START_WALL_MS,
            happenings: BTreeMap::new(),
            last_happening: 0,
            server,
            backend: Backend::default(),
            journal: Journal::default(),
            database: None,
            cache: Vec::new(),
            user_name: super::server::ACCOUNT,
            tabs: Vec::new(),
            last_tab: 0,
            last_call: 0,
            lock: None,
            lock_queue: VecDeque::new(),
            orphans: BTreeSet::new(),
            given_up: BTreeSet::new(),
            online: true,
            counts: Counts::default(),
            trace,
            violation: None,
            calm_since_ms: None,
            longest_hold_ms: 0,
            steps: 0,
        };
        world.counts.seeds = 1;
        let mix = &world.mix;
        let (classes, config) = (mix.classes.names(), format!("{:?}", mix.config));
        let rest = format!(
            "tabs {}, balance {}, server's key ttl {:?}, batches {}, locks {}",
            mix.most_tabs, mix.seed_balance, mix.key_ttl_ms, !mix.no_batches, !mix.no_locks
        );
        world.note(|| format!("active: {classes}; {rest}"));
        world.note(|| config);
        world
    }

    /// Opens a client, if its account is signed in or the server checks accounts; it recovers when
    /// the world goes on.
    pub fn open(&mut self) {
        if self.user_name != super::server::ACCOUNT && !self.mix.checks_accounts {
            return;
        }
        self.last_tab += 1;
        let id = self.last_tab;
        let setup = Setup {
            account: super::server::ACCOUNT.to_owned(),
            tab: format!("tab{id}"),
            seed: self.dice.number(),
            storage: match self.database {
                None => StorageKind::IndexedDb,
                Some(_) => StorageKind::LocalStorage,
            },
            online: self.online,
            earlier: match self.database {
                None => Earlier::Here,
                Some(_) => Earlier::Elsewhere,
            },
            session: Session::since(self.journal.mark),
        };
        let session = setup.session;
        self.note(|| format!("tab{id} opens"));
        let origin_ms = self.mono_ms - self.dice.between(0, 5_000);
        let mut config = self.mix.config.clone();
        if !self.mix.limits_ms.is_empty() {
            config.request_timeout_ms = self.dice.pick(self.mix.limits_ms);
        }
        let engine = Engine::new(setup, config);
        let now_ms = self.mono_ms;
        let token = self.backend.token;
        let tab = Tab::new(id, engine, session, origin_ms, token, now_ms);
        self.tabs.push(tab);
        self.grant_all();
        let open = self
            .journal
            .records
            .values()
            .filter(|record| record.is_held())
            .count();
        self.grant(NEW_CHARGE * open as f64);
        match self.cache.last().cloned().flatten() {
            Some((its, confirmed)) if its == session => self.tell(id, Event::Cached(confirmed)),
            Some(_) | None => self.drain(id),
        }
    }

    pub fn place(&self, id: TabId) -> Option<usize> {
        self.tabs.iter().position(|tab| tab.id == id)
    }

    /// A tab whose client is open.
    pub fn any_live(&mut self) -> Option<TabId> {
        let usable = |tab: &&Tab| {
            let frozen = tab.frozen_until_ms > self.mono_ms;
            tab.life == Life::Live && tab.engine.is_recovered() && !frozen
        };
        let live = self.tabs.iter().filter(usable);
        let live: Vec<TabId> = live.map(|tab| tab.id).collect();
        (!live.is_empty()).then(|| self.dice.pick(&live))
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
        let frozen_ms = self.frozen_ms(id);
        if frozen_ms > 0 {
            return self.plan(frozen_ms, Happening::Told { tab: id, event });
        }
        self.counts.events += 1;
        self.note(|| format!("tab{id} <- {}", trace::event(&event)));
        if let Event::PeerTasks { tab, running } = &event
            && !self.still_runs(tab, running)
        {
            self.books.tasks_are_unsure(self.mono_ms);
        }
        let tab = &mut self.tabs[place];
        if matches!(event, Event::Woke) {
            tab.nudged();
        }
        let now = tab.now(self.mono_ms, self.wall_ms);
        tab.engine.handle(now, event);
        self.drain(id);
    }

    /// Whether an announcement of tasks is still true when heard: its tab may have died meanwhile.
    fn still_runs(&self, name: &str, running: &[Running]) -> bool {
        let told: u64 = running.iter().map(|task| task.amount.get()).sum();
        let mut tabs = self.tabs.iter();
        let tab = tabs.find(|tab| format!("tab{}", tab.id) == name);
        told <= tab.map_or(0, Tab::task_points)
    }

    /// How much longer this tab stands still.
    fn frozen_ms(&self, id: TabId) -> u64 {
        let place = self.place(id);
        let until_ms = place.map_or(0, |place| self.tabs[place].frozen_until_ms);
        until_ms.saturating_sub(self.mono_ms)
    }

    pub fn drain(&mut self, id: TabId) {
        let Some(place) = self.place(id) else {
            return;
        };
        while self.violation.is_none()
            && let Some(effect) = self.tabs[place].engine.poll()
        {
            self.perform(place, effect);
        }
        if let Some(snapshot) = self.tabs[place].shown.take() {
            self.check_snapshot(place, &snapshot);
            self.tabs[place].snapshot = Some(snapshot);
        }
        self.check_holds(place);
        let mono_ms = self.mono_ms;
        let tab = &mut self.tabs[place];
        tab.timer_ms = tab.engine.deadline().map(|at_ms| {
            let at_ms = (at_ms + tab.origin_ms).max(mono_ms + 1);
            at_ms.max(mono_ms + tab.throttle_ms)
        });
        if tab.life == Life::Closing && tab.engine.is_idle() {
            self.note(|| format!("tab{id} has closed"));
            self.forget_tab(place);
        }
    }

    pub fn forget_tab(&mut self, place: usize) {
        let id = self.tabs.remove(place).id;
        self.books.forget_calls_of(id);
        self.let_go_of_lock(id);
    }

    pub fn plan(&mut self, in_ms: u64, happening: Happening) {
        self.last_happening += 1;
        self.happenings
            .insert((self.mono_ms + in_ms, self.last_happening), happening);
    }

    /// Takes the earliest happening or tick; false if nothing is left.
    pub fn step(&mut self) -> bool {
        self.steps += 1;
        let minutes = (self.mono_ms - START_MONO_MS) / 60_000;
        let later = minutes.saturating_sub(60) * STEPS_A_MINUTE;
        if self.steps > STEPS_LIMIT + later {
            self.violate("5 liveness", "it goes round in circles".to_owned());
            return false;
        }
        let next = self
            .happenings
            .first_key_value()
            .map(|((at_ms, _), _)| *at_ms);
        let timers = self
            .tabs
            .iter()
            .filter_map(|tab| Some((tab.timer_ms?.max(tab.frozen_until_ms), tab.id)));
        match (next, timers.min()) {
            (next, Some((at_ms, tab))) if next.is_none_or(|next| at_ms < next) => {
                self.advance_to(at_ms);
                self.tick(tab);
            }
            (Some(at_ms), _) => {
                self.advance_to(at_ms);
                if let Some((_, happening)) = self.happenings.pop_first() {
                    let befallen = happening.befallen();
                    match befallen.map_or(0, |tab| self.frozen_ms(tab)) {
                        0 => self.happen(happening),
                        frozen_ms => self.plan(frozen_ms, happening),
                    }
                }
            }
            (None, _) => return false,
        }
        self.violation.is_none()
    }

    fn tick(&mut self, id: TabId) {
        self.tell(id, Event::Tick);
        let mono_ms = self.mono_ms;
        let Some(place) = self.place(id) else {
            return;
        };
        let tab = &mut self.tabs[place];
        let again = tab.timer_ms.is_some_and(|at_ms| at_ms <= mono_ms + 1);
        tab.spins = if again { tab.spins + 1 } else { 0 };
        if tab.spins > 100 {
            self.violate(
                "5 liveness",
                format!("tab{id} spins: its deadline stays in the past"),
            );
        }
    }

    fn advance_to(&mut self, mono_ms: u64) {
        let by_ms = mono_ms.saturating_sub(self.mono_ms);
        self.mono_ms += by_ms;
        self.wall_ms += by_ms;
        self.counts.simulated_ms += by_ms;
    }

    /// The time since the start, on a clock that never jumps.
    pub fn elapsed_ms(&self) -> u64 {
        self.mono_ms - START_MONO_MS
    }

    pub fn note(&mut self, line: impl FnOnce() -> String) {
        let at_ms = self.mono_ms - START_MONO_MS;
        self.trace.note(at_ms, line);
    }

    pub fn violate(&mut self, invariant: &str, what: String) {
        self.note(|| format!("VIOLATION of {invariant}: {what}"));
        if self.violation.is_none() {
            self.violation = Some(format!("{invariant}: {what}"));
        }
    }
}
