//! The journal in IndexedDB, written with strict durability: what is committed survives a crash.

mod identity;
mod lost;
mod mark;
mod quarantine;
mod reading;
mod rows;
pub mod schema;
mod writing;

use self::schema::STEPS;
use super::marker::Identity;
use super::{News, Scope, SetAside, StoreError};
use crate::browser::entries;
use crate::browser::names::Names;
use crate::browser::time_limit::in_time;
use crate::core::charge::Key;
use crate::core::journal::{Applied, ApplyAt, Op};
use crate::core::record::Record;
use gloo_events::EventListener;
use gloo_timers::future::TimeoutFuture;
use indexed_db_futures::database::Database;
use indexed_db_futures::error::{DomException, Error, OpenDbError};
use indexed_db_futures::internals::SystemRepr as _;
use indexed_db_futures::transaction::{
    Transaction, TransactionDurability, TransactionMode, TransactionOptions,
};
use js_sys::{Promise, Reflect};
use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::rc::Rc;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::EventTarget;

use indexed_db_futures::prelude::*;

/// How long a transaction may take, in milliseconds: longer than any has been seen to take. A claim
/// may run out meanwhile, which the key makes harmless.
const TRANSACTION_LIMIT_MS: u32 = 15_000;

/// How long the commit of one that can't be undone any more is waited for, in milliseconds.
const COMMIT_LIMIT_MS: u32 = 60_000;

/// How long after each error a write is tried again, over a new connection, in milliseconds: Safari
/// loses connections, and other errors pass, too.
const WRITE_AGAIN_AFTER_MS: [u32; 5] = [50, 150, 400, 800, 1_600];

/// The journal's database, opened anew when it was closed by somebody else.
#[derive(Debug)]
pub struct IndexedDb {
    names: Names,
    state: Rc<RefCell<Connection>>,
    /// The mark of the last sign-out, as last read.
    mark: Cell<u64>,
}

impl IndexedDb {
    /// The journal of these names, not opened yet.
    pub fn new(names: Names) -> IndexedDb {
        IndexedDb {
            names,
            state: Rc::default(),
            mark: Cell::new(0),
        }
    }

    /// Opens the database where it is not open, or says why not.
    pub async fn open(&self, news: &mut Vec<News>) -> Result<(), StoreError> {
        self.connect(news).await.map(drop)
    }

    /// Reads the mark of the last sign-out. Where it can't be read, whoever claims finds it.
    pub async fn learn_mark(&self, news: &mut Vec<News>) {
        if let Ok(database) = self.connect(news).await
            && let Ok(mark) = self.read(&database, mark::read).await
        {
            self.note(mark);
        }
    }

    /// What is known of the database; another one has taken its place if its name changes.
    pub fn identity(&self) -> Identity {
        self.state.borrow().identity.clone().unwrap_or_default()
    }

    /// Applies all of these in one transaction, and returns when it has committed.
    pub async fn apply(
        &self,
        ops: &[Op],
        relaxed: bool,
        at: ApplyAt,
        news: &mut Vec<News>,
    ) -> Result<Vec<Applied>, StoreError> {
        let writes = ops.iter().any(|op| !matches!(op, Op::Read { .. }));
        // Who just reads comes again by itself.
        let pauses_ms = match writes {
            true => &WRITE_AGAIN_AFTER_MS[..],
            false => &[],
        };
        let mut pauses_ms = pauses_ms.iter();
        let (mut has_lost, mut has_made_room) = (false, false);
        loop {
            match self.try_apply(ops, relaxed, at, news).await {
                // What may be forgotten gives way to what may not.
                Err(StoreError::Full(_)) if !has_made_room => {
                    has_made_room = true;
                    self.forget_settled(news).await?;
                }
                Err(StoreError::Closed(_)) if !has_lost => {
                    has_lost = true;
                    self.disconnect();
                }
                Err(error @ (StoreError::Closed(_) | StoreError::Failed(_))) => {
                    self.disconnect();
                    match pauses_ms.next() {
                        Some(pause_ms) => TimeoutFuture::new(*pause_ms).await,
                        None => return Err(error),
                    }
                }
                ended @ (Ok(_)
                | Err(
                    StoreError::Unopenable(_) | StoreError::Full(_) | StoreError::Late(_),
                )) => {
                    return ended;
                }
            }
        }
    }

