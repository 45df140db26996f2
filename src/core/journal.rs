//! Journal operations: changes to the charges at rest, decided inside a transaction.
//!
//! A tab's copy of a record may be out of date, so it never writes a record. It requests an
//! operation, and the store that holds the transaction calls [`Op::apply`] on the record found
//! there.

use super::charge::{Charge, Key};
use super::record::{Claim, Conclusion, Failure, Purpose, Record, State, Verdict};
use super::session::Session;

/// One operation on one record.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// Takes a charge on, joins an existing one, or reopens one that may be tried again.
    Enqueue {
        /// The charge.
        charge: Charge,
        /// Its place in the order, if it is new.
        sequence: u64,
        /// Whether it may be taken on; a charge that it joins was taken on before.
        admission: Result<(), Failure>,
        /// Claims it for sending in the same transaction.
        claim: Option<Claim>,
        /// Whether it may have been sent before without a trace in the journal. If the journal does
        /// not have it, it begins in doubt.
        may_have_left: bool,
        /// How long an earlier request may still arrive, in milliseconds.
        may_arrive_for_ms: u64,
    },
    /// Claims a charge for one attempt.
    Begin {
        /// The key of the charge.
        key: Key,
        /// Sending or looking up.
        purpose: Purpose,
        /// The claim: its tab and its end.
        claim: Claim,
        /// A tab known to be dead, whose claim ends here.
        over: Option<String>,
        /// The revision on which the tab based its decision; a record that has changed since is not
        /// claimed. `None` where that does not matter.
        seen: Option<u64>,
    },
    /// Records the conclusion of an attempt.
    Conclude {
        /// The charge that was attempted. Another charge may have its key by now.
        charge: Charge,
        /// Its place in the order, in case the journal has lost it and this is its receipt.
        sequence: u64,
        /// The tab that made the attempt.
        tab: String,
        /// The attempt's purpose and number.
        attempt: Option<(Purpose, u32)>,
        /// The conclusion.
        conclusion: Conclusion,
        /// Delay until the next attempt, in milliseconds from this transaction, because the clock
        /// may jump between the answer and the transaction.
        next_attempt_in_ms: u64,
    },
    /// Reopens a charge that is parked, or failed and retryable, and makes it due at once.
    Reopen {
        /// The key of the charge.
        key: Key,
    },
    /// Reopens, without its user, a charge that failed and is retryable; once.
    ReopenOnce {
        /// The key of the charge.
        key: Key,
    },
    /// Cancels a charge, as soon as it has certainly taken nothing.
    Cancel {
        /// The key of the charge.
        key: Key,
        /// The store may show an earlier state, so only a look-up proves that nothing was taken.
        look_up_first: bool,
    },
    /// Notes that the wall clock was set back since this charge was taken on.
    LoseAge {
        /// The key of the charge.
        key: Key,
    },
    /// Adopts a charge from another storage, which may hold an earlier or a later state of it.
    Adopt {
        /// The record in the other storage.
        record: Record,
    },
    /// Deletes a settled charge.
    Forget {
        /// The key of the charge.
        key: Key,
    },
    /// Reads the record without changing it.
    Read {
        /// The key of the charge.
        key: Key,
    },
}

/// The result of an operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Applied {
    /// The record after the operation.
    pub record: Option<Record>,
    /// The write that the store has to make.
    pub write: Write,
    /// Whether the operation took effect; false where the record was in an unsuitable state.
    pub done: bool,
    /// Why the store could not read the record, and so left it alone.
    pub unreadable: Option<String>,
    /// Whether the store lost a record of this key, whose fate is therefore unknown.
    pub lost: bool,
    /// Whether the operation was refused because its client's session is over.
    pub signed_out: bool,
}

/// The write that the store has to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    /// Nothing.
    Keep,
    /// Write the record.
    Put,
    /// Delete the record.
    Delete,
}

/// The time at which operations are applied, and the client's session.
#[derive(Clone, Copy, Debug)]
pub struct ApplyAt {
    /// Milliseconds since the Unix epoch.
    pub wall_ms: u64,
    /// The session of the client that requests the operation.
    pub session: Session,
    /// The mark of the last sign-out in storage, which the store reads in the transaction.
    pub mark: u64,
}

impl ApplyAt {
    /// An `ApplyAt` before the store has read the mark.
    pub fn new(wall_ms: u64, session: Session) -> ApplyAt {
        ApplyAt {
            wall_ms,
            session,
            mark: session.mark(),
        }
    }

