//! Which of the charges that failed, and may yet succeed, are taken up again: for their user, or once
//! by themselves after an outage.

use super::super::admission::Admission;
use crate::core::charge::Key;
use crate::core::journal::Op;
use crate::core::outbox::Outbox;
use crate::core::points::Points;

/// What becomes of them.
#[derive(Debug, Default)]
pub struct Picked {
    /// Taken up now.
    pub again: Vec<Op>,
    /// Being taken up already.
    pub under_way: Vec<Key>,
    /// Taken up once there is room.
    pub left_out: Vec<Op>,
}

/// All that may yet succeed, as far as there is room, and points for it.
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

/// Of those that were left out before, as many as there is room for by now.
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

/// Once each, now that the server can be reached.
pub fn after_outage(outbox: &Outbox, room: usize) -> Picked {
    let failed = outbox.iter();
    let failed = failed
        .filter(|entry| entry.record.may_be_taken_up() && !entry.busy && !entry.retaken)
        .map(|entry| entry.record.charge().key.clone());
    let mut again: Vec<Op> = failed.map(|key| Op::TakeUp { key }).collect();
    let left_out = again.split_off(room.min(again.len()));
    Picked {
        again,
        left_out,
        ..Picked::default()
    }
}