    async fn try_apply(
        &self,
        ops: &[Op],
        relaxed: bool,
        at: ApplyAt,
        news: &mut Vec<News>,
    ) -> Result<Vec<Applied>, StoreError> {
        let durability = match relaxed {
            true => TransactionDurability::Relaxed,
            false => TransactionDurability::Strict,
        };
        let database = self.connect(news).await?;
        let mut found = Vec::new();
        let fallback_lost = |key: &Key| entries::read(&self.names.damaged(key)).is_some();
        let work = async |transaction: &Transaction<'_>| {
            let mark = mark::read(transaction).await?;
            self.note(mark);
            let at = at.marked(at.mark.max(mark));
            writing::apply(transaction, ops, at, !relaxed, &fallback_lost, &mut found).await
        };
        let written = self.write(&database, durability, work).await?;
        news.append(&mut found);
        if let Some(commits) = written.commits {
            self.has_committed(commits);
        }
        Ok(written.applied)
    }

    fn has_committed(&self, commits: u64) {
        if let Some(identity) = &mut self.state.borrow_mut().identity {
            identity.commits = identity.commits.max(commits);
        }
    }

    /// The database is as it was before something that was committed: from now on nothing in it
    /// counts as never sent. Gives those of `keys` that it does not have, and keeps them in mind.
    pub async fn doubt_all(
        &self,
        keys: &[Key],
        commits: u64,
        news: &mut Vec<News>,
    ) -> Result<Vec<Key>, StoreError> {
        let database = self.connect(news).await?;
        let work =
            async |transaction: &Transaction<'_>| lost::doubt_all(transaction, keys, commits).await;
        let durability = TransactionDurability::Strict;
        let lost = self.write(&database, durability, work).await?;
        self.has_committed(commits);
        Ok(lost)
    }

    /// Keeps in mind that the records of these charges are lost.
    pub async fn keep_in_mind(&self, keys: &[Key], news: &mut Vec<News>) -> Result<(), StoreError> {
        let database = self.connect(news).await?;
        let work = async |transaction: &Transaction<'_>| {
            lost::add_missing(transaction, keys).await.map(drop)
        };
        let durability = TransactionDurability::Strict;
        self.write(&database, durability, work).await
    }

    /// What is there.
    pub async fn load(
        &self,
        scope: Scope,
        news: &mut Vec<News>,
    ) -> Result<Vec<Record>, StoreError> {
        let first = self.try_load(scope, news).await;
        match first {
            Err(StoreError::Closed(_) | StoreError::Failed(_)) => {
                self.disconnect();
                self.try_load(scope, news).await
            }
            Ok(_) | Err(StoreError::Unopenable(_) | StoreError::Full(_) | StoreError::Late(_)) => {
                first
            }
        }
    }

    async fn try_load(
        &self,
        scope: Scope,
        news: &mut Vec<News>,
    ) -> Result<Vec<Record>, StoreError> {
        let database = self.connect(news).await?;
        let work = async |transaction: &Transaction<'_>| {
            self.note(mark::read(transaction).await?);
            reading::load(transaction, scope).await
        };
        let loaded = self.read(&database, work).await?;
        if !loaded.amiss.is_empty() {
            // What can't be put right now is found again by the next reading.
            drop(self.mend(&database, &loaded.amiss, news).await);
        }
        if !loaded.lost.is_empty() {
            news.push(News::Lost(loaded.lost));
        }
        Ok(loaded.records)
    }

    async fn mend(
        &self,
        database: &Database,
        amiss: &[JsValue],
        news: &mut Vec<News>,
    ) -> Result<(), StoreError> {
        let mut found = Vec::new();
        let work = async |transaction: &Transaction<'_>| {
            writing::mend(transaction, amiss, &mut found).await
        };
        self.write(database, TransactionDurability::Strict, work)
            .await?;
        news.append(&mut found);
        Ok(())
    }

    /// The latest mark of a sign-out that was read.
    pub fn mark(&self) -> u64 {
        self.mark.get()
    }

    fn note(&self, mark: u64) {
        self.mark.set(self.mark.get().max(mark));
    }

    /// Leaves the mark of a sign-out, or finds a later one.
    pub async fn leave_mark(&self, mark: u64, news: &mut Vec<News>) -> Result<u64, StoreError> {
        let first = self.try_leave_mark(mark, news).await;
        match first {
            Err(StoreError::Closed(_) | StoreError::Failed(_)) => {
                self.disconnect();
                self.try_leave_mark(mark, news).await
            }
            Ok(_) | Err(StoreError::Unopenable(_) | StoreError::Full(_) | StoreError::Late(_)) => {
                first
            }
        }
    }

    async fn try_leave_mark(&self, mark: u64, news: &mut Vec<News>) -> Result<u64, StoreError> {
        let database = self.connect(news).await?;
        let work = async |transaction: &Transaction<'_>| mark::leave(transaction, mark).await;
        let mark = self
            .write(&database, TransactionDurability::Strict, work)
            .await?;
        self.note(mark);
        Ok(mark)
    }

    /// What was set aside, oldest first.
    pub async fn set_aside(&self, news: &mut Vec<News>) -> Result<Vec<SetAside>, StoreError> {
        let database = self.connect(news).await?;
        self.read(&database, quarantine::all).await
    }

    async fn forget_settled(&self, news: &mut Vec<News>) -> Result<(), StoreError> {
        let database = self.connect(news).await?;
        let durability = TransactionDurability::Relaxed;
        self.write(&database, durability, writing::forget_settled)
            .await
    }

    /// Readers don't wait for each other.
    async fn read<T>(
        &self,
        database: &Database,
        work: impl AsyncFnOnce(&Transaction<'_>) -> Result<T, Error>,
    ) -> Result<T, StoreError> {
        let durability = TransactionDurability::Relaxed;
        let transaction = begin(database, TransactionMode::Readonly, durability)?;
        self.limited(transaction, work).await
    }

    async fn write<T>(
        &self,
        database: &Database,
        durability: TransactionDurability,
        work: impl AsyncFnOnce(&Transaction<'_>) -> Result<T, Error>,
    ) -> Result<T, StoreError> {
        let transaction = begin(database, TransactionMode::Readwrite, durability)?;
        self.limited(transaction, work).await
    }

    /// Undoes a transaction that takes too long. One that is past undoing may yet commit, so it is
    /// waited for once more.
    async fn limited<T>(
        &self,
        transaction: Transaction<'_>,
        work: impl AsyncFnOnce(&Transaction<'_>) -> Result<T, Error>,
    ) -> Result<T, StoreError> {
        let raw = transaction.as_sys().clone();
        let mut work = pin!(async {
            let worked = work(&transaction).await;
            commit(transaction, worked).await
        });
        if let Some(result) = in_time(TRANSACTION_LIMIT_MS, work.as_mut()).await {
            return result;
        }
        if raw.abort().is_err()
            && let Some(result) = in_time(COMMIT_LIMIT_MS, work).await
        {
            return result;
        }
        self.disconnect();
        let detail = "IndexedDB did not answer in time".to_owned();
        Err(StoreError::Late(detail))
    }

    /// The connection; a new one where there is none.
    pub(super) async fn connect(&self, news: &mut Vec<News>) -> Result<Database, StoreError> {
        let mut pauses_ms = TRY_AGAIN_AFTER_MS.into_iter();
        let mut was_late = false;
        loop {
            if let Some(open) = self.usable()? {
                return Ok(open);
            }
            let error = match self.connect_anew(news).await {
                Ok(database) => return Ok(database),
                Err(Unopened::Ever(error)) => return Err(error),
                Err(Unopened::Late) if was_late => return Err(late()),
                Err(Unopened::Late) => {
                    was_late = true;
                    late()
                }
                Err(Unopened::Now(error)) => error,
            };
            match pauses_ms.next() {
                Some(pause_ms) => TimeoutFuture::new(pause_ms).await,
                None => return Err(error),
            }
        }
    }

    async fn connect_anew(&self, news: &mut Vec<News>) -> Result<Database, Unopened> {
        let database = open_in_time(&self.names.database()).await?;
        // From its first moment on it makes way for others.
        let listeners = self.listeners(&database);
        let identity = match identify(&database).await {
            Ok(identity) => identity,
            Err(unopened) => {
                database.close();
                return Err(unopened);
            }
        };
        // Another order of this tab's may have been first, or the client closed.
        match self.usable() {
            Ok(None) => {}
            Ok(Some(open)) => {
                database.close();
                return Ok(open);
            }
            Err(closed) => {
                database.close();
                return Err(Unopened::Ever(closed));
            }
        }
        let mut state = self.state.borrow_mut();
        let id = identity.id.clone();
        let before = state.identity.replace(identity);
        let before = before.and_then(|before| before.id);
        if before.is_some() && before != id {
            let detail = "the database was deleted".to_owned();
            let lost = Vec::new();
            news.push(News::Wiped { detail, lost });
        }
        state.open = Some(Open {
            _listeners: listeners,
            database: database.clone(),
        });
        Ok(database)
    }

    fn usable(&self) -> Result<Option<Database>, StoreError> {
        let state = self.state.borrow();
        match state.closed {
            true => Err(StoreError::Failed("the database is closed".to_owned())),
            false => Ok(state.open.as_ref().map(|open| open.database.clone())),
        }
    }

    /// `versionchange` asks to make way for an upgrade or a deletion; `close` tells that the
    /// browser has taken the database away.
    fn listeners(&self, database: &Database) -> [EventListener; 2] {
        let target: &EventTarget = database.as_sys();
        ["versionchange", "close"].map(|kind| {
            let (state, database) = (Rc::downgrade(&self.state), database.clone());
            EventListener::new(target, kind, move |_| {
                // It may not be in use yet.
                database.clone().close();
                if let Some(state) = state.upgrade() {
                    disconnect(&state);
                }
            })
        })
    }

    /// Forgets the connection, which is of no use any more.
    pub(super) fn disconnect(&self) {
        disconnect(&self.state);
    }

    /// Closes the connection for good, when what is under way has ended.
    pub fn close(&self) {
        self.state.borrow_mut().closed = true;
        disconnect(&self.state);
    }
}

fn begin(
    database: &Database,
    mode: TransactionMode,
    durability: TransactionDurability,
) -> Result<Transaction<'_>, StoreError> {
    database
        .transaction([
            schema::CHARGES,
            schema::QUARANTINE,
            schema::LOST,
            schema::JOURNAL,
        ])
        .with_mode(mode)
        .with_options(TransactionOptions::new().with_durability(durability))
        .build()
        .map_err(store_error)
}

/// Commits what went well; the transaction aborts where something did not.
async fn commit<T>(transaction: Transaction<'_>, work: Result<T, Error>) -> Result<T, StoreError> {
    let work = work.map_err(store_error)?;
    let raw = transaction.as_sys().clone();
    match transaction.commit().await {
        Ok(()) => Ok(work),
        Err(error) => {
            let cause = raw.error().map(DomException::from);
            Err(store_error(cause.map_or(error, Error::DomException)))
        }
    }
}

fn store_error(error: Error) -> StoreError {
    let detail = error.to_string();
    match name_of(&error).as_str() {
        "InvalidStateError" | "AbortError" | "TransactionInactiveError" => {
            StoreError::Closed(detail)
        }
        "QuotaExceededError" => StoreError::Full(detail),
        _ => StoreError::Failed(detail),
    }
}

/// What the browser calls it; empty for what is not the browser's.
fn name_of(error: &Error) -> String {
    match error {
        Error::DomException(exception) => {
            let exception: &JsValue = exception.as_ref();
            let name = Reflect::get(exception, &"name".into()).ok();
            name.and_then(|name| name.as_string()).unwrap_or_default()
        }
        Error::Serialisation(_) | Error::MissingData(_) | Error::Unknown(_) => String::new(),
    }
}

/// WebKit has been seen to leave `open` hanging; so does an upgrade for which another tab does
/// not make way.
const OPEN_LIMIT_MS: u32 = 4_000;

/// How long after each error it is tried again, in milliseconds. After a crash of the browser the
/// database may be slow to come, and fail at first; a client that gives it up sees none of the
/// charges in it.
const TRY_AGAIN_AFTER_MS: [u32; 2] = [200, 800];

/// What there is of a connection.
#[derive(Debug, Default)]
pub struct Connection {
    open: Option<Open>,
    /// What is known of the database that was last connected to; `None` before the first.
    pub(super) identity: Option<Identity>,
    /// For good.
    closed: bool,
}

#[derive(Debug)]
struct Open {
    database: Database,
    _listeners: [EventListener; 2],
}

/// Why there is no connection.
enum Unopened {
    /// That may pass.
    Now(StoreError),
    /// It took too long, which has taken long enough for few tries.
    Late,
    /// That does not pass.
    Ever(StoreError),
}

fn disconnect(state: &Rc<RefCell<Connection>>) {
    let open = state.borrow_mut().open.take();
    if let Some(open) = open {
        // Transactions that have begun go on to their end.
        open.database.close();
        // Later than the listener that may have called this.
        spawn_local(async move { drop(open._listeners) });
    }
}

/// What comes too late is closed: nobody waits for it, and it would be in the way of others.
async fn open_in_time(name: &str) -> Result<Database, Unopened> {
    let opened = Rc::new(RefCell::new(None));
    let is_late = Rc::new(Cell::new(false));
    let ended = Promise::new(&mut |ended, _| {
        let (result, late) = (Rc::clone(&opened), Rc::clone(&is_late));
        let name = name.to_owned();
        // Not dropped when it is late: an upgrade has to go on to its end.
        spawn_local(async move {
            match schema::open(&name, &STEPS).await {
                Ok(database) if late.get() => database.close(),
                other => *result.borrow_mut() = Some(other),
            }
            // Calling a promise's resolver can't fail.
            let _ = ended.call0(&JsValue::UNDEFINED);
        });
    });
    // The promise never rejects.
    drop(in_time(OPEN_LIMIT_MS, JsFuture::from(ended)).await);
    is_late.set(true);
    let result = opened.borrow_mut().take();
    match result {
        Some(Ok(database)) => Ok(database),
        Some(Err(error)) => Err(unopened(error)),
        None => Err(Unopened::Late),
    }
}

fn unopened(error: OpenDbError) -> Unopened {
    match error {
        OpenDbError::Base(error) => {
            let name = name_of(&error);
            let error = match store_error(error) {
                // Who comes while the database is being deleted may have better luck the next time.
                closed @ StoreError::Closed(_) => closed,
                other @ (StoreError::Unopenable(_)
                | StoreError::Late(_)
                | StoreError::Full(_)
                | StoreError::Failed(_)) => StoreError::Unopenable(other.into_detail()),
            };
            match name.as_str() {
                // It has a newer schema, or is not for this page.
                "VersionError" | "SecurityError" => Unopened::Ever(error),
                _ => Unopened::Now(error),
            }
        }
        // What this stands for is an `open` that throws, as in a sandbox.
        OpenDbError::VersionZero => Unopened::Ever(StoreError::Unopenable(
            "this page may not open IndexedDB".to_owned(),
        )),
        none @ (OpenDbError::UnsupportedEnvironment | OpenDbError::NullFactory) => {
            Unopened::Ever(StoreError::Unopenable(none.to_string()))
        }
    }
}

fn late() -> StoreError {
    StoreError::Unopenable("IndexedDB did not open in time".to_owned())
}

/// What the database says of itself. Its name is made up when it is new, and `None` where that
/// can't be written.
async fn identify(database: &Database) -> Result<Identity, Unopened> {
    let known = match in_time(OPEN_LIMIT_MS, identity::read(database)).await {
        Some(Ok(known)) => known,
        Some(Err(error)) => return Err(Unopened::Now(store_error(error))),
        None => return Err(Unopened::Late),
    };
    if known.id.is_some() {
        return Ok(known);
    }
    // Without a name its loss may go unnoticed; without the database nothing would be durable.
    let named = in_time(OPEN_LIMIT_MS, identity::name(database)).await;
    Ok(Identity {
        id: named.and_then(Result::ok),
        ..known
    })
}
