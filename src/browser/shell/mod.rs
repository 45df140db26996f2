//! One client: the engine, what it orders done, and the promises that wait for it.

mod reading;
mod turn;

pub use self::reading::{Asked, JournalReading};
use super::announcements::Announcements;
use super::balance_cache::{self, Cached};
use super::clock::now;
use super::crash_injection::{self, DeathPlace};
use super::host::Host;
use super::http::{self, AlarmUser, Destination, Exchange, Limit};
use super::listeners::{self, PageEvent};
use super::lock::WebLock;
use super::names::Names;
use super::peers::{PeerMessage, Peers, Told};
use super::standstill::Standstill;
use super::store::{JournalStore, News};
use super::throttle::Throttle;
use super::value::{parsed, to_js};
use crate::browser::error::{Code, error, text};
use crate::browser::lock::{self, Acquired};
use crate::browser::persistence;
use crate::browser::store::Scope;
use crate::core::balance::Confirmed;
use crate::core::charge::Key;
use crate::core::engine::{
    Answer, CallId, CallRequest, Effect, Engine, Event, Notice, Running, SendId, Unsent,
};
use crate::core::journal::{ApplyAt, Op};
use crate::core::json::ToJson as _;
use crate::core::ordered::Map;
use crate::core::protocol::Request;
use crate::core::record::Record;
use crate::core::session::Session;
use crate::core::snapshot::{ChargeRecord, QueueCounts, Snapshot, StorageKind};
use gloo_events::EventListener;
use gloo_timers::callback::Timeout;
use js_sys::{Function, Promise};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::spawn_local;

/// `setTimeout` takes no more, and a look once an hour costs nothing.
const LONGEST_TIMER_MS: u64 = 3_600_000;

/// A timer that is so late does not come by itself, in milliseconds.
const OVERDUE_MS: u64 = 1_000;

/// How often localStorage is written, in milliseconds, with what only a later start reads.
const NOTE_EVERY_MS: u32 = 100;

/// How often a worker that is offline looks whether it still is, in milliseconds.
const LOOK_ONLINE_EVERY_MS: u64 = 1_000;

/// A queue of fewer charges, but for an empty one, is read first: that takes about as long as to show
/// what was noted of it.
const SHOWN_AHEAD_FROM: usize = 500;

/// Nobody else asks for the lock by which a client shows that it lives.
const ALIVE_PATIENCE_MS: u32 = 1_000;

/// One client.
pub struct Shell {
    engine: RefCell<Engine>,
    store: JournalStore,
    host: Host,
    destination: Destination,
    names: Names,
    session: Session,
    /// How long the lock is waited for under which one tab flushes.
    lock_patience_ms: u64,
    tab: String,
    is_in_worker: bool,
    /// What the core was told last of the network, in a worker.
    online: Cell<bool>,
    lock: WebLock,
    alive: WebLock,
    /// Held as long as the journal is in localStorage.
    fallback: WebLock,
    asked_to_persist: Cell<bool>,
    /// None once the client is closed.
    alarm: RefCell<Option<AlarmUser>>,
    announcements: Rc<Announcements>,
    /// The balance to be cached next.
    balance: RefCell<Option<Confirmed>>,
    balance_notes: Throttle,
    /// Whether the charges that are open are to be noted.
    open_changed: Cell<bool>,
    open_notes: Throttle,
    listeners: RefCell<Vec<EventListener>>,
    /// The timer of the next deadline, and when it fires; monotonic.
    timer: RefCell<Option<(u64, Timeout)>>,
    calls: RefCell<Map<CallId, (Function, Function)>>,
    last_call: Cell<CallId>,
    /// Of the requests that are on their way.
    limits: RefCell<Map<SendId, Rc<Limit>>>,
    standstill: Standstill,
    draining: Cell<bool>,
    /// Whether the writing of receipts waits for what the callers ask for next.
    gathering: Cell<bool>,
    /// Changed records that the facade is to be told of next.
    changed: RefCell<Vec<ChargeRecord>>,
    /// Readings of the journal that are under way.
    loads: Cell<u32>,
    /// Whether one of the core's has gone well: until then nothing is known of what is open.
    has_read: Cell<bool>,
    recovering: RefCell<Vec<Function>>,
    closing: RefCell<Vec<Function>>,
}

