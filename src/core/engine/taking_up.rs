//! Taking up again what failed and may yet succeed: for its user, or once by itself.

use super::Engine;
use super::journal::Then;
use crate::core::charge::Key;
use crate::core::clock::Now;
use crate::core::journal::Op;
use crate::core::points::Points;

impl Engine {
    /// Takes up all that may yet succeed, as if its user had asked for each. What finds no room,
    /// or may not be spent without the server, has its turn in the flush that begins.
    pub(super) fn take_up_all(&mut self, now: Now) -> Vec<Key> {
        let mut room = self.room_for(None);
        let mut spent = Points::ZERO;
        let mut under_way = Vec::new();
        let mut again = Vec::new();
        let mut left_out = Vec::new();
        for entry in self.outbox.iter() {
            if entry.record.is_retryable() {
                let key = entry.record.charge().key.clone();
                if entry.busy {
                    under_way.push(key);
                    continue;
                }
                let sum = spent.plus(entry.record.charge().amount);
                if room > 0 && self.offline_spend(now, sum).is_ok() {
                    room = room.saturating_sub(1);
                    spent = sum;
                    again.push(key);
                } else {
                    left_out.push(Op::Reopen { key });
                }
            }
        }
        for key in &again {
            self.reopen(now, Op::Reopen { key: key.clone() });
        }
        self.flush.leave_out(left_out);
        again.extend(under_way);
        again
    }

    /// Takes up, in a flush under way, what was left out, as far as there is room by now.
    pub(super) fn take_up_left_out(&mut self, now: Now) {
        let mut room = self.room_for(None);
        let mut keys = Vec::new();
        for op in self.flush.take_left_out() {
            let Some(entry) = self.outbox.get(op.key()) else {
                continue;
            };
            if entry.busy {
                // It is being taken up already.
                keys.push(op.key().clone());
            } else if entry.record.is_retryable() && room > 0 {
                room = room.saturating_sub(1);
                keys.push(op.key().clone());
                self.reopen(now, op);
            } else if entry.record.is_retryable() {
                self.flush.leave_out([op]);
            }
        }
        self.flush.add(keys, None);
    }

    /// Takes up again once, by itself, what failed but may yet succeed now that the server can
    /// be reached.
    pub(super) fn take_up_failed(&mut self, now: Now) {
        let mut again = Vec::new();
        for entry in self.outbox.iter() {
            if entry.record.may_be_taken_up() && !entry.busy && !entry.retaken {
                let key = entry.record.charge().key.clone();
                again.push(Op::TakeUp { key });
            }
        }
        let room = self.room_for(None).min(again.len());
        let left_out = again.split_off(room);
        if !left_out.is_empty() {
            self.flush.leave_out(left_out);
            // When these are through there is room.
            let keys = again.iter().map(|op| op.key().clone()).collect();
            self.flush.add(keys, None);
        }
        for op in again {
            self.reopen(now, op);
        }
    }

    /// Takes a charge up again by `op`, or anew where it was never stored.
    pub(super) fn reopen(&mut self, now: Now, op: Op) {
        let key = op.key().clone();
        let retaken = matches!(op, Op::TakeUp { .. });
        self.outbox.update(&key, |entry| entry.retaken |= retaken);
        self.set_taken_up(&key);
        let then = Then::Observe {
            from_peer: false,
            confirmed: None,
        };
        let unsaved = self.outbox.get(&key).filter(|entry| !entry.saved);
        let unsaved = unsaved.map(|entry| entry.record.clone());
        let op = match unsaved {
            Some(record) => Op::Enqueue {
                charge: record.charge().clone(),
                sequence: self.next_sequence(now),
                admission: Ok(()),
                claim: None,
                may_have_left: record.may_have_left() || self.store.may_have_been_sent(&key),
                may_arrive_for_ms: self.cx.config.unknown_past_ms(),
            },
            None => op,
        };
        self.writer.retry_unsaved_of(&key);
        self.writer.push(op, then);
    }
}
