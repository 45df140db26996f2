//! What the core orders, done.

use std::rc::Rc;

use wasm_bindgen::JsValue;
use wasm_bindgen_futures::spawn_local;

use super::{Shell, settle, to_js};
use crate::browser::balance_cache;
use crate::browser::clock::now;
use crate::browser::error::{Code, error, text};
use crate::browser::http::{self, Exchange, Limit};
use crate::browser::lock::{self, Acquired};
use crate::browser::peers::Message;
use crate::browser::persistence;
use crate::browser::store::{News, Scope};
use crate::core::balance::Confirmed;
use crate::core::engine::{Answer, CallId, Effect, Event, Notice, Running, SendId, Unsent};
use crate::core::journal::{ApplyAt, Op};
use crate::core::protocol::Request;
use crate::core::snapshot::{Snapshot, StorageKind};

/// The keys of so many open charges are noted, in case that the journal is lost.
const MOST_NOTED: usize = 100;

impl Shell {
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
            Effect::Announce { keys, confirmed } => {
                self.tell_peers(Message::Changed { keys, confirmed });
            }
            Effect::AnnounceFlush(progress) => self.tell_peers(Message::Flush(progress)),
            Effect::AnnounceTasks(running) => self.tell_tasks(running),
            Effect::AskTasks => self.tell_peers(Message::AskTasks),
            Effect::SaveBalance(confirmed) => {
                self.save_balance(confirmed);
            }
            Effect::MarkSignOut => self.mark_sign_out(),
            Effect::AnnounceLeft => self.tell_peers(Message::Left(self.tab.clone())),
            Effect::Resolve { call, answer } => self.resolve(call, &answer),
            Effect::Notice(notice) => {
                if let Notice::Snapshot(snapshot) = &notice {
                    self.guard(snapshot);
                }
                self.notice(&notice);
            }
        }
    }

    pub(super) fn tell_tasks(&self, running: Vec<Running>) {
        let tab = self.tab.clone();
        self.tell_peers(Message::Tasks { tab, running });
    }

    fn save_balance(self: &Rc<Shell>, confirmed: Option<Confirmed>) {
        let name = self.names.balance();
        let Some(known) = &confirmed else {
            return balance_cache::forget(&name, self.session);
        };
        if self.is_over() {
            // Whoever has signed out has had it forgotten.
            return self.heed_mark();
        }
        balance_cache::write(&name, known, self.session);
        // Where there is no `storage` event: in this very page, or without storage.
        let keys = Vec::new();
        self.tell_peers(Message::Changed { keys, confirmed });
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
                shell.tell_peers(Message::SignedOut(*mark));
            }
            shell.loads.set(shell.loads.get().saturating_sub(1));
            shell.dispatch(Event::Marked(marked));
        });
    }

    pub(in crate::browser) fn tell_peers(&self, message: Message) {
        if let Some(peers) = self.peers.borrow().as_ref() {
            peers.tell(message);
        }
    }

    fn journal(self: &Rc<Shell>, ops: Vec<Op>, relaxed: bool) {
        let shell = Rc::clone(self);
        spawn_local(async move {
            let mut news = Vec::new();
            shell.catch_up_with_storage().await;
            let at = shell.apply_at();
            let result = shell.store.apply(&ops, relaxed, at, &mut news).await;
            shell.report(news).await;
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
            let records = shell.store.load(scope, shell.apply_at(), &mut news).await;
            shell.report(news).await;
            shell.learn_alive().await;
            shell.heed_mark();
            shell.loads.set(shell.loads.get().saturating_sub(1));
            shell.has_read.set(shell.has_read.get() || records.is_ok());
            shell.dispatch(Event::Loaded(records));
        });
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
        if let Some(tabs) = lock::held(&self.names.alive()).await {
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
            self.store
                .mark(&self.engine.borrow().open_charges(MOST_NOTED));
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
                shell.tell_peers(Message::Refreshed);
            }
            // Another tab may have signed out meanwhile, and left its mark.
            shell.standstill.catch_up().await;
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
                Acquired::Refused => Event::LockRefused,
                Acquired::Dropped => Event::LockDropped,
            });
        });
    }

    fn resolve(&self, call: CallId, answer: &Answer) {
        let Some((resolve, reject)) = self.calls.borrow_mut().remove(&call) else {
            return;
        };
        match answer {
            Answer::Outcome(outcome) => settle(&resolve, &to_js(outcome)),
            Answer::Started | Answer::NotWaiting => settle(&resolve, &JsValue::NULL),
            Answer::Record(record) => settle(&resolve, &to_js(record)),
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
            Answer::Closed => settle(&reject, &error(Code::Closed, "the client is closed")),
        }
    }

    fn notice(&self, notice: &Notice) {
        let (kind, subject) = match notice {
            Notice::Charge(record) => ("charge", to_js(record)),
            Notice::Balance(balance) => ("balance", to_js(balance)),
            Notice::Network(network) => ("network", to_js(network)),
            Notice::FlushProgress(progress) => ("flush", to_js(progress)),
            Notice::FlushReport(report) => ("flush", to_js(report)),
            Notice::Alert(alert) => ("alert", to_js(alert)),
            Notice::Log(line) => ("log", to_js(line)),
            Notice::Snapshot(snapshot) => ("snapshot", to_js(snapshot)),
        };
        self.host.notice(kind, subject);
    }
}
