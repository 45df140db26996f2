//! The journal in IndexedDB, written with strict durability: what is committed survives a crash.

mod bindings;
mod quarantine;
mod reading;
mod rows;
mod writing;

use std::cell::RefCell;

use gloo_timers::future::TimeoutFuture;
use js_sys::Array;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

pub use self::bindings::is_listed;
use self::bindings::{Database, Transaction};
use self::writing::Assumed;
use super::marker::Identity;
use super::{AtRest, News, Scope, SetAside, StoreError};
use crate::browser::clock::random_u64;
use crate::browser::entries;
use crate::browser::names::Names;
use crate::core::charge::Key;
use crate::core::journal::{Applied, ApplyAt, Op};
use crate::core::record::Record;

/// How long after each error a write is tried again, over a new connection, in milliseconds: Safari
/// loses connections, and other errors pass, too.
const WRITE_AGAIN_AFTER_MS: [u32; 5] = [50, 150, 400, 800, 1_600];

/// The journal's database, opened anew when it was closed by somebody else.
#[derive(Debug)]
pub struct IndexedDb {
    names: Names,
    database: Database,
    /// What the database that was last connected to calls itself; `None` before the first.
    id: RefCell<Option<Option<String>>>,
}

/// What a transaction reads first.
enum Asked<'a> {
    /// The rows of these keys.
    Keys(&'a Array),
    /// Everything.
    All,
    /// What the index has as settled.
    Settled,
}

/// What a transaction is for.
#[derive(Clone, Copy)]
enum Purpose {
    /// Operations that are to survive a crash; their loss is noticed.
    Operations,
    /// Operations whose loss costs no more than repeated work.
    RelaxedOperations,
    /// Reading.
    Reading,
    /// Putting something right that the core is not told of record by record; survives a crash.
    Mending,
    /// Making room.
    MakingRoom,
}

impl IndexedDb {
    /// The journal of these names, not opened yet.
    pub fn new(names: Names) -> IndexedDb {
        let database = Database::new(&names.database());
        IndexedDb {
            names,
            database,
            id: RefCell::new(None),
        }
    }

    /// Opens the database where it is not open, or says why not.
    pub async fn open(&self, news: &mut Vec<News>) -> Result<(), StoreError> {
        if self.database.is_open() {
            return Ok(());
        }
        let name = format!("{:016x}", random_u64());
        let opened = JsFuture::from(self.database.connect(&name)).await;
        opened.map_err(|error| store_error(&error))?;
        *self.id.borrow_mut() = Some(self.database.id());
        if self.database.take_wiped() {
            let detail = "the database was deleted".to_owned();
            let lost = Vec::new();
            news.push(News::Wiped { detail, lost });
        }
        Ok(())
    }

    /// Whether the browser has thrown a damaged database away since this was last asked.
    pub fn take_remade(&self) -> bool {
        self.database.take_remade()
    }

    /// Whether the database that was last connected to calls itself so.
    pub fn is(&self, id: Option<&Option<String>>) -> bool {
        self.id.borrow().as_ref() == id
    }

    /// What is known of the database; another one has taken its place if its name changes.
    pub fn identity(&self) -> Identity {
        Identity {
            id: self.id.borrow().clone().flatten(),
            // Whole numbers in safe range.
            commits: self.database.commits() as u64,
            changes: self.database.changes() as u64,
            is_new: self.database.is_new(),
        }
    }