/// What a shell is made of.
pub struct Parts {
    /// The core, new.
    pub engine: Engine,
    /// The journal.
    pub store: JournalStore,
    /// What the store had to say when it was opened.
    pub news: Vec<News>,
    /// The facade's side.
    pub host: Host,
    /// Where requests go.
    pub destination: Destination,
    /// The account's names.
    pub names: Names,
    /// In which the client was opened.
    pub session: Session,
    /// This client's name among all tabs and starts.
    pub tab: String,
    /// How long the lock is waited for under which one tab flushes, in milliseconds.
    pub lock_patience_ms: u64,
}

impl Shell {
    /// Starts a client: from here on it does what the engine orders. Before it claims anything
    /// it shows that it lives.
    pub async fn start(parts: Parts) -> Rc<Shell> {
        let shell = Rc::new(Shell {
            engine: RefCell::new(parts.engine),
            store: parts.store,
            host: parts.host,
            destination: parts.destination,
            names: parts.names,
            session: parts.session,
            lock_patience_ms: parts.lock_patience_ms,
            tab: parts.tab,
            is_in_worker: listeners::is_worker(),
            online: Cell::new(listeners::is_online()),
            lock: WebLock::default(),
            alive: WebLock::default(),
            fallback: WebLock::default(),
            asked_to_persist: Cell::new(false),
            alarm: RefCell::new(Some(AlarmUser::register())),
            announcements: Rc::new(Announcements::new()),
            balance: RefCell::new(None),
            balance_notes: Throttle::new(NOTE_EVERY_MS),
            open_changed: Cell::new(false),
            open_notes: Throttle::new(NOTE_EVERY_MS),
            listeners: RefCell::new(Vec::new()),
            timer: RefCell::new(None),
            calls: RefCell::new(Map::new()),
            last_call: Cell::new(0),
            limits: RefCell::new(Map::new()),
            standstill: Standstill::new(),
            draining: Cell::new(false),
            gathering: Cell::new(false),
            changed: RefCell::new(Vec::new()),
            loads: Cell::new(0),
            has_read: Cell::new(false),
            recovering: RefCell::new(Vec::new()),
            closing: RefCell::new(Vec::new()),
        });
        shell.announcements.open(shell.listen());
        let weak = Rc::downgrade(&shell);
        *shell.listeners.borrow_mut() = listeners::attach(&shell.names, move |event| {
            if let Some(shell) = weak.upgrade() {
                shell.page_event(event);
            }
        });
        let cached = balance_cache::read(&shell.names.balance());
        if let Some(confirmed) = cached.and_then(|cached| cached.of(shell.session)) {
            shell
                .engine
                .borrow_mut()
                .handle(now(), Event::Cached(confirmed));
        }
        shell
            .engine
            .borrow_mut()
            .handle(now(), Event::Visible(listeners::is_visible()));
        let is_shown = |queue: &QueueCounts| {
            let charges = queue.charges();
            charges == 0 || charges >= SHOWN_AHEAD_FROM
        };
        if let Some(queue) = shell.store.noted_queue().filter(is_shown) {
            let snapshot = shell.engine.borrow().snapshot_of(now(), queue);
            let snapshot = snapshot.to_json().to_text();
            let session = shell.session.mark() as f64;
            shell.host.show_ahead(&snapshot, session);
        }
        shell.show_alive().await;
        shell.report(parts.news).await;
        shell.drain();
        shell
    }

    async fn show_alive(&self) {
        let name = format!("{}{}", self.names.alive(), self.tab);
        // Without it this client's claims may be taken over while it lives, which the key makes
        // harmless.
        let _ = self
            .alive
            .acquire(&self.host, &name, ALIVE_PATIENCE_MS)
            .await;
        if self.store.kind() == StorageKind::LocalStorage {
            self.show_fallback().await;
        }
    }

    /// Keeps other tabs from moving away what this one works with.
    async fn show_fallback(&self) {
        if !self.fallback.is_held() {
            let name = format!("{}{}", self.names.fallback(), self.tab);
            let _ = self
                .fallback
                .acquire(&self.host, &name, ALIVE_PATIENCE_MS)
                .await;
        }
    }

    /// The session in which the client was opened.
    pub fn session(&self) -> Session {
        self.session
    }

    /// Whether the account has signed out since, as far as can be seen at once.
    fn is_over(&self) -> bool {
        let engine = self.engine.borrow();
        engine.is_signed_out() || engine.is_over(self.store.sign_out_mark())
    }

