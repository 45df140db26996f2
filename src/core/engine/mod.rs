//! The engine: a state machine that takes [`Event`]s, gives [`Effect`]s and owns no time.
//!
//! The contract with whoever drives it:
//!
//! 1. [`Engine::handle`] takes one report; then [`Engine::poll`] is called until it gives `None`,
//!    and each effect is carried out in that order.
//! 2. Every `Journal` is followed by one `Journaled`, every `Load` by one `Loaded`, every `Send`
//!    by one of `Answered`, `Lost`, `NotSent`, every `AskLock` by `LockGranted` or `LockRefused`.
//! 3. If nothing happens until [`Engine::deadline`], a `Tick` is handled then.
//!
//! A charge request leaves only after the transaction that numbers its attempt has committed, and
//! an outcome is told only after what it says is in the journal.

mod admission;
mod answering;
mod answers;
mod balance;
mod bulletin;
mod calls;
mod concluding;
mod context;
mod ending;
mod event;
mod flush;
mod flushing;
mod giving_up;
mod hearing;
mod journal;
mod journaling;
mod keeping;
mod look_ups;
mod notices;
mod reading;
mod seeking;
mod sending;
mod sign_out;
mod storage;
mod syncing;
mod tabs;
mod taking_up;
mod task_starts;
mod tasks;
mod unwritten;
mod waking;
mod wire;

pub use event::{Answer, CallId, CallRequest, Effect, Event, Notice, SendId, Unsent};
pub use journal::{Earlier, OpenCharges};
pub use tasks::Running;

use self::balance::BalanceSync;
use self::bulletin::Bulletin;
use self::calls::Calls;
use self::context::Context;
use self::flush::Flush;
use self::journal::{Reader, Store, Writer};
use self::sign_out::SignOut;
use self::tabs::Tabs;
use self::tasks::Tasks;
use self::wire::Wire;
use super::clock::{ClockWatch, Now};
use super::config::Config;
use super::network::{LONGEST_HOLD_MS, Way};
use super::outbox::{Outbox, Patience};
use super::session::Session;
use super::snapshot::StorageKind;
use super::stats::Stats;

/// Who the engine works for, and with what.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The signed-in account.
    pub account: String,
    /// Names this client among all tabs and starts.
    pub tab: String,
    /// For the jitter.
    pub seed: u64,
    /// Where the journal lives.
    pub storage: StorageKind,
    /// The browser's word about the network.
    pub online: bool,
    /// What there is of the account from before, besides what the journal tells.
    pub earlier: Earlier,
    /// In which it was opened.
    pub session: Session,
}

/// One client.
#[derive(Debug)]
pub struct Engine {
    cx: Context,
    wire: Wire,
    outbox: Outbox,
    balance: BalanceSync,
    tasks: Tasks,
    calls: Calls,
    writer: Writer,
    reader: Reader,
    store: Store,
    tabs: Tabs,
    last_sequence: u64,
    flush: Flush,
    stats: Stats,
    bulletin: Bulletin,
    was_out_of_reach: bool,
    /// When settled charges that are more than are kept go; monotonic.
    surplus_goes_at_ms: Option<u64>,
    life: Life,
    sign_out: SignOut,
    clocks: ClockWatch,
    /// When the last report of the world was taken.
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
    /// A client that first orders its journal to be read.
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
            calls: Calls::default(),
            writer: Writer::default(),
            reader: Reader::new(),
            store: Store::new(setup.storage, setup.earlier),
            tabs,
            last_sequence: 0,
            flush: Flush::default(),
            stats: Stats::default(),
            bulletin: Bulletin::default(),
            was_out_of_reach: false,
            surplus_goes_at_ms: None,
            life: Life::Recovering,
            sign_out: SignOut::default(),
            clocks: ClockWatch::default(),
            last: Now::default(),
        }
    }

    /// Takes one report of the world.
    pub fn handle(&mut self, now: Now, event: Event) {
        self.last = now;
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
            Event::LockRefused => self.lock_refused(now),
            Event::LockDropped => self.lock_dropped(),
            Event::Peer { keys, confirmed } => self.told_by_peer(keys, confirmed),
            Event::PeerFlush(progress) => self.flush.hear(now, progress, &self.cx),
            Event::PeerTasks { tab, running } => self.tasks_elsewhere(now, tab, running),
            Event::AskedTasks => self.asked_for_tasks(now),
            Event::Cached(confirmed) => self.cached(confirmed),
            Event::Online(online) => self.browser_says(now, online),
            Event::Visible(visible) => self.visible(now, visible),
            Event::Woke => self.woke(now),
            Event::Tick => {}
            Event::Locale(locale) => self.set_locale(locale),
            Event::Marked(marked) => self.marked(now, marked),
            Event::SignedOut { mark } => self.signed_out(now, mark),
            Event::PeerLeft { tab } => self.sign_out.heard_of(tab),
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
                self.start_task(now, call, &charge, running);
            }
            CallRequest::SignOut => self.sign_out(now, call),
        }
    }

    /// The next order, until there is none.
    pub fn poll(&mut self) -> Option<Effect> {
        if let Some(effect) = self.cx.next_effect() {
            return Some(effect);
        }
        self.journal_order()
    }

    /// When to come back if nothing happens; monotonic, and over already where time has passed
    /// since the last report.
    pub fn deadline(&self) -> Option<u64> {
        // Not of the present: what has become due since that report would be taken for done.
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
            self.surplus_goes_at_ms,
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

    /// Whether nothing is being written and nothing waits to be.
    pub fn is_idle(&self) -> bool {
        self.writer.is_idle() && self.cx.has_no_effects()
    }

    /// Does what has become due or possible.
    fn advance(&mut self, now: Now) {
        self.calls_overdue(now);
        self.flush.forget_elsewhere(now);
        self.refuse_refresh_if_shut(now);
        self.seek_again(now);
        self.writer.retry_unsaved_if_due(now);
        if self.reads_by_itself() {
            let (is_busy, open) = (self.is_busy(), self.outbox.open());
            self.reader.look_if_due(now, is_busy, open, &mut self.cx);
        }
        if self.life == Life::Running {
            self.notice_recovery(now);
            self.probe_if_due(now);
            self.sync_if_due(now);
            self.take_up_due(now);
            self.advance_flush(now);
        }
        self.let_surplus_go_if_due(now);
        self.store.advance(now, &mut self.bulletin);
        self.advance_leaving(now);
        self.advance_tasks(now);
        self.show_changes(now);
    }

    /// Whether it has signed out, or has heard that another tab has.
    pub fn is_signed_out(&self) -> bool {
        self.life == Life::SignedOut
    }

    /// Whether the account has signed out since the client was opened, where storage has this mark.
    pub fn is_over(&self, mark: u64) -> bool {
        self.tabs.session().is_over(mark)
    }

    fn patience(&self) -> Patience {
        Patience {
            delay_ms: self.cx.config.backoff.max_ms.max(self.cx.config.claim_ms()),
            hold_ms: LONGEST_HOLD_MS,
        }
    }
}
