//! One client: the engine, what it orders done, and the promises that wait for it.

mod orders;
mod reading;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use gloo_events::EventListener;
use gloo_timers::callback::Timeout;
use js_sys::{Function, Promise};
use serde::Serialize;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::spawn_local;

pub use self::reading::Reading;
use super::balance_cache::{self, Cached};
use super::clock::now;
use super::deaths::{self, Place};
use super::host::Host;
use super::http::{Destination, Limit};
use super::listeners;
use super::lock::Lock;
use super::names::Names;
use super::peers::Peers;
use super::standstill::Standstill;
use super::store::{News, Store};
use crate::core::engine::{CallId, CallRequest, Engine, Event, SendId};
use crate::core::ordered::Map;
use crate::core::session::Session;
use crate::core::snapshot::StorageKind;

/// `setTimeout` takes no more, and a look once an hour costs nothing.
const LONGEST_TIMER_MS: u64 = 3_600_000;

/// Nobody else asks for the lock by which a client shows that it lives.
const ALIVE_PATIENCE_MS: u32 = 1_000;

/// One client.
pub struct Shell {
    engine: RefCell<Engine>,
    store: Store,
    host: Host,
    destination: Destination,
    names: Names,
    session: Session,
    /// How long the lock is waited for under which one tab flushes.
    lock_patience_ms: u64,
    tab: String,
    lock: Lock,
    alive: Lock,
    /// Held as long as the journal is in localStorage.
    fallback: Lock,
    asked_to_persist: Cell<bool>,
    peers: RefCell<Option<Peers>>,
    listeners: RefCell<Vec<EventListener>>,
    timer: RefCell<Option<Timeout>>,
    calls: RefCell<Map<CallId, (Function, Function)>>,
    last_call: Cell<CallId>,
    /// Of the requests that are on their way.
    limits: RefCell<Map<SendId, Rc<Limit>>>,
    standstill: Standstill,
    draining: Cell<bool>,
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
    pub store: Store,
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
            lock: Lock::default(),
            alive: Lock::default(),
            fallback: Lock::default(),
            asked_to_persist: Cell::new(false),
            peers: RefCell::new(None),
            listeners: RefCell::new(Vec::new()),
            timer: RefCell::new(None),
            calls: RefCell::new(Map::new()),
            last_call: Cell::new(0),
            limits: RefCell::new(Map::new()),
            standstill: Standstill::default(),
            draining: Cell::new(false),
            loads: Cell::new(0),
            has_read: Cell::new(false),
            recovering: RefCell::new(Vec::new()),
            closing: RefCell::new(Vec::new()),
        });
        *shell.peers.borrow_mut() = Some(Peers::of(&shell));
        *shell.listeners.borrow_mut() = listeners::attach(&shell);
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

    /// What this account's things are called.
    pub fn names(&self) -> &Names {
        &self.names
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
    pub fn cached(self: &Rc<Shell>, cached: Cached) {
        let mark = cached.session;
        match cached.of(self.session) {
            Some(confirmed) => self.dispatch(Event::Cached(confirmed)),
            None => self.dispatch(Event::SignedOut { mark }),
        }
    }

    /// A promise for the moment at which the journal has been read, or could not be.
    pub fn recovered(&self) -> Promise {
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
        deaths::chance(Place::Call);
        self.dispatch(Event::Call { id: call, request });
        (call, promise)
    }

    /// Reports to the core, and does what it orders.
    pub fn dispatch(self: &Rc<Shell>, event: Event) {
        self.standstill.end();
        let mut engine = self.engine.borrow_mut();
        deaths::chance(Place::Borrow);
        engine.handle(now(), event);
        drop(engine);
        self.drain();
    }

    /// The page is visible again, or back from the back/forward cache.
    pub fn woke(self: &Rc<Shell>) {
        // First of all: what is known may be old, and whatever happens next may be told of it.
        self.heed_mark();
        self.dispatch(Event::Woke);
        self.dispatch(Event::Online(listeners::is_online()));
    }

    /// The page may be on its way into the back/forward cache, where it does nothing: lets go of
    /// the locks, or stops waiting for them, and of the channel, since a message would end its
    /// stay there.
    pub fn hidden(&self) {
        // In this order: whoever is granted the other one asks who lives. The lock of the
        // fallback is kept: nobody waits for it, and what this page works with has to stay.
        self.alive.let_go();
        self.lock.let_go();
        // Its work stands still, and may never go on.
        self.tell_tasks(Vec::new());
        *self.peers.borrow_mut() = None;
    }

    /// The page is back from the back/forward cache.
    pub fn shown_again(self: &Rc<Shell>) {
        *self.peers.borrow_mut() = Some(Peers::of(self));
        self.heed_mark();
        self.dispatch(Event::Woke);
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
        self.dispatch(Event::Close);
        self.lock.close();
        self.alive.close();
        self.fallback.close();
        self.end_requests();
        closed
    }

    /// Another tab has refreshed the token.
    pub fn refreshed_elsewhere(&self) {
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
        // A listener that calls back into the client finds this loop running and leaves its
        // orders to it.
        if self.draining.replace(true) {
            return;
        }
        if deaths::chance(Place::Drain) {
            return;
        }
        loop {
            let effect = self.engine.borrow_mut().poll();
            match effect {
                Some(effect) => self.perform(effect),
                None => break,
            }
        }
        self.draining.set(false);
        self.set_timer();
        self.tell_waiters();
    }

    fn set_timer(self: &Rc<Shell>) {
        let deadline_ms = self.engine.borrow().deadline();
        let timer = deadline_ms.map(|at_ms| {
            let wait_ms = at_ms.saturating_sub(now().mono_ms).min(LONGEST_TIMER_MS);
            let weak = Rc::downgrade(self);
            Timeout::new(u32::try_from(wait_ms).unwrap_or(u32::MAX), move || {
                if let Some(shell) = weak.upgrade() {
                    shell.dispatch(Event::Tick);
                }
            })
        });
        *self.timer.borrow_mut() = timer;
    }

    fn tell_waiters(&self) {
        let engine = self.engine.borrow();
        if engine.is_recovered() {
            for recovered in self.recovering.borrow_mut().drain(..) {
                settle(&recovered, &JsValue::UNDEFINED);
            }
        }
        let idle = engine.is_idle() && self.loads.get() == 0;
        if !self.closing.borrow().is_empty() && idle {
            *self.peers.borrow_mut() = None;
            self.store.close();
            for closed in self.closing.borrow_mut().drain(..) {
                settle(&closed, &JsValue::UNDEFINED);
            }
        }
    }
}

fn settle(settler: &Function, value: &JsValue) {
    // Calling a promise's resolver can't fail.
    let _ = settler.call1(&JsValue::UNDEFINED, value);
}

/// A plain object, as JSON would have it: `null`, never `undefined`; numbers, never BigInts.
pub fn to_js(value: &impl Serialize) -> JsValue {
    let serializer = serde_wasm_bindgen::Serializer::json_compatible();
    // Strings, safe integers and plain records always have a JavaScript form.
    value.serialize(&serializer).unwrap_or(JsValue::NULL)
}