    /// Tells the core of a sign-out of which it has not heard.
    fn heed_mark(self: &Rc<Shell>) {
        let mark = self.store.sign_out_mark();
        let is_news = {
            let engine = self.engine.borrow();
            engine.is_over(mark) && !engine.is_signed_out()
        };
        if is_news {
            self.dispatch(Event::SignedOut { mark });
        }
    }

    /// The balance cache has changed, or been read anew.
    fn cached(self: &Rc<Shell>, cached: Cached) {
        let mark = cached.session;
        match cached.of(self.session) {
            Some(confirmed) => self.dispatch(Event::Cached(confirmed)),
            None => self.dispatch(Event::SignedOut { mark }),
        }
    }

    /// A promise for the moment at which the journal has been read, or could not be.
    pub fn recovered(self: &Rc<Shell>) -> Promise {
        let recovered = Promise::new(&mut |resolve, _| self.recovering.borrow_mut().push(resolve));
        self.tell_waiters();
        recovered
    }

    /// A promise for the answer to `request`.
    pub fn ask(self: &Rc<Shell>, request: CallRequest) -> (CallId, Promise) {
        let call = self.last_call.get().saturating_add(1);
        self.last_call.set(call);
        let promise = Promise::new(&mut |resolve, reject| {
            self.calls.borrow_mut().insert(call, (resolve, reject));
        });
        crash_injection::chance(DeathPlace::Call);
        self.dispatch(Event::Call { id: call, request });
        if self.standstill.is_behind() {
            // What it asks for is written meanwhile, and need not wait for that when it is sent.
            let shell = Rc::clone(self);
            spawn_local(async move { shell.standstill.catch_up().await });
        }
        (call, promise)
    }

    /// Reports to the core, and does what it orders.
    pub fn dispatch(self: &Rc<Shell>, event: Event) {
        self.standstill.end();
        let mut engine = self.engine.borrow_mut();
        crash_injection::chance(DeathPlace::Borrow);
        if self.missed_network() {
            let online = listeners::is_online();
            self.online.set(online);
            engine.handle(now(), Event::Online(online));
        }
        engine.handle(now(), event);
        drop(engine);
        self.drain();
    }

    /// Whether the network has come or gone without an event: Chromium has none for workers.
    fn missed_network(&self) -> bool {
        self.is_in_worker && self.online.get() != listeners::is_online()
    }

    /// The page is visible again, or back from the back/forward cache.
    fn woke(self: &Rc<Shell>) {
        // First of all: what is known may be old, and whatever happens next may be told of it.
        self.heed_mark();
        self.dispatch(Event::Woke);
        self.dispatch(Event::Online(listeners::is_online()));
    }

    /// The page may be on its way into the back/forward cache, where it does nothing: lets go of
    /// the locks, or stops waiting for them, and of the channel, since a message would end its
    /// stay there.
    fn hidden(self: &Rc<Shell>) {
        // In this order: whoever is granted the other one asks who lives. The lock of the
        // fallback is kept: nobody waits for it, and what this page works with has to stay.
        self.alive.let_go();
        self.lock.let_go();
        // Its work stands still, and may never go on.
        self.tell_tasks(Vec::new(), true);
        self.announcements.close();
        self.write_notes();
    }

    /// The page is back from the back/forward cache.
    fn shown_again(self: &Rc<Shell>) {
        // Timers stood still there, and fire as much later (HTML: while the document is fully active).
        drop(self.timer.take());
        http::renew_alarm();
        self.announcements.open(self.listen());
        self.heed_mark();
        self.dispatch(Event::Woke);
        self.dispatch(Event::Restored);
        self.dispatch(Event::Visible(listeners::is_visible()));
        if let Some(cached) = balance_cache::read(&self.names.balance()) {
            self.cached(cached);
        }
        // Other tabs may have asked again since, and the connections may be long gone.
        self.end_requests();
        let shell = Rc::clone(self);
        spawn_local(async move {
            shell.show_alive().await;
            shell.dispatch(Event::Online(listeners::is_online()));
        });
    }

    /// Whether it can still work. Asked from outside of it, false means that it was cut short in
    /// the middle of something, and will never go on.
    pub fn is_well(&self) -> bool {
        !self.draining.get() && self.engine.try_borrow_mut().is_ok()
    }