    /// The same with the mark that the store has read.
    pub fn marked(self, mark: u64) -> ApplyAt {
        ApplyAt { mark, ..self }
    }
}

impl Op {
    /// The key of the record concerned.
    pub fn key(&self) -> &Key {
        match self {
            Op::Enqueue { charge, .. } | Op::Conclude { charge, .. } => &charge.key,
            Op::Adopt { record } => &record.charge().key,
            Op::Begin { key, .. }
            | Op::Reopen { key }
            | Op::ReopenOnce { key }
            | Op::Cancel { key, .. }
            | Op::LoseAge { key }
            | Op::Forget { key }
            | Op::Read { key } => key,
        }
    }

    /// Whether it records the result of a look-up.
    pub fn concludes_look_up(&self) -> bool {
        match self {
            Op::Conclude { attempt, .. } => {
                attempt.is_some_and(|(purpose, _)| purpose == Purpose::LookUp)
            }
            Op::Enqueue { .. }
            | Op::Begin { .. }
            | Op::Reopen { .. }
            | Op::ReopenOnce { .. }
            | Op::Cancel { .. }
            | Op::LoseAge { .. }
            | Op::Adopt { .. }
            | Op::Forget { .. }
            | Op::Read { .. } => false,
        }
    }

    /// Whether losing this write in a crash costs no more than repeated work.
    pub fn may_be_relaxed(&self) -> bool {
        match self {
            Op::Forget { .. } | Op::Read { .. } => true,
            Op::Enqueue { .. }
            | Op::Begin { .. }
            | Op::Conclude { .. }
            | Op::Reopen { .. }
            | Op::ReopenOnce { .. }
            | Op::Cancel { .. }
            | Op::LoseAge { .. }
            | Op::Adopt { .. } => false,
        }
    }

    /// The record to create where the store has lost the old one: a charge of this key may have
    /// been sent.
    pub fn apply_after_loss(&self, at: ApplyAt) -> Applied {
        let mut op = self.clone();
        if let Op::Enqueue { may_have_left, .. } = &mut op {
            *may_have_left |= !defect!(ForgetsLostRecords);
        }
        Applied {
            lost: true,
            ..op.apply(None, at)
        }
    }

    /// Whether it takes on, reopens or claims a charge, which is no longer allowed after a
    /// sign-out. Knowledge of a charge may still be written then.
    fn ends_with_session(&self) -> bool {
        match self {
            Op::Enqueue { .. } | Op::Begin { .. } | Op::Reopen { .. } | Op::ReopenOnce { .. } => {
                true
            }
            Op::Conclude { .. }
            | Op::LoseAge { .. }
            | Op::Cancel { .. }
            | Op::Adopt { .. }
            | Op::Forget { .. }
            | Op::Read { .. } => false,
        }
    }

    /// Applies the operation to the record in the store.
    pub fn apply(&self, current: Option<Record>, at: ApplyAt) -> Applied {
        if self.ends_with_session() && at.session.is_over(at.mark) {
            return Applied {
                signed_out: true,
                ..Applied::kept(current, false)
            };
        }
        let before = current.clone();
        let after = match self {
            Op::Enqueue {
                charge,
                sequence,
                admission,
                claim,
                may_have_left,
                may_arrive_for_ms,
            } => {
                let record = Record::open(charge.clone(), *sequence);
                let new = match may_have_left {
                    true => record.in_doubt(at.wall_ms, *may_arrive_for_ms),
                    false => record,
                };
                return enqueue(new, admission, claim.as_ref(), current, at);
            }
            Op::Begin {
                purpose,
                claim,
                over,
                seen,
                ..
            } => current.and_then(|record| {
                if seen.is_some_and(|seen| seen != record.revision()) {
                    return None;
                }
                let record = record.released_by(over.as_deref());
                record.begin(*purpose, claim.clone(), at.wall_ms)
            }),
            Op::Conclude {
                charge,
                sequence,
                tab,
                attempt,
                conclusion,
                next_attempt_in_ms,
            } => or_lost(charge, *sequence, conclusion, current).and_then(|record| {
                record.conclude(
                    tab,
                    *attempt,
                    conclusion.clone(),
                    *next_attempt_in_ms,
                    at.wall_ms,
                )
            }),
            Op::Reopen { .. } => current.and_then(|record| record.reopen(at.wall_ms)),
            Op::ReopenOnce { .. } => current.and_then(|record| record.reopen_once(at.wall_ms)),
            Op::Cancel { look_up_first, .. } => current.and_then(|record| {
                let record = match look_up_first {
                    true => record.doubted(),
                    false => record,
                };
                record.cancel(at.wall_ms)
            }),
            Op::LoseAge { .. } => current.and_then(Record::loses_age),
            Op::Adopt { record } => return adopt(record, current, at),
            Op::Forget { .. } => return forget(current),
            Op::Read { .. } => return Applied::kept(current, true),
        };
        match after {
            Some(record) => Applied::put(record),
            None => Applied::kept(before, false),
        }
    }
}

