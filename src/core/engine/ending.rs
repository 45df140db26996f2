//! The end of a client: signed out, or closed.

use super::calls::Call;
use super::{Answer, CallId, Effect, Engine, Event, Life};
use crate::core::clock::Now;
use crate::core::outcome::OpenReason;
use crate::core::snapshot::{ChargeRecord, Stopped};

/// Who signed out and waits to be told what is open.
#[derive(Debug, Default)]
pub(super) struct Leaving {
    calls: Vec<CallId>,
    /// When they are told what this tab knows, if the journal has not been read by then; monotonic.
    until_ms: Option<u64>,
}

impl Leaving {
    pub(super) fn deadline(&self) -> Option<u64> {
        self.until_ms
    }
}

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
        self.forget_settled(now);
        self.leaving.calls.push(call);
        self.leaving.until_ms = Some(now.after(self.config.respond_within_ms));
        // Another tab may have made charges, or seen them settle, of which this one has not heard.
        self.loaded_all = false;
        self.load_anew();
    }

    fn forget_settled(&mut self, now: Now) {
        for key in self.outbox.surplus(0) {
            self.forget(now, &key);
            self.forget_at_rest(key);
        }
    }

    /// Tells who signed out what is open, as far as can be known by now.
    pub(super) fn tell_who_left(&mut self, now: Now) {
        self.leaving.until_ms = None;
        let calls = std::mem::take(&mut self.leaving.calls);
        if calls.is_empty() {
            return;
        }
        self.forget_settled(now);
        let held = self.outbox.iter().filter(|entry| entry.record.is_held());
        let (durable, locale) = (self.durable(), self.config.locale);
        let open = held
            .map(|entry| ChargeRecord::of(&entry.record, durable && entry.saved, locale))
            .collect::<Vec<ChargeRecord>>();
        for call in calls {
            self.resolve(call, Answer::SignedOut(open.clone()));
        }
    }

    pub(super) fn tell_who_left_if_due(&mut self, now: Now) {
        let due = |until_ms: u64| until_ms <= now.mono_ms;
        if self.leaving.until_ms.is_some_and(due) {
            self.tell_who_left(now);
        }
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
        self.tell_who_left(now);
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
            | Event::SetBack { .. }
            | Event::Persisted(_)
            | Event::Answered { .. }
            | Event::Lost { .. }
            | Event::NotSent { .. }
            | Event::LockRefused
            | Event::LockDropped
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