    /// A promise for the end of all writing and reading that is under way. Requests are ended.
    pub fn close(self: &Rc<Shell>) -> Promise {
        let closed = Promise::new(&mut |resolve, _| self.closing.borrow_mut().push(resolve));
        self.listeners.borrow_mut().clear();
        self.write_notes();
        self.dispatch(Event::Close);
        self.lock.close();
        self.alive.close();
        self.fallback.close();
        self.end_requests();
        closed
    }

    /// Another tab has refreshed the token.
    fn refreshed_elsewhere(&self) {
        self.host.refreshed_elsewhere();
    }

    fn end_requests(&self) {
        // Those who listen to a request's signal may call back, and send others.
        let limits: Vec<Rc<Limit>> = self.limits.borrow().values().cloned().collect();
        for limit in limits {
            limit.end();
        }
    }

    fn drain(self: &Rc<Shell>) {
        self.drain_but(Engine::may_gather);
        if self.engine.borrow().may_gather() && !self.gathering.replace(true) {
            let shell = Rc::clone(self);
            spawn_local(async move {
                turn::ends().await;
                shell.gathering.set(false);
                shell.drain_but(|_| false);
            });
        }
    }

    /// Does what the core orders, but for what is left of it when it `may_wait`.
    fn drain_but(self: &Rc<Shell>, may_wait: fn(&Engine) -> bool) {
        // A listener that calls back into the client finds this loop running and leaves its
        // orders to it.
        if self.draining.replace(true) {
            return;
        }
        if crash_injection::chance(DeathPlace::Drain) {
            return;
        }
        loop {
            let waits = may_wait(&self.engine.borrow());
            let effect = match waits {
                true => None,
                false => self.engine.borrow_mut().poll(),
            };
            let is_told = self.changed.borrow().is_empty();
            match effect {
                Some(effect) => self.perform(effect),
                None if is_told => break,
                // Whoever hears of them may call back, and give orders.
                None => self.tell_charges(),
            }
        }
        self.draining.set(false);
        self.announcements.tell_soon();
        self.set_timer();
        self.note_soon();
        self.tell_waiters();
    }

    /// Sees to it that a timer fires by the deadline. One that fires earlier stays: most deadlines
    /// are put off before they come. One that should have long fired has stood still with the page or
    /// the computer, and may go on doing so.
    fn set_timer(self: &Rc<Shell>) {
        // A closed client listens to nothing.
        let is_open = !self.listeners.borrow().is_empty();
        let looks = is_open && self.is_in_worker && !self.online.get();
        let look_ms = looks.then(|| now().mono_ms.saturating_add(LOOK_ONLINE_EVERY_MS));
        let deadline_ms = self.engine.borrow().deadline();
        let Some(at_ms) = deadline_ms.into_iter().chain(look_ms).min() else {
            return drop(self.timer.take());
        };
        let now_ms = now().mono_ms;
        if self.timer.borrow().as_ref().is_some_and(|(fires_ms, _)| {
            *fires_ms <= at_ms && now_ms.saturating_sub(*fires_ms) < OVERDUE_MS
        }) {
            return;
        }
        let wait_ms = at_ms.saturating_sub(now_ms).min(LONGEST_TIMER_MS);
        let weak = Rc::downgrade(self);
        let timer = Timeout::new(u32::try_from(wait_ms).unwrap_or(u32::MAX), move || {
            if let Some(shell) = weak.upgrade() {
                shell.timer_fired();
            }
        });
        *self.timer.borrow_mut() = Some((now_ms.saturating_add(wait_ms), timer));
    }

    fn timer_fired(self: &Rc<Shell>) {
        drop(self.timer.take());
        let deadline_ms = self.engine.borrow().deadline();
        let is_due = deadline_ms.is_some_and(|at_ms| at_ms <= now().mono_ms);
        match is_due || self.missed_network() {
            true => self.dispatch(Event::Tick),
            false => self.set_timer(),
        }
    }

    /// Writes to localStorage what has changed there, now or soon.
    fn note_soon(self: &Rc<Shell>) {
        let later = |write: fn(&Rc<Shell>)| {
            let weak = Rc::downgrade(self);
            move || {
                if let Some(shell) = weak.upgrade() {
                    write(&shell);
                }
            }
        };
        if self.open_changed.get() && self.open_notes.lets_through(later(Shell::note_open)) {
            self.note_open();
        }
        let is_new = self.balance.borrow().is_some();
        if is_new && self.balance_notes.lets_through(later(Shell::note_balance)) {
            self.note_balance();
        }
    }

