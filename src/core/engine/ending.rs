//! The end of a client: signed out, or closed.

use super::calls::Call;
use super::{Answer, CallId, Effect, Engine, Event, Life};
use crate::core::charge::Key;
use crate::core::clock::Now;
use crate::core::outcome::OpenReason;
use crate::core::record::Record;
use crate::core::snapshot::{ChargeRecord, Stopped};

impl Engine {
    /// `signOut()`. One that has signed out already just tells what is open.
    pub(super) fn sign_out(&mut self, now: Now, call: CallId) {
        if self.life != Life::SignedOut {
            self.end_session(now);
            self.cx.push(Effect::MarkSignOut);
        } else if self.sign_out.is_new() {
            self.cx.push(Effect::MarkSignOut);
        }
        self.forget_settled(now);
        self.sign_out.asked(now, call, &self.cx);
        // Another tab may have made charges, or seen them settle, of which this one has not heard.
        self.read_for_who_left();
    }

    fn read_for_who_left(&mut self) {
        self.sign_out.reads();
        self.reader.doubt();
        self.load_anew();
    }

    /// Nothing is sent from here on, and no balance shown.
    fn end_session(&mut self, now: Now) {
        self.life = Life::SignedOut;
        self.bulletin.sign_out();
        self.answer_the_impatient(now);
        self.end_flush(Some(Stopped::Open(OpenReason::Unauthorized)));
        self.balance.sign_out(&mut self.cx);
        self.sign_out_refresh(now);
        // What runs here will not be charged by this client.
        self.tasks.end_all();
    }

    /// The mark is in storage: from here on no tab of the session claims anything.
    pub(super) fn marked(&mut self, now: Now, marked: Result<u64, String>) {
        match marked {
            Ok(_) => {
                self.sign_out.marked(now);
                // As it is now: what is claimed in it is all that may still leave.
                self.read_for_who_left();
            }
            Err(error) => {
                self.storage_failed(now, &error);
                self.sign_out.not_marked(now, &mut self.cx);
            }
        }
    }

    /// Another tab has signed the account out, as storage or that tab tells.
    pub(super) fn signed_out(&mut self, now: Now, mark: u64) {
        if self.is_over(mark) {
            self.leave(now);
        }
    }

    /// Another tab has signed the account out.
    pub(super) fn leave(&mut self, now: Now) {
        if self.life != Life::SignedOut {
            self.end_session(now);
            self.sign_out.marked(now);
            // At rest that tab forgets them.
            for key in self.outbox.surplus(0) {
                self.forget(now, &key);
            }
            self.load_anew();
        }
        // Whoever has signed out waits to hear it.
        self.cx.push(Effect::AnnounceLeft);
    }

    /// A charge was asked for in a tab that had not heard of the sign-out: it is not taken on.
    pub(super) fn not_enqueued_after_sign_out(
        &mut self,
        now: Now,
        call: CallId,
        key: &Key,
        found: Option<Record>,
    ) {
        self.set_busy(key, false);
        self.resolve_waiting(call, Answer::Closed);
        if found.is_none() && self.outbox.get(key).is_some_and(|entry| !entry.saved) {
            for call in self.calls.at(key) {
                self.resolve_waiting(call, Answer::Closed);
            }
            self.outbox.remove(key);
        }
        self.observe(now, key, found);
        self.progress(now, key);
    }

    fn forget_settled(&mut self, now: Now) {
        for key in self.outbox.surplus(0) {
            self.forget(now, &key);
            self.forget_at_rest(key);
        }
    }

    /// Tells who signed out what is open, as far as can be known by now.
    pub(super) fn tell_who_left(&mut self, now: Now) {
        let calls = self.sign_out.take_calls();
        if calls.is_empty() {
            return;
        }
        self.forget_settled(now);
        let held = self.outbox.iter().filter(|entry| entry.record.is_held());
        let (durable, locale) = (self.store.is_durable(), self.cx.config.locale);
        let open = held
            .map(|entry| ChargeRecord::of(&entry.record, durable && entry.saved, locale))
            .collect::<Vec<ChargeRecord>>();
        for call in calls {
            self.resolve(call, Answer::SignedOut(open.clone()));
        }
    }

    /// The journal has been read, or can't be, for whoever signed out.
    pub(super) fn read_after_sign_out(&mut self) {
        self.sign_out.has_read(self.life == Life::SignedOut);
    }

    /// Tells who signed out as soon as nothing is sent any more, or they have waited long enough.
    pub(super) fn advance_leaving(&mut self, now: Now) {
        if self.sign_out.mark_is_due(now) {
            self.cx.push(Effect::MarkSignOut);
        }
        if self
            .sign_out
            .is_over(now, &self.tabs, &self.outbox, &self.cx)
        {
            self.tell_who_left(now);
        }
    }

    /// Answers everybody who would wait for an attempt, now that there will be none.
    fn answer_the_impatient(&mut self, now: Now) {
        for key in self.calls.keys() {
            for id in self.calls.at(&key) {
                let impatient = |call: &Call| !call.is_seeking() && call.deadline_ms.is_some();
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
            Event::Call { id, .. } => self.resolve(id, Answer::Closed),
            Event::Journaled(results) => self.journaled_when_closed(results),
            // Asked for before, and of no use any longer.
            Event::LockGranted => self.cx.push(Effect::ReleaseLock),
            Event::EndTask { .. }
            | Event::StopWaiting { .. }
            | Event::Loaded(_)
            | Event::Alive(_)
            | Event::Unreadable { .. }
            | Event::RecordsLost(_)
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
            | Event::Locale(_)
            | Event::Marked(_)
            | Event::SignedOut { .. }
            | Event::PeerLeft { .. }
            | Event::Close => {}
        }
    }
}
