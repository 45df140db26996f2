//! The engine: a state machine that takes [`Event`]s, gives [`Effect`]s and owns no time.
//!
//! The contract with its driver:
//!
//! 1. [`Engine::handle`] takes one report; then [`Engine::poll`] is called until it gives `None`,
//!    and each effect is carried out in that order. Where [`Engine::may_gather`] says so, the
//!    last of them may be left until later in the same turn.
//! 2. Every `Journal` is followed by one `Journaled`, every `Load` by one `Loaded`, perhaps after
//!    some `LoadedPage`, every `Send` by one of `Answered`, `Lost`, `NotSent`, every `AskLock` by
//!    `LockGranted` or `LockTimedOut`.
//! 3. If nothing happens until [`Engine::deadline`], a `Tick` is handled then.
//!
//! A charge request leaves only after the transaction that numbers its attempt has committed, and
//! an outcome is reported only after its contents are in the journal; `charged` already when the
//! server's receipt is there, since its key is answered with that again.

mod admission;
mod balance;
mod bulletin;
mod calls;
mod cancel;
mod context;
mod enqueue_failed;
mod event;
mod flush;
mod journal;
mod look_up;
mod peers;
mod retention;
mod retry;
mod server_holds;
mod sign_out;
mod tabs;
mod tasks;
mod wire;

use self::admission::Admission;
use self::balance::BalanceSync;
use self::bulletin::{Bulletin, Watched};
use self::calls::{Call, Calls, Kind, Outlook, conflict_with, is_charged, is_conflict, replayed};
use self::cancel::{Cancel, CancelStep};
use self::context::Context;
use self::enqueue_failed::{EnqueueFailed, Fate, FirstStep};
use self::flush::{Flush, Lock, Run};
use self::journal::{Loaded, MovedFrom, READ_AGAIN_AT_ONCE, Reader, Store, Then, Writer};
use self::look_up::LookUp;
use self::peers::KnownBalance;
use self::retention::Retention;
use self::retry::{Picked, RetryStep};
use self::server_holds::{Reading, ServerHolds};
use self::sign_out::SignOut;
use self::tabs::Tabs;
use self::tasks::{Start, StartStage, Tasks};
use self::wire::{Plan, Sent, SentWhat, Slot, Wire};
use crate::core::alert::AlertKind;
use crate::core::balance::{Balance, Confirmed, is_stale};
use crate::core::charge::{Charge, Key};
use crate::core::charge_filter::ChargeFilter;
use crate::core::clock::{ClockStep, ClockWatch, Now, parse_http_date};
use crate::core::config::Config;
use crate::core::journal::{Applied, ApplyAt, Op};
use crate::core::locale::Locale;
use crate::core::network::{LONGEST_HOLD_MS, Way};
use crate::core::ordered::{LongSet, Set, map_of, set_of};
use crate::core::outbox::{Entry, Outbox, Patience, Turn, Work};
use crate::core::outcome::{Outcome, What};
use crate::core::points::Points;
use crate::core::protocol::answer::BODY_LIMIT;
use crate::core::protocol::{
    BalanceAnswer, BalanceReading, BatchAnswer, ChargeAnswer, HoldAnswer, LookUpAnswer,
    ReleaseAnswer, Response, Setback, SetbackKind, Spelling, Unreadable,
};
use crate::core::reason::{OpenReason, ParkReason};
use crate::core::record::{Cause, Conclusion, Decline, Purpose, Record, State, Verdict};
use crate::core::server_clock::Sign;
use crate::core::session::Session;
use crate::core::snapshot::{
    BalanceReason, BalanceResult, BillingStatus, ChargeRecord, FlushReport, Network, QueueCounts,
    Snapshot, Stopped, StorageKind,
};
use crate::core::stats::{BillingStats, Class, Stats};
use crate::core::text::{Detail, Message};
use std::cmp::Reverse;

pub use event::{Answer, CallId, CallRequest, Effect, Event, Notice, SendId, Unsent};
pub use journal::{Earlier, OpenCharges};
pub use server_holds::Counted;
pub use tasks::Running;

/// How often something in front of the server may find a single charge too large before it is
/// parked.
const TOO_LARGE_LIMIT: u32 = 2;

/// How often a tab with open charges compares its clocks, in milliseconds.
const HEARTBEAT_MS: u64 = 5_000;

/// The engine's owner and environment at its start.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The signed-in account.
    pub account: String,
    /// Identifies this client among all tabs and starts.
    pub tab: String,
    /// Seed of the jitter.
    pub seed: u64,
    /// Where the journal lives.
    pub storage: StorageKind,
    /// Whether the browser reports a network.
    pub online: bool,
    /// The account's earlier charges, besides those in the journal.
    pub earlier: Earlier,
    /// The session in which it was opened.
    pub session: Session,
}

/// The engine of one client.
#[derive(Debug)]
pub struct Engine {
    cx: Context,
    wire: Wire,
    outbox: Outbox,
    balance: BalanceSync,
    tasks: Tasks,
    server_holds: ServerHolds,
    calls: Calls,
    writer: Writer,
    reader: Reader,
    /// The charges that the reading under way has not shown yet, though the journal had them when
    /// its first page came.
    unseen: Option<LongSet<Key>>,
    store: Store,
    tabs: Tabs,
    last_sequence: u64,
    flush: Flush,
    stats: Stats,
    bulletin: Bulletin,
    was_out_of_reach: bool,
    retention: Retention,
    life: Life,
    sign_out: SignOut,
    clocks: ClockWatch,
    /// The time of the last event.
    last: Now,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    /// The journal has not been read yet: nothing is sent.
    Recovering,
    Running,
    /// Reads and answers, sends nothing.
    SignedOut,
    Closed,
}

impl Engine {
    /// An engine whose first order is to read the journal.
    pub fn new(setup: Setup, config: Config) -> Engine {
        let tabs = Tabs::new(setup.tab.clone(), setup.session);
        let mut cx = Context::new(setup.account, setup.tab, config, setup.seed);
        cx.push(Effect::Load { all: true });
        cx.push(Effect::AskTasks);
        Engine {
            cx,
            wire: Wire::new(setup.online),
            outbox: Outbox::default(),
            balance: BalanceSync::default(),
            tasks: Tasks::default(),
            server_holds: ServerHolds::default(),
            calls: Calls::default(),
            writer: Writer::default(),
            reader: Reader::new(),
            unseen: None,
            store: Store::new(setup.storage, setup.earlier),
            tabs,
            last_sequence: 0,
            flush: Flush::default(),
            stats: Stats::default(),
            bulletin: Bulletin::default(),
            was_out_of_reach: false,
            retention: Retention::default(),
            life: Life::Recovering,
            sign_out: SignOut::default(),
            clocks: ClockWatch::default(),
            last: Now::default(),
        }
    }

    /// Takes one event.
    pub fn handle(&mut self, now: Now, event: Event) {
        self.last = now;
        self.outbox.advance(now);
        self.watch_clocks(now);
        if self.life == Life::Closed {
            self.answer_closed(event);
            return;
        }
        match event {
            Event::Call { id, request } => self.called(now, id, request),
            Event::EndTask { key } => self.end_task(&key),
            Event::StopWaiting { call } => self.stop_waiting(now, call),
            Event::Journaled(results) => self.journaled(now, results),
            Event::LoadedPage(records) => self.loaded_page(now, records),
            Event::Loaded(records) => self.loaded(now, records),
            Event::Alive(tabs) => self.learn_alive(now, tabs),
            Event::Unreadable {
                set_aside,
                left_alone,
            } => self
                .store
                .unreadable(now, set_aside, left_alone, &mut self.cx),
            Event::RecordsLost(keys) => {
                for key in &keys {
                    self.store.lose(key);
                }
            }
            Event::Moved { to, why, from } => self.moved(now, to, &why, from),
            Event::Wiped { detail, lost } => self.wiped(now, &detail, &lost),
            Event::SetBack { lost } => self.set_back_journal(now, &lost),
            Event::Persisted(persisted) => self.store.set_persisted(persisted),
            Event::Answered { send, response } => self.answered(now, send, &response),
            Event::Lost { send, timed_out } => self.lost(now, send, timed_out),
            Event::NotSent { send, why } => self.not_sent(now, send, why),
            Event::LockGranted => self.lock_granted(now),
            Event::LockTimedOut => self.lock_timed_out(now),
            Event::LockDropped => self.lock_dropped(),
            Event::Peer { keys, confirmed } => self.told_by_peer(keys, confirmed),
            Event::PeerFlush(progress) => self.flush.update_elsewhere(now, progress, &self.cx),
            Event::PeerTasks {
                tab,
                running,
                leaves,
            } => self.tasks_elsewhere(now, tab, running, leaves),
            Event::AskedTasks => self.asked_for_tasks(now),
            Event::Cached(confirmed) => self.cached(confirmed),
            Event::Online(online) => self.browser_says(now, online),
            Event::Visible(visible) => self.visible(now, visible),
            Event::Woke => self.woke(now),
            Event::Restored => self.server_holds.doubt_own(now),
            Event::Tick => {}
            Event::Locale(locale) => self.set_locale(locale),
            Event::Marked(marked) => self.marked(now, marked),
            Event::SignedOut { mark } => self.signed_out(now, mark),
            Event::PeerLeft { tab } => self.sign_out.acknowledged(tab),
            Event::Close => self.close(now),
        }
        self.advance(now);
    }

    fn called(&mut self, now: Now, call: CallId, request: CallRequest) {
        match request {
            CallRequest::Charge(charge) => self.charge(now, call, charge),
            CallRequest::Retry(key) => self.retry(now, call, key),
            CallRequest::Cancel(key) => self.cancel(now, call, key),
            CallRequest::Settled(key) => self.wait_settled(now, call, key),
            CallRequest::Show(key) => self.show(call, key),
            CallRequest::Flush => self.flush_all(now, call),
            CallRequest::RefreshBalance { max_age_ms } => {
                self.refresh_balance(now, call, max_age_ms);
            }
            CallRequest::StartTask { charge, running } => {
                self.start_task(now, call, charge, running);
            }
            CallRequest::SignOut => self.sign_out(now, call),
        }
    }

    /// The next order, until there is none.
    pub fn poll(&mut self) -> Option<Effect> {
        if let Some(effect) = self.cx.next_effect() {
            return Some(effect);
        }
        if let Some(effect) = self.journal_effect() {
            return Some(effect);
        }
        if self.tasks.is_untold() {
            self.tell_tasks(self.last);
        }
        self.cx.next_effect()
    }

    /// Whether all that is left to order is the writing of receipts, or an announcement of tasks. It may
    /// be put off until the callers who have just called or been answered have gone on: what they ask
    /// for next is written, or announced, with it.
    pub fn may_gather(&self) -> bool {
        let may_write_later = self.writer.may_gather();
        let may_tell_later = self.tasks.is_untold() && !self.writer.may_begin();
        let later = may_write_later || may_tell_later;
        self.life == Life::Running && self.cx.has_no_effects() && later
    }