    fn write_notes(self: &Rc<Shell>) {
        self.note_open();
        self.note_balance();
    }

    fn note_open(self: &Rc<Shell>) {
        self.open_notes.done();
        if self.open_changed.take() {
            // First the balance that a settled charge has changed: held or taken, its points count.
            if self.balance.borrow().is_some() {
                self.note_balance();
            }
            let open = self.engine.borrow().open_charges(MOST_NOTED);
            self.store.mark(open);
        }
    }

    fn note_balance(self: &Rc<Shell>) {
        self.balance_notes.done();
        let Some(known) = self.balance.take() else {
            return;
        };
        if self.is_over() {
            // Whoever has signed out has had it forgotten.
            return self.heed_mark();
        }
        balance_cache::write(&self.names.balance(), &known, self.session);
    }

    fn tell_waiters(self: &Rc<Shell>) {
        let engine = self.engine.borrow();
        if engine.is_recovered() {
            for recovered in self.recovering.borrow_mut().drain(..) {
                settle(&recovered, &JsValue::UNDEFINED);
            }
        }
        let idle = engine.is_idle() && self.loads.get() == 0;
        drop(engine);
        if !self.closing.borrow().is_empty() && idle {
            self.write_notes();
            self.announcements.close();
            self.store.close();
            drop(self.alarm.take());
            for closed in self.closing.borrow_mut().drain(..) {
                settle(&closed, &JsValue::UNDEFINED);
            }
        }
    }

    /// Does what the core orders.
    pub(super) fn perform(self: &Rc<Shell>, effect: Effect) {
        match effect {
            Effect::Journal { ops, relaxed } => self.journal(ops, relaxed),
            Effect::Load { all } => self.load(all),
            Effect::Send {
                send,
                request,
                refresh_token,
                time_limit_ms,
            } => self.send(send, request, refresh_token, time_limit_ms),
            Effect::AskLock => self.ask_lock(),
            Effect::ReleaseLock => self.lock.let_go(),
            Effect::Announce { keys, confirmed } => self.announcements.changed(keys, confirmed),
            Effect::AnnounceFlush(progress) => self.announcements.flush(progress),
            Effect::AnnounceTasks { running, leaves } => self.tell_tasks(running, leaves),
            Effect::AskTasks => self.tell_peers(PeerMessage::AskTasks),
            Effect::SaveBalance(confirmed) => {
                self.save_balance(confirmed);
            }
            Effect::MarkSignOut => self.mark_sign_out(),
            Effect::AnnounceLeft => self.tell_peers(PeerMessage::Left(self.tab.clone())),
            Effect::Resolve { call, answer } => {
                self.tell_charges();
                self.resolve(call, &answer);
            }
            Effect::Notice(Notice::Charge(record)) => self.changed.borrow_mut().push(record),
            Effect::Notice(notice) => {
                self.tell_charges();
                if let Notice::Snapshot(snapshot) = &notice {
                    self.guard(snapshot);
                }
                self.notice(&notice);
            }
        }
    }

    pub(super) fn tell_tasks(&self, running: Vec<Running>, leaves: bool) {
        let tab = self.tab.clone();
        self.tell_peers(PeerMessage::Tasks {
            tab,
            running,
            leaves,
        });
    }

    fn save_balance(self: &Rc<Shell>, confirmed: Option<Confirmed>) {
        if confirmed.is_none() {
            balance_cache::forget(&self.names.balance(), self.session);
        } else {
            // Where there is no `storage` event: in this very page, or without storage.
            self.announcements.changed(Vec::new(), confirmed.clone());
        }
        *self.balance.borrow_mut() = confirmed;
    }

    fn mark_sign_out(self: &Rc<Shell>) {
        let shell = Rc::clone(self);
        self.loads.set(self.loads.get().saturating_add(1));
        spawn_local(async move {
            let mut news = Vec::new();
            let (session, wall_ms) = (shell.session, now().wall_ms);
            let marked = shell.store.sign_out(session, wall_ms, &mut news).await;
            shell.report(news).await;
            if let Ok(mark) = &marked {
                shell.tell_peers(PeerMessage::SignedOut(*mark));
            }
            shell.loads.set(shell.loads.get().saturating_sub(1));
            shell.dispatch(Event::Marked(marked));
        });
    }

