//! Retries: of one charge or of all failed ones for their user, and once automatically after an
//! outage.

use super::admission::Admission;
use super::calls::is_charged;
use crate::core::charge::Key;
use crate::core::journal::Op;
use crate::core::outbox::{Entry, Outbox};
use crate::core::points::Points;

/// What a user's retry of one charge needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RetryStep {
    /// The charge is taken on again.
    Enqueue,
    /// It has been made: its receipt is the answer.
    Replay,
    /// Its end is waited for.
    Wait,
}

/// The charges picked for a retry.
#[derive(Debug, Default)]
pub(super) struct Picked {
    /// Reopened now.
    pub(super) again: Vec<Op>,
    /// Being reopened already.
    pub(super) under_way: Vec<Key>,
    /// To be reopened once there is room.
    pub(super) left_out: Vec<Op>,
}

/// The first step of a retry of this charge; `running` if charges may be taken on.
pub(super) fn step(entry: &Entry, running: bool) -> RetryStep {
    match is_charged(&entry.record) {
        true => RetryStep::Replay,
        false if running => RetryStep::Enqueue,
        false => RetryStep::Wait,
    }
}

/// All retryable charges, within the limits of room and points.
pub(super) fn all(outbox: &Outbox, admission: &Admission<'_>) -> Picked {
    let mut room = admission.room_for(None);
    let mut spent = Points::ZERO;
    let mut picked = Picked::default();
    let failed = outbox.iter().filter(|entry| entry.record.is_retryable());
    for entry in failed {
        let key = entry.record.charge().key.clone();
        if entry.is_busy() {
            picked.under_way.push(key);
            continue;
        }
        let sum = spent.plus(entry.record.charge().amount);
        if room > 0 && admission.offline_spend(sum).is_ok() {
            room = room.saturating_sub(1);
            spent = sum;
            picked.again.push(Op::Reopen { key });
        } else {
            picked.left_out.push(Op::Reopen { key });
        }
    }
    picked
}

/// Those of the charges left out before for which there is room by now.
pub(super) fn left_out(ops: Vec<Op>, outbox: &Outbox, mut room: usize) -> Picked {
    let mut picked = Picked::default();
    for op in ops {
        let Some(entry) = outbox.get(op.key()) else {
            continue;
        };
        if entry.is_busy() {
            picked.under_way.push(op.key().clone());
        } else if entry.record.is_retryable() && room > 0 {
            room = room.saturating_sub(1);
            picked.again.push(op);
        } else if entry.record.is_retryable() {
            picked.left_out.push(op);
        }
    }
    picked
}

/// All retryable failed charges, once each, now that the server can be reached.
pub(super) fn after_outage(outbox: &Outbox, room: usize) -> Picked {
    let failed = outbox.iter();
    let failed = failed
        .filter(|entry| entry.record.may_be_reopened() && !entry.is_busy() && !entry.retaken)
        .map(|entry| entry.record.charge().key.clone());
    let mut again: Vec<Op> = failed.map(|key| Op::ReopenOnce { key }).collect();
    let left_out = again.split_off(room.min(again.len()));
    Picked {
        again,
        left_out,
        ..Picked::default()
    }
}
