//! A charge at rest: the real record, and what makes two of them the same to the protocol.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::sync::Arc;

use serde_json::Value;
use tollbox::core::journal::{Applied, ApplyAt, Op, Write};
use tollbox::core::record::{Record, State};

use super::tab::Name;

/// What orders the tabs' pictures of a record, and no rule of a transaction asks for; and what is
/// part of the identity in its own way: times by their distance from now, tabs by their place.
const APART: [&str; 6] = [
    "revision",
    "updated_at_ms",
    "until_ms",
    "next_attempt_at_ms",
    "may_arrive_until_ms",
    "tab",
];

/// One record.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    pub record: Arc<Record>,
    /// All but what is listed in `APART`.
    pub shape: u64,
    pub claimant: Option<Name>,
    /// End of the claim, end of what may arrive, next attempt.
    pub times: [u64; 3],
}

impl Kept {
    pub fn new(record: Record) -> Kept {
        let mut value = serde_json::to_value(&record).unwrap();
        take_apart(&mut value);
        let mut hasher = DefaultHasher::new();
        value.to_string().hash(&mut hasher);
        let claim = record.claim();
        let next_ms = match record.state() {
            State::Waiting(waiting) => waiting.next_attempt_at_ms(),
            State::Attempting(_) | State::Parked(_) | State::Settled(_) => 0,
        };
        Kept {
            shape: hasher.finish(),
            claimant: claim.map(|claim| Name::of(&claim.tab)),
            times: [
                claim.map_or(0, |claim| claim.until_ms),
                record.may_arrive_until_ms(),
                next_ms,
            ],
            record: Arc::new(record),
        }
    }
}

fn take_apart(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for name in APART {
                members.remove(name);
            }
            members.values_mut().for_each(take_apart);
        }
        Value::Array(items) => items.iter_mut().for_each(take_apart),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// One transaction. Gives what the operation came to.
pub fn commit(place: &mut Option<Kept>, op: &Op, at: ApplyAt) -> Applied {
    let current = place.as_ref().map(|kept| (*kept.record).clone());
    let applied = op.apply(current, at);
    match applied.write {
        Write::Keep => {}
        Write::Put => *place = applied.record.clone().map(Kept::new),
        Write::Delete => *place = None,
    }
    applied
}