    /// Listens to the account's other tabs.
    fn listen(self: &Rc<Shell>) -> Peers {
        let weak = Rc::downgrade(self);
        Peers::listen(&self.names.channel(), self.session, move |told| {
            if let Some(shell) = weak.upgrade() {
                shell.told(told);
            }
        })
    }

    /// Balances and tasks of another session's tabs are ignored. Each sees to it that the other knows which
    /// session is the later one.
    fn told(self: &Rc<Shell>, Told { session, message }: Told) {
        self.announcements.heard();
        let ours = self.session.mark();
        let same = session == ours;
        if session > ours {
            self.dispatch(Event::SignedOut { mark: session });
        } else if session < ours && !matches!(message, PeerMessage::Left(_)) {
            self.tell_peers(PeerMessage::SignedOut(ours));
        }
        self.dispatch(match message {
            PeerMessage::Changed { keys, confirmed } => Event::Peer {
                keys,
                confirmed: confirmed.filter(|_| same),
            },
            PeerMessage::SignedOut(mark) => Event::SignedOut { mark },
            PeerMessage::Left(tab) => Event::PeerLeft { tab },
            PeerMessage::Flush(_)
            | PeerMessage::Tasks { .. }
            | PeerMessage::AskTasks
            | PeerMessage::Refreshed
                if !same =>
            {
                return;
            }
            PeerMessage::Refreshed => return self.refreshed_elsewhere(),
            PeerMessage::Flush(progress) => Event::PeerFlush(progress),
            PeerMessage::Tasks {
                tab,
                running,
                leaves,
            } => Event::PeerTasks {
                tab,
                running,
                leaves,
            },
            PeerMessage::AskTasks => Event::AskedTasks,
        });
    }

    fn page_event(self: &Rc<Shell>, event: PageEvent) {
        match event {
            PageEvent::Online(online) => self.dispatch(Event::Online(online)),
            PageEvent::ShownAgain => self.shown_again(),
            PageEvent::Hidden => self.hidden(),
            PageEvent::Resumed => self.woke(),
            PageEvent::Visible(visible) => {
                match visible {
                    true => self.woke(),
                    false => self.write_notes(),
                }
                self.dispatch(Event::Visible(visible));
            }
            PageEvent::Cached(cached) => self.cached(cached),
            PageEvent::Marked(mark) => self.dispatch(Event::SignedOut { mark }),
        }
    }

    fn tell_peers(&self, message: PeerMessage) {
        self.announcements.tell(message);
    }

    fn journal(self: &Rc<Shell>, ops: Vec<Op>, relaxed: bool) {
        let shell = Rc::clone(self);
        spawn_local(async move {
            let mut news = Vec::new();
            shell.catch_up_with_storage().await;
            let at = shell.apply_at();
            let at_rest = |key: &Key| shell.engine.borrow().record_at_rest(key).cloned();
            let applied = shell.store.apply(&ops, relaxed, at, &at_rest, &mut news);
            let result = applied.await;
            shell.report(news).await;
            shell.open_changed.set(shell.has_read.get());
            shell.dispatch(Event::Journaled(result));
            shell.heed_mark();
        });
    }

    async fn catch_up_with_storage(&self) {
        if self.store.kind() == StorageKind::LocalStorage {
            self.standstill.catch_up().await;
        }
    }

    pub(super) fn apply_at(&self) -> ApplyAt {
        ApplyAt::new(now().wall_ms, self.session)
    }

    fn load(self: &Rc<Shell>, all: bool) {
        let shell = Rc::clone(self);
        let scope = match all {
            true => Scope::All,
            false => Scope::Unsettled,
        };
        self.loads.set(self.loads.get().saturating_add(1));
        spawn_local(async move {
            let mut news = Vec::new();
            shell.catch_up_with_storage().await;
            let mut charged = Vec::new();
            let tell = &mut |page: Vec<Record>| charged.extend(shell.take_page(page));
            let at = shell.apply_at();
            let read = shell.store.read(scope, at, &mut news, tell).await;
            shell.report(news).await;
            shell.learn_alive().await;
            shell.heed_mark();
            shell.loads.set(shell.loads.get().saturating_sub(1));
            shell.has_read.set(shell.has_read.get() || read.is_ok());
            let reading = read.as_ref().ok().copied();
            shell.dispatch(Event::Loaded(read.map(|_| charged)));
            // What came too early is read again, and does not count.
            if let Some(reading) = reading.filter(|_| !shell.engine.borrow().is_reading()) {
                shell.store.knows(&reading);
                shell.open_changed.set(true);
                shell.note_soon();
            }
        });
    }

