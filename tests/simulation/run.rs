//! The run of one seed: a time of chaos, then the faults stop, and everything has to settle.

use tollbox::core::engine::{Earlier, Setup};
use tollbox::core::session::Session;
use tollbox::core::snapshot::StorageKind;

use super::World;
use super::chance::{Chance, Own};
use super::class::Classes;
use super::dice::Dice;
use super::mix::Mix;
use super::world::server::{ACCOUNT, Server};
use super::world::trace::Trace;
use super::world::{Happening, Life, TabId};

const START_MONO_MS: u64 = 10_000_000;
/// The time within which everything settles once faults have stopped and `Retry-After` is over.
const SETTLED_WITHIN_MS: u64 = 1_800_000;
/// Enough for every tab to read the journal once more by itself, and for an idle one to find that
/// it was wiped.
const LAST_LOOK_MS: u64 = 70_000;
/// The most rounds of such reads, repeated if charges were taken up meanwhile.
const LOOKS: u32 = 4;
const LAST_LOOK_AFTER_A_WIPE_MS: u64 = 310_000;

/// Runs one seed to its end.
pub fn run(seed: u64, classes: Classes, late_ms: u64, trace: Trace) -> World {
    let mut world = World::new(seed, classes, late_ms, trace);
    world.open();
    world.plan(500, Happening::Own(Own::Act));
    while world.driver.calm_since_ms.is_none() && world.step(u64::MAX) {}
    let now_ms = world.now.mono_ms;
    // The longest that a server has asked a tab to wait from now on.
    let patience_ms = world.books.longest_hold_ms.saturating_sub(now_ms);
    let calm_since_ms = world.driver.calm_since_ms.unwrap_or(now_ms);
    let late_ms = calm_since_ms + patience_ms + SETTLED_WITHIN_MS;
    while world.violation.is_none() && !world.is_settled() {
        if world.now.mono_ms > late_ms || !world.step(u64::MAX) {
            let open = world.what_is_open();
            world.violate("5 liveness", format!("not settled in time: {open}"));
        }
    }
    let last_look_ms = match world.books.none_is_gone() {
        true => LAST_LOOK_MS,
        false => LAST_LOOK_AFTER_A_WIPE_MS,
    };
    // Charges taken up meanwhile get their time, and then all tabs read once more.
    for _ in 0..LOOKS {
        let before = world.state_of_charges();
        let end_ms = world.now.mono_ms + last_look_ms;
        while world.violation.is_none() && world.now.mono_ms < end_ms && world.step(u64::MAX) {}
        if world.state_of_charges() == before {
            break;
        }
    }
    if world.violation.is_none() {
        world.check_end();
    }
    world
}

impl World {
    fn new(seed: u64, classes: Classes, late_ms: u64, trace: Trace) -> World {
        let mut dice = Dice::new(seed);
        let mix = Mix::draw(classes, late_ms, &mut dice);
        let mut server = Server::new(mix.seed_balance, mix.key_ttl_ms);
        server.checks_accounts = mix.checks_accounts;
        server.decodes_keys = mix.decodes_keys;
        server.keeps_holds = mix.longest_hold_s.is_some();
        server.longest_hold_s = mix.longest_hold_s.unwrap_or(u64::MAX);
        let (classes, config) = (mix.classes.names(), mix.config.clone());
        let rest = format!(
            "tabs {}, balance {}, server's key ttl {:?}, batches {}, locks {}, connections {:?}",
            mix.most_tabs,
            mix.seed_balance,
            mix.key_ttl_ms,
            !mix.no_batches,
            !mix.no_locks,
            mix.connections
        );
        let connections = mix.connections;
        let driver = Chance::new(mix, dice);
        let mut world = World::of(driver, config, server, START_MONO_MS, trace);
        world.connections.most = connections;
        world.counts.seeds = 1;
        world.note(|| format!("active: {classes}; {rest}"));
        let config = format!("{:?}", world.config);
        world.note(|| config);
        world
    }

    /// Opens a client, if its account is signed in or the server checks accounts; it recovers when
    /// the world goes on.
    pub fn open(&mut self) {
        if self.driver.user_name != ACCOUNT && !self.driver.mix.checks_accounts {
            return;
        }
        self.driver.last_tab += 1;
        let id = self.driver.last_tab;
        let fallback = self.driver.database.is_some();
        let setup = Setup {
            account: ACCOUNT.to_owned(),
            tab: format!("tab{id}"),
            seed: self.driver.dice.number(),
            storage: match fallback {
                false => StorageKind::IndexedDb,
                true => StorageKind::LocalStorage,
            },
            online: self.online,
            earlier: match fallback {
                false => Earlier::Here,
                true => Earlier::Elsewhere,
            },
            session: Session::since(self.journal.mark),
        };
        let origin_ms = self.now.mono_ms - self.driver.dice.between(0, 5_000);
        let mut config = self.config.clone();
        if !self.driver.mix.limits_ms.is_empty() {
            config.request_timeout_ms = self.driver.dice.pick(self.driver.mix.limits_ms);
        }
        // Its first token is of this moment.
        self.driver.connection(id);
        self.admit(id, setup, config, origin_ms);
    }

    /// A tab whose client is open.
    pub fn any_live(&mut self) -> Option<TabId> {
        let now_ms = self.now.mono_ms;
        let live = self.tabs.iter().filter(|tab| {
            let frozen = tab.frozen_until_ms > now_ms;
            tab.life == Life::Live && tab.engine.is_recovered() && !frozen
        });
        let live: Vec<TabId> = live.map(|tab| tab.id).collect();
        (!live.is_empty()).then(|| self.driver.dice.pick(&live))
    }

    /// Grows with every change of a charge in the journal.
    fn state_of_charges(&self) -> u64 {
        let records = self.journal.records.values();
        let changed = records.map(|record| (record.is_open(), record.revision()));
        changed
            .map(|(open, revision)| revision + u64::from(open))
            .sum()
    }
}