    /// When to come back if nothing happens; monotonic, and past already where time has passed
    /// since the last event.
    pub fn deadline(&self) -> Option<u64> {
        // Measured from that event: deadlines that have passed since would otherwise count as done.
        let now = self.last;
        if self.life == Life::Closed {
            return None;
        }
        let slow = self.reads_by_itself();
        let open = |way| self.wire.gate().closed_to(way, now).is_none();
        let due = (open(Way::Sending) || open(Way::LookUp)) && self.life == Life::Running;
        [
            self.calls.deadline(),
            self.wire
                .gate()
                .wakes_at(now)
                .filter(|_| self.life == Life::Running && !self.balance.refresh().is_under_way()),
            self.outbox.next_due(now).filter(|_| due),
            Some(self.writer.paused_until_ms()).filter(|at_ms| due && *at_ms > now.mono_ms),
            Some(self.reader.next_look_ms()).filter(|_| slow),
            self.heartbeat_at_ms(),
            self.writer.unsaved_due_ms(),
            self.balance.deadline(now, self.may_ask(now), &self.cx),
            self.flush.deadline(),
            self.tasks.deadline(),
            self.server_holds.deadline(self.may_send_of_hold(now), now),
            self.retention.deadline(),
            self.store.deadline(),
            self.sign_out.deadline(now),
            self.stats.leaves_at(self.cx.config.window_ms),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Whether the journal has been read.
    pub fn is_recovered(&self) -> bool {
        self.life != Life::Recovering
    }

    /// Whether nothing is being written or waits to be.
    pub fn is_idle(&self) -> bool {
        self.writer.is_idle() && self.cx.has_no_effects()
    }

    /// Does everything that has become due or possible.
    fn advance(&mut self, now: Now) {
        self.calls_overdue(now);
        self.flush.forget_elsewhere(now);
        self.read_for_calls_due(now);
        self.writer.retry_unsaved_if_due(now);
        if self.reads_by_itself() {
            let (is_busy, open) = (self.is_busy(), self.outbox.open());
            self.reader.look_if_due(now, is_busy, open, &mut self.cx);
        }
        if self.life == Life::Running {
            self.notice_recovery(now);
            self.probe_if_due(now);
            self.sync_if_due(now);
            self.begin_due(now);
        }
        let ended = self.outbox.take_ended();
        let was_sending = self.flush.run().is_some();
        if self.life == Life::Running {
            self.advance_flush(now, ended);
        }
        if self.retention.is_due(now) || (was_sending && self.flush.run().is_none()) {
            self.delete_surplus(now);
        }
        self.store.advance(now, &mut self.bulletin);
        self.advance_leaving(now);
        self.advance_holds(now);
        self.advance_tasks(now);
        self.show_changes(now);
    }

    /// Whether it has signed out, or has heard of another tab's sign-out.
    pub fn is_signed_out(&self) -> bool {
        self.life == Life::SignedOut
    }

    /// Whether the account has signed out since the client was opened, given this mark in storage.
    pub fn is_over(&self, mark: u64) -> bool {
        self.tabs.session().is_over(mark)
    }

    fn patience(&self) -> Patience {
        Patience {
            delay_ms: self.cx.config.backoff.max_ms.max(self.cx.config.claim_ms()),
            hold_ms: LONGEST_HOLD_MS,
        }
    }

    // ---- calls
    fn retry(&mut self, now: Now, call: CallId, key: Key) {
        // A user's own retry always gets one try.
        self.wire.gate_mut().hurry_past_hold(now);
        self.call_by_key(now, call, Kind::Retry, key);
    }

    fn cancel(&mut self, now: Now, call: CallId, key: Key) {
        // A look-up may be needed, and is harmless.
        self.wire.gate_mut().hurry(now);
        self.call_by_key(now, call, Kind::Cancel, key);
    }

    fn wait_settled(&mut self, now: Now, call: CallId, key: Key) {
        self.call_by_key(now, call, Kind::Settled, key);
    }

    fn show(&mut self, call: CallId, key: Key) {
        let waiting = Call::new(Now::default(), Kind::Show, key.clone(), None, &self.cx);
        self.calls.add(call, waiting);
        self.calls.reads_for(call);
        self.writer
            .push(Op::Read { key }, Then::ReadForCall { call, again: false });
    }

    /// Takes up a call about an existing charge, in memory or in the journal.
    fn call_by_key(&mut self, now: Now, call: CallId, kind: Kind, key: Key) {
        let waiting = Call::new(now, kind, key.clone(), None, &self.cx);
        self.calls.add(call, waiting);
        self.outbox.freshen(&key);
        // A charge that failed here may have been charged by another tab since.
        let may_be_old = |entry: &Entry| {
            !entry.is_busy() && !entry.record.is_open() && !is_charged(&entry.record)
        };
        match self.outbox.get(&key) {
            Some(entry) if !may_be_old(entry) => self.found(now, call, kind, &key),
            Some(_) | None => {
                self.calls.reads_for(call);
                self.writer
                    .push(Op::Read { key }, Then::ReadForCall { call, again: false });
            }
        }
    }

    fn show_known(&mut self, call: CallId, key: &Key) {
        let durable = self.store.is_durable();
        let entry = self.outbox.get(key);
        let shown = entry.map(|entry| self.cx.show(&entry.record, durable && entry.saved));
        self.resolve_waiting(call, Answer::Record(shown));
    }

    /// The journal could not be read, so whether it has this charge is unknown.
    fn read_for_call_later(&mut self, now: Now, call: CallId, key: &Key) {
        let Some(waiting) = self.calls.get(call) else {
            return;
        };
        let unread = waiting.unread();
        if unread >= READ_AGAIN_AT_ONCE && waiting.is_overdue(now) {
            // This tab has nothing better than its own knowledge.
            return self.has_read_for_call(now, call, key);
        }
        let delay_ms = match unread.checked_sub(READ_AGAIN_AT_ONCE) {
            Some(unread) => self.cx.config.backoff.delay_ms(unread, &mut self.cx.jitter),
            None => 0,
        };
        self.calls.reads_later(call, now.after(delay_ms));
    }

    fn read_for_calls_due(&mut self, now: Now) {
        for (call, key) in self.calls.due_readings(now) {
            let then = Then::ReadForCall { call, again: true };
            self.writer.push(Op::Read { key }, then);
        }
    }

    /// The journal has been read for this call, or can't be.
    fn has_read_for_call(&mut self, now: Now, call: CallId, key: &Key) {
        let Some(kind) = self.calls.get(call).map(|call| call.kind) else {
            return;
        };
        self.calls.waits(call);
        if kind == Kind::Show {
            return self.show_known(call, key);
        }
        match self.outbox.get(key) {
            Some(_) => self.found(now, call, kind, key),
            None => self.resolve_waiting(call, Answer::NotFound),
        }
    }

    fn found(&mut self, now: Now, call: CallId, kind: Kind, key: &Key) {
        let Some(entry) = self.outbox.get(key).cloned() else {
            return;
        };
        let retry = match kind {
            Kind::Retry => retry::step(&entry, self.life == Life::Running),
            Kind::Charge | Kind::Cancel | Kind::Settled | Kind::Show => RetryStep::Wait,
        };
        match retry {
            RetryStep::Enqueue => {
                self.outbox.update(key, |entry| entry.setbacks = 0);
                self.enqueue(now, call, entry.record.charge().clone(), false);
            }
            RetryStep::Replay => {
                let outcome = replayed(self.outlook(now).of(&entry));
                self.resolve_waiting(call, Answer::Outcome(outcome));
            }
            RetryStep::Wait => {
                if kind == Kind::Cancel && entry.record.is_cancelling() {
                    self.outbox.hurry(key, now);
                }
                self.progress(now, key);
            }
        }
    }

    fn charge(&mut self, now: Now, call: CallId, mut charge: Charge) {
        if self.life != Life::Running {
            return self.resolve(call, Answer::Closed);
        }
        let task = self.tasks.own(&charge.key);
        let task = task.filter(|task| task.covers(&charge));
        let has_place = task.is_some();
        let held = task.map(|task| task.amount);
        charge.held = held.filter(|held| *held != charge.amount);
        if !defect!(HoldsTaskTwice) {
            self.end_task(&charge.key);
        }
        let key = charge.key.clone();
        if let Some(entry) = self.outbox.get(&key) {
            let record = &entry.record;
            if !record.charge().is_same_as(&charge) {
                let outcome = Outcome {
                    key,
                    task_id: charge.task_id.clone(),
                    amount: charge.amount,
                    attempts: record.attempts(),
                    what: conflict_with(&self.cx, record.charge()),
                };
                self.cx.log_outcome(now, &charge, &outcome);
                return self.resolve(call, Answer::Outcome(outcome));
            }
            if is_charged(record) {
                let outcome = replayed(self.outlook(now).of(entry));
                return self.resolve(call, Answer::Outcome(outcome));
            }
        }
        let waiting = Call::new(now, Kind::Charge, key, Some(charge.clone()), &self.cx);
        self.calls.add(call, waiting);
        self.outbox.freshen(&charge.key);
        self.enqueue(now, call, charge, has_place);
    }

    /// Orders a charge to be taken on, and claimed at once if it can leave at once. The charge of a
    /// finished task `has_place` in the queue already.
    fn enqueue(&mut self, now: Now, call: CallId, charge: Charge, has_place: bool) {
        let key = charge.key.clone();
        let known = self.outbox.get(&key).cloned();
        if known.as_ref().is_some_and(|entry| {
            entry.is_busy() || matches!(entry.record.state(), State::Attempting(_))
        }) {
            // Under way already, here or in another tab: this call waits for the same end.
            let ends_untaken =
                |record: &Record| record.is_cancelling() || record.has_provisional_verdict();
            if let Some(record) = known.map(|entry| entry.record).filter(ends_untaken) {
                // It is being looked up to be reported as not made, and is requested
                // again. The look-up may end before this is written.
                self.calls.writes(call);
                let op = Op::Enqueue {
                    charge: record.charge().clone(),
                    // A new place, in case the journal has lost the record: the new one is no
                    // earlier state of the known one.
                    sequence: self.next_sequence(now),
                    admission: Ok(()),
                    claim: None,
                    may_have_left: record.may_have_left() || self.store.may_have_been_sent(&key),
                    may_arrive_for_ms: self.cx.config.unknown_past_ms(),
                };
                self.writer.push(op, Then::Wanted { call });
                self.answer_cancels(now, &key);
            }
            return self.progress(now, &key);
        }
        if known
            .as_ref()
            .is_some_and(|entry| entry.record.is_cancelling())
        {
            self.answer_cancels(now, &key);
        }
        let admission = self.admission(now).admit(&charge, has_place);
        let may_have_left = known
            .as_ref()
            .is_some_and(|entry| entry.record.may_have_left())
            || self.store.may_have_been_sent(&key);
        // If it is gone by then, another tab may have charged it.
        let was_in_journal =
            known.as_ref().is_some_and(|entry| entry.saved) && !defect!(ForgetsLostRecords);
        let leaves = admission.is_ok()
            && !may_have_left
            && self.may_send(now)
            && self.wire.slots().is_free(Slot::Single);
        let mut plan = leaves.then(|| self.wire.plan(now, Purpose::Send, Slot::Single));
        let sequence = self.next_sequence(now);
        let charge = known.map_or(charge, |entry| entry.record.charge().clone());
        let taken_on = admission.is_ok();
        let op = Op::Enqueue {
            charge: charge.clone(),
            sequence,
            admission: admission.clone(),
            claim: plan.as_ref().map(|_| self.cx.claim(now)),
            may_have_left: may_have_left || was_in_journal,
            may_arrive_for_ms: self.cx.config.unknown_past_ms(),
        };
        if self.outbox.get(&key).is_none() {
            // Held from now on, whatever else is charged while it is being written.
            let record = Record::open(charge, sequence);
            let record = match may_have_left {
                true => record.in_doubt(now.wall_ms, self.cx.config.unknown_past_ms()),
                false => record,
            };
            let record = match admission {
                Ok(()) => record,
                Err(failure) => record.turned_down(failure),
            };
            self.outbox.put(record, false, now, self.patience());
            self.outbox
                .update(&key, |entry| entry.own_sequence = sequence);
        }
        match taken_on {
            true => self.set_admitted(&key),
            // It keeps its state, or fails.
            false => self.set_busy(&key, true),
        }
        if self.writer.remember(&key) {
            self.reader.keeps(&key);
        }
        self.writer.retry_unsaved_of(&key);
        if let Some(plan) = plan.take_if(|_| defect!(SendsBeforeJournaling)) {
            self.launch(now, plan.carrying(key));
        }
        self.writer.push(op, Then::Enqueued { call, plan });
    }

    /// The charge is in the journal, or about to be: that the transaction under way has not found it
    /// means nothing.
    fn known_from_now_on(&mut self, key: &Key) {
        let begun = self.writer.begun();
        self.outbox.update(key, |entry| entry.known_since = begun);
    }

    fn enqueued(
        &mut self,
        now: Now,
        call: CallId,
        key: &Key,
        applied: Applied,
        plan: Option<Plan>,
        plans: &mut Vec<Plan>,
    ) {
        let Some(record) = applied.record else {
            return;
        };
        let claimed = match record.state() {
            State::Attempting(attempting) => attempting.claim().tab == self.cx.tab,
            State::Waiting(_) | State::Parked(_) | State::Settled(_) => false,
        };
        let charged_before = applied.done && is_charged(&record);
        self.take_record(now, record, true);
        self.has_been_read(key);
        match plan {
            Some(plan) if claimed => Plan::collect(plans, plan, key.clone()),
            Some(_) | None => self.set_busy(key, false),
        }
        if charged_before {
            self.answer_replayed(now, key, call);
        }
        self.progress(now, key);
    }

    /// Answers a call whose charge had been made before it.
    fn answer_replayed(&mut self, now: Now, key: &Key, call: CallId) {
        let (Some(entry), Some(waiting)) = (self.outbox.get(key), self.calls.get(call)) else {
            return;
        };
        // The key may belong to another charge than the requested one.
        let asked = waiting.charge.as_ref();
        let same = asked.is_none_or(|charge| charge.is_same_as(entry.record.charge()));
        if same && waiting.kind != Kind::Show {
            let outcome = replayed(self.outlook(now).of(entry));
            self.resolve_waiting(call, Answer::Outcome(outcome));
        }
    }

    /// The state that decides whether charges and tasks may be taken on.
    fn admission(&self, now: Now) -> Admission<'_> {
        Admission {
            now,
            cx: &self.cx,
            outbox: &self.outbox,
            tasks: &self.tasks,
            server_holds: &self.server_holds,
            wire: &self.wire,
            balance: &self.balance,
        }
    }

    /// Points of open charges and running tasks.
    fn held(&self, now: Now) -> Points {
        self.admission(now).held()
    }

    fn next_sequence(&mut self, now: Now) -> u64 {
        // Room for many charges in one millisecond, and still a safe integer for 250 years.
        let at_least = now.wall_ms.saturating_mul(1_000);
        self.last_sequence = self.last_sequence.saturating_add(1).max(at_least);
        self.last_sequence
    }

    fn start_task(&mut self, now: Now, call: CallId, charge: Charge, running: bool) {
        if self.life != Life::Running {
            return self.resolve(call, Answer::Closed);
        }
        if running {
            return self.hold_for_running(now, call, charge);
        }
        // Just opened: what may be spent is about to be known.
        let waits = self.balance.confirmed().is_none() && self.read_balance_for_tasks(now);
        let stage = match waits {
            true => StartStage::FirstBalance,
            false => StartStage::New,
        };
        let start = Start {
            call,
            charge,
            stage,
        };
        match waits {
            true => self.tasks.wait(start),
            false => self.decide_start(now, start),
        }
    }

    /// Holds the points of a task whose work is under way, whatever the balance.
    fn hold_for_running(&mut self, now: Now, call: CallId, charge: Charge) {
        // Charged or held already: nothing more to hold.
        if !matches!(self.admission(now).may_start(&charge), Ok(false)) {
            self.start_own_task(now, charge, false);
        }
        self.resolve(call, Answer::Started);
    }

    /// Decides whether a task may start, and holds its points if so; or waits until that can be
    /// decided.
    fn decide_start(&mut self, now: Now, start: Start) {
        let is_first = start.stage == StartStage::JournalRead;
        if !is_first && self.tasks.is_waiting(&start.charge.key) {
            // Whether the key is taken is decided by the call that was first.
            return self.tasks.wait(start);
        }
        let waits_for_balance = start.waits_for_balance();
        let Start {
            call,
            charge,
            stage,
        } = start;
        match self.admission(now).may_start(&charge) {
            Ok(true) => self.hold_for(now, call, charge, false),
            Ok(false) if self.server_holds.any_waits(&charge.key) => {
                self.wait_for_hold(now, &charge.key, call);
            }
            // Charged or held already: nothing more to hold.
            Ok(false) => self.resolve(call, Answer::Started),
            Err(What::Declined { .. })
                if waits_for_balance && self.may_be_approved(now, &charge) =>
            {
                self.hold_for(now, call, charge, true);
            }
            Err(What::Declined { .. })
                if matches!(stage, StartStage::New | StartStage::FirstBalance)
                    && self.read_balance_for_tasks(now) =>
            {
                self.tasks.wait(Start {
                    call,
                    charge,
                    stage: StartStage::BalanceRead,
                });
            }
            // Another tab may have charged it.
            Err(what) if !is_conflict(&what) && !stage.is_last() => {
                let key = charge.key.clone();
                self.tasks.wait(Start {
                    call,
                    charge,
                    stage: StartStage::ReadingJournal,
                });
                self.writer
                    .push(Op::Read { key }, Then::ReadForStart { call });
            }
            // It may have been paid: that is known when it is charged at the latest.
            Err(what) if !is_conflict(&what) && self.store.is_lost(&charge.key) => {
                self.hold_for(now, call, charge, false);
            }
            Err(what) => self.turn_down(now, call, &charge, what),
        }
    }

    /// A task may not start.
    fn turn_down(&mut self, now: Now, call: CallId, charge: &Charge, what: What) {
        let outcome = Outcome::about(&Record::open(charge.clone(), 0), what);
        self.cx.log_outcome(now, charge, &outcome);
        self.resolve(call, Answer::Outcome(outcome));
    }

    /// The server has told the balance, or can't be asked: decides on the tasks that waited for it.
    fn decide_waiting_starts(&mut self, now: Now) {
        for start in self.tasks.take_waiting() {
            self.decide_start(now, start);
        }
    }

    /// The journal has been read for the task that this call is to start, or can't be.
    fn has_read_for_start(&mut self, now: Now, call: CallId) {
        for mut start in self.tasks.take_read(call) {
            if start.call == call {
                start.stage = StartStage::JournalRead;
            }
            self.decide_start(now, start);
        }
    }

    /// No task of this client will be charged any more.
    fn end_tasks(&mut self) {
        let waiting = self.tasks.take_all_waiting().into_iter();
        let waiting = waiting.map(|start| start.call);
        for call in waiting.chain(self.server_holds.clear()) {
            self.resolve(call, Answer::Closed);
        }
        self.tasks.end_all();
    }

    // ---- holds at the server
    /// Whether the server keeps holds, and may be asked for one now.
    fn may_hold(&self, now: Now) -> bool {
        let held = self.balance.confirmed().and_then(|known| known.held);
        held.is_some() && self.may_ask(now) && !self.wire.is_on_trial()
    }

    /// Whether a request about a hold may leave now.
    fn may_send_of_hold(&self, now: Now) -> bool {
        self.may_hold(now) && self.wire.has_slot_for_hold()
    }

    /// Holds the points of a task that may start. It does as soon as the server has answered, and
    /// `on_approval` only if it holds them too.
    fn hold_for(&mut self, now: Now, call: CallId, charge: Charge, on_approval: bool) {
        let key = charge.key.clone();
        self.start_own_task(now, charge, on_approval);
        match self.may_hold(now) && !self.server_holds.is_being_released(&key, now) {
            true => self.wait_for_hold(now, &key, call),
            false => self.resolve(call, Answer::Started),
        }
    }

    fn start_own_task(&mut self, now: Now, charge: Charge, on_approval: bool) {
        if self.tasks.is_end_untold(&charge.key) {
            self.tell_tasks(now);
        }
        self.server_holds.start(&charge.key, on_approval, now);
        self.tasks.start(charge);
    }

    /// Whether the server may hold enough points for this task already: its own, from before a reload,
    /// or another device's, which may have ended since.
    fn may_be_approved(&self, now: Now, charge: &Charge) -> bool {
        let admission = self.admission(now);
        self.may_hold(now)
            && !self.server_holds.is_being_released(&charge.key, now)
            && admission.fits_but_for_server(charge)
    }

    /// Requests the hold of a task of this tab.
    fn hold_at_server(&mut self, now: Now, key: &Key) {
        let Some(charge) = self.tasks.own(key).cloned() else {
            return self.server_holds.end(key);
        };
        let send = self.wire.next_send();
        self.server_holds.requested(key, send, now);
        self.send(now, send, SentWhat::Hold { charge });
    }

    fn wait_for_hold(&mut self, now: Now, key: &Key, call: CallId) {
        let until_ms = now.after(self.cx.config.respond_within_ms);
        self.server_holds.wait(key, call, until_ms);
    }

    /// These points are not to be held at the server any more. Where the release is lost, the hold
    /// expires.
    fn release_at_server(&mut self, now: Now, key: &Key) {
        let send = self.wire.next_send();
        self.server_holds.releases(key, send);
        self.send(now, send, SentWhat::Release { key: key.clone() });
    }

    /// A task of another tab has ended, and there is no charge of its key: its tab releases its hold,
    /// unless it is gone itself.
    fn task_ended_without_charge(&mut self, now: Now, key: &Key, abandoned: bool) {
        self.server_holds.discount(key);
        let is_held = self.admission(now).is_held(key);
        // It may have gone before it could tell that the server holds the points too.
        if abandoned && !is_held {
            self.server_holds.release_later(key, now);
        }
    }

    fn hold_answered(
        &mut self,
        now: Now,
        send: SendId,
        sent: &Sent,
        charge: &Charge,
        response: &Response,
    ) {
        let key = &charge.key;
        let is_last = self.server_holds.is_last(key, send);
        match HoldAnswer::of(response, charge, now) {
            HoldAnswer::Held {
                reading,
                expires_in_s,
            } => {
                self.server_answered(now, sent);
                self.learn(Some(reading), None, now.wall_ms);
                if is_last && self.tasks.own(key).is_some() {
                    let length_ms = match defect!(HoldsNeverExpire) {
                        true => u64::MAX,
                        false => expires_in_s.saturating_mul(1_000),
                    };
                    let until_ms = sent.left_at_ms.saturating_add(length_ms);
                    let read = self.last_reading();
                    // It may have expired on the way.
                    if now.mono_ms < until_ms {
                        self.server_holds
                            .held(charge, reading.version, until_ms, read, now);
                    }
                    self.start_held(key);
                } else if is_last && !self.admission(now).is_held(key) {
                    // The release may have come before it.
                    self.server_holds.release_later(key, now);
                }
            }
            HoldAnswer::Declined(decline, reading) => {
                self.server_answered(now, sent);
                self.learn(reading, None, now.wall_ms);
                if is_last {
                    self.hold_declined(now, charge, decline);
                }
            }
            HoldAnswer::AlreadyCharged => {
                self.server_answered(now, sent);
                self.server_holds.rejected(key);
                self.start_held(key);
            }
            HoldAnswer::Rejected => {
                self.server_answered(now, sent);
                self.server_holds.rejected(key);
                self.hold_failed(now, key, send);
            }
            HoldAnswer::Setback(setback) => {
                self.set_back(now, sent, &setback);
                let another_token = setback.kind == SetbackKind::Unauthorized && !sent.refreshed;
                match another_token && is_last && self.may_hold(now) {
                    true => self.hold_at_server(now, key),
                    false => self.hold_failed(now, key, send),
                }
            }
            HoldAnswer::Unknown => self.hold_failed(now, key, send),
        }
    }

    /// The server has too few points for this task: its work does not start. Where it is under way,
    /// its points are held here alone.
    fn hold_declined(&mut self, now: Now, charge: &Charge, decline: Decline) {
        self.server_holds.discount(&charge.key);
        let starts = self.server_holds.take_starts(&charge.key);
        if !starts.is_empty() {
            self.end_own_task(&charge.key);
            self.server_holds.leave(&charge.key);
            let what = What::of(&Verdict::Declined(decline), self.cx.config.locale);
            for call in starts {
                self.turn_down(now, call, charge, what.clone());
            }
        }
    }

    /// The last request for this hold has brought none: the task starts all the same, unless the
    /// server alone could tell whether it may.
    fn hold_failed(&mut self, now: Now, key: &Key, send: SendId) {
        if self.server_holds.is_last(key, send) {
            self.start_unheld(now, key);
        }
    }

    fn start_unheld(&mut self, now: Now, key: &Key) {
        let on_approval = self.server_holds.is_on_approval(key);
        let charge = self.tasks.own(key).filter(|_| on_approval).cloned();
        let Some(charge) = charge else {
            return self.start_held(key);
        };
        let starts = self.server_holds.take_starts(key);
        self.end_own_task(key);
        for call in starts {
            let start = Start {
                call,
                charge: charge.clone(),
                stage: StartStage::NotApproved,
            };
            self.decide_start(now, start);
        }
    }

    /// The task starts.
    fn start_held(&mut self, key: &Key) {
        for call in self.server_holds.take_starts(key) {
            self.resolve(call, Answer::Started);
        }
    }

    /// A task of this tab has ended. Whether its hold is to be released is seen when it is known
    /// whether a charge needs it.
    fn end_own_task(&mut self, key: &Key) {
        self.tasks.end(key);
        self.server_holds.end(key);
    }

    /// A hold is a courtesy to other devices, so its loss says nothing about charges: their own
    /// requests will show it.
    fn hold_unanswered(&mut self, now: Now, send: SendId, sent: &Sent) {
        match &sent.what {
            SentWhat::Hold { charge } => self.hold_failed(now, &charge.key, send),
            SentWhat::Release { key } => self.server_holds.released(key, send, false),
            SentWhat::Charge { .. }
            | SentWhat::Batch { .. }
            | SentWhat::LookUp { .. }
            | SentWhat::Balance { .. } => {}
        }
    }

    fn released(&mut self, now: Now, send: SendId, sent: &Sent, key: &Key, response: &Response) {
        let answer = ReleaseAnswer::of(response, now);
        let certainly = matches!(answer, ReleaseAnswer::Released(_));
        self.server_holds.released(key, send, certainly);
        match answer {
            ReleaseAnswer::Released(reading) => {
                self.server_answered(now, sent);
                self.learn(Some(reading), None, now.wall_ms);
            }
            ReleaseAnswer::Setback(setback) => {
                self.set_back(now, sent, &setback);
                let another_token = setback.kind == SetbackKind::Unauthorized && !sent.refreshed;
                if another_token && !self.admission(now).is_held(key) {
                    self.server_holds.release_later(key, now);
                }
            }
            ReleaseAnswer::Unknown => {}
        }
    }

    fn last_reading(&self) -> Reading {
        let known = self.balance.confirmed();
        known.map(Reading::from).unwrap_or_default()
    }

    /// Requests the holds that are due, releases those that nothing needs any more, as far as there are
    /// slots, and forgets those that are over.
    fn advance_holds(&mut self, now: Now) {
        let is_shut = self.wire.gate().closed_for(now).is_some();
        for key in self.server_holds.overdue(now, is_shut) {
            self.start_unheld(now, &key);
        }
        let admission = self.admission(now);
        let keys = self.server_holds.keys();
        let ended: Vec<Key> = keys
            .filter(|key| !admission.is_held(key))
            .cloned()
            .collect();
        for key in &ended {
            let entry = self.outbox.get(key);
            if entry.is_some_and(|entry| is_charged(&entry.record)) {
                self.server_holds.leave(key);
            }
        }
        while self.may_send_of_hold(now)
            && let Some((key, is_release)) = self.server_holds.next(now, &ended)
        {
            match is_release {
                false => self.hold_at_server(now, &key),
                true if self.tasks.held_elsewhere(&key).is_some() => self.server_holds.leave(&key),
                true => self.release_at_server(now, &key),
            }
        }
        let known = self.last_reading();
        if self.server_holds.advance(now, known, &ended) {
            self.balance.need(now);
        }
    }

    /// Reads the balance, unless a reading is under way; false where the server may not be asked.
    fn read_balance_for_tasks(&mut self, now: Now) -> bool {
        let may_ask = self.wire.gate().lets_probes_through(now);
        if may_ask {
            self.read_balance(now);
        }
        may_ask
    }

    fn end_task(&mut self, key: &Key) {
        self.start_held(key);
        self.end_own_task(key);
    }

    /// Another tab announced its running tasks.
    fn tasks_elsewhere(&mut self, now: Now, tab: String, running: Vec<Running>, leaves: bool) {
        if self.life == Life::SignedOut || tab == self.cx.tab {
            return;
        }
        for task in &running {
            self.server_holds.hear(task, now);
        }
        let begun = self.writer.begun();
        let ended = self
            .tasks
            .update_tab(now, tab, running, leaves, begun, &self.cx);
        if !leaves {
            // By a charge or without one: only its tab knows whether it has released its hold.
            for key in &ended {
                self.server_holds.doubt(key, now);
            }
        }
        self.tasks_ended(ended);
    }

    /// Ends the tasks of tabs that are known to be dead.
    fn end_tasks_of_the_dead(&mut self, now: Now) {
        let tabs = &self.tabs;
        let begun = self.writer.begun();
        let ended = self
            .tasks
            .end_gone(now, |tab| tabs.is_gone(tab), begun, &self.cx);
        self.tasks_ended(ended);
    }

    /// Reads the journal for charges in place of the ended tasks.
    fn tasks_ended(&mut self, keys: Vec<Key>) {
        if !keys.is_empty() {
            self.told_by_peer(keys, None);
        }
    }

    fn advance_tasks(&mut self, now: Now) {
        let begun = self.writer.begun();
        let ended = self
            .tasks
            .advance(now, &self.outbox, &self.server_holds, begun, &self.cx);
        self.tasks_ended(ended);
    }

    fn tell_tasks(&mut self, now: Now) {
        self.tasks
            .tell(now, &self.outbox, &self.server_holds, &mut self.cx);
    }

    /// Another tab asks for this one's tasks: it is alive, and may not have been when the tabs were
    /// last listed.
    fn asked_for_tasks(&mut self, now: Now) {
        self.tabs.doubt();
        self.tell_tasks(now);
    }

    fn resolve(&mut self, call: CallId, answer: Answer) {
        if let Some(call) = self.calls.remove(call) {
            self.outbox.freshen(&call.key);
        }
        self.cx.resolve(call, answer);
    }

    /// Answers a call that waits; one that no longer waits has been answered.
    fn resolve_waiting(&mut self, call: CallId, answer: Answer) {
        if self.calls.get(call).is_some() {
            self.resolve(call, answer);
        }
    }

    /// Answers the calls about this charge that can be answered, and advances the others.
    fn progress(&mut self, now: Now, key: &Key) {
        let Some(entry) = self.outbox.get(key).cloned() else {
            return;
        };
        for id in self.calls.at(key) {
            let Some(call) = self
                .calls
                .get(id)
                .filter(|call| !call.is_reading())
                .cloned()
            else {
                continue;
            };
            if let Some(outcome) = self.outlook(now).answer_to(&call, &entry) {
                self.log_answer(now, &call, &entry.record, &outcome);
                self.resolve_waiting(id, Answer::Outcome(outcome));
            }
        }
        self.progress_cancel(now, key, &entry);
    }

    fn progress_all(&mut self, now: Now) {
        for key in self.calls.keys() {
            self.progress(now, &key);
        }
    }

    /// Answers a call by the current state.
    fn answer_so_far(&mut self, now: Now, id: CallId) {
        let Some(call) = self.calls.get(id).cloned() else {
            return;
        };
        if call.kind == Kind::Show {
            return self.show_known(id, &call.key);
        }
        match self.outbox.get(&call.key).cloned() {
            Some(entry) => {
                let outcome = self.outlook(now).so_far(&call, &entry);
                self.log_answer(now, &call, &entry.record, &outcome);
                self.resolve_waiting(id, Answer::Outcome(outcome));
            }
            None => self.resolve(id, Answer::NotFound),
        }
    }

    fn calls_overdue(&mut self, now: Now) {
        for id in self.calls.overdue(now) {
            self.answer_so_far(now, id);
        }
    }

    fn stop_waiting(&mut self, now: Now, id: CallId) {
        let kind = self.calls.get(id).map(|call| call.kind);
        if kind == Some(Kind::Settled) {
            // The place kept for this call must not wait for ever.
            self.resolve_waiting(id, Answer::NotWaiting);
        } else {
            self.answer_so_far(now, id);
        }
    }

    /// Answers a call with the end of its charge. A `getCharge` call is answered from the journal.
    fn answer_end(&mut self, now: Now, key: &Key, call: CallId) {
        let shows = self
            .calls
            .get(call)
            .is_some_and(|call| call.kind == Kind::Show);
        if let Some(entry) = self.outbox.get(key).filter(|_| !shows) {
            let outcome = self.outlook(now).of(entry);
            self.resolve_waiting(call, Answer::Outcome(outcome));
        }
    }

    /// The current state, for answering calls.
    fn outlook(&self, now: Now) -> Outlook<'_> {
        Outlook {
            now,
            life: self.life,
            cx: &self.cx,
            calls: &self.calls,
            wire: &self.wire,
            balance: &self.balance,
            writer: &self.writer,
            reader: &self.reader,
            store: &self.store,
            clocks: &self.clocks,
            others_live: self.tabs.others_live(),
        }
    }

