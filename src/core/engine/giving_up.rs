//! Giving a charge up.

use super::calls::Kind;
use super::journal::Then;
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
        let is_there = entry.saved || self.writer.is_to_adopt(key);
        if settled || entry.record.given_up() || !is_there {
            return;
        }
        for id in self.calls.at(key) {
            let Some(call) = self.calls.get(id).filter(|call| call.kind == Kind::Cancel) else {
                continue;
            };
            // Nothing is sent after a sign-out, but what is given up can be written down.
            let may_write = match self.life {
                Life::Running | Life::SignedOut => true,
                Life::Recovering | Life::Closed => false,
            };
            if !may_write || call.tries >= self.cx.config.max_attempts {
                self.answer_so_far(now, id);
            } else if !call.is_writing() {
                self.calls.writes(id);
                self.writer.retry_unsaved_of(key);
                let op = Op::Cancel {
                    key: key.clone(),
                    detail: self
                        .cx
                        .say("given up; nothing was taken", "已取消，没有扣费"),
                    unsent: self.cx.say("given up before it was sent", "已在发送前取消"),
                    look_up_first: self.store.may_show_earlier_states(),
                };
                self.writer.push(op, Then::GivenUp { call: id });
            }
        }
    }

    /// The charge is asked for after all, or gone: whoever waits for it to be given up is told how
    /// things stand.
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
        self.calls.waits(call);
        if committed {
            self.outbox.hurry(key, now);
        } else {
            self.count_try(key);
        }
        self.progress(now, key);
    }
}