    /// Tells the core of records as they are read; gives those that come with the end of the reading,
    /// since the newest balance is to be learnt first.
    fn take_page(self: &Rc<Shell>, page: Vec<Record>) -> Vec<Record> {
        let is_charged = |record: &Record| record.receipt().is_some();
        let (charged, others): (Vec<Record>, Vec<Record>) = page.into_iter().partition(is_charged);
        if !others.is_empty() {
            self.dispatch(Event::LoadedPage(others));
        }
        charged
    }

    /// Tells the core what the store found out by the way.
    pub(super) async fn report(self: &Rc<Shell>, news: Vec<News>) {
        let (mut set_aside, mut left_alone) = (Vec::new(), Vec::new());
        for news in news {
            match news {
                News::SetAside(detail) => set_aside.push(detail),
                News::LeftAlone(detail) => left_alone.push(detail),
                News::Lost(keys) => self.dispatch(Event::RecordsLost(keys)),
                News::Wiped { detail, lost } => self.dispatch(Event::Wiped { detail, lost }),
                News::SetBack { lost } => self.dispatch(Event::SetBack { lost }),
                News::Moved { to, why, from } => {
                    // First the lock: what goes along must not be moved back by another tab.
                    if to == StorageKind::LocalStorage {
                        self.show_fallback().await;
                    }
                    // Whether another tab may add to what it leaves behind.
                    self.learn_alive().await;
                    self.store.settle_in();
                    self.dispatch(Event::Moved { to, why, from });
                }
            }
        }
        if !set_aside.is_empty() || !left_alone.is_empty() {
            self.dispatch(Event::Unreadable {
                set_aside,
                left_alone,
            });
        }
    }

    async fn learn_alive(self: &Rc<Shell>) {
        let heard_ms = self.announcements.heard_ms();
        if let Some(tabs) = lock::held(&self.names.alive()).await {
            // Where not even this one is listed, the list shows nothing; nor does one that may be older
            // than what was heard since.
            let is_alone = matches!(tabs.as_slice(), [only] if *only == self.tab)
                && self.announcements.heard_ms() == heard_ms;
            self.announcements.learn_alone(is_alone);
            self.dispatch(Event::Alive(tabs));
        }
    }

    /// With charges at stake, their loss is to be noticed, and the browser asked to keep them.
    fn guard(self: &Rc<Shell>, snapshot: &Snapshot) {
        let queue = snapshot.queue;
        let open = queue.pending.saturating_add(queue.retrying);
        let open = open.saturating_add(queue.unknown);
        // Before that, what the last one to read it noted is nearer the truth.
        if self.has_read.get() {
            self.open_changed.set(true);
        }
        let durable = snapshot.storage == StorageKind::IndexedDb;
        if open > 0 && durable && !self.asked_to_persist.replace(true) {
            let shell = Rc::clone(self);
            spawn_local(async move {
                if let Some(persisted) = persistence::ask().await {
                    shell.dispatch(Event::Persisted(persisted));
                }
            });
        }
    }

    fn send(self: &Rc<Shell>, send: SendId, request: Request, refresh_token: bool, limit_ms: u64) {
        let shell = Rc::downgrade(self);
        let may_leave = move || shell.upgrade().is_some_and(|shell| !shell.is_over());
        let limit = match Limit::new(limit_ms) {
            Ok(limit) => Rc::new(limit.leaving_if(may_leave)),
            Err(error) => {
                let why = Unsent::Unable(text(&error));
                return self.dispatch(Event::NotSent { send, why });
            }
        };
        if self.is_over() {
            return self.not_sent_after_sign_out(send);
        }
        self.limits.borrow_mut().insert(send, Rc::clone(&limit));
        let shell = Rc::clone(self);
        spawn_local(async move {
            let (host, destination) = (&shell.host, &shell.destination);
            let token = http::ask_token(host, destination, refresh_token, &limit).await;
            if refresh_token && token.is_ok() {
                shell.tell_peers(PeerMessage::Refreshed);
            }
            // Another tab may have signed out meanwhile, and left its mark.
            limit.within(shell.standstill.catch_up()).await;
            let exchange = match token {
                Ok(token) => http::exchange(host, destination, &request, &token, &limit).await,
                Err(why) => Exchange::NotSent(why),
            };
            shell.limits.borrow_mut().remove(&send);
            shell.dispatch(match exchange {
                Exchange::Answered(response) => Event::Answered { send, response },
                Exchange::Lost { timed_out } => Event::Lost { send, timed_out },
                Exchange::NotSent(Unsent::SignedOut) => {
                    return shell.not_sent_after_sign_out(send);
                }
                Exchange::NotSent(why) => Event::NotSent { send, why },
            });
        });
    }

