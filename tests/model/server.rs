//! The server: the reference server's own decision, over one account with two keys.

use std::sync::LazyLock;

use tollbox::core::charge::{Charge, ChargeRequest};
use tollbox_server::ledger::{self, Balance, Decision, Known, decide};

/// The price of each charge.
const AMOUNTS: [u64; 2] = [1, 2];
/// The first balance: enough for the cheap charge only.
const OPENING: u64 = 1;
/// The top-up: both charges can be paid afterwards, and more than once.
const TOP_UP: u64 = 4;

/// The charges to be paid: a cheap one and a dear one.
pub static CHARGES: LazyLock<[Charge; 2]> = LazyLock::new(|| {
    [("cheap", AMOUNTS[0]), ("dear", AMOUNTS[1])].map(|(task, amount)| {
        let request = ChargeRequest {
            task_id: task.to_owned(),
            amount: amount as f64,
            feature: "f".to_owned(),
            ..ChargeRequest::default()
        };
        request.into_charge(0).unwrap()
    })
});

/// The same charges as the server's ledger has them.
static CHARGED: LazyLock<[ledger::Charge; 2]> = LazyLock::new(|| {
    [0, 1].map(|which| {
        let charge = &CHARGES[which];
        let (key, task, feature) = (charge.key.wire(), &charge.task_id, &charge.feature);
        ledger::Charge {
            charge_id: String::new(),
            request: ledger::ChargeRequest::new(key, task, feature, AMOUNTS[which]).unwrap(),
            charged_at_ms: 0,
        }
    })
});

/// The account: its points, and the charges of each key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Server {
    points: u64,
    /// How often each key has been charged.
    pub times_charged: [u8; 2],
}

/// An answer of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Word {
    Charged,
    /// Charged before.
    Replayed,
    Declined,
    NeverCharged,
}

impl Server {
    pub fn opening() -> Server {
        Server {
            points: OPENING,
            times_charged: [0; 2],
        }
    }

    pub fn top_up(&mut self) {
        self.points += TOP_UP;
    }

    pub fn charge(&mut self, which: usize, remembers_keys: bool) -> Word {
        let charged = self.has_charged(which) && remembers_keys;
        let known = Known {
            balance: Balance::opening(self.points),
            charged: charged.then_some(&CHARGED[which]),
            price: None,
            hold: None,
        };
        match decide(known, &CHARGED[which].request) {
            Decision::Charge { after } => {
                self.points = after.points;
                self.times_charged[which] += 1;
                Word::Charged
            }
            Decision::Replay { .. } => Word::Replayed,
            Decision::InsufficientBalance => Word::Declined,
            other @ (Decision::KeyReused
            | Decision::PriceMismatch { .. }
            | Decision::HoldExceeded { .. }) => panic!("{other:?}"),
        }
    }

    pub fn look_up(&self, which: usize) -> Word {
        match self.has_charged(which) {
            true => Word::Replayed,
            false => Word::NeverCharged,
        }
    }

    pub fn has_charged(&self, which: usize) -> bool {
        self.times_charged[which] > 0
    }

    pub fn would_decline(&self, which: usize) -> bool {
        !self.has_charged(which) && self.points < AMOUNTS[which]
    }
}
