//! The rules of charging: no I/O, no clock, no randomness.
//!
//! [`decide`] decides one charge request, and [`decide_hold`] whether points are held for one that is
//! to come. [`Ledger`] keeps accounts in memory and the store keeps them in a database; both ask
//! these, so there is one set of rules. The time and the ids of new charges are passed in:
//!
//! ```
//! use tollbox_server::ledger::{ChargeRequest, Ledger, Terms, Verdict};
//!
//! let mut ledger = Ledger::new(Terms { seed_balance: 120, key_ttl_ms: None });
//! let request = ChargeRequest::new("k1", "task-1", "cloud_trans", 5)?;
//!
//! let first = ledger.charge("alice", &request, 1_000, "c1");
//! let again = ledger.charge("alice", &request, 2_000, "c2");
//!
//! assert!(matches!(first, Verdict::Charged { .. }));
//! assert!(matches!(again, Verdict::Replayed { charge, .. } if charge.charge_id == "c1"));
//! assert_eq!(ledger.balance("alice", 2_000).points, 115);
//! # Ok::<(), tollbox_server::ledger::InvalidCharge>(())
//! ```

mod decision;
mod hold;
mod hold_decision;
mod memory;
mod points;
#[cfg(test)]
pub(crate) mod properties;
mod request;

pub use decision::{Decision, Known, OfHold, Verdict, decide, remembers};
pub use hold::{Hold, HoldRequest, MAX_HOLD_S};
pub use hold_decision::{HoldDecision, HoldVerdict, KnownToHold, decide_hold};
pub use memory::{Ledger, Terms};
pub use points::{Amount, Balance, MAX_POINTS};
pub use request::{
    Charge, ChargeRequest, InvalidCharge, MAX_ID_CHARS, MAX_KEY_BYTES, is_id, is_key,
};
