//! The script of a scenario: the driver of its world. All goes well, and takes its usual time, but
//! for what the scenario says.

mod calls;
mod checks;
mod network;
mod tabs;
mod time;

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;

use tollbox::core::charge::Key;
use tollbox::core::config::Config;
use tollbox::core::engine::{Answer, CallId, Earlier, Notice};
use tollbox::core::journal::Op;
use tollbox::core::protocol::Request;
use tollbox::core::snapshot::{ChargeRecord, StorageKind};

use super::world::server::Server;
use super::world::trace::Trace;
use super::world::{self, Driver, Sending, TabId};

/// The world of a scenario.
pub type World = world::World<Script>;
pub type Happening = world::Happening<Own>;

const START_MONO_MS: u64 = 1_000;
const TRACE_LINES: usize = 80;

/// Whether a transaction of this tab fails.
pub type WriteFault = Box<dyn FnMut(TabId, &[Op]) -> bool>;

pub struct Script {
    pub earlier: Earlier,
    pub storage: StorageKind,
    pub fail_write: WriteFault,
    /// How many records a tab hears of ahead of the others, and how long ahead, if any.
    pub page: Option<(usize, u64)>,
    /// Whether reading the whole journal fails.
    pub fail_load: bool,
    /// Whether writing the mark of a sign-out fails.
    pub fail_mark: bool,
    /// How long a transaction takes to commit.
    pub commit_ms: u64,
    /// Whether orders that may be put off to the end of a turn are.
    pub gathers: bool,
    /// Whether tabs can know which of them live.
    pub locks: bool,
    /// Whether tabs hear each other.
    pub announcements: bool,
    /// Whether the server's answers have a `Date` that the page may read.
    pub dated: bool,
    pub answers: BTreeMap<CallId, Answer>,
    pub answered_at_ms: BTreeMap<CallId, u64>,
    /// What each tab's listeners were told, and when.
    pub notices: BTreeMap<TabId, Vec<(u64, Notice)>>,
    /// What they were last told of each charge.
    pub seen: BTreeMap<(TabId, Key), ChargeRecord>,
    opened: TabId,
}

/// What only a script plans.
pub enum Own {
    /// The server executes this request, and nobody gets the answer.
    Do { request: Request },
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
        let script = Script {
            earlier: Earlier::Nothing,
            storage: StorageKind::IndexedDb,
            fail_write: Box::new(|_, _| false),
            page: None,
            fail_load: false,
            fail_mark: false,
            commit_ms: 1,
            gathers: false,
            locks: false,
            announcements: true,
            dated: true,
            answers: BTreeMap::new(),
            answered_at_ms: BTreeMap::new(),
            notices: BTreeMap::new(),
            seen: BTreeMap::new(),
            opened: 0,
        };
        let server = Server::new(120, None);
        World::of(
            script,
            config,
            server,
            START_MONO_MS,
            Trace::of(TRACE_LINES),
        )
    }
}

/// A scenario says of its world what its script says.
impl Deref for World {
    type Target = Script;

    fn deref(&self) -> &Script {
        &self.driver
    }
}

impl DerefMut for World {
    fn deref_mut(&mut self) -> &mut Script {
        &mut self.driver
    }
}

impl Driver for Script {
    type Own = Own;

    const SENDS_IN_DOUBT: u64 = 0;
    const FLUSHES_ARE_HEARD: bool = true;
    const FOREIGN_WAITS: bool = true;

    fn commit_ms(&mut self) -> u64 {
        self.commit_ms
    }

    fn committed_ms(&mut self) -> u64 {
        0
    }

    fn write_fault(world: &mut World, tab: TabId, ops: &[Op]) -> Option<String> {
        let fails = (world.driver.fail_write)(tab, ops);
        fails.then(|| "the disk is full".to_owned())
    }

    fn gathers_ms(&mut self) -> Option<u64> {
        self.gathers.then_some(0)
    }

    fn load_ms(&mut self) -> u64 {
        1
    }

    fn read_fault(&mut self) -> Option<String> {
        self.fail_load.then(|| "the disk can't be read".to_owned())
    }

    fn page(&mut self, records: usize) -> Option<(usize, u64)> {
        self.page.filter(|(count, _)| *count < records)
    }

    fn mark_ms(&mut self) -> u64 {
        1
    }

    fn mark_fault(world: &mut World) -> Option<String> {
        let fails = world.driver.fail_mark;
        fails.then(|| "the disk is full".to_owned())
    }

    fn knows_the_living(&self) -> bool {
        self.locks
    }

    fn announcement_ms(&mut self) -> Option<u64> {
        self.announcements.then_some(1)
    }

    fn opens_several(&self) -> bool {
        self.opened > 1
    }

    fn send(world: &mut World, sending: Sending) {
        world.check_claims(&sending);
        world.leave(sending);
    }

    fn arrive(world: &mut World, sending: &Rc<Sending>, _heard: bool) {
        world.arrive(sending);
    }

    fn spells_keys_twice(&self) -> bool {
        true
    }

    fn happen(world: &mut World, own: Own) {
        match own {
            Own::Do { request } => {
                world.note(|| format!("server: {} arrives late", request.path));
                world.execute(&request);
            }
        }
    }

    fn told(world: &mut World) {
        world.check_tabs();
    }

    fn resolved(world: &mut World, call: CallId, answer: Answer) {
        world.check_word(&answer);
        let at_ms = world.now.mono_ms;
        world.driver.answered_at_ms.insert(call, at_ms);
        world.driver.answers.insert(call, answer);
    }

    fn noticed(world: &mut World, tab: TabId, notice: &Notice) {
        let at_ms = world.now.mono_ms;
        let script = &mut world.driver;
        if let Notice::Charge(record) = notice {
            let key = (tab, record.key.clone());
            script.seen.insert(key, record.clone());
        }
        let notices = script.notices.entry(tab).or_default();
        notices.push((at_ms, notice.clone()));
    }

    fn ends(world: &mut World) {
        if !std::thread::panicking() {
            world.check_journal();
        }
    }

    fn violated(world: &World) {
        let violation = world.violation.as_deref().unwrap_or_default();
        world.fail(&format!("it violates {violation}"));
    }
}

pub fn key(task: &str) -> Key {
    Key::new(format!("f:{task}")).unwrap()
}