    /// Applies all of these in one transaction, and returns when it has committed. `at_rest` is as
    /// for [`JournalStore::apply`](super::JournalStore::apply).
    pub async fn apply(
        &self,
        ops: &[Op],
        relaxed: bool,
        at: ApplyAt,
        at_rest: AtRest<'_>,
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
        let purpose = match (writes, relaxed) {
            (false, _) => Purpose::Reading,
            (true, true) => Purpose::RelaxedOperations,
            (true, false) => Purpose::Operations,
        };
        loop {
            match self.try_apply(ops, purpose, at, at_rest, news).await {
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
        purpose: Purpose,
        at: ApplyAt,
        at_rest: AtRest<'_>,
        news: &mut Vec<News>,
    ) -> Result<Vec<Applied>, StoreError> {
        self.open(news).await?;
        let at = at.marked(at.mark.max(self.mark()));
        let fallback_lost = |key: &Key| entries::read(&self.names.damaged(key)).is_some();
        // Most are new, or nobody else is at work: then nothing has to be read first.
        let seems_known = self.seems_known();
        let known = |key: &Key| at_rest(key).filter(|_| seems_known);
        if !self.database.lost()
            && let Some(assumed) = writing::apply_to_known(ops, at, &known, &fallback_lost)
            && self.write(&assumed, at.mark).await?
        {
            return Ok(assumed.applied);
        }
        let keys = writing::keys_of(ops);
        let asked: Array = keys.keys().map(|key| JsValue::from(key.as_str())).collect();
        loop {
            let mut applied = None;
            let mut decide = |transaction: &Transaction, news: &mut Vec<News>| {
                if transaction.has_lost_claims() {
                    return;
                }
                let at = at.marked(at.mark.max(transaction.mark() as u64));
                applied = Some(writing::apply(
                    transaction,
                    &keys,
                    ops,
                    at,
                    &fallback_lost,
                    news,
                ));
            };
            self.transact(Asked::Keys(&asked), purpose, news, &mut decide)
                .await?;
            match applied {
                Some(applied) => return Ok(applied),
                // What a row says of its charge counts for something only then.
                None => self.doubt_all(news).await?,
            }
        }
    }

    /// Whether the rows have been written, which they are if nothing in the journal is against it.
    async fn write(&self, rows: &Assumed, mark: u64) -> Result<bool, StoreError> {
        let Assumed {
            added,
            changed,
            claimed,
            ..
        } = rows;
        if added.is_empty() && changed.is_empty() && claimed.is_empty() {
            return Ok(false);
        }
        let written = bindings::write(&self.database, added, changed, claimed, mark as f64);
        let written = JsFuture::from(written).await;
        let written = written.map_err(|error| self.trouble(&error))?;
        Ok(written.is_truthy())
    }

    /// The database is as it was before something that was committed, of which there were so many
    /// `commits`: from now on nothing in it counts as never sent. Gives those of `keys` that it does not
    /// have, and keeps them in mind. `None` where it has as many by now: another tab was at work.
    pub async fn doubt_before(
        &self,
        commits: u64,
        keys: &[Key],
        news: &mut Vec<News>,
    ) -> Result<Option<Vec<Key>>, StoreError> {
        self.open(news).await?;
        let mut lost = None;
        let mut decide = |transaction: &Transaction, _: &mut Vec<News>| {
            if (transaction.commits() as u64) < commits {
                writing::doubt_all(transaction);
                transaction.forget_lost_claims();
                // More than that: what was noted of it is not of what it is now.
                transaction.set_commits(commits.saturating_add(1) as f64);
                lost = Some(writing::lose_missing(transaction, keys));
            }
        };
        self.transact(Asked::All, Purpose::Mending, news, &mut decide)
            .await?;
        Ok(lost)
    }

    /// The claims of a batch are lost: any charge may have been claimed, and sent. From now on nothing in
    /// the database counts as never sent.
    async fn doubt_all(&self, news: &mut Vec<News>) -> Result<(), StoreError> {
        let mut decide = |transaction: &Transaction, _: &mut Vec<News>| {
            writing::doubt_all(transaction);
            transaction.forget_lost_claims();
        };
        self.transact(Asked::All, Purpose::Mending, news, &mut decide)
            .await?;
        news.push(News::SetBack { lost: Vec::new() });
        Ok(())
    }

    /// Keeps in mind that the records of these charges are lost.
    pub async fn keep_in_mind(&self, keys: &[Key], news: &mut Vec<News>) -> Result<(), StoreError> {
        self.open(news).await?;
        let asked: Array = keys.iter().map(|key| JsValue::from(key.as_str())).collect();
        let asked = Asked::Keys(&asked);
        let mut decide = |transaction: &Transaction, _: &mut Vec<News>| {
            drop(writing::lose_missing(transaction, keys));
        };
        self.transact(asked, Purpose::Mending, news, &mut decide)
            .await
    }

    /// What is there, told page by page. Where the reading begins anew some are told twice. Gives how
    /// many changes there had been.
    pub async fn read(
        &self,
        scope: Scope,
        news: &mut Vec<News>,
        tell: &mut dyn FnMut(Vec<Record>),
    ) -> Result<f64, StoreError> {
        let first = self.try_read(scope, news, tell).await;
        match first {
            Err(StoreError::Closed(_) | StoreError::Failed(_)) => {
                self.disconnect();
                self.try_read(scope, news, tell).await
            }
            Ok(_) | Err(StoreError::Unopenable(_) | StoreError::Full(_) | StoreError::Late(_)) => {
                first
            }
        }
    }

    async fn try_read(
        &self,
        scope: Scope,
        news: &mut Vec<News>,
        tell: &mut dyn FnMut(Vec<Record>),
    ) -> Result<f64, StoreError> {
        self.open(news).await?;
        let read = reading::read(&self.database, scope, tell).await;
        let read = read.map_err(|error| self.trouble(&error))?;
        if read.has_lost_claims {
            self.doubt_all(news).await?;
            // It is read again.
            return Err(StoreError::Failed("damaged claims".to_owned()));
        }
        if read.amiss.length() > 0 {
            let asked = Asked::Keys(&read.amiss);
            let mut decide = writing::mend;
            let mended = self.transact(asked, Purpose::Mending, news, &mut decide);
            // What can't be put right now is found again by the next reading.
            drop(mended.await);
        }
        if !read.lost.is_empty() {
            news.push(News::Lost(read.lost));
        }
        Ok(read.changes)
    }

    /// The core knows everything that is there after so many changes.
    pub fn is_known_at(&self, changes: f64) {
        self.database.is_known_at(changes);
    }

    /// Whether the core knows everything that is there, as far as was last seen.
    pub fn seems_known(&self) -> bool {
        self.database.seems_known()
    }

    /// Whether the core knows everything that is there. False where that can't be told.
    pub async fn is_known(&self) -> bool {
        let known = JsFuture::from(self.database.is_known()).await;
        known.is_ok_and(|known| known.is_truthy())
    }

    /// The latest mark of a sign-out that was read.
    pub fn mark(&self) -> u64 {
        // A whole number in safe range.
        self.database.mark() as u64
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
        self.open(news).await?;
        let asked = Array::new();
        let asked = Asked::Keys(&asked);
        let mut found = 0;
        let mut decide = |transaction: &Transaction, _: &mut Vec<News>| {
            found = transaction.mark() as u64;
            if found < mark {
                transaction.set_mark(mark as f64);
            }
        };
        self.transact(asked, Purpose::Mending, news, &mut decide)
            .await?;
        Ok(found.max(mark))
    }

    /// What was set aside, oldest first.
    pub async fn set_aside(&self, news: &mut Vec<News>) -> Result<Vec<SetAside>, StoreError> {
        self.open(news).await?;
        let aside = JsFuture::from(bindings::all_aside(&self.database)).await;
        let aside = aside.map_err(|error| self.trouble(&error))?;
        Ok(quarantine::shown(&Array::from(&aside)))
    }

    async fn forget_settled(&self, news: &mut Vec<News>) -> Result<(), StoreError> {
        self.open(news).await?;
        let mut decide = |transaction: &Transaction, _: &mut Vec<News>| {
            writing::forget_settled(transaction);
        };
        self.transact(Asked::Settled, Purpose::MakingRoom, news, &mut decide)
            .await
    }

    /// One transaction: reads, decides what to write, and returns when that has been committed. What
    /// it finds is told only then. Most need one object store; it is decided once more where a record
    /// has to be set aside.
    async fn transact(
        &self,
        asked: Asked<'_>,
        purpose: Purpose,
        news: &mut Vec<News>,
        decide: &mut dyn FnMut(&Transaction, &mut Vec<News>),
    ) -> Result<(), StoreError> {
        let asked = match asked {
            Asked::Keys(keys) => keys.into(),
            Asked::All => JsValue::from("all"),
            Asked::Settled => JsValue::from("settled"),
        };
        let mut sets_aside = false;
        loop {
            let begun = self.begin(&asked, purpose, sets_aside);
            let transaction = begun.map_err(|error| self.trouble(&error))?;
            let read = JsFuture::from(transaction.reading()).await;
            read.map_err(|error| self.trouble(&error))?;
            let mut found = Vec::new();
            // In this very turn, in which the transaction takes what is decided.
            decide(&transaction, &mut found);
            if transaction.is_too_narrow() && !sets_aside {
                transaction.undo();
                sets_aside = true;
                continue;
            }
            let committed = JsFuture::from(transaction.commit()).await;
            committed.map_err(|error| self.trouble(&error))?;
            news.append(&mut found);
            return Ok(());
        }
    }

    fn begin(
        &self,
        asked: &JsValue,
        purpose: Purpose,
        sets_aside: bool,
    ) -> Result<Transaction, JsValue> {
        let (durability, counts, is_told) = match purpose {
            Purpose::Operations => ("strict", true, true),
            Purpose::RelaxedOperations => ("relaxed", false, true),
            Purpose::Reading if !sets_aside => ("readonly", false, true),
            Purpose::Reading => ("relaxed", false, true),
            Purpose::Mending => ("strict", false, false),
            Purpose::MakingRoom => ("relaxed", false, false),
        };
        let database = &self.database;
        bindings::begin(database, asked, durability, sets_aside, counts, is_told)
    }

    /// Why something came to nothing. A connection that does not answer is given up.
    fn trouble(&self, error: &JsValue) -> StoreError {
        let error = store_error(error);
        if matches!(error, StoreError::Late(_)) {
            self.disconnect();
        }
        error
    }

    /// Forgets the connection, which is of no use any more.
    fn disconnect(&self) {
        self.database.disconnect();
    }

    /// Closes the connection for good, when what is under way has ended.
    pub fn close(&self) {
        self.database.close();
    }
}

impl Drop for IndexedDb {
    fn drop(&mut self) {
        self.close();
    }
}

fn store_error(error: &JsValue) -> StoreError {
    let detail = bindings::detail_of(error);
    match bindings::kind_of(error).as_str() {
        "closed" => StoreError::Closed(detail),
        "unopenable" => StoreError::Unopenable(detail),
        "late" => StoreError::Late(detail),
        "full" => StoreError::Full(detail),
        _ => StoreError::Failed(detail),
    }
}
