//! The whole state: two tabs, one journal, one server, and everything under way between them.

use super::journal::{Kept, Transaction};
use super::rules::{Left, Rule, Rules};
use super::server::Server;
use super::tab::{Name, Order, Stray, Tab, Work};

/// How long after its loss a request may still arrive. Time passes in steps of 1.
pub const LATE_MS: u64 = 1;

/// The protocol, and the mishaps allowed.
#[derive(Clone, Copy, Debug)]
pub struct Protocol {
    pub rules: Rules,
    pub left: Left,
    /// How long a claim lasts.
    pub claim_ms: u64,
    /// `maxTotalAttempts`.
    pub most_attempts: u32,
    /// Whether every state is followed to its end, in which nothing more goes wrong.
    pub to_the_end: bool,
}

/// One state of the model.
#[derive(Clone, Debug, PartialEq)]
pub struct World {
    pub wall_ms: u64,
    pub tabs: [Tab; 2],
    pub journal: [Option<Kept>; 2],
    pub server: Server,
    pub strays: Vec<Stray>,
    pub left: Left,
    /// Whether callers were told `queued` or `unknown`.
    pub promised: [bool; 2],
    /// Whether callers were told `declined` or `failed`, and none has asked again.
    pub said_untaken: [bool; 2],
    /// Whether a charge was sent after it was given up.
    pub defied: bool,
}

impl Protocol {
    pub fn opening(&self) -> World {
        let tab = Tab {
            start: 0,
            work: [Work::Idle; 2],
        };
        World {
            wall_ms: 0,
            tabs: [tab; 2],
            journal: [None, None],
            server: Server::opening(),
            strays: Vec::new(),
            left: self.left,
            promised: [false; 2],
            said_untaken: [false; 2],
            defied: false,
        }
    }

    /// Carries out one transaction, and gives whether it was effective.
    pub fn transact(&self, world: &mut World, name: Name, which: usize, order: Order) -> bool {
        let transaction = Transaction {
            name,
            which,
            order,
            wall_ms: world.wall_ms,
            claim_length_ms: match self.rules.has(Rule::ClaimsHold) {
                true => self.claim_ms,
                false => 0,
            },
            forged: !self.rules.has(Rule::OwnAttempt),
        };
        transaction.commit(&mut world.journal[which])
    }
}

impl World {
    pub fn name(&self, place: usize) -> Name {
        Name {
            place,
            start: self.tabs[place].start,
        }
    }

    pub fn is_dead(&self, name: Name) -> bool {
        name.start < self.tabs[name.place].start
    }
}
