//! Chance: the driver of a run. Wherever the world could go one way or the other, dice decide, and
//! the rates of the run's mix.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use tollbox::core::charge::Key;
use tollbox::core::engine::{Answer, CallId, SendId};
use tollbox::core::journal::Op;
use tollbox::core::protocol::Response;
use tollbox::core::record::Record;
use tollbox::core::snapshot::Network;

use super::World;
use super::connection::Connection;
use super::dice::Dice;
use super::mix::Mix;
use super::network::Backend;
use super::user::User;
use super::world::server::ACCOUNT;
use super::world::{Driver, Journal, Sending, TabId};

/// How far localStorage may lag behind in another process.
const LAG_MS: u64 = 50;

pub struct Chance {
    pub mix: Mix,
    pub dice: Dice,
    pub backend: Backend,
    pub user: User,
    /// The database, while the browser lacks it and the journal is a fallback.
    pub database: Option<Journal>,
    /// The signed-in user, whose token clients get.
    pub user_name: &'static str,
    pub last_tab: TabId,
    /// Charges without a verdict when the wall clock was set back whose loss of age was not noted.
    pub unaged: BTreeSet<Key>,
    pub calm_since_ms: Option<u64>,
    pub connections: BTreeMap<TabId, Connection>,
}

/// What only the simulator plans.
pub enum Own {
    /// The next action of the user or the world.
    Act,
    /// The wall clock is set back.
    SetBack { by_ms: u64 },
    /// The account signs in again, after another user.
    SignIn,
}

impl Chance {
    pub fn new(mix: Mix, dice: Dice) -> Chance {
        Chance {
            user: User::new(mix.actions),
            mix,
            dice,
            backend: Backend::default(),
            database: None,
            user_name: ACCOUNT,
            last_tab: 0,
            unaged: BTreeSet::new(),
            calm_since_ms: None,
            connections: BTreeMap::new(),
        }
    }

    /// The connection of a tab, dead or alive.
    pub fn connection(&mut self, tab: TabId) -> &mut Connection {
        let token = self.backend.token;
        let connection = self.connections.entry(tab);
        connection.or_insert(Connection::new(token))
    }

    /// How long a strict write takes.
    fn write_ms(&mut self) -> u64 {
        match self.dice.chance(self.mix.slow_write) {
            true => self.dice.skewed(&[100, 2_000, 10_000]),
            false => self.dice.between(0, 4),
        }
    }
}

impl Driver for Chance {
    type Own = Own;

    const SENDS_IN_DOUBT: u64 = 8;
    const FLUSHES_ARE_HEARD: bool = false;
    const FOREIGN_WAITS: bool = false;

    fn commit_ms(&mut self) -> u64 {
        self.write_ms()
    }

    fn committed_ms(&mut self) -> u64 {
        self.dice.between(0, 3)
    }

    fn write_fault(world: &mut World, _: TabId, ops: &[Op]) -> Option<String> {
        let writes = ops.iter().any(|op| !matches!(op, Op::Read { .. }));
        let Chance { mix, dice, .. } = &mut world.driver;
        let fault = if world.journal.full && writes {
            "the quota is exceeded"
        } else if mix.fail_conclusion > 0
            && ops.iter().any(says_untaken)
            && dice.chance(mix.fail_conclusion)
        {
            "this can't be written"
        } else if dice.chance(mix.abort_write) {
            "the transaction was aborted"
        } else {
            return None;
        };
        Some(fault.to_owned())
    }

    fn gathers_ms(&mut self) -> Option<u64> {
        self.dice.chance(500).then(|| self.dice.between(0, 2))
    }

    fn load_ms(&mut self) -> u64 {
        self.dice.between(0, 5)
    }

    fn read_fault(&mut self) -> Option<String> {
        let fails = self.dice.chance(self.mix.fail_read);
        fails.then(|| "it can't be read".to_owned())
    }

    fn page(&mut self, records: usize) -> Option<(usize, u64)> {
        let most = u64::try_from(records).unwrap();
        let is_paged = records > 1 && self.dice.chance(500);
        is_paged.then(|| {
            let count = self.dice.between(1, most - 1);
            (usize::try_from(count).unwrap(), self.dice.between(0, 5))
        })
    }

    fn mark_ms(&mut self) -> u64 {
        self.write_ms()
    }

    fn mark_fault(world: &mut World) -> Option<String> {
        let Chance { mix, dice, .. } = &mut world.driver;
        let fails = world.journal.full || dice.chance(mix.abort_write);
        fails.then(|| "the transaction was aborted".to_owned())
    }

    fn lag_ms(&mut self) -> u64 {
        self.dice.between(0, LAG_MS)
    }

    fn has_lock(&self) -> bool {
        !self.mix.no_locks
    }

    fn knows_the_living(&self) -> bool {
        !self.mix.no_locks
    }

    fn announcement_ms(&mut self) -> Option<u64> {
        if self.dice.chance(self.mix.lose_announcement) {
            return None;
        }
        Some(match self.dice.chance(self.mix.slow_announcement) {
            true => self.dice.skewed(&[100, 5_000, 60_000]),
            false => self.dice.between(0, 3),
        })
    }

    fn opens_several(&self) -> bool {
        self.mix.most_tabs > 1
    }

    fn send(world: &mut World, sending: Sending) {
        world.send(sending);
    }

    fn depart(world: &mut World, sending: Sending) {
        world.depart(sending);
    }

    fn arrive(world: &mut World, sending: &Rc<Sending>, heard: bool) {
        world.arrive(sending, heard);
    }

    fn spells_keys_twice(&self) -> bool {
        self.mix.odd_keys
    }

    fn may_seem_an_outage(&mut self, tab: TabId, send: SendId) -> bool {
        self.connection(tab).unheard = true;
        !self.backend.filtered.remove(&(tab, send))
    }

    fn happen(world: &mut World, own: Own) {
        match own {
            Own::Act => world.act(),
            Own::SetBack { by_ms } => world.set_back(by_ms),
            Own::SignIn => world.sign_in_again(),
        }
    }

    fn heard(world: &mut World, place: usize, send: SendId, response: &Response) {
        world.note_source(place, send, response.date.as_deref());
    }

    fn resolved(world: &mut World, _: CallId, answer: Answer) {
        if let Answer::SignedOut(_) = answer {
            world.signed_out();
        }
    }

    fn shows_network(world: &mut World, place: usize, network: Network) {
        world.check_network(place, network);
    }

    fn deleted(world: &mut World, record: Record) {
        if world.driver.database.is_some() && record.is_adopted() {
            world.journal.ended.push(record);
        }
    }

    fn dies(world: &mut World, place: usize) {
        world.leave_behind(place);
    }

    fn closed(world: &mut World, place: usize) {
        world.forget_tab(place);
    }

    fn left_mark(world: &mut World) {
        if world.driver.calm_since_ms.is_some() && !world.anybody_works() {
            world.open();
        }
    }
}

/// Whether this concludes an attempt that took nothing.
fn says_untaken(op: &Op) -> bool {
    match op {
        Op::Conclude { conclusion, .. } => conclusion.says_untaken(),
        _ => false,
    }
}