    fn not_sent_after_sign_out(self: &Rc<Shell>, send: SendId) {
        self.heed_mark();
        let why = Unsent::SignedOut;
        self.dispatch(Event::NotSent { send, why });
    }

    fn ask_lock(self: &Rc<Shell>) {
        let shell = Rc::clone(self);
        spawn_local(async move {
            let patience_ms = u32::try_from(shell.lock_patience_ms).unwrap_or(u32::MAX);
            let (host, name) = (&shell.host, shell.names.lock());
            let acquired = shell.lock.acquire(host, &name, patience_ms).await;
            // Whoever held it before may have died, and left claims.
            if acquired == Acquired::Granted {
                shell.learn_alive().await;
            }
            shell.dispatch(match acquired {
                Acquired::Granted => Event::LockGranted,
                Acquired::TimedOut => Event::LockTimedOut,
                Acquired::Dropped => Event::LockDropped,
            });
        });
    }

    fn resolve(&self, call: CallId, answer: &Answer) {
        let Some((resolve, reject)) = self.calls.borrow_mut().remove(&call) else {
            return;
        };
        match answer {
            Answer::Outcome(outcome) => settle(&resolve, &parsed(outcome)),
            Answer::Started | Answer::NotWaiting => settle(&resolve, &JsValue::NULL),
            Answer::Record(record) => settle(&resolve, &parsed(record)),
            Answer::Flush(report) => settle(&resolve, &to_js(report)),
            Answer::Balance(result) => settle(&resolve, &to_js(result)),
            Answer::SignedOut(open) => settle(&resolve, &to_js(open)),
            Answer::NotFound => {
                let message = match self.engine.borrow().leaves_charges_unread() {
                    true => {
                        "no charge of this key can be found, but not all that was stored can be read"
                    }
                    false => "there is no charge of this key",
                };
                settle(&reject, &error(Code::NotFound, message));
            }
            Answer::Closed => {
                let message = match self.is_over() {
                    true => "the client has signed out",
                    false => "the client is closed",
                };
                settle(&reject, &error(Code::Closed, message));
            }
        }
    }

    /// Tells the facade of charges that have changed, all in one: there may be very many.
    fn tell_charges(&self) {
        let changed = self.changed.take();
        if changed.is_empty() {
            return;
        }
        let records = match self.host.hears_charges() {
            true => changed.to_json().to_text(),
            false => {
                let outlines = changed.iter().map(ChargeRecord::outline);
                outlines.collect::<Vec<_>>().to_json().to_text()
            }
        };
        self.host.charges(&records);
    }

    fn notice(&self, notice: &Notice) {
        if let Notice::Log(line) = notice
            && !self.host.logs(line.level.code())
        {
            return;
        }
        let (kind, subject) = match notice {
            // As text: one comes with every charge, and the facade reads those that are looked at.
            Notice::Snapshot(snapshot) => ("snapshot", snapshot.to_json().to_text().into()),
            Notice::Charge(record) => ("charge", to_js(record)),
            Notice::Balance(balance) => ("balance", to_js(balance)),
            Notice::Network(network) => ("network", to_js(network)),
            Notice::FlushProgress(progress) => ("flush", to_js(progress)),
            Notice::FlushReport(report) => ("flush", to_js(report)),
            Notice::Alert(alert) => ("alert", to_js(alert)),
            Notice::Log(line) => ("log", to_js(line)),
        };
        self.host.notice(kind, subject);
    }
}

fn settle(settler: &Function, value: &JsValue) {
    // Calling a promise's resolver can't fail.
    let _ = settler.call1(&JsValue::UNDEFINED, value);
}

/// The keys of so many open charges are noted, in case the journal is lost.
const MOST_NOTED: usize = 100;
