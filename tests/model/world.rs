//! The whole: two tabs, one journal, one server, and what is under way between them.

use tollbox::core::journal::ApplyAt;

use super::journal::Kept;
use super::rules::{Rule, Rules, Scope};
use super::server::{OPENING, Server};
use super::tab::{Name, Stray, Tab, Work};

/// How long a claim lasts; time goes by in steps of 1.
pub const CLAIM_MS: u64 = 2;
/// How long after its loss a request may still arrive.
pub const LATE_MS: u64 = 1;

/// The protocol, with all that may happen to it.
#[derive(Clone, Copy, Debug)]
pub struct Protocol {
    pub scope: Scope,
    pub rules: Rules,
}

/// One state of everything.
#[derive(Clone, Debug, PartialEq)]
pub struct World {
    pub wall_ms: u64,
    pub tabs: [Tab; 2],
    pub journal: [Option<Kept>; 2],
    pub server: Server,
    pub strays: Vec<Stray>,
    /// What may still happen.
    pub left: Scope,
    /// A caller was told `queued` or `unknown`.
    pub promised: [bool; 2],
    /// A caller was told `declined` or `failed`, and nobody has asked again.
    pub said_untaken: [bool; 2],
    /// What was given up has been sent.
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
            tabs: [tab.clone(), tab],
            journal: [None, None],
            server: Server {
                points: OPENING,
                times_charged: [0; 2],
            },
            strays: Vec::new(),
            left: self.scope,
            promised: [false; 2],
            said_untaken: [false; 2],
            defied: false,
        }
    }

    pub fn apply_at(&self, world: &World) -> ApplyAt {
        ApplyAt {
            wall_ms: world.wall_ms,
            longest_claim_ms: match self.rules.has(Rule::ClaimsHold) {
                true => CLAIM_MS,
                false => 0,
            },
        }
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
