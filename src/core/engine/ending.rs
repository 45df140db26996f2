//! The end of a client: signed out, or closed.

use super::calls::Call;
use super::{Answer, CallId, Effect, Engine, Event, Life};
use crate::core::clock::Now;
use crate::core::outcome::OpenReason;
use crate::core::snapshot::{ChargeRecord, Stopped};

impl Engine {
    pub(super) fn sign_out(&mut self, now: Now, call: CallId) {
        self.life = Life::SignedOut;
        self.watch_no_longer();
        self.answer_the_impatient(now);
        self.end_flush(Some(Stopped::Open(OpenReason::Unauthorized)));
        self.balance.clear();
        self.effects.push_back(Effect::SaveBalance(None));
        self.sign_out_refresh(now);
        // What runs here will not be charged by this client.
        self.tasks.end_all();
        let settled = self.outbox.surplus(0);
        for key in settled {
            self.forget(now, &key);
            self.forget_at_rest(key);
        }
        let held = self.outbox.iter().filter(|entry| entry.record.is_held());
        let (durable, locale) = (self.durable(), self.config.locale);
        let open = held
            .map(|entry| ChargeRecord::of(&entry.record, durable && entry.saved, locale))
            .collect();
        self.resolve(call, Answer::SignedOut(open));
    }

    /// Answers everybody who would wait for an attempt, now that there will be none.
    fn answer_the_impatient(&mut self, now: Now) {
        for key in self.calls.keys() {
            for id in self.calls.at(&key) {
                let impatient = |call: &Call| !call.seeking && call.deadline_ms.is_some();
                if self.calls.get(id).is_some_and(impatient) {
                    self.answer_so_far(now, id);
                }
            }
        }
    }

    pub(super) fn close(&mut self, now: Now) {
        self.answer_the_impatient(now);
        for key in self.calls.keys() {
            for id in self.calls.at(&key) {
                self.resolve_waiting(id, Answer::Closed);
            }
        }
        self.conclude_all_lost(now);
        self.close_flush();
        self.close_refresh(now);
        self.tasks.end_all();
        self.advance_tasks(now);
        self.life = Life::Closed;
    }

    /// What is asked of a closed client.
    pub(super) fn answer_closed(&mut self, event: Event) {
        match event {
            Event::Charge { call, .. }
            | Event::Retry { call, .. }
            | Event::Cancel { call, .. }
            | Event::Settled { call, .. }
            | Event::Show { call, .. }
            | Event::Flush { call }
            | Event::RefreshBalance { call, .. }
            | Event::StartTask { call, .. }
            | Event::SignOut { call } => self.resolve(call, Answer::Closed),
            Event::Journaled(results) => self.journaled_when_closed(results),
            // Asked for before, and of no use any longer.
            Event::LockGranted => self.effects.push_back(Effect::ReleaseLock),
            Event::EndTask { .. }
            | Event::StopWaiting { .. }
            | Event::Loaded(_)
            | Event::Alive(_)
            | Event::Unreadable { .. }
            | Event::Moved { .. }
            | Event::Wiped { .. }
            | Event::Persisted(_)
            | Event::Answered { .. }
            | Event::Lost { .. }
            | Event::NotSent { .. }
            | Event::LockRefused
            | Event::Peer { .. }
            | Event::PeerFlush(_)
            | Event::PeerTasks { .. }
            | Event::AskedTasks
            | Event::Cached(_)
            | Event::Online(_)
            | Event::Visible(_)
            | Event::Woke
            | Event::Tick
            | Event::Close => {}
        }
    }
}
