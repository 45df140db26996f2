//! Retries of failed charges that may yet succeed: for their user, or once automatically after an
//! outage.

use super::super::admission::Admission;
use crate::core::charge::Key;
use crate::core::journal::Op;
use crate::core::outbox::Outbox;
use crate::core::points::Points;

/// The charges picked for a retry.
#[derive(Debug, Default)]
pub struct Picked {
    /// Reopened now.
    pub again: Vec<Op>,
    /// Being reopened already.
    pub under_way: Vec<Key>,
    /// To be reopened once there is room.
    pub left_out: Vec<Op>,
}

/// All retryable charges, within the limits of room and points.
pub fn all(outbox: &Outbox, admission: &Admission<'_>) -> Picked {
    let mut room = admission.room_for(None);
    let mut spent = Points::ZERO;
    let mut picked = Picked::default();
    let failed = outbox.iter().filter(|entry| entry.record.is_retryable());
    for entry in failed {
        let key = entry.record.charge().key.clone();
        if entry.busy {
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
pub fn left_out(ops: Vec<Op>, outbox: &Outbox, mut room: usize) -> Picked {
    let mut picked = Picked::default();
    for op in ops {
        let Some(entry) = outbox.get(op.key()) else {
            continue;
        };
        if entry.busy {
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
pub fn after_outage(outbox: &Outbox, room: usize) -> Picked {
    let failed = outbox.iter();
    let failed = failed
        .filter(|entry| entry.record.may_be_reopened() && !entry.busy && !entry.retaken)
        .map(|entry| entry.record.charge().key.clone());
    let mut again: Vec<Op> = failed.map(|key| Op::ReopenOnce { key }).collect();
    let left_out = again.split_off(room.min(again.len()));
    Picked {
        again,
        left_out,
        ..Picked::default()
    }
}
