//! Giving a charge up, and taking one up again.

use super::calls::Kind;
use super::orders::Then;
use super::{CallId, Engine, Life};
use crate::core::charge::Key;
use crate::core::clock::Now;
use crate::core::journal::Op;
use crate::core::outbox::Entry;
use crate::core::record::State;

impl Engine {
    /// Goes on with giving a charge up: it is written down that it is, and then looked up until
    /// it is known what became of it.
    pub(super) fn progress_cancel(&mut self, now: Now, key: &Key, entry: &Entry) {
        let settled = matches!(entry.record.state(), State::Settled(_));
        // What is on its way from another storage is given up there.
        let is_there = entry.saved || self.journaling.is_to_adopt(key);
        if settled || entry.record.given_up() || !is_there {
            return;
        }
        for id in self.calls.at(key) {
            let Some(call) = self.calls.get(id).filter(|call| call.kind == Kind::Cancel) else {
                continue;
            };
            if self.life != Life::Running || call.tries >= self.config.max_attempts {
                self.answer_so_far(now, id);
            } else if !call.ordered {
                self.calls.set_ordered(id, true);
                self.journaling.retry_unsaved_of(key);
                let op = Op::Cancel {
                    key: key.clone(),
                    detail: self.say("given up; nothing was taken", "已取消，没有扣费"),
                };
                self.journaling.push(op, Then::GivenUp { call: id });
            }
        }
    }

    /// The charge is asked for after all: whoever waits for it to be given up is told how things
    /// stand.
    pub(super) fn answer_cancels(&mut self, now: Now, key: &Key) {
        for id in self.calls.at(key) {
            let call = self.calls.get(id);
            if call.is_some_and(|call| call.kind == Kind::Cancel) {
                self.answer_so_far(now, id);
            }
        }
    }

    /// It is written down that this call gave its charge up, or could not be.
    pub(super) fn given_up(&mut self, now: Now, call: CallId, key: &Key, committed: bool) {
        self.calls.set_ordered(call, false);
        if committed {
            self.outbox.hurry(key, now);
        } else {
            self.count_try(key);
        }
        self.progress(now, key);
    }

    /// Takes up again once, by itself, what failed but may yet succeed now that the server can
    /// be reached.
    pub(super) fn take_up_failed(&mut self, now: Now) {
        let mut again = Vec::new();
        let room = self.room_for(None);
        for entry in self.outbox.iter() {
            let fits = again.len() < room;
            if fits && entry.record.may_be_taken_up() && !entry.busy && !entry.retaken {
                again.push(entry.record.charge().key.clone());
            }
        }
        for key in again {
            self.outbox.update(&key, |entry| entry.retaken = true);
            let op = Op::TakeUp { key: key.clone() };
            self.reopen(now, key, op);
        }
    }

    /// Takes a charge up again by `op`, or anew where it was never stored.
    pub(super) fn reopen(&mut self, now: Now, key: Key, op: Op) {
        self.set_busy(&key, true);
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
                may_have_left: record.may_have_left(),
            },
            None => op,
        };
        self.journaling.retry_unsaved_of(&key);
        self.journaling.push(op, then);
    }
}