    /// Advances the cancellation of a charge.
    fn progress_cancel(&mut self, now: Now, key: &Key, entry: &Entry) {
        if !self.cancelling().is_to_be_written(entry) {
            return;
        }
        for id in self.calls.at(key) {
            let Some(call) = self.calls.get(id).filter(|call| call.kind == Kind::Cancel) else {
                continue;
            };
            match self.cancelling().step(call) {
                CancelStep::Wait => {}
                CancelStep::Answer => self.answer_so_far(now, id),
                CancelStep::Write => {
                    self.calls.writes(id);
                    self.writer.retry_unsaved_of(key);
                    let op = self.cancelling().op(key);
                    self.writer.push(op, Then::Cancelled { call: id });
                }
            }
        }
    }

    fn cancelling(&self) -> Cancel<'_> {
        Cancel {
            life: self.life,
            cx: &self.cx,
            store: &self.store,
            writer: &self.writer,
        }
    }

    /// The charge is requested after all, or gone: calls that wait for its cancellation are
    /// answered by the current state.
    fn answer_cancels(&mut self, now: Now, key: &Key) {
        for id in self.calls.at(key) {
            let call = self.calls.get(id);
            if call.is_some_and(|call| call.kind == Kind::Cancel) {
                self.answer_so_far(now, id);
            }
        }
    }

    /// This call's cancellation has been written, or could not be.
    fn cancel_written(&mut self, now: Now, call: CallId, key: &Key, committed: bool) {
        self.calls.waits(call);
        if committed {
            self.outbox.hurry(key, now);
        } else {
            self.calls.count_try(key);
        }
        self.progress(now, key);
    }

    fn enqueue_failed<'a>(&'a self, error: &'a str) -> EnqueueFailed<'a> {
        EnqueueFailed {
            error,
            cx: &self.cx,
            store: &self.store,
            writer: &self.writer,
            others_live: self.tabs.others_live(),
        }
    }

    fn not_enqueued(&mut self, now: Now, call: CallId, key: &Key, error: &str) {
        self.set_busy(key, false);
        let Some(entry) = self.outbox.get(key).cloned() else {
            return self.resolve_waiting(call, Answer::NotFound);
        };
        match self.enqueue_failed(error).step(&entry) {
            FirstStep::Read => {
                self.set_busy(key, true);
                let then = Then::Unsaved {
                    error: error.to_owned(),
                    unread: 0,
                };
                let key = key.clone();
                return self.writer.push(Op::Read { key }, then);
            }
            FirstStep::Replay => self.answer_replayed(now, key, call),
            FirstStep::GoOn { unwritten } => {
                if unwritten {
                    self.keep_trying_to_store(now, entry.record);
                }
                self.answer_so_far(now, call);
            }
        }
        self.progress(now, key);
    }

    /// The charge could not be written; `found` is the journal's record of it.
    fn unsaved(&mut self, now: Now, key: &Key, found: Option<Record>, error: &str) {
        self.set_busy(key, false);
        let known = self.outbox.get(key).cloned();
        match (found, known) {
            (Some(found), known) => {
                if known.is_some_and(|entry| self.enqueue_failed(error).is_new(&entry)) {
                    self.outbox.remove(key);
                }
                let (charged, settled) = (is_charged(&found), !found.is_held());
                self.observe(now, key, Some(found));
                match charged {
                    true => self.answer_all_replayed(now, key),
                    false if settled => self.fail_senders(now, key, error),
                    false => {}
                }
            }
            (None, Some(entry)) => {
                let fate = self.enqueue_failed(error).fate(&entry);
                self.meet(now, key, fate, error);
                self.observe(now, key, None);
            }
            (None, None) => {}
        }
        self.progress(now, key);
    }

    /// The charge could not be written, and the journal's record of it can't be read.
    fn unsaved_and_unread(&mut self, now: Now, key: &Key, error: &str) {
        self.set_busy(key, false);
        if let Some(entry) = self.outbox.get(key) {
            let fate = self.enqueue_failed(error).fate_unread(entry);
            if fate == Fate::CallsFail {
                // Another tab may have made it since it was last read.
                self.outbox.update(key, |entry| entry.outdated = true);
            }
            self.meet(now, key, fate, error);
        }
        self.progress(now, key);
        if self.outbox.get(key).is_some_and(|entry| entry.outdated) {
            // Waiting would bring no news.
            self.answer_senders(now, key);
        }
    }

    fn meet(&mut self, now: Now, key: &Key, fate: Fate, error: &str) {
        match fate {
            Fate::Fails => self.fail_unsaved(now, key, error),
            Fate::InDoubt => self.doubt_entry(now, key, error),
            Fate::CallsFail => self.fail_senders(now, key, error),
        }
    }

    /// Answers the calls that want this charge sent by the current state.
    fn answer_senders(&mut self, now: Now, key: &Key) {
        for id in self.calls.at(key) {
            let call = self.calls.get(id);
            if call.is_some_and(|call| call.kind.wants_sent()) {
                self.answer_so_far(now, id);
            }
        }
    }

    fn doubt_entry(&mut self, now: Now, key: &Key, error: &str) {
        let Some(entry) = self.outbox.get(key).cloned() else {
            return;
        };
        let failed = self.enqueue_failed(error);
        let message = Message::OfCharge(key.clone(), failed.failure().detail);
        let record = failed.doubted(now, &entry.record);
        self.cx.log_error(now, &message);
        self.keep_trying_to_store(now, record);
        // This does not come from the journal.
        self.outbox
            .update(key, |doubted| doubted.outdated = entry.outdated);
        self.answer_senders(now, key);
    }

    fn keep_trying_to_store(&mut self, now: Now, record: Record) {
        // The hold begins now, and is announced.
        self.outbox.remove(&record.charge().key);
        self.take_record(now, record.clone(), false);
        if !self.writer.is_to_adopt(&record.charge().key) {
            self.keep_unsaved(now, Op::Adopt { record });
        }
    }

    fn answer_all_replayed(&mut self, now: Now, key: &Key) {
        for call in self.calls.at(key) {
            self.answer_replayed(now, key, call);
        }
    }

    fn fail_unsaved(&mut self, now: Now, key: &Key, error: &str) {
        let Some(entry) = self.outbox.get(key).cloned() else {
            return;
        };
        let failed = self.enqueue_failed(error).failed(&entry.record);
        if self.calls.wants_sent(key) {
            // The calls' answers are logged, and say the same.
            self.outbox.remove(key);
        }
        self.take_record(now, failed, false);
        // This does not come from the journal.
        self.outbox
            .update(key, |failed| failed.outdated = entry.outdated);
    }

    /// Leaves a failed or declined charge as it is: it could not be reopened.
    fn fail_senders(&mut self, now: Now, key: &Key, error: &str) {
        let Some(entry) = self.outbox.get(key) else {
            return;
        };
        if entry.record.is_held() {
            // Another tab has reopened it meanwhile: it goes on.
            return;
        }
        if is_charged(&entry.record) {
            return self.answer_all_replayed(now, key);
        }
        let locale = self.cx.config.locale;
        let what = What::of(
            &Verdict::Failed(self.enqueue_failed(error).failure()),
            locale,
        );
        let mut outcome = Outcome::about(&entry.record, what);
        if entry.outdated || self.reader.is_unread(entry) {
            outcome = outcome.in_full_doubt(locale);
            // The charge stays as it is.
            outcome.leave_unresolved();
        }
        let record = entry.record.clone();
        for id in self.calls.at(key) {
            let Some(call) = self.calls.get(id).cloned() else {
                continue;
            };
            // Calls for another charge with this key are told that it is taken.
            let asked = call.charge.as_ref();
            let same = asked.is_none_or(|charge| charge.is_same_as(record.charge()));
            if call.kind.wants_sent() && same {
                self.log_answer(now, &call, &record, &outcome);
                self.resolve_waiting(id, Answer::Outcome(outcome.clone()));
            }
        }
    }

    // ---- the journal
    fn journal_effect(&mut self) -> Option<Effect> {
        let ops = self.writer.begin()?;
        let relaxed = ops.iter().all(Op::may_be_relaxed) || defect!(RelaxesEveryWrite);
        Some(Effect::Journal { ops, relaxed })
    }

    fn journaled(&mut self, now: Now, results: Result<Vec<Applied>, String>) {
        let under_way = self.writer.end();
        for (op, _) in &under_way {
            match op {
                // An earlier operation of this transaction may not have found it.
                Op::Enqueue { .. } => self.known_from_now_on(op.key()),
                Op::Forget { key } => self.reader.has_deleted(key),
                Op::Begin { .. }
                | Op::Conclude { .. }
                | Op::Reopen { .. }
                | Op::ReopenOnce { .. }
                | Op::Cancel { .. }
                | Op::LoseAge { .. }
                | Op::Adopt { .. }
                | Op::Read { .. } => {}
            }
        }
        let mut planned = set_of(under_way.iter().filter_map(|(_, then)| then.plan()));
        let mut changed = Set::new();
        let mut plans = Vec::new();
        let mut signed_out = false;
        match results {
            Ok(results) => {
                self.writer.succeeded();
                self.storage_works(now);
                for ((op, then), applied) in under_way.into_iter().zip(results) {
                    if applied.lost {
                        self.store.lose(op.key());
                    }
                    if let Some(why) = applied.unreadable {
                        // The writer of the record may have sent the charge.
                        self.outbox.update(op.key(), |entry| entry.outdated = true);
                        self.not_committed(now, op, then, &why);
                        continue;
                    }
                    if self.store.has_lost(op.key()) {
                        // A reading may have told so since this was committed.
                        self.reader.doubt();
                    }
                    signed_out |= applied.signed_out;
                    if applied.done && !matches!(op, Op::Read { .. }) {
                        changed.insert(op.key().clone(), ());
                    }
                    self.committed(now, &op, then, applied, &mut plans);
                }
            }
            Err(error) => {
                let backoff = Store::backoff(&self.cx);
                self.writer.failed(now, &backoff, &mut self.cx.jitter);
                self.reader.strays();
                self.storage_failed(now, &error);
                for (op, then) in under_way {
                    self.not_committed(now, op, then, &error);
                }
            }
        }
        self.announce(changed);
        if signed_out {
            self.leave(now);
        }
        for plan in plans {
            planned.remove(&plan.id);
            self.launch(now, plan);
        }
        for (id, ()) in planned {
            self.leave_slot(now, id);
        }
        self.delete_surplus(now);
    }

    /// The last writes of a closed client: nothing here waits for them, but other tabs may.
    fn journaled_when_closed(&mut self, results: Result<Vec<Applied>, String>) {
        let under_way = self.writer.end();
        let mut changed = Set::new();
        for ((op, _), applied) in under_way.iter().zip(results.unwrap_or_default()) {
            if applied.done && !matches!(op, Op::Read { .. }) {
                changed.insert(op.key().clone(), ());
            }
        }
        self.announce(changed);
    }

    fn announce(&mut self, changed: Set<Key>) {
        if !changed.is_empty() {
            self.cx.push(Effect::Announce {
                keys: changed.into_iter().map(|(key, ())| key).collect(),
                confirmed: self.balance.confirmed().cloned(),
            });
        }
    }

    fn committed(
        &mut self,
        now: Now,
        op: &Op,
        then: Then,
        applied: Applied,
        plans: &mut Vec<Plan>,
    ) {
        let key = op.key();
        match then {
            Then::Enqueued { call, .. } if applied.signed_out => {
                self.not_enqueued_after_sign_out(now, call, key, applied.record);
            }
            Then::Enqueued { call, plan } => {
                self.enqueued(now, call, key, applied, plan, plans);
            }
            Then::Begun { plan } => {
                if applied.done {
                    self.observe(now, key, applied.record);
                    Plan::collect(plans, plan, key.clone());
                } else {
                    self.set_busy(key, false);
                    let known = |engine: &Engine| Some(engine.outbox.get(key)?.record.clone());
                    let before = known(self);
                    self.observe(now, key, applied.record);
                    if known(self) == before {
                        // It might not be done at once the next time either.
                        let base_ms = self.cx.config.backoff.base_ms.max(1);
                        self.outbox.delay(key, now.after(base_ms));
                    }
                    self.flush_is_through_with(key);
                    self.progress(now, key);
                }
            }
            Then::Concluded { reading } => {
                self.set_busy(key, false);
                self.observe(now, key, applied.record);
                self.learn(reading, None, now.wall_ms);
                self.balance.save_kept_back(&mut self.cx);
                if !(op.concludes_look_up() && self.is_cleared(key)) {
                    self.flush_is_through_with(key);
                }
                self.progress(now, key);
            }
            Then::Observe {
                from_peer,
                confirmed,
            } => {
                if let Some(confirmed) = confirmed {
                    self.balance.learn_cached(confirmed);
                }
                if !from_peer {
                    self.set_busy(key, false);
                }
                let is_deleted = applied.done && matches!(op, Op::Forget { .. });
                self.observe(now, key, applied.record);
                if is_deleted {
                    self.forget_deleted(now, key);
                }
                self.progress(now, key);
            }
            Then::Cancelled { call } => {
                self.observe(now, key, applied.record);
                self.cancel_written(now, call, key, true);
            }
            Then::Wanted { call } => {
                self.calls.waits(call);
                self.observe(now, key, applied.record);
                self.progress(now, key);
            }
            Then::Resaved => {
                self.writer.resaved();
                self.observe(now, key, applied.record);
                self.progress(now, key);
            }
            Then::ReadForStart { call } => {
                self.observe(now, key, applied.record);
                self.has_read_for_start(now, call);
            }
            Then::ReadForCall { call, .. } => {
                self.observe(now, key, applied.record);
                self.has_read_for_call(now, call, key);
            }
            Then::Unsaved { error, .. } => self.unsaved(now, key, applied.record, &error),
        }
    }

    fn not_committed(&mut self, now: Now, op: Op, then: Then, error: &str) {
        let key = op.key().clone();
        if defect!(HidesStorageFailure) {
            self.outbox.update(&key, |entry| entry.saved = true);
        }
        match then {
            Then::Enqueued { call, .. } => self.not_enqueued(now, call, &key, error),
            Then::Begun { .. } => {
                // Not written, so not sent.
                self.set_busy(&key, false);
                self.outbox
                    .delay(&key, now.after(self.cx.config.backoff.base_ms.max(1)));
                self.flush_is_through_with(&key);
                self.calls.count_try(&key);
                self.progress(now, &key);
            }
            Then::Concluded { reading } => {
                self.apply_unsaved(now, &op);
                self.set_busy(&key, false);
                self.keep_unsaved(now, op);
                self.learn(reading, None, now.wall_ms);
                self.balance.save_kept_back(&mut self.cx);
                self.flush_is_through_with(&key);
                self.progress(now, &key);
            }
            Then::Observe {
                from_peer,
                confirmed,
            } => {
                if let Some(confirmed) = confirmed {
                    self.balance.learn_cached(confirmed);
                }
                if !from_peer {
                    self.set_busy(&key, false);
                }
                let outdated = self.outbox.get(&key).is_some_and(|entry| entry.outdated);
                if let Some(again_ms) = self.writer.again_at_ms(now)
                    && outdated
                {
                    // Still unknown; a separate reading may succeed soon.
                    self.reader.doubt();
                    self.reader.look_by(again_ms);
                }
                self.progress(now, &key);
            }
            Then::Cancelled { call } => self.cancel_written(now, call, &key, false),
            // It ends as it would have.
            Then::Wanted { call } => {
                self.calls.waits(call);
                self.progress(now, &key);
            }
            Then::Resaved => self.keep_unsaved(now, op),
            Then::Unsaved { error, unread } if unread < READ_AGAIN_AT_ONCE => {
                let unread = unread.saturating_add(1);
                self.writer.push(op, Then::Unsaved { error, unread });
            }
            Then::Unsaved { error, .. } => self.unsaved_and_unread(now, &key, &error),
            Then::ReadForCall { call, .. } => self.read_for_call_later(now, call, &key),
            Then::ReadForStart { call } => self.has_read_for_start(now, call),
        }
    }

    fn keep_unsaved(&mut self, now: Now, op: Op) {
        let backoff = Store::backoff(&self.cx);
        self.writer
            .keep_unsaved(op, now, &backoff, &mut self.cx.jitter);
    }

    /// Takes in an operation that the store did not write, as true in this tab.
    fn apply_unsaved(&mut self, now: Now, op: &Op) {
        let Some(entry) = self.outbox.get(op.key()) else {
            return;
        };
        let taken = matches!(
            op,
            Op::Conclude {
                conclusion: Conclusion::Settled(Verdict::Charged(_)),
                ..
            }
        );
        if !taken && entry.claimed_until_ms() <= now.mono_ms {
            // Another tab may have gone on with it, and only the journal knows.
            let key = op.key().clone();
            return self.told_by_peer(vec![key], None);
        }
        let before = entry.record.clone();
        let applied = op.apply(Some(before.clone()), self.apply_at(now));
        let Some(record) = applied.record else {
            return;
        };
        let ends_untaken = !record.is_held() && record.receipt().is_none();
        let record = match ends_untaken && !defect!(TellsUnwrittenVerdicts) {
            true => self.undecided(now, op, before),
            false => Some(record),
        };
        if let Some(record) = record {
            self.take_record(now, record, false);
        }
    }

    /// An unwritten "nothing taken" is known to this tab only: another tab or a later start would
    /// go on with the charge, and make it. So it stays open until the verdict has been written.
    fn undecided(&self, now: Now, op: &Op, record: Record) -> Option<Record> {
        let Op::Conclude { tab, attempt, .. } = op else {
            return None;
        };
        let cause = Cause {
            reason: OpenReason::Timeout,
            detail: Detail::AnswerNotStored,
        };
        let lost = Conclusion::Lost(cause, 0);
        let next_ms = self.cx.config.backoff.max_ms;
        record.conclude(tab, *attempt, lost, next_ms, now.wall_ms)
    }

    fn apply_at(&self, now: Now) -> ApplyAt {
        ApplyAt::new(now.wall_ms, self.tabs.session())
    }

    /// Takes in a record as it is in the journal, or its absence.
    fn observe(&mut self, now: Now, key: &Key, record: Option<Record>) {
        self.up_to_date(key);
        match record {
            Some(record) => {
                let known = self.outbox.get(key);
                let is_earlier = known.is_some_and(|entry| record.is_older_than(&entry.record));
                self.take_record(now, record, true);
                if is_earlier && !self.store.may_show_earlier_states() {
                    // It had the later one, which was lost.
                    self.outbox
                        .update(key, |entry| entry.outdated |= entry.saved);
                }
                self.has_been_read(key);
            }
            None => {
                let abandoned = self.has_been_read(key);
                if !self.tasks.is_running(key) {
                    self.task_ended_without_charge(now, key, abandoned);
                }
                self.vanished(now, key);
            }
        }
    }

    /// The transaction that has just ended read this charge. Returns whether its task has ended with
    /// its tab.
    fn has_been_read(&mut self, key: &Key) -> bool {
        let read_in = self.writer.begun();
        self.outbox.update(key, |entry| entry.read_in = read_in);
        self.tasks.read(key, read_in)
    }

    /// The journal has been read for this charge.
    fn up_to_date(&mut self, key: &Key) {
        if self.outbox.get(key).is_some_and(|entry| entry.outdated) {
            self.outbox.update(key, |entry| entry.outdated = false);
        }
    }

    fn vanished(&mut self, now: Now, key: &Key) {
        let Some(entry) = self.outbox.get(key) else {
            return;
        };
        if entry.known_since == self.writer.begun() || self.writer.is_to_adopt(key) {
            // It arrived while this transaction, which did not find it, was under way; or it is
            // migrating from another storage.
            return;
        }
        let settled = matches!(entry.record.state(), State::Settled(_));
        if !entry.is_busy() && !settled {
            // Open and idle, so it was there, though its last change may not be.
            let record = entry.record.clone();
            self.lose(now, key, record);
        } else if settled && entry.saved && !entry.is_busy() {
            match is_charged(&entry.record) || defect!(ForgetsLostRecords) {
                true => self.forget(now, key),
                false => self.forget_verdict(now, key),
            }
        }
    }

    /// A charge that was not made is gone from the journal: evicted by another tab, which may have
    /// made it before, or lost. Calls that want it made begin anew.
    fn forget_verdict(&mut self, now: Now, key: &Key) {
        let Some(entry) = self.outbox.get(key).cloned() else {
            return;
        };
        let mut senders = Vec::new();
        for id in self.calls.at(key) {
            let Some(call) = self.calls.get(id).cloned() else {
                continue;
            };
            if call.kind.wants_sent() && self.life == Life::Running {
                senders.push((id, call.charge));
            } else if call.kind != Kind::Show {
                let mut outcome = self
                    .outlook(now)
                    .of(&entry)
                    .in_full_doubt(self.cx.config.locale);
                // Nobody goes on with it.
                outcome.leave_unresolved();
                self.log_answer(now, &call, &entry.record, &outcome);
                self.resolve_waiting(id, Answer::Outcome(outcome));
            }
        }
        self.store.lose(key);
        self.outbox.remove(key);
        self.stats.uncount(key);
        for (id, charge) in senders {
            let charge = charge.unwrap_or_else(|| entry.record.charge().clone());
            self.enqueue(now, id, charge, false);
        }
    }

    /// An open charge is gone from the journal: wiped, or settled by another tab and deleted.
    /// Waiting calls are told that it is unknown, and it is not sent again.
    fn lose(&mut self, now: Now, key: &Key, record: Record) {
        let message = Message::OfCharge(key.clone(), Detail::Gone);
        self.cx.log_error(now, &message);
        self.store.lose(key);
        self.take_record(now, record.vanished(now.wall_ms), false);
        self.progress(now, key);
        self.answer_cancels(now, key);
        // A call that has it requested again is no exception: it may have been made before.
        for id in self.calls.at(key) {
            self.answer_end(now, key, id);
        }
        self.outbox.remove(key);
        // Its hold is gone, so the server must be asked for the balance.
        self.balance.need(now);
    }

    /// Takes a record into the outbox, the counts and the listeners' view.
    fn take_record(&mut self, now: Now, record: Record, saved: bool) {
        let known = self.outbox.get(&record.charge().key);
        if known.is_some_and(|entry| record.is_older_than(&entry.record)) {
            // Older than the known state, or than one that is not stored yet.
            if saved {
                let key = record.charge().key.clone();
                self.outbox.update(&key, |entry| entry.rest(record));
            }
            return;
        }
        let first_saved = saved && known.is_none_or(|entry| !entry.saved);
        let is_new = known.is_none_or(|entry| entry.record != record);
        let is_turned = known.is_none_or(|entry| entry.record.state() != record.state());
        self.learn_from(&record);
        if is_turned {
            self.learn_hold(now, &record);
        }
        self.last_sequence = self.last_sequence.max(record.sequence());
        let before = self.outbox.put(record.clone(), saved, now, self.patience());
        if before.is_none() || first_saved {
            self.known_from_now_on(&record.charge().key);
        }
        if is_new {
            self.keep_claim_of_another(&record);
        }
        if saved && !record.is_held() {
            self.writer.drop_adoption(&record.charge().key);
        }
        self.count_change(now, before.as_ref(), &record, saved);
        // That a receipt has been written is no news of the charge.
        let is_told = before.as_ref().is_some_and(is_charged) && is_charged(&record);
        if (first_saved || before.as_ref() != Some(&record)) && !is_told {
            let durable = saved && self.store.is_durable();
            self.cx.tell_charge(now, before.as_ref(), &record, durable);
        }
    }

    /// A tab that has just made a claim is taken to be alive; if it is not, the next reading of the
    /// whole journal shows it.
    fn keep_claim_of_another(&mut self, record: &Record) {
        if record.claim().is_some_and(|claim| claim.tab != self.cx.tab) {
            let key = &record.charge().key;
            self.outbox.keep_claim(key);
        }
    }

    /// Learns a hold that the server asked of another tab, or of this one before a restart.
    fn learn_hold(&mut self, now: Now, record: &Record) {
        if let State::Waiting(waiting) = record.state()
            && waiting.holds_queue()
        {
            let next_ms = waiting.next_attempt_at_ms();
            let meant_ms = waiting.next_attempt_in_ms();
            let until_ms = now.mono_of(next_ms, meant_ms.min(LONGEST_HOLD_MS));
            self.wire.gate_mut().held_until(until_ms);
        }
    }

    /// Learns the balance that came with a charge, at the moment in which its hold ends.
    fn learn_from(&mut self, record: &Record) {
        let Some(receipt) = record.receipt() else {
            return;
        };
        let known = self.balance.confirmed();
        let teaches = |known: &Confirmed| known.version < receipt.version;
        if known.is_none_or(teaches) {
            self.learn(Some(receipt.into()), None, record.updated_at_ms());
        }
    }

    fn count_change(&mut self, now: Now, before: Option<&Record>, after: &Record, saved: bool) {
        let class = Class::of(after);
        let key = &after.charge().key;
        let was_so = before.is_some_and(|before| Class::of(before) == class);
        let is_old = was_so || (saved && !self.reader.has_read());
        if is_old && class != Class::Open && !self.stats.is_counted(key) {
            // Settled before this client was opened, and so never part of its figures, however
            // often it is read.
            return;
        }
        if !self.stats.count(key, class) {
            return;
        }
        if class != Class::Open {
            let since_ms = self
                .outbox
                .get(key)
                .map_or(now.mono_ms, |entry| entry.since_ms);
            let latency_ms = now.mono_ms.saturating_sub(since_ms);
            let charged = class == Class::Charged;
            self.stats.ended(now.mono_ms, charged.then_some(latency_ms));
        }
    }

    fn set_busy(&mut self, key: &Key, busy: bool) {
        self.outbox.update(key, |entry| {
            entry.work = match busy {
                true => Work::UnderWay,
                false => Work::None,
            };
        });
    }

    /// A charge that is reopened or taken on takes its place in the queue from now on.
    fn set_admitted(&mut self, key: &Key) {
        self.outbox.update(key, |entry| {
            entry.work = Work::Admitting;
        });
    }

    /// Drops a charge from memory; it is or was settled, or the journal has lost it.
    fn forget(&mut self, now: Now, key: &Key) {
        let settled = |entry: &Entry| !entry.record.is_held();
        if self.outbox.get(key).is_some_and(settled) {
            // Calls that still wait are answered with its end.
            for call in self.calls.at(key) {
                self.answer_end(now, key, call);
            }
        }
        self.outbox.remove(key);
        self.stats.uncount(key);
        if let Some(unseen) = &mut self.unseen {
            unseen.remove(key);
        }
    }

    /// This charge has been deleted. The same transaction may have read it before, and brought it back.
    fn forget_deleted(&mut self, now: Now, key: &Key) {
        let is_settled = |entry: &Entry| !entry.record.is_held() && entry.saved && !entry.is_busy();
        if self.outbox.get(key).is_some_and(is_settled) {
            self.forget(now, key);
        }
    }

    /// Deletes the settled charges beyond the number to keep; after a flush, unless they are many.
    fn delete_surplus(&mut self, now: Now) {
        let keep = self.cx.config.keep_settled;
        if self.flush.run().is_some_and(|run| !run.is_through())
            && self.retention.puts_off(keep, &self.outbox)
        {
            return;
        }
        let surplus = self
            .retention
            .surplus(now, keep, &self.outbox, &self.calls, &self.tabs);
        for key in surplus {
            self.forget(now, &key);
            self.forget_at_rest(key);
        }
    }

    fn loaded_page(&mut self, now: Now, records: Vec<Record>) {
        if !self.reader.is_too_early() {
            self.take_page(now, records);
        }
    }

    fn loaded(&mut self, now: Now, records: Result<Vec<Record>, String>) {
        let loaded = self.reader.ended(records);
        if !matches!(loaded, Loaded::Read { .. }) {
            self.unseen = None;
        }
        match loaded {
            Loaded::TooEarly => return self.load(),
            Loaded::Read { all, records } => {
                self.storage_works(now);
                if all {
                    self.store.has_read_all();
                }
                self.take_page(now, records);
                if self.reader.taken(all) {
                    self.lose_ages();
                }
                self.read_unseen(all);
                self.judge_claims(now);
            }
            Loaded::Failed(error) => self.storage_failed(now, &error),
        }
        if self.life == Life::Recovering {
            self.life = Life::Running;
            self.reader.look_later(now, self.is_busy());
            self.first_refresh(now);
        }
        let backoff = Store::backoff(&self.cx);
        self.reader.look_after_failure(now, &backoff, &mut self.cx);
        self.progress_all(now);
        self.delete_surplus(now);
        self.read_after_sign_out();
    }

    fn take_page(&mut self, now: Now, records: Vec<Record>) {
        let mut unseen = self.unseen.take().unwrap_or_else(|| self.stored());
        // The newest balance first, so that the older ones change nothing.
        let charged = records.iter().filter(|record| record.receipt().is_some());
        let newest = charged.max_by_key(|record| record.receipt().map(|receipt| receipt.version));
        if let Some(record) = newest {
            self.learn_from(record);
        }
        for record in records {
            unseen.remove(&record.charge().key);
            if !self.reader.passes_over(&record.charge().key) {
                self.take_record(now, record, true);
            }
        }
        self.unseen = Some(unseen);
    }

    /// The charges that the journal has to show, unless another tab has settled or deleted them.
    fn stored(&self) -> LongSet<Key> {
        let mut stored = LongSet::default();
        for entry in self.outbox.iter() {
            if entry.saved || entry.at_rest.is_some() {
                stored.insert(entry.record.charge().key.clone(), ());
            }
        }
        stored
    }

    /// The reading has ended: reads one by one the idle charges that it has not shown, but for those
    /// that are settled, of which nothing more is to be learnt.
    fn read_unseen(&mut self, all: bool) {
        let unseen = self.unseen.take().unwrap_or_default();
        let is_settled = |entry: &Entry| entry.saved && !entry.record.is_held();
        let (settled, others): (Vec<&Key>, Vec<&Key>) = unseen
            .keys()
            .partition(|key| self.outbox.get(key).is_some_and(is_settled));
        if all {
            self.reader.has_shown(settled.is_empty());
        }
        for key in others {
            // What is known of it is not what is at rest.
            self.reader.doubt();
            let is_idle = |entry: &Entry| entry.saved && !entry.is_busy();
            if self.outbox.get(key).is_none_or(is_idle) {
                self.read_for_peer(key.clone());
            }
        }
    }

    /// Whether a reading of the journal is under way.
    pub fn is_reading(&self) -> bool {
        self.reader.is_reading()
    }

    /// Whether the whole journal has been read, and nothing since has made that doubtful.
    pub fn knows_journal(&self) -> bool {
        self.reader.knows_all()
    }

    /// The record of this charge as the journal has it, where nobody else has changed the journal
    /// since this client last heard of it. `None` where that is not known; a settled one may have
    /// been deleted elsewhere.
    pub fn record_at_rest(&self, key: &Key) -> Option<&Record> {
        let listens = self.life == Life::Running && self.knows_journal();
        let entry = self.outbox.get(key);
        let entry = entry.filter(|entry| listens && !entry.outdated)?;
        let at_rest = match entry.saved {
            true => &entry.record,
            false => entry.at_rest.as_deref()?,
        };
        at_rest.is_held().then_some(at_rest)
    }

    /// The charges open in the journal, with at most `most` keys.
    pub fn open_charges(&self, most: usize) -> OpenCharges {
        let counts = self.outbox.counts();
        let open = self.outbox.iter();
        let open = open.filter(|entry| entry.saved && entry.record.is_held());
        let keys = open.map(|entry| entry.record.charge().key.clone());
        OpenCharges {
            count: self.outbox.open().saturating_add(counts.unknown),
            keys: keys.take(most).collect(),
            at_rest: self.is_at_rest().then_some(counts),
            at_work: !self.tasks.holds().is_empty(),
        }
    }

    /// Whether the journal has everything that is known here as it is known here, and nothing else.
    fn is_at_rest(&self) -> bool {
        let is_at_rest = |entry: &Entry| entry.saved && !entry.outdated;
        let is_written = || {
            self.writer.is_idle()
                && self.reader.knows_exactly()
                && !self.store.leaves_alone()
                && self.outbox.iter().all(is_at_rest)
        };
        self.life == Life::Running && (is_written() || defect!(NotesUnwrittenQueue))
    }

    /// Whether another journal holds charges that this client can't read.
    pub fn leaves_charges_unread(&self) -> bool {
        self.store.leaves_charges_unread()
    }

    /// The journal migrates to another storage, with this tab's open charges.
    fn moved(&mut self, now: Now, to: StorageKind, why: &str, from: Earlier) {
        let knows_all = self.reader.knows_all() && self.tabs.is_alone() && self.goes_along_whole();
        let from = match from {
            Earlier::Nothing => MovedFrom::Nothing,
            Earlier::Here if knows_all => MovedFrom::TakenAlong,
            Earlier::Here | Earlier::Elsewhere => MovedFrom::LeftBehind,
        };
        self.store
            .moved(now, to, why, from, &mut self.bulletin, &mut self.cx);
        let goes_along = |entry: &&Entry| {
            let record = &entry.record;
            // A charge being taken on for the first time has not been promised to any caller.
            let is_new = entry.is_busy() && record.revision() == 1;
            match entry.saved {
                true => record.is_held(),
                false => !is_new && (record.is_held() || is_charged(record)),
            }
        };
        let known = self.outbox.iter().filter(goes_along);
        let records: Vec<Record> = known.map(|entry| entry.record.clone()).collect();
        for record in &records {
            // It is not in the new storage until it has been adopted.
            let key = &record.charge().key;
            self.outbox.update(key, |entry| entry.saved = false);
            // There, another charge may be one to be looked up.
            self.outbox.freshen(key);
        }
        // Ahead of all waiting operations, which must find them.
        self.writer.retry_unsaved_first();
        self.writer.push_first(
            records
                .into_iter()
                .map(|record| (Op::Adopt { record }, Then::Resaved)),
        );
    }

    /// Whether no settled charge would be left behind.
    fn goes_along_whole(&self) -> bool {
        let mut entries = self.outbox.iter();
        entries.all(|entry| entry.record.is_held() || !entry.saved)
    }

    /// The storage was wiped. The next reading finds the open charges gone, and they are reported
    /// as `unknown`.
    fn wiped(&mut self, now: Now, detail: &str, lost: &[Key]) {
        let held = self.outbox.iter().any(|entry| entry.record.is_held());
        let at_stake = held || self.life == Life::Recovering;
        self.store.wiped(now, detail, lost, at_stake, &mut self.cx);
        self.load_anew();
    }

    /// The storage was set back: later charges are missing, and those that remain may have
    /// progressed.
    fn set_back_journal(&mut self, now: Now, lost: &[Key]) {
        self.store.set_back(now, lost, &mut self.cx);
        self.load_anew();
    }

    /// The journal has been written or read successfully.
    fn storage_works(&mut self, now: Now) {
        if self.reader.works() && self.writer.works() {
            self.store.works(now, &self.bulletin);
        }
    }

    fn storage_failed(&mut self, now: Now, error: &str) {
        self.store
            .failed(now, error, &mut self.bulletin, &mut self.cx);
    }

    // ---- sending
    /// Whether a charge request may leave now.
    fn may_send(&self, now: Now) -> bool {
        self.may_begin(now, Way::Sending)
    }

    /// Whether the balance may be requested now.
    fn may_ask(&self, now: Now) -> bool {
        self.life == Life::Running && self.wire.may_ask(now)
    }

    /// Whether a request of this way may be claimed now: the journal is expected to accept the
    /// claim.
    fn may_begin(&self, now: Now, way: Way) -> bool {
        self.may_claim(now) && self.wire.may_begin(now, way)
    }

    /// As [`Engine::may_begin`], for this charge.
    fn may_begin_for(&self, now: Now, way: Way, key: &Key) -> bool {
        self.may_claim(now) && self.wire.may_begin_for(now, way, key, &self.outbox)
    }

    /// Whether any claim may be made, if the gate lets it through.
    fn may_claim(&self, now: Now) -> bool {
        self.life == Life::Running && now.mono_ms >= self.writer.paused_until_ms()
    }

    /// Starts the open charges that are due.
    fn begin_due(&mut self, now: Now) {
        self.begin_all_passing(now);
        let mut crowd = Vec::new();
        let mut background = Vec::new();
        let mut look_ups = Vec::new();
        if self.wire.gate().closed_to(Way::LookUp, now).is_some() && !self.may_send(now) {
            return;
        }
        let fresh: Vec<Key> = self.fresh(now);
        for key in fresh {
            let Some(entry) = self.outbox.get(&key).filter(|entry| !entry.is_busy()) else {
                continue;
            };
            let record = &entry.record;
            if self.outlook(now).needs_look_up(record) {
                let (turn, slot) = match self.calls.any_at(&key) {
                    true => (Turn::CallersLookUp, Slot::Single),
                    false => (Turn::LookUp, Slot::LookUp),
                };
                // One gets its turn in any case, the others when no call waits.
                let waits = slot == Slot::LookUp && self.wire.slots().taken(slot) > 0;
                let may_begin = self.may_begin_for(now, Way::LookUp, &key);
                if may_begin && !waits && self.wire.slots().is_free(slot) {
                    self.begin(now, Purpose::LookUp, slot, vec![key]);
                } else {
                    self.outbox.hand_over(&key, turn);
                    if may_begin && waits {
                        look_ups.push(key);
                    }
                }
                continue;
            }
            let may_begin = self.may_begin_for(now, Way::Sending, &key);
            if self.calls.wants_sent(&key) {
                if may_begin && self.wire.slots().is_free(Slot::Single) {
                    self.begin(now, Purpose::Send, Slot::Single, vec![key]);
                } else {
                    let alone = entry.alone;
                    self.outbox.hand_over(&key, Turn::Callers);
                    if may_begin && !alone {
                        crowd.push(key);
                    }
                }
            } else if may_begin {
                self.outbox.hand_over(&key, Turn::Flush);
                background.push(key);
            }
        }
        crowd.truncate(self.wire.batch_size(&self.cx));
        if crowd.len() > 1 && self.may_send(now) && self.wire.slots().is_free(Slot::Crowd) {
            self.begin(now, Purpose::Send, Slot::Crowd, crowd);
        }
        if !background.is_empty() {
            self.flush.add(background, None);
        }
        for key in look_ups {
            // One slot stays free for the next waiting call.
            if !self.may_begin(now, Way::LookUp) || self.wire.slots().free_singles() <= 1 {
                return;
            }
            self.begin(now, Purpose::LookUp, Slot::LookUp, vec![key]);
        }
    }

    /// The due charges that may need something to be done, in order. Of those that wait for their
    /// turn, as many as may leave at once.
    fn fresh(&self, now: Now) -> Vec<Key> {
        let may_send = self.may_send(now);
        let may_look_up = self.may_begin(now, Way::LookUp);
        let singles = self.wire.slots().free_singles();
        let callers = match may_send || may_look_up {
            true => singles.saturating_add(self.wire.batch_size(&self.cx)),
            false => 0,
        };
        let look_ups = if may_look_up { singles } else { 0 };
        let turns = [
            (Turn::Fresh, usize::MAX),
            (Turn::Callers, callers),
            (Turn::CallersLookUp, look_ups),
            (Turn::LookUp, look_ups),
        ];
        self.in_turn(now, &turns).cloned().collect()
    }

    /// The due charges that wait for these, at most so many of each, in the order in which they are
    /// to be tried.
    fn in_turn<'a>(
        &'a self,
        now: Now,
        turns: &[(Turn, usize)],
    ) -> impl Iterator<Item = &'a Key> + use<'a> {
        let with_alone = self.wire.slots().free_singles() > 0;
        let turns = turns.iter().map(|&(turn, most)| {
            let may_be_next = move |(_, key): &&(u64, Key)| {
                let has_slot = turn != Turn::Callers || with_alone || !self.is_sent_alone(key);
                has_slot && !self.wire.holds_back(now, key, &self.outbox)
            };
            let waiting = self.outbox.waiting(turn, now).filter(may_be_next);
            let mut waiting = self.wire.in_order(waiting, &self.outbox).take(most);
            (waiting.next(), waiting)
        });
        let mut turns: Vec<_> = turns.collect();
        std::iter::from_fn(move || {
            let turns = turns.iter_mut().filter(|(first, _)| first.is_some());
            let place = |first: Option<&'a (u64, Key)>| {
                let (_, key) = first?;
                Some((self.wire.distrust(key, &self.outbox), first))
            };
            let (first, others) = turns.min_by_key(|(first, _)| place(*first))?;
            let (_, key) = std::mem::replace(first, others.next())?;
            Some(key)
        })
    }

    /// Whether this charge is sent in a request of its own.
    fn is_sent_alone(&self, key: &Key) -> bool {
        self.outbox.get(key).is_some_and(|entry| entry.alone)
    }

    /// Updates the list of living tabs.
    fn learn_alive(&mut self, now: Now, alive: Vec<String>) {
        self.tabs.learn_alive(alive);
        self.judge_claims(now);
        self.end_tasks_of_the_dead(now);
    }

    /// Ends the wait for the claims of dead tabs.
    fn judge_claims(&mut self, now: Now) {
        for key in self.tabs.claims_of_dead(&self.outbox) {
            self.outbox.hurry(&key, now);
        }
    }

    /// Claims `keys` in the journal, to send them together.
    fn begin(&mut self, now: Now, purpose: Purpose, slot: Slot, keys: Vec<Key>) {
        let plan = self.wire.plan(now, purpose, slot);
        self.begin_as(now, &plan, keys);
    }

    /// As [`Engine::begin`], for an insisting user.
    fn begin_passing(&mut self, now: Now, purpose: Purpose, key: Key) {
        let plan = Plan {
            passes: true,
            ..self.wire.plan(now, purpose, Slot::Single)
        };
        self.begin_as(now, &plan, vec![key]);
    }

    fn begin_as(&mut self, now: Now, plan: &Plan, keys: Vec<Key>) {
        let purpose = plan.purpose;
        for key in keys {
            self.set_busy(&key, true);
            // This tab's knowledge of it counts only once it is written.
            self.writer.retry_unsaved_of(&key);
            let op = Op::Begin {
                over: self.tabs.dead_claimant(&key, &self.outbox),
                seen: self.outbox.get(&key).map(|entry| entry.record.revision()),
                key,
                purpose,
                claim: self.cx.claim(now),
            };
            self.writer.push(op, Then::Begun { plan: plan.clone() });
        }
    }

    /// Sends a plan's claimed charges, unless the gate has closed since, or its claims may not last
    /// as long as the request.
    fn launch(&mut self, now: Now, plan: Plan) {
        if let Some(reason) = self.may_not_launch(now, &plan) {
            for key in plan.keys {
                self.conclude_not_sent(now, &key, reason);
            }
            return self.leave_slot(now, plan.id);
        }
        let charges: Vec<Charge> = plan
            .keys
            .iter()
            .filter_map(|key| self.outbox.get(key))
            .map(|entry| entry.record.charge().clone())
            .collect();
        let what = match (plan.purpose, charges.as_slice()) {
            (_, []) => return self.leave_slot(now, plan.id),
            (Purpose::LookUp, [charge, ..]) => SentWhat::LookUp {
                charge: charge.clone(),
                spelling: Spelling::Own,
            },
            (Purpose::Send, [charge]) => SentWhat::Charge {
                charge: charge.clone(),
            },
            (Purpose::Send, _) => SentWhat::Batch { charges },
        };
        self.wire.launches(&plan);
        for key in &plan.keys {
            self.calls.has_its_try(key);
            self.outbox
                .update(key, |entry| entry.left_at_ms = now.mono_ms);
        }
        self.send(now, plan.id, what);
    }

    fn may_not_launch(&self, now: Now, plan: &Plan) -> Option<OpenReason> {
        match self.life {
            Life::Running => self.wire.may_not_launch(now, plan, &self.outbox, &self.cx),
            Life::Recovering | Life::SignedOut | Life::Closed => Some(OpenReason::Unauthorized),
        }
    }

    fn send(&mut self, now: Now, send: SendId, what: SentWhat) {
        match &what {
            SentWhat::Charge { .. } => self.stats.attempted(1),
            SentWhat::Batch { charges } => self.stats.attempted(charges.len()),
            SentWhat::LookUp { .. }
            | SentWhat::Balance { .. }
            | SentWhat::Hold { .. }
            | SentWhat::Release { .. } => {}
        }
        let known = self.balance.confirmed().map(|known| known.version);
        self.wire.send(now, send, what, known, &mut self.cx);
    }

    /// Frees the slot of this plan or request, which has ended.
    fn leave_slot(&mut self, now: Now, id: SendId) {
        if self.wire.leave_slot(id) == Some(Slot::Flush) {
            self.flush_step_ended(now);
        }
    }

    /// Starts the charges that users insist on, despite any hold: once each.
    fn begin_all_passing(&mut self, now: Now) {
        for key in self.calls.passing() {
            let due = self
                .outbox
                .get(&key)
                .filter(|entry| !entry.is_busy() && entry.due_ms() <= now.mono_ms)
                .filter(|entry| entry.record.is_open());
            let Some(entry) = due else {
                continue;
            };
            let purpose = match self.outlook(now).needs_look_up(&entry.record) {
                true => Purpose::LookUp,
                false => Purpose::Send,
            };
            let waits = self.wire.gate().closed_to(Way::of(purpose), now).is_some();
            let may = self.wire.gate().lets_pass() && self.may_claim(now);
            if waits && may && self.wire.slots().is_free(Slot::Single) {
                self.begin_passing(now, purpose, key);
            }
        }
    }

    // ---- answers
    fn answered(&mut self, now: Now, send: SendId, response: &Response) {
        let Some(sent) = self.wire.ended(send) else {
            return;
        };
        let too_long = Response::unreadable(Unreadable::TooLong);
        let response = match response.body.len() > BODY_LIMIT {
            true => &too_long,
            false => response,
        };
        #[cfg(feature = "defects")]
        let response = &crate::core::defects::response(response, &self.cx.tab, send);
        match &sent.what {
            SentWhat::Charge { charge } => {
                self.wire.answered_charge();
                let answer = ChargeAnswer::of(response, charge, now);
                #[cfg(feature = "defects")]
                let answer = crate::core::defects::answer(answer);
                if let ChargeAnswer::Settled(..) = &answer {
                    self.wire.learn_clock(now, &sent, response);
                }
                self.charge_answered(now, &sent, charge, answer);
            }
            SentWhat::Batch { charges } => {
                self.wire.answered_charge();
                let answer = BatchAnswer::of(response, charges, now);
                if let BatchAnswer::Results(..) = &answer {
                    self.wire.learn_clock(now, &sent, response);
                }
                self.batch_answered(now, &sent, charges, answer);
            }
            SentWhat::LookUp { charge, spelling } => {
                let sign = self.wire.judge(now, &sent, response);
                let answer = LookUpAnswer::of(response, charge, now).with(sign);
                let answer =
                    self.look_up(now, charge)
                        .meaning_of(*spelling, response.status, answer);
                if *spelling == Spelling::Own
                    && self.look_up(now, charge).is_to_be_asked_again(&answer)
                {
                    self.server_answered(now, &sent);
                    return self.look_up_again(now, send, charge);
                }
                self.look_up_answered(now, &sent, charge, answer);
            }
            SentWhat::Balance { etag } => {
                self.balance_answered(now, &sent, etag.as_deref(), response);
            }
            SentWhat::Hold { charge } => self.hold_answered(now, send, &sent, charge, response),
            SentWhat::Release { key } => self.released(now, send, &sent, key, response),
        }
        self.leave_slot(now, send);
    }

    fn charge_answered(&mut self, now: Now, sent: &Sent, charge: &Charge, answer: ChargeAnswer) {
        match answer {
            ChargeAnswer::Settled(verdict, reading) => {
                self.server_answered(now, sent);
                let waits = self.calls.any_at(&charge.key);
                self.settle(now, charge, verdict, reading, waits);
            }
            ChargeAnswer::Setback(setback) => {
                let hint = self.set_back(now, sent, &setback);
                self.conclude_set_back(now, sent, charge, &setback, hint);
            }
        }
    }

    fn batch_answered(&mut self, now: Now, sent: &Sent, charges: &[Charge], answer: BatchAnswer) {
        match answer {
            BatchAnswer::Results(answers, reading) => {
                self.server_answered(now, sent);
                self.wire.batch_answered(charges.len());
                self.results(now, sent, charges, answers, reading);
            }
            BatchAnswer::Unsupported { own_word } => {
                self.wire.batch_unsupported(now, own_word, &mut self.cx);
                match own_word {
                    true => self.send_one_by_one(now, sent, charges, &Detail::NoBatches),
                    false => self.page_for_batch(now, sent, charges),
                }
            }
            BatchAnswer::TooLarge { own_word, detail } => {
                self.batch_too_large(now, sent, charges, own_word, detail);
            }
            BatchAnswer::Rejected(detail) => self.send_one_by_one(now, sent, charges, &detail),
            BatchAnswer::Setback(setback) => {
                let hint = self.set_back(now, sent, &setback);
                for charge in charges {
                    self.conclude_set_back(now, sent, charge, &setback, hint);
                }
            }
        }
    }

    fn results(
        &mut self,
        now: Now,
        sent: &Sent,
        charges: &[Charge],
        answers: Vec<ChargeAnswer>,
        reading: BalanceReading,
    ) {
        let mut rejected = false;
        // All of them or none: the balance is the one after all of them.
        let waits = charges.iter().any(|charge| self.calls.any_at(&charge.key));
        for (charge, answer) in charges.iter().zip(answers) {
            match answer {
                ChargeAnswer::Settled(verdict, _) => {
                    self.settle(now, charge, verdict, Some(reading), waits);
                }
                ChargeAnswer::Setback(setback) => {
                    let hint = match setback.kind {
                        // It holds the whole queue, and once is enough.
                        SetbackKind::Unauthorized | SetbackKind::AnotherAccount if !rejected => {
                            rejected = true;
                            self.set_back(now, sent, &setback)
                        }
                        SetbackKind::Foreign(_) => {
                            self.wire.item_is_foreign(
                                now,
                                &setback,
                                &mut self.bulletin,
                                &mut self.cx,
                            );
                            None
                        }
                        SetbackKind::Unauthorized
                        | SetbackKind::AnotherAccount
                        | SetbackKind::Busy
                        | SetbackKind::InProgress
                        | SetbackKind::GaveUp
                        | SetbackKind::TooLarge
                        | SetbackKind::ServerError => None,
                    };
                    self.conclude_set_back(now, sent, charge, &setback, hint);
                }
            }
        }
    }

    fn send_one_by_one(&mut self, now: Now, sent: &Sent, charges: &[Charge], detail: &Detail) {
        self.server_answered(now, sent);
        for charge in charges {
            self.outbox.update(&charge.key, |entry| entry.alone = true);
        }
        self.batch_rejected(now, charges, detail);
    }

    fn batch_rejected(&mut self, now: Now, charges: &[Charge], detail: &Detail) {
        for charge in charges {
            let cause = Cause {
                reason: OpenReason::ServerError,
                detail: detail.clone(),
            };
            self.conclude(now, charge, Conclusion::BatchRejected(cause), 0, None);
        }
    }

    /// A foreign page says that batches are not supported. The fate of these charges is unknown.
    fn page_for_batch(&mut self, now: Now, sent: &Sent, charges: &[Charge]) {
        for charge in charges {
            self.outbox.update(&charge.key, |entry| entry.alone = true);
            let setback = Setback::of_page(Detail::NoBatches);
            self.conclude_set_back(now, sent, charge, &setback, None);
        }
    }

    /// The batch is halved. If the server itself found it too large, nothing was taken; a proxy's
    /// answer proves nothing, and says nothing of the server either.
    fn batch_too_large(
        &mut self,
        now: Now,
        sent: &Sent,
        charges: &[Charge],
        own_word: bool,
        detail: Detail,
    ) {
        self.wire.batch_too_large(charges.len());
        if own_word {
            self.server_answered(now, sent);
            return self.batch_rejected(now, charges, &detail);
        }
        for charge in charges {
            let cause = Cause {
                reason: OpenReason::ServerError,
                detail: detail.clone(),
            };
            let later_ms = self.cx.config.arrives_after_limit_ms();
            let lost = self.lost_conclusion(now, sent, &charge.key, cause, later_ms);
            self.conclude(now, charge, lost, 0, None);
        }
    }

    fn lost(&mut self, now: Now, send: SendId, timed_out: bool) {
        let Some(sent) = self.wire.ended(send) else {
            return;
        };
        if let SentWhat::Hold { .. } | SentWhat::Release { .. } = &sent.what {
            return self.hold_unanswered(now, send, &sent);
        }
        let (reason, detail) = match timed_out {
            true => (OpenReason::Timeout, Detail::NoAnswer),
            false => (OpenReason::Unreachable, Detail::ConnectionFailed),
        };
        self.wire
            .not_answered(now, &sent, &mut self.outbox, &mut self.cx);
        let cause = Cause { reason, detail };
        match &sent.what {
            SentWhat::Charge { charge } => self.charge_lost(now, &sent, charge, cause),
            SentWhat::Batch { charges } => {
                for charge in charges {
                    self.charge_lost(now, &sent, charge, cause.clone());
                }
            }
            SentWhat::LookUp { charge, .. } => {
                self.calls.count_try(&charge.key);
                let next_ms = match defect!(EveryLossClosesGate) {
                    true => 0,
                    false => self.delay_of_look_up(&charge.key),
                };
                self.conclude(now, charge, Conclusion::NotSent(cause), next_ms, None);
            }
            SentWhat::Balance { .. } => self.balance_lost(now, cause),
            SentWhat::Hold { .. } | SentWhat::Release { .. } => {}
        }
        self.leave_slot(now, send);
        self.progress_all(now);
    }

    fn not_sent(&mut self, now: Now, send: SendId, why: Unsent) {
        let Some(sent) = self.wire.ended(send) else {
            return;
        };
        if let SentWhat::Hold { .. } | SentWhat::Release { .. } = &sent.what {
            return self.hold_unanswered(now, send, &sent);
        }
        let next_ms = match why {
            Unsent::Late => self.cx.config.backoff.base_ms.max(1),
            Unsent::TokenLate
            | Unsent::TokenFailed
            | Unsent::NoToken
            | Unsent::NoSuchAddress
            | Unsent::Unable(_)
            | Unsent::SignedOut => 0,
        };
        let cause = match why {
            Unsent::Late => Cause {
                reason: OpenReason::Timeout,
                detail: Detail::NotSent(OpenReason::Timeout),
            },
            Unsent::TokenLate => self.without_token(now, Detail::TokenLate),
            Unsent::TokenFailed => self.without_token(now, Detail::TokenFailed),
            Unsent::NoToken => self.without_token(now, Detail::NotAToken),
            Unsent::NoSuchAddress => self.without_token(now, Detail::NoSuchAddress),
            Unsent::Unable(error) => self.without_token(now, Detail::Unable(error)),
            Unsent::SignedOut => self.without_token(now, Detail::SignedOut),
        };
        let charges = match sent.what {
            SentWhat::Charge { charge } | SentWhat::LookUp { charge, .. } => vec![charge],
            SentWhat::Batch { charges } => charges,
            SentWhat::Balance { .. } => {
                self.balance_lost(now, cause.clone());
                Vec::new()
            }
            SentWhat::Hold { .. } | SentWhat::Release { .. } => Vec::new(),
        };
        for charge in charges {
            self.calls.count_try(&charge.key);
            self.conclude(
                now,
                &charge,
                Conclusion::NotSent(cause.clone()),
                next_ms,
                None,
            );
        }
        self.leave_slot(now, send);
        self.progress_all(now);
    }

    /// A request has not left for want of a token.
    fn without_token(&mut self, now: Now, detail: Detail) -> Cause {
        if self.life != Life::SignedOut {
            self.wire.no_token(now, &mut self.cx);
        }
        let message = Message::Of(detail.clone());
        self.raise(now, AlertKind::Unauthorized, message);
        Cause {
            reason: OpenReason::Unauthorized,
            detail,
        }
    }

    /// See [`Wire::set_back`].
    fn set_back(&mut self, now: Now, sent: &Sent, setback: &Setback) -> Option<u64> {
        self.wire.set_back(
            now,
            sent,
            setback,
            &mut self.outbox,
            &mut self.bulletin,
            &mut self.cx,
        )
    }

    fn server_answered(&mut self, now: Now, sent: &Sent) {
        self.wire
            .server_answered(now, sent, &self.outbox, &mut self.bulletin);
    }

    /// Repeats a look-up by the header's spelling, in the slot of the first.
    fn look_up_again(&mut self, now: Now, send: SendId, charge: &Charge) {
        let shut = match self.life != Life::Running || self.wire.waits_for_token() {
            true => Some(OpenReason::Unauthorized),
            false => self.wire.gate().closed_to(Way::LookUp, now),
        };
        if let Some(reason) = shut {
            self.conclude_not_sent(now, &charge.key, reason);
            return self.leave_slot(now, send);
        }
        let what = SentWhat::LookUp {
            charge: charge.clone(),
            spelling: Spelling::Header,
        };
        self.send(now, send, what);
    }

    fn look_up_answered(&mut self, now: Now, sent: &Sent, charge: &Charge, answer: LookUpAnswer) {
        let key = &charge.key;
        match answer {
            LookUpAnswer::Charged(receipt) => {
                self.server_answered(now, sent);
                let reading = Some(BalanceReading::from(&receipt));
                let (verdict, waits) = (Verdict::Charged(receipt), self.calls.any_at(key));
                self.settle(now, charge, verdict, reading, waits);
            }
            LookUpAnswer::NeverCharged => {
                self.server_answered(now, sent);
                let conclusion = self.look_up(now, charge).never_charged();
                self.conclude(now, charge, conclusion, 0, None);
            }
            LookUpAnswer::Rejected(detail) => {
                self.server_answered(now, sent);
                self.calls.count_try(key);
                let conclusion = self.look_up(now, charge).rejected(detail);
                self.conclude(now, charge, conclusion, 0, None);
            }
            LookUpAnswer::Setback(setback) => {
                let hint = self.set_back(now, sent, &setback);
                if hint.is_none() {
                    self.calls.count_try(key);
                }
                self.look_up_set_back(now, charge, setback, hint);
            }
        }
    }

    fn look_up_set_back(&mut self, now: Now, charge: &Charge, setback: Setback, hint: Option<u64>) {
        let look_up = self.look_up(now, charge);
        let (look_ups, conclusion) = (look_up.unanswered(), look_up.set_back(&setback));
        let backoff = &self.cx.config.backoff;
        let delay_ms = backoff.delay_ms(look_ups, &mut self.cx.jitter);
        let next_ms = hint.unwrap_or(delay_ms);
        self.conclude(now, charge, conclusion, next_ms, None);
    }

    /// Draws the conclusion from the answers to a look-up.
    fn look_up<'a>(&'a self, now: Now, charge: &'a Charge) -> LookUp<'a> {
        LookUp {
            charge,
            outbox: &self.outbox,
            outlook: self.outlook(now),
        }
    }

    fn conclude_set_back(
        &mut self,
        now: Now,
        sent: &Sent,
        charge: &Charge,
        setback: &Setback,
        hint: Option<u64>,
    ) {
        let key = &charge.key;
        self.outbox.update(key, |entry| {
            entry.setbacks = entry.setbacks.saturating_add(1);
        });
        let cause = Cause {
            reason: setback.kind.reason(),
            detail: setback.detail.clone(),
        };
        let another_token = setback.kind == SetbackKind::Unauthorized
            && !self.wire.gate().is_rejected(Way::Sending);
        if !another_token {
            self.calls.count_try(key);
        }
        let conclusion = match (setback.untaken, setback.kind) {
            (true, SetbackKind::Busy) if hint.is_some() => Conclusion::Held(cause),
            (true, _) => Conclusion::TurnedAway(cause),
            (false, kind) => {
                let later_ms = match kind {
                    // The gateway may have passed the request on before it gave up waiting.
                    SetbackKind::GaveUp | SetbackKind::Busy | SetbackKind::TooLarge => {
                        self.cx.config.arrives_after_limit_ms()
                    }
                    // The server has finished with this request; an answer of another origin proves
                    // nothing.
                    SetbackKind::ServerError if setback.own_word => 0,
                    SetbackKind::ServerError
                    | SetbackKind::Unauthorized
                    | SetbackKind::AnotherAccount
                    | SetbackKind::InProgress
                    | SetbackKind::Foreign(_) => self.cx.config.arrives_after_loss_ms(),
                };
                match self.is_too_large(key, setback) {
                    true => Conclusion::Park(ParkReason::RetriesExhausted, cause.detail),
                    false => self.lost_conclusion(now, sent, key, cause, later_ms),
                }
            }
        };
        let next_ms = hint.unwrap_or_else(|| self.delay_ms(key));
        self.conclude(now, charge, conclusion, next_ms, None);
    }

    /// Whether something in front of the server rejects requests of this size, however often they
    /// are sent.
    fn is_too_large(&mut self, key: &Key, setback: &Setback) -> bool {
        if setback.kind != SetbackKind::TooLarge {
            return false;
        }
        self.outbox.update(key, |entry| {
            entry.alone = true;
            entry.too_large = entry.too_large.saturating_add(1);
        });
        let times = self.outbox.get(key).map_or(0, |entry| entry.too_large);
        times >= TOO_LARGE_LIMIT
    }

    /// Delay until a charge that has just been attempted is due again.
    fn delay_ms(&mut self, key: &Key) -> u64 {
        let entry = self.outbox.get(key);
        // Not every setback uses an attempt up.
        let setbacks = entry.map_or(0, |entry| entry.record.spent().max(entry.setbacks));
        let backoff = &self.cx.config.backoff;
        backoff.delay_ms(setbacks.saturating_sub(1), &mut self.cx.jitter)
    }

    /// Delay until a charge whose look-up has just been lost is looked up again; that uses no
    /// attempt up.
    fn delay_of_look_up(&mut self, key: &Key) -> u64 {
        let setbacks = self.outbox.get(key).map_or(0, |entry| entry.setbacks);
        self.outbox.update(key, |entry| {
            entry.setbacks = entry.setbacks.saturating_add(1);
        });
        self.cx
            .config
            .backoff
            .delay_ms(setbacks, &mut self.cx.jitter)
    }

    fn charge_lost(&mut self, now: Now, sent: &Sent, charge: &Charge, cause: Cause) {
        self.calls.count_try(&charge.key);
        self.outbox.update(&charge.key, |entry| {
            entry.setbacks = entry.setbacks.saturating_add(1);
        });
        let next_ms = self.delay_ms(&charge.key);
        let later_ms = match cause.reason {
            OpenReason::Timeout => self.cx.config.arrives_after_limit_ms(),
            OpenReason::Offline
            | OpenReason::Unreachable
            | OpenReason::Busy
            | OpenReason::ServerError
            | OpenReason::Unauthorized => self.cx.config.arrives_after_loss_ms(),
        };
        let lost = self.lost_conclusion(now, sent, &charge.key, cause, later_ms);
        #[cfg(feature = "defects")]
        let lost = crate::core::defects::lost(lost);
        self.conclude(now, charge, lost, next_ms, None);
    }

    /// The conclusion of an attempt without an answer, which may arrive for another `later_ms`.
    fn lost_conclusion(
        &self,
        now: Now,
        sent: &Sent,
        key: &Key,
        cause: Cause,
        later_ms: u64,
    ) -> Conclusion {
        let entry = self.outbox.get(key);
        let before_ms = entry.map_or(0, |entry| {
            entry.may_arrive_until_ms().saturating_sub(now.mono_ms)
        });
        let later_ms = before_ms.max(later_ms);
        match sent.on_trial {
            true => Conclusion::LostOnTrial(cause, later_ms),
            false => Conclusion::Lost(cause, later_ms),
        }
    }

    /// Orders the server's verdict to be written. It is reported after that; a receipt at once if
    /// any caller `waits`, since after a death in between its key is answered with it again.
    fn settle(
        &mut self,
        now: Now,
        charge: &Charge,
        verdict: Verdict,
        reading: Option<BalanceReading>,
        waits: bool,
    ) {
        let is_receipt = matches!(verdict, Verdict::Charged(_));
        let op = self.conclusion(now, charge, Conclusion::Settled(verdict), 0);
        let taken = is_receipt && waits && self.take_receipt(now, &op, reading);
        self.order_conclusion(now, op, reading.filter(|_| !taken));
    }

    /// Takes in a receipt that is about to be written; false where the charge is not this tab's any
    /// more. The other tabs and the cache get its balance when the journal has it.
    fn take_receipt(&mut self, now: Now, op: &Op, reading: Option<BalanceReading>) -> bool {
        let known = self.outbox.get(op.key()).map(|entry| entry.record.clone());
        let Some(known) = known.filter(|known| known.claim().is_some()) else {
            return false;
        };
        let applied = op.apply(Some(known), self.apply_at(now));
        let Some(record) = applied.record.filter(|_| applied.done) else {
            return false;
        };
        if let Some(reading) = reading {
            self.balance.learn_early(reading, now.wall_ms);
        }
        if let Some(receipt) = record.receipt() {
            self.balance.learn_early(receipt.into(), now.wall_ms);
        }
        self.take_record(now, record, false);
        self.progress(now, op.key());
        true
    }

    /// Orders the conclusion of an attempt to be written. It is reported after that.
    fn conclude(
        &mut self,
        now: Now,
        charge: &Charge,
        conclusion: Conclusion,
        next_attempt_in_ms: u64,
        reading: Option<BalanceReading>,
    ) {
        let op = self.conclusion(now, charge, conclusion, next_attempt_in_ms);
        self.order_conclusion(now, op, reading);
    }

    fn order_conclusion(&mut self, now: Now, op: Op, reading: Option<BalanceReading>) {
        if defect!(TellsBeforeJournaling) {
            return self.not_committed(now, op, Then::Concluded { reading }, "");
        }
        self.writer.push(op, Then::Concluded { reading });
    }

    fn conclusion(
        &mut self,
        now: Now,
        charge: &Charge,
        conclusion: Conclusion,
        next_attempt_in_ms: u64,
    ) -> Op {
        let key = &charge.key;
        let entry = self.outbox.get(key);
        let attempt = entry.and_then(|entry| entry.record.attempt());
        let (conclusion, next_attempt_in_ms) = match entry.and_then(Entry::certain_at) {
            Some(at_ms) if conclusion.says_untaken() => {
                let next_ms = match entry.is_some_and(Entry::may_be_sent_early) {
                    true => 0,
                    false => at_ms.saturating_sub(now.mono_ms),
                };
                let sent = matches!(attempt, Some((Purpose::Send, _)));
                let verdict = conclusion.verdict().filter(|_| sent);
                (Conclusion::TooEarly(verdict), next_ms)
            }
            Some(_) | None => (conclusion, next_attempt_in_ms),
        };
        Op::Conclude {
            charge: charge.clone(),
            // A new place: the journal's record is then no earlier state of the known one.
            sequence: self.next_sequence(now),
            tab: self.cx.tab.clone(),
            attempt,
            conclusion,
            next_attempt_in_ms,
        }
    }

    /// The client closes while claims are being written: nothing will be sent under them.
    fn conclude_withdrawn(&mut self) {
        for (key, purpose) in self.writer.withdraw_claims() {
            let Some(record) = self.outbox.get(&key).map(|entry| &entry.record) else {
                continue;
            };
            let sending = u32::from(purpose == Purpose::Send);
            let number = record.attempts().saturating_add(sending);
            let cause = Cause {
                reason: OpenReason::Timeout,
                detail: Detail::NotSent(OpenReason::Timeout),
            };
            let op = Op::Conclude {
                charge: record.charge().clone(),
                sequence: record.sequence(),
                tab: self.cx.tab.clone(),
                attempt: Some((purpose, number)),
                conclusion: Conclusion::NotSent(cause),
                next_attempt_in_ms: 0,
            };
            self.writer.push(op, Then::Concluded { reading: None });
        }
    }

    /// A claimed charge is not sent after all.
    fn conclude_not_sent(&mut self, now: Now, key: &Key, reason: OpenReason) {
        let Some(entry) = self.outbox.get(key) else {
            return;
        };
        let charge = entry.record.charge().clone();
        let cause = Cause {
            reason,
            detail: Detail::NotSent(reason),
        };
        let next_ms = match reason {
            // The journal is slow, and would hardly be faster at once.
            OpenReason::Timeout => self.cx.config.backoff.base_ms.max(1),
            OpenReason::Offline
            | OpenReason::Unreachable
            | OpenReason::Busy
            | OpenReason::ServerError
            | OpenReason::Unauthorized => 0,
        };
        self.conclude(now, &charge, Conclusion::NotSent(cause), next_ms, None);
    }

    /// The client closes while requests are on their way: their answers will go unheard.
    fn conclude_all_lost(&mut self, now: Now) {
        let cause = Cause {
            reason: OpenReason::Timeout,
            detail: Detail::ClosedUnanswered,
        };
        self.conclude_withdrawn();
        let lost = Conclusion::Lost(cause.clone(), self.cx.config.claim_ms());
        for sent in self.wire.drop_all() {
            let (charges, conclusion) = match sent.what {
                SentWhat::Charge { charge } => (vec![charge], lost.clone()),
                SentWhat::Batch { charges } => (charges, lost.clone()),
                SentWhat::LookUp { charge, .. } => {
                    (vec![charge], Conclusion::NotSent(cause.clone()))
                }
                SentWhat::Balance { .. } | SentWhat::Hold { .. } | SentWhat::Release { .. } => {
                    continue;
                }
            };
            for charge in &charges {
                self.conclude(now, charge, conclusion.clone(), 0, None);
            }
        }
    }

    // ---- the flush
    /// `flush()`: sends everything possible, despite backoffs, and retries everything retryable.
    fn flush_all(&mut self, now: Now, call: CallId) {
        if self.life != Life::Running {
            return self.resolve(
                call,
                Answer::Flush(self.idle_report(OpenReason::Unauthorized)),
            );
        }
        self.wire.gate_mut().hurry(now);
        let mut keys = Vec::new();
        let mut again = Vec::new();
        for entry in self.outbox.iter() {
            let key = entry.record.charge().key.clone();
            match entry.record.state() {
                State::Waiting(_) => keys.push(key),
                State::Attempting(_) if entry.is_busy() => keys.push(key),
                State::Attempting(_) => {}
                State::Parked(_) => again.push(key),
                State::Settled(_) => {}
            }
        }
        for key in &keys {
            self.outbox.hurry(key, now);
        }
        keys.extend(self.retry_all_failed(now));
        for key in again {
            self.reopen(now, Op::Reopen { key: key.clone() });
            keys.push(key);
        }
        self.flush.add(keys, Some(call));
    }

    /// Whether the server has just said that it never charged this, so that its turn is yet to
    /// come.
    fn is_cleared(&self, key: &Key) -> bool {
        self.outbox.get(key).is_some_and(
            |entry| matches!(entry.record.state(), State::Waiting(waiting) if waiting.cleared()),
        )
    }

    /// Advances the flush by one step, or ends it. These charges have ended since the last step.
    fn advance_flush(&mut self, now: Now, ended: Vec<Key>) {
        if self.flush.run().is_none() {
            return;
        }
        for key in ended {
            let entry = self.outbox.get(&key);
            if entry.is_none_or(|entry| !entry.is_busy() && !entry.record.is_open()) {
                self.flush_is_through_with(&key);
            }
        }
        let closed = self.wire.gate().closed_for(now);
        if closed.is_none() && self.flush.run().is_some_and(Run::is_through) {
            self.retry_left_out(now);
        }
        let Some(run) = self.flush.run() else {
            return;
        };
        let waits = closed.is_some() && self.flush.has_left_out();
        if run.is_through() && !waits {
            let reason = run.stopped_by(closed);
            return self.end_flush(reason.map(Stopped::Open));
        }
        if let Some(reason) = closed {
            let under_way = self.outbox.busy().any(|key| run.has_left(key));
            if !under_way && !self.balance.refresh().is_under_way() {
                self.end_flush(Some(Stopped::Open(reason)));
            }
            return;
        }
        match self.flush.lock() {
            Lock::None if self.any_for_flush(now) => self.flush.lock_mut().ask(&mut self.cx),
            Lock::None if self.may_send(now) => self.take_back_look_ups(now),
            Lock::Without if self.wire.slots().is_free(Slot::Flush) => self.flush_step(now),
            Lock::None | Lock::Asked | Lock::Held | Lock::Without => {}
        }
    }

    /// A charge of the flush has had its turn, with any result.
    fn flush_is_through_with(&mut self, key: &Key) {
        self.flush.is_through_with(key, &self.outbox, &mut self.cx);
    }

    /// The charges of the flush that may leave, in order.
    fn eligible_for_flush(&self, now: Now) -> impl Iterator<Item = &Key> {
        let run = self.flush.run().filter(|_| self.may_send(now));
        let due = run.map(|run| {
            let turns = [(Turn::Fresh, usize::MAX), (Turn::Flush, usize::MAX)];
            let due = self.in_turn(now, &turns);
            due.filter(|key| run.has_left(key))
        });
        due.into_iter()
            .flatten()
            .filter(|key| !self.calls.wants_sent(key))
            .filter(move |key| self.may_begin_for(now, Way::Sending, key))
            .filter(move |key| !self.is_to_be_looked_up(now, key))
    }

    fn is_to_be_looked_up(&self, now: Now, key: &Key) -> bool {
        let entry = self.outbox.get(key);
        entry.is_some_and(|entry| self.outlook(now).needs_look_up(&entry.record))
    }

    /// Some keys may have expired since the flush got their charges.
    fn take_back_look_ups(&mut self, now: Now) {
        let waiting = self.outbox.waiting(Turn::Flush, now).map(|(_, key)| key);
        let expired = waiting.filter(|key| self.is_to_be_looked_up(now, key));
        let expired: Vec<Key> = expired.cloned().collect();
        for key in expired {
            self.outbox.freshen(&key);
        }
    }

    fn any_for_flush(&self, now: Now) -> bool {
        self.eligible_for_flush(now).next().is_some()
    }

    /// The next charges of the flush that may leave together, in order.
    fn next_for_flush(&self, now: Now) -> Vec<Key> {
        let mut eligible = self.eligible_for_flush(now);
        let Some(first) = eligible.next() else {
            return Vec::new();
        };
        let size = match self.wire.gate().is_on_trial(Way::Sending) || self.is_sent_alone(first) {
            true => 1,
            false => self.wire.batch_size(&self.cx),
        };
        let others = eligible.filter(|key| !self.is_sent_alone(key));
        let batch = std::iter::once(first).chain(others).take(size);
        batch.cloned().collect()
    }

    fn flush_step(&mut self, now: Now) {
        let keys = self.next_for_flush(now);
        if keys.is_empty() {
            return self.flush.lock_mut().let_go(&mut self.cx);
        }
        self.begin(now, Purpose::Send, Slot::Flush, keys);
    }

    /// Nobody waits for the lock of a tab that is alone: it goes on with the next batch, whose claims
    /// are written together with what became of this one.
    fn flush_step_ended(&mut self, now: Now) {
        if self.flush.lock() == Lock::Held && self.tabs.is_alone() {
            return self.flush_step(now);
        }
        self.flush.lock_mut().let_go(&mut self.cx);
    }

    fn lock_granted(&mut self, now: Now) {
        *self.flush.lock_mut() = Lock::Held;
        self.flush_step(now);
    }

    /// A tab that is frozen, or stopped at a breakpoint, would keep the lock for ever.
    fn lock_timed_out(&mut self, now: Now) {
        *self.flush.lock_mut() = Lock::None;
        if self.flush.run().is_some() && !defect!(WaitsForLockForEver) {
            *self.flush.lock_mut() = Lock::Without;
            self.flush_step(now);
        } else {
            self.lock_dropped();
        }
    }

    /// The page no longer waits for the lock: it is about to be hidden.
    fn lock_dropped(&mut self) {
        *self.flush.lock_mut() = Lock::None;
        if let Some(run) = self.flush.run() {
            // Other tabs go on with these; the slow tick covers the rest.
            for key in run.left() {
                self.outbox.delay(key, self.reader.next_look_ms());
            }
            self.end_flush(Some(Stopped::AnotherTab));
        }
    }

    fn end_flush(&mut self, stopped: Option<Stopped>) {
        // What it had left is nobody's again.
        self.outbox.freshen_all(Turn::Flush);
        self.flush.end(stopped, &self.outbox, &mut self.cx);
    }

    fn idle_report(&self, reason: OpenReason) -> FlushReport {
        FlushReport {
            remaining: self.outbox.open(),
            stopped: Some(Stopped::Open(reason)),
            ..FlushReport::default()
        }
    }

    fn close_flush(&mut self) {
        self.end_flush(None);
        self.flush.lock_mut().let_go(&mut self.cx);
    }

    /// Makes all waiting charges due at once.
    fn hurry_all(&mut self, now: Now) {
        let waiting = self
            .outbox
            .iter()
            .filter(|entry| matches!(entry.record.state(), State::Waiting(_)) && !entry.is_busy());
        let keys: Vec<Key> = waiting
            .map(|entry| entry.record.charge().key.clone())
            .collect();
        for key in keys {
            self.outbox.hurry(&key, now);
        }
    }

    fn forget_at_rest(&mut self, key: Key) {
        self.reader.deletes(&key);
        let then = Then::Observe {
            from_peer: true,
            confirmed: None,
        };
        self.writer.push(Op::Forget { key }, then);
    }

    /// Reopens all retryable charges, as if their user had asked for each. Those without room, or
    /// whose points may not be spent without the server, get their turn in the flush that begins.
    fn retry_all_failed(&mut self, now: Now) -> Vec<Key> {
        let Picked {
            again,
            under_way,
            left_out,
        } = retry::all(&self.outbox, &self.admission(now));
        let mut keys: Vec<Key> = again.iter().map(|op| op.key().clone()).collect();
        for op in again {
            self.reopen(now, op);
        }
        self.flush.leave_out(left_out);
        keys.extend(under_way);
        keys
    }

    /// During a flush, reopens charges that were left out, as far as there is room by now.
    fn retry_left_out(&mut self, now: Now) {
        let ops = self.flush.take_left_out();
        let room = self.admission(now).room_for(None);
        let Picked {
            again,
            mut under_way,
            left_out,
        } = retry::left_out(ops, &self.outbox, room);
        under_way.extend(again.iter().map(|op| op.key().clone()));
        for op in again {
            self.reopen(now, op);
        }
        self.flush.leave_out(left_out);
        self.flush.add(under_way, None);
    }

    /// Reopens once, automatically, charges that failed but may yet succeed now that the server can
    /// be reached.
    fn retry_after_outage(&mut self, now: Now) {
        let room = self.admission(now).room_for(None);
        let Picked {
            again, left_out, ..
        } = retry::after_outage(&self.outbox, room);
        if !left_out.is_empty() {
            self.flush.leave_out(left_out);
            // There will be room when these are through.
            let keys = again.iter().map(|op| op.key().clone()).collect();
            self.flush.add(keys, None);
        }
        for op in again {
            self.reopen(now, op);
        }
    }

    /// Reopens a charge by `op`, or takes it on anew if it was never stored.
    fn reopen(&mut self, now: Now, op: Op) {
        let key = op.key().clone();
        let retaken = matches!(op, Op::ReopenOnce { .. });
        self.outbox.update(&key, |entry| entry.retaken |= retaken);
        self.set_admitted(&key);
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

    // ---- the balance
    fn refresh_balance(&mut self, now: Now, call: CallId, max_age_ms: Option<u64>) {
        let confirmed = self.balance.confirmed();
        let fresh = max_age_ms.is_some_and(|max_age_ms| {
            confirmed.is_some_and(|known| !is_stale(known.as_of_ms, now.wall_ms, max_age_ms))
        });
        if let (true, Some(balance)) = (fresh, self.balance_view(now)) {
            return self.resolve(call, Answer::Balance(BalanceResult::Fresh { balance }));
        }
        if self.life != Life::Running {
            let reason = BalanceReason::Open(OpenReason::Unauthorized);
            let message = Message::Of(Detail::SignedOut);
            return self.no_balance_for(now, call, reason, &message);
        }
        if !self.wire.gate().lets_probes_through(now) {
            let (reason, message) = self.why_shut(now);
            return self.no_balance_for(now, call, BalanceReason::Open(reason), &message);
        }
        self.balance.wait(call);
        self.read_balance(now);
    }

    fn why_shut(&self, now: Now) -> (OpenReason, Message) {
        match self.wire.gate().closed_for(now) {
            Some(reason @ OpenReason::Offline) => (reason, Message::Offline),
            // In all other cases a hold blocks even probes.
            Some(_) | None => (OpenReason::Busy, Message::AskedToWait),
        }
    }

    fn no_balance_for(&mut self, now: Now, call: CallId, reason: BalanceReason, message: &Message) {
        let cached = self.balance_view(now);
        let result = BalanceResult::Unavailable {
            reason,
            detail: message.told(self.cx.config.locale),
            cached,
        };
        self.resolve(call, Answer::Balance(result));
    }

    fn balance_view(&self, now: Now) -> Option<Balance> {
        self.admission(now).view(Points::ZERO)
    }

    fn read_balance(&mut self, now: Now) {
        if let Some(etag) = self.balance.begin(now, &mut self.cx) {
            self.wire.gate_mut().probe_left();
            let send = self.wire.next_send();
            self.send(now, send, SentWhat::Balance { etag });
        }
    }

    fn balance_answered(
        &mut self,
        now: Now,
        sent: &Sent,
        asked_with: Option<&str>,
        response: &Response,
    ) {
        self.balance.ended();
        self.wire.gate_mut().probe_ended();
        let sign = self.wire.judge(now, sent, response);
        match BalanceAnswer::of(response, asked_with.is_some(), now) {
            BalanceAnswer::Fresh(reading, etag) => {
                let sign = self.sign_of(sent, &reading, sign);
                let behind = sent.is_behind(&reading);
                if sign != Sign::Cached && reading.held.is_none() {
                    self.balance.forget_held();
                }
                self.balance_told(now, sent, sign);
                if sign == Sign::Cached && !behind {
                    // As old as its `Date` says, if there is one.
                    let as_of_ms = response.date.as_deref().and_then(parse_http_date);
                    let as_of_ms = as_of_ms.unwrap_or(0).min(now.wall_ms);
                    self.learn(Some(reading), None, as_of_ms);
                } else {
                    self.learn(Some(reading), etag, now.wall_ms);
                }
                self.tell_read(now, sign);
            }
            BalanceAnswer::Unchanged => {
                self.balance_told(now, sent, sign);
                if sign != Sign::Cached {
                    self.balance
                        .confirm_unchanged(now, asked_with, &mut self.cx);
                }
                self.tell_read(now, sign);
            }
            BalanceAnswer::Forbidden(detail) => {
                self.balance_told(now, sent, sign);
                self.tell_unavailable(now, BalanceReason::Forbidden, &Message::Of(detail));
            }
            BalanceAnswer::Rejected(detail) => {
                self.balance_told(now, sent, sign);
                self.tell_unavailable(now, BalanceReason::Rejected, &Message::Of(detail));
            }
            BalanceAnswer::Setback(setback) => {
                let rejected_before = sent.refreshed;
                self.set_back(now, sent, &setback);
                let reason = setback.kind.reason();
                let may_ask =
                    self.life == Life::Running && self.wire.gate().lets_probes_through(now);
                if setback.kind == SetbackKind::Unauthorized && !rejected_before && may_ask {
                    // Once more, with another token.
                    return self.read_balance(now);
                }
                self.balance.not_told(now, &self.cx);
                self.calls.count_try_of_all();
                let message = Message::Of(setback.detail);
                self.tell_unavailable(now, BalanceReason::Open(reason), &message);
                self.progress_all(now);
            }
        }
    }

    fn balance_lost(&mut self, now: Now, cause: Cause) {
        self.balance.ended();
        self.wire.gate_mut().probe_ended();
        self.balance.not_told(now, &self.cx);
        self.calls.count_try_of_all();
        let reason = BalanceReason::Open(cause.reason);
        self.tell_unavailable(now, reason, &Message::Of(cause.detail));
    }

    /// The balance was reported, by the server or by a cache.
    fn balance_told(&mut self, now: Now, sent: &Sent, sign: Sign) {
        self.balance.told();
        self.wire.balance_told(
            now,
            sent,
            sign,
            &self.outbox,
            &mut self.bulletin,
            &mut self.cx,
        );
    }

    /// The evidence in a balance that the server is alive: only the server knows of a later
    /// version, and it does not forget an earlier one.
    fn sign_of(&self, sent: &Sent, reading: &BalanceReading, sign: Sign) -> Sign {
        let known = self.balance.confirmed();
        let is_news = known.is_some_and(|known| known.version < reading.version);
        match sign {
            Sign::Certain | Sign::Possible if sent.is_behind(reading) => Sign::Cached,
            Sign::Possible if is_news => Sign::Certain,
            Sign::Certain | Sign::Possible | Sign::Cached => sign,
        }
    }

    fn tell_read(&mut self, now: Now, sign: Sign) {
        if sign != Sign::Cached {
            return self.tell_fresh(now);
        }
        let reason = BalanceReason::Open(OpenReason::Unreachable);
        self.tell_unavailable(now, reason, &Message::OldAnswer);
    }

    fn tell_fresh(&mut self, now: Now) {
        match self.balance_view(now) {
            Some(balance) => {
                self.balance.tell_fresh(&balance, &mut self.cx);
                self.decide_waiting_starts(now);
            }
            None => {
                let reason = BalanceReason::Open(OpenReason::Unauthorized);
                self.tell_unavailable(now, reason, &Message::Of(Detail::SignedOut));
            }
        }
    }

    fn tell_unavailable(&mut self, now: Now, reason: BalanceReason, message: &Message) {
        let cached = self.balance_view(now);
        self.balance
            .tell_unavailable(reason, message, cached.as_ref(), &mut self.cx);
        self.decide_waiting_starts(now);
    }

    fn close_refresh(&mut self, now: Now) {
        let reason = BalanceReason::Open(OpenReason::Timeout);
        self.tell_unavailable(now, reason, &Message::Closed);
    }

    fn learn(&mut self, reading: Option<BalanceReading>, etag: Option<String>, as_of_ms: u64) {
        self.balance.learn(reading, etag, as_of_ms, &mut self.cx);
    }

    fn first_refresh(&mut self, now: Now) {
        let lost = self.bulletin.goes_on(AlertKind::NetworkLost);
        match self.balance.is_stale(now, &self.cx) || lost {
            false => self.balance.put_sync_off(now, &mut self.cx),
            true if self.wire.gate().lets_probes_through(now) => self.read_balance(now),
            true => self.balance.need(now),
        }
    }

    fn probe_if_due(&mut self, now: Now) {
        if self.wire.gate().probe_is_due(now) {
            self.read_balance(now);
        }
    }

    fn sync_if_due(&mut self, now: Now) {
        let due = self.balance.is_due(now) && self.may_ask(now);
        if due && self.balance.is_wanted(now, &mut self.cx) {
            self.read_balance(now);
        }
    }

    /// The page became visible or hidden.
    fn visible(&mut self, now: Now, visible: bool) {
        let comes = self.balance.see(visible);
        let stale = self.cx.config.sync_every_ms > 0 && self.balance.is_stale(now, &self.cx);
        let lost = self.bulletin.goes_on(AlertKind::NetworkLost);
        if comes && (stale || lost) && self.life == Life::Running {
            self.balance.need(now);
        }
    }

    /// The balance cache, or another tab, reports a balance.
    fn cached(&mut self, confirmed: Confirmed) {
        self.told_by_peer(Vec::new(), Some(confirmed));
    }

    /// Another tab has changed these charges, and knows this balance.
    fn told_by_peer(&mut self, keys: Vec<Key>, confirmed: Option<Confirmed>) {
        let ours = KnownBalance {
            balance: &self.balance,
            writer: &self.writer,
        };
        let news =
            confirmed.filter(|confirmed| self.life != Life::SignedOut && ours.is_news(confirmed));
        let held = match &news {
            Some(news) if ours.changes_version(news) => {
                peers::held_for_others(&self.outbox, &self.tasks)
            }
            Some(_) | None => Vec::new(),
        };
        let waits = !keys.is_empty() || !held.is_empty();
        for key in keys {
            self.outbox.update(&key, |entry| entry.outdated = true);
            self.read_for_peer(key);
        }
        let Some(news) = news else {
            return;
        };
        if waits {
            let read_anyway = self.writer.to_read();
            for key in held {
                if !read_anyway.contains_key(&key) {
                    self.read_for_peer(key);
                }
            }
            self.writer.bring(news);
        } else {
            self.balance.learn_cached(news);
        }
    }

    fn read_for_peer(&mut self, key: Key) {
        let then = Then::Observe {
            from_peer: true,
            confirmed: None,
        };
        self.writer.push(Op::Read { key }, then);
    }

    // ---- waking up, and the end
    /// Compares the clocks. After the machine slept, waits end by whichever clock went on; after
    /// the wall clock was set back, the age of a key is unknown.
    fn watch_clocks(&mut self, now: Now) {
        match self.clocks.look(now) {
            ClockStep::None => {}
            ClockStep::Ahead(by_ms) => self.slept(by_ms),
            ClockStep::Back if defect!(IgnoresClockSetBack) => {}
            ClockStep::Back => self.clock_set_back(),
        }
    }

    fn slept(&mut self, by_ms: u64) {
        self.wire.gate_mut().slept(by_ms);
        self.outbox.slept(by_ms);
        self.writer.slept(by_ms);
        self.balance.slept(by_ms);
        self.reader.slept(by_ms);
    }

    /// The wall clock was set back. This tab still has the steadier clock; other tabs and later
    /// starts have the journal only.
    fn clock_set_back(&mut self) {
        self.reader.clock_set_back();
        self.lose_ages();
    }

    /// Notes for all charges without a verdict that their age is unknown.
    fn lose_ages(&mut self) {
        let held = self.outbox.iter().map(|entry| &entry.record);
        let held = held.filter(|record| record.is_held() && !record.is_ageless());
        let keys: Vec<Key> = held.map(|record| record.charge().key.clone()).collect();
        for key in keys {
            self.writer.push_lasting(Op::LoseAge { key });
        }
    }

    /// When the clocks are compared next, if nothing happens; monotonic.
    fn heartbeat_at_ms(&self) -> Option<u64> {
        let beats = self.outbox.open() > 0 && self.reads_by_itself();
        beats.then(|| self.last.after(HEARTBEAT_MS))
    }

    /// Whether it reads the journal unrequested; waiting calls are answered after a sign-out, too.
    fn reads_by_itself(&self) -> bool {
        match self.life {
            Life::Running | Life::SignedOut => true,
            Life::Recovering | Life::Closed => false,
        }
    }

    /// Whether there is work to do here, or news to expect from another tab.
    fn is_busy(&self) -> bool {
        self.outbox.open() > 0 || self.tasks.any_elsewhere()
    }

    /// Reopens charges that failed because the server was unreachable, once it no longer is.
    fn notice_recovery(&mut self, now: Now) {
        let out_of_reach = self.wire.gate().is_out_of_reach();
        if self.was_out_of_reach && !out_of_reach {
            self.retry_after_outage(now);
            self.wire.recovered();
        }
        self.was_out_of_reach = out_of_reach;
    }

    fn load(&mut self) {
        self.reader.read(self.outbox.open(), &mut self.cx);
    }

    /// Reads the journal as it is from now on.
    fn load_anew(&mut self) {
        self.reader.read_anew(self.outbox.open(), &mut self.cx);
    }

    fn browser_says(&mut self, now: Now, online: bool) {
        let comes_back = online && self.wire.gate().network() == Network::Offline;
        self.wire.gate_mut().browser_says(online, now);
        if online {
            if comes_back && self.life == Life::Running {
                self.balance.need_when_seen(now);
            }
            self.load();
            if self.wire.gate().closed_for(now).is_none() {
                self.hurry_all(now);
            }
        }
        self.progress_all(now);
    }

    /// Reports nothing certain of an open charge before the journal has been read again.
    fn woke(&mut self, now: Now) {
        self.wire.gate_mut().hurry(now);
        self.reader.woke(self.writer.begun());
        self.load_anew();
        self.tasks
            .woke(now, &self.outbox, &self.server_holds, &mut self.cx);
    }

    /// `signOut()`. A repeated one only reports the open charges.
    fn sign_out(&mut self, now: Now, call: CallId) {
        if self.life != Life::SignedOut {
            self.end_session(now);
            self.cx.push(Effect::MarkSignOut);
        } else if self.sign_out.is_new() {
            self.cx.push(Effect::MarkSignOut);
        }
        self.forget_settled(now);
        self.sign_out.asked(now, call, &self.cx);
        // Another tab may have made or settled charges of which this one has not heard.
        self.read_for_who_left();
    }

    fn read_for_who_left(&mut self) {
        self.sign_out.reads();
        self.reader.doubt();
        self.load_anew();
    }

    /// Stops sending, and showing a balance.
    fn end_session(&mut self, now: Now) {
        self.life = Life::SignedOut;
        self.cx.sign_out();
        self.bulletin.sign_out();
        self.answer_the_impatient(now);
        self.end_flush(Some(Stopped::Open(OpenReason::Unauthorized)));
        self.balance.sign_out(&mut self.cx);
        self.end_tasks();
    }

    /// The mark is in storage: from here on no tab of the session makes a claim.
    fn marked(&mut self, now: Now, marked: Result<u64, String>) {
        match marked {
            Ok(_) => {
                self.sign_out.marked(now);
                // Read now, the journal shows all claims that may still be used.
                self.read_for_who_left();
            }
            Err(error) => {
                self.storage_failed(now, &error);
                self.sign_out.not_marked(now, &mut self.cx);
            }
        }
    }

    /// Storage or another tab reports another tab's sign-out.
    fn signed_out(&mut self, now: Now, mark: u64) {
        if self.is_over(mark) {
            self.leave(now);
        }
    }

    /// Another tab has signed the account out.
    fn leave(&mut self, now: Now) {
        if self.life != Life::SignedOut {
            self.end_session(now);
            self.sign_out.marked(now);
            // That tab deletes them from the journal.
            for key in self.outbox.settled() {
                self.forget(now, &key);
            }
            self.load_anew();
        }
        // The tab that signed out waits for this.
        self.cx.push(Effect::AnnounceLeft);
    }

    /// A charge was requested in a tab that had not heard of the sign-out: it is not taken on.
    fn not_enqueued_after_sign_out(
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
        for key in self.outbox.settled() {
            self.forget(now, &key);
            self.forget_at_rest(key);
        }
    }

    /// Answers the sign-out with the open charges, as far as known by now.
    fn tell_who_left(&mut self, now: Now) {
        let calls = self.sign_out.take_calls();
        if calls.is_empty() {
            return;
        }
        self.forget_settled(now);
        let held = self.outbox.iter().filter(|entry| entry.record.is_held());
        let durable = self.store.is_durable();
        let open = held
            .map(|entry| self.cx.show(&entry.record, durable && entry.saved))
            .collect::<Vec<ChargeRecord>>();
        for call in calls {
            self.resolve(call, Answer::SignedOut(open.clone()));
        }
    }

    /// The journal has been read for the sign-out, or can't be.
    fn read_after_sign_out(&mut self) {
        self.sign_out.has_read(self.life == Life::SignedOut);
    }

    /// Answers the sign-out as soon as sending has ended everywhere, or its callers have waited
    /// long enough.
    fn advance_leaving(&mut self, now: Now) {
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

    /// Answers all calls that would wait for an attempt, now that there will be none.
    fn answer_the_impatient(&mut self, now: Now) {
        for key in self.calls.keys() {
            for id in self.calls.at(&key) {
                let impatient = |call: &Call| !call.is_reading() && call.deadline_ms.is_some();
                if self.calls.get(id).is_some_and(impatient) {
                    self.answer_so_far(now, id);
                }
            }
        }
    }

    fn close(&mut self, now: Now) {
        self.tell_who_left(now);
        self.answer_the_impatient(now);
        for key in self.calls.keys() {
            for id in self.calls.at(&key) {
                self.resolve_waiting(id, Answer::Closed);
            }
        }
        self.conclude_all_lost(now);
        self.close_flush();
        self.end_tasks();
        self.close_refresh(now);
        self.tasks.close(&mut self.cx);
        self.life = Life::Closed;
    }

    /// Answers events of a closed client.
    fn answer_closed(&mut self, event: Event) {
        match event {
            Event::Call { id, .. } => self.resolve(id, Answer::Closed),
            Event::Journaled(results) => self.journaled_when_closed(results),
            // Requested earlier, and no longer of use.
            Event::LockGranted => self.cx.push(Effect::ReleaseLock),
            Event::EndTask { .. }
            | Event::StopWaiting { .. }
            | Event::LoadedPage(_)
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
            | Event::LockTimedOut
            | Event::LockDropped
            | Event::Peer { .. }
            | Event::PeerFlush(_)
            | Event::PeerTasks { .. }
            | Event::AskedTasks
            | Event::Cached(_)
            | Event::Online(_)
            | Event::Visible(_)
            | Event::Woke
            | Event::Restored
            | Event::Tick
            | Event::Locale(_)
            | Event::Marked(_)
            | Event::SignedOut { .. }
            | Event::PeerLeft { .. }
            | Event::Close => {}
        }
    }

    // ---- display
    /// The state as its user sees it.
    pub fn snapshot(&self, now: Now) -> Snapshot {
        Snapshot {
            account: self.cx.account.clone(),
            balance: self.balance_view(now),
            network: self.wire.gate().network(),
            storage: self.store.kind(),
            queue: QueueCounts {
                held_points: self.held(now),
                ..self.outbox.counts()
            },
            persisted: self.store.persisted(),
            flush: self.flush.shown(),
            alerts: self.bulletin.alerts(self.cx.config.locale),
            stats: self.stats.view(),
        }
    }

    /// What is shown before the journal has been read, where its queue is known otherwise.
    pub fn snapshot_of(&self, now: Now, queue: QueueCounts) -> Snapshot {
        let open = queue.pending.saturating_add(queue.retrying) as u64;
        Snapshot {
            balance: self.balance.view(queue.held_points, now, &self.cx),
            queue,
            stats: BillingStats {
                enqueued: open,
                open,
                ..BillingStats::default()
            },
            ..self.snapshot(now)
        }
    }

    /// Which of these records of the journal, and of those that it could not store, are asked for,
    /// newest first; if it could not be read, of this tab's own records. After a sign-out what is
    /// settled is being deleted, and not shown any more.
    pub fn show_list(
        &self,
        stored: Option<Vec<Record>>,
        filter: ChargeFilter,
    ) -> Vec<ChargeRecord> {
        let readable = stored.is_some();
        let known = self.outbox.iter();
        let known = known.filter(|entry| !readable || !entry.saved);
        let known = map_of(known.map(|entry| (&entry.record.charge().key, entry)));
        let stored = stored.unwrap_or_default();
        let mut all: Vec<(&Record, bool)> = stored
            .iter()
            .filter(|record| !known.contains_key(&&record.charge().key))
            .map(|record| (record, true))
            .chain(known.values().map(|entry| (&entry.record, entry.saved)))
            .filter(|(record, _)| {
                (self.life != Life::SignedOut || record.is_held())
                    && filter.wants(BillingStatus::of(record))
            })
            .collect();
        all.sort_unstable_by_key(|(record, _)| Reverse(record.sequence()));
        all.iter()
            .take(filter.limit as usize)
            .map(|(record, durable)| self.cx.show(record, *durable && self.store.is_durable()))
            .collect()
    }

    fn show_changes(&mut self, now: Now) {
        let window_start_ms = now.mono_ms.saturating_sub(self.cx.config.window_ms);
        self.stats.forget_before(window_start_ms);
        self.bulletin
            .show_flush(self.flush.progress(), &mut self.cx);
        let lost = self.wire.is_in_doubt();
        let watched = Watched {
            open: self.outbox.open(),
            samples: self.stats.samples(),
            outage_is_over: self.wire.gate().is_in_reach() && !(lost && self.outbox.open() > 0),
        };
        self.bulletin.watch_outage(now, watched, &mut self.cx);
        let snapshot = self.snapshot(now);
        self.bulletin.show(now, snapshot, watched, &mut self.cx);
    }

    /// Raises an alert, unless its episode is already under way.
    fn raise(&mut self, now: Now, kind: AlertKind, message: Message) {
        self.bulletin.raise(now, kind, message, &mut self.cx);
    }

    /// Logs an answer to a caller that the charge's own record does not log.
    fn log_answer(&mut self, now: Now, call: &Call, record: &Record, outcome: &Outcome) {
        if call.logs(outcome) {
            let charge = call.charge.as_ref().unwrap_or(record.charge());
            self.cx.log_outcome(now, charge, outcome);
        }
    }

    /// Sets the language of all texts from now on.
    fn set_locale(&mut self, locale: Locale) {
        self.cx.config.locale = locale;
    }
}

#[cfg(test)]
mod tests;