impl Applied {
    /// The result where the store has a record that this version can't read: no change.
    pub fn unreadable(why: String) -> Applied {
        Applied {
            unreadable: Some(why),
            ..Applied::kept(None, false)
        }
    }

    fn put(record: Record) -> Applied {
        Applied {
            record: Some(record),
            write: Write::Put,
            done: true,
            unreadable: None,
            lost: false,
            signed_out: false,
        }
    }

    fn kept(record: Option<Record>, done: bool) -> Applied {
        Applied {
            record,
            write: Write::Keep,
            done,
            unreadable: None,
            lost: false,
            signed_out: false,
        }
    }
}

fn enqueue(
    new: Record,
    admission: &Result<(), Failure>,
    claim: Option<&Claim>,
    current: Option<Record>,
    at: ApplyAt,
) -> Applied {
    let taken_on = match (current, admission) {
        (None, Ok(())) => new,
        (None, Err(failure)) => return Applied::put(new.turned_down(failure.clone())),
        (Some(record), admission) => {
            if !record.charge().is_same_as(new.charge()) {
                return Applied::kept(Some(record), false);
            }
            match (record.state(), admission) {
                (State::Attempting(_), _)
                    if record.is_cancelling() || record.has_provisional_verdict() =>
                {
                    return Applied::put(record.wanted_after_all(at.wall_ms));
                }
                (State::Settled(Verdict::Charged(_)) | State::Attempting(_), _) => {
                    return Applied::kept(Some(record), true);
                }
                (State::Settled(Verdict::Declined(_) | Verdict::Failed(_)), Err(failure)) => {
                    let refused = record.clone().refuse(failure.clone(), at.wall_ms);
                    return refused.map_or(Applied::kept(Some(record), true), Applied::put);
                }
                (State::Settled(_) | State::Waiting(_) | State::Parked(_), _) => {
                    record.clone().ask_again(at.wall_ms).unwrap_or(record)
                }
            }
        }
    };
    // An earlier request may have to be looked up first.
    let claim = claim.filter(|_| !taken_on.may_have_left());
    let begun = claim.and_then(|claim| {
        taken_on
            .clone()
            .begin(Purpose::Send, claim.clone(), at.wall_ms)
    });
    Applied::put(begun.unwrap_or(taken_on))
}

/// The stored record, if its key is not another charge's. A lost one is recreated when its receipt
/// comes.
fn or_lost(
    charge: &Charge,
    sequence: u64,
    conclusion: &Conclusion,
    current: Option<Record>,
) -> Option<Record> {
    let charged = matches!(conclusion, Conclusion::Settled(Verdict::Charged(_)));
    match current {
        Some(record) => record.charge().is_same_as(charge).then_some(record),
        None => charged.then(|| Record::open(charge.clone(), sequence).adopted()),
    }
}

/// `done` is false where the key is another charge's.
fn adopt(record: &Record, current: Option<Record>, at: ApplyAt) -> Applied {
    let Some(current) = current else {
        return Applied::put(record.clone().adopted());
    };
    if !current.charge().is_same_as(record.charge()) {
        return match current.clone().shares_key(at.wall_ms) {
            Some(current) => Applied {
                done: false,
                ..Applied::put(current)
            },
            None => Applied::kept(Some(current), false),
        };
    }
    match current.clone().joined_by(record, at.wall_ms) {
        Some(joined) => Applied::put(joined),
        None => Applied::kept(Some(current), true),
    }
}

fn forget(current: Option<Record>) -> Applied {
    match current {
        Some(record) if matches!(record.state(), State::Settled(_)) => Applied {
            record: None,
            write: Write::Delete,
            done: true,
            unreadable: None,
            lost: false,
            signed_out: false,
        },
        Some(record) => Applied::kept(Some(record), false),
        None => Applied::kept(None, true),
    }
}

#[cfg(test)]
mod tests;
