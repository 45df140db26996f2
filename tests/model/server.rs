//! The server: the reference server's own decision over a ledger of two keys.

use std::sync::LazyLock;

use tollbox::core::charge::{Charge, ChargeRequest};
use tollbox_server::ledger::{self, Balance, Decision, Known, decide};

/// Enough for the cheap one only.
pub const OPENING: u64 = 1;
/// From then on both can be paid.
pub const TOP_UP: u64 = 2;
const AMOUNTS: [u64; 2] = [1, 2];

/// What the client asks to be paid: a cheap charge and a dear one.
pub static CHARGES: LazyLock<[Charge; 2]> = LazyLock::new(|| {
    let request = |task: &str, amount: u64| ChargeRequest {
        task_id: task.to_owned(),
        amount: amount as f64,
        feature: "f".to_owned(),
        ..ChargeRequest::default()
    };
    [("cheap", AMOUNTS[0]), ("dear", AMOUNTS[1])]
        .map(|(task, amount)| request(task, amount).into_charge(0).unwrap())
});

/// The same as the server will have charged them.
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

/// The account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Server {
    pub points: u64,
    /// How often each key has been charged.
    pub times_charged: [u8; 2],
}

/// What the server says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    Charged,
    Declined,
    NeverCharged,
}

impl Server {
    pub fn charge(&mut self, which: usize, remembers_keys: bool) -> Word {
        let charged = self.has_charged(which) && remembers_keys;
        let balance = Balance::opening(self.points);
        let known = Known {
            balance,
            charged: charged.then_some(&CHARGED[which]),
            price: None,
        };
        match decide(known, &CHARGED[which].request) {
            Decision::Charge { after } => {
                self.points = after.points;
                self.times_charged[which] += 1;
                Word::Charged
            }
            Decision::Replay { .. } => Word::Charged,
            Decision::InsufficientBalance => Word::Declined,
            other @ (Decision::KeyReused | Decision::PriceMismatch { .. }) => panic!("{other:?}"),
        }
    }

    pub fn look_up(&self, which: usize) -> Word {
        match self.has_charged(which) {
            true => Word::Charged,
            false => Word::NeverCharged,
        }
    }

    pub fn has_charged(&self, which: usize) -> bool {
        self.times_charged[which] > 0
    }
}
