//! The journal: real records, changed by real operations inside transactions.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::sync::Arc;

use serde_json::Value;
use tollbox::core::journal::{ApplyAt, Op, Write};
use tollbox::core::json::ToJson as _;
use tollbox::core::record::{Claim, Record, State};
use tollbox::core::session::Session;

use super::server::CHARGES;
use super::tab::{Name, Order, purpose};

/// One record.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    pub record: Arc<Record>,
    pub rest: Rest,
    /// Identifies the record among all, except for its revision and last
    /// update, which no operation reads.
    exact: u64,
}

/// A record as far as the protocol is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rest {
    /// All but the times and the tab, and without the numbers and words that no rule reads.
    pub shape: u64,
    pub claimant: Option<Name>,
    /// The end of the claim, the latest arrival of a request, the next attempt.
    pub times_ms: [u64; 3],
}

const ORDERING: [&str; 2] = ["revision", "updated_at_ms"];
const APART: [&str; 9] = [
    "until_ms",
    "may_arrive_until_ms",
    "may_arrive_for_ms",
    "next_attempt_at_ms",
    "next_attempt_in_ms",
    "tab",
    "number",
    "cause",
    "look_ups",
];

impl Kept {
    fn new(record: Record) -> Kept {
        let mut value = serde_json::to_value(record.to_json()).unwrap();
        remove(&mut value, &ORDERING);
        let exact = digest(&value);
        remove(&mut value, &APART);
        let attempted = record.attempts() > 0 || record.receipt().is_some();
        value["attempts"] = u32::from(attempted).into();
        if !record.is_held() {
            // A charge that is asked for again begins anew.
            value["spent"] = 0.into();
        }
        let next_ms = match record.state() {
            State::Waiting(waiting) => waiting.next_attempt_at_ms(),
            State::Attempting(_) | State::Parked(_) | State::Settled(_) => 0,
        };
        let claim = record.claim();
        Kept {
            exact,
            rest: Rest {
                shape: digest(&value),
                claimant: claim.map(|claim| Name::of(&claim.tab)),
                times_ms: [
                    claim.map_or(0, |claim| claim.until_ms),
                    record.may_arrive_until_ms(),
                    next_ms,
                ],
            },
            record: Arc::new(record),
        }
    }
}

fn remove(value: &mut Value, names: &[&str]) {
    match value {
        Value::Object(members) => {
            for name in names {
                members.remove(*name);
            }
            members.values_mut().for_each(|value| remove(value, names));
        }
        Value::Array(items) => items.iter_mut().for_each(|value| remove(value, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn digest(value: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.to_string().hash(&mut hasher);
    hasher.finish()
}

/// A transaction of one operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Transaction {
    pub name: Name,
    pub which: usize,
    pub order: Order,
    pub wall_ms: u64,
    pub claim_length_ms: u64,
    /// Whether a tab that concludes an attempt poses as its owner.
    pub forged: bool,
}

/// The record that a transaction leaves in the journal, and whether it was effective.
type Outcome = (Option<Kept>, bool);

thread_local! {
    /// Known outcomes: the same operation on the same record at the same time has the same one.
    static KNOWN: RefCell<BTreeMap<(Option<u64>, Transaction), Outcome>> =
        const { RefCell::new(BTreeMap::new()) };
}

impl Transaction {
    /// Commits, and gives whether it was effective.
    pub fn commit(self, place: &mut Option<Kept>) -> bool {
        let key = (place.as_ref().map(|kept| kept.exact), self);
        let known = KNOWN.with_borrow(|known| known.get(&key).cloned());
        let (after, done) = known.unwrap_or_else(|| {
            let outcome = self.apply(place.clone());
            KNOWN.with_borrow_mut(|known| known.insert(key, outcome.clone()));
            outcome
        });
        *place = after;
        done
    }

    fn apply(self, current: Option<Kept>) -> Outcome {
        let at = ApplyAt::new(self.wall_ms, Session::since(0));
        let before = current.as_ref().map(|kept| (*kept.record).clone());
        let applied = self.op(before.as_ref()).apply(before, at);
        let after = match applied.write {
            Write::Keep => current,
            Write::Put => applied.record.map(Kept::new),
            Write::Delete => None,
        };
        (after, applied.done)
    }

    fn claim(self, tab: String, until_ms: u64) -> Claim {
        Claim {
            tab,
            until_ms,
            length_ms: self.claim_length_ms,
        }
    }

    fn op(self, record: Option<&Record>) -> Op {
        let (key, tab) = (CHARGES[self.which].key.clone(), self.name.text());
        match self.order {
            Order::Enqueue { claim_until_ms } => Op::Enqueue {
                charge: CHARGES[self.which].clone(),
                sequence: 1,
                admission: Ok(()),
                claim: claim_until_ms.map(|until_ms| self.claim(tab, until_ms)),
                may_have_left: false,
                may_arrive_for_ms: 0,
            },
            Order::Begin {
                sends,
                until_ms,
                over,
            } => Op::Begin {
                key,
                purpose: purpose(sends),
                claim: self.claim(tab, until_ms),
                over: over.map(Name::text),
                seen: None,
            },
            Order::Conclude { sends, number, end } => {
                let owner = record.and_then(Record::claim).filter(|_| self.forged);
                Op::Conclude {
                    charge: CHARGES[self.which].clone(),
                    sequence: 1,
                    tab: owner.map_or(tab, |claim| claim.tab.clone()),
                    attempt: match owner {
                        Some(_) => record.and_then(Record::attempt),
                        None => Some((purpose(sends), number)),
                    },
                    conclusion: end.conclusion(),
                    next_attempt_in_ms: end.next_in_ms(),
                }
            }
            Order::Cancel => Op::Cancel {
                key,
                look_up_first: false,
            },
            Order::Forget => Op::Forget { key },
        }
    }
}
