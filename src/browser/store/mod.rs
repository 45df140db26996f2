//! The journal at rest: IndexedDB, else localStorage, else memory.

mod earlier;
mod error;
mod indexed_db;
mod local;
pub mod mark;
mod marker;
mod memory;
mod migration;
mod news;
mod set_aside;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

pub use self::error::StoreError;
pub use self::indexed_db::IndexedDb;
pub use self::local::Local;
pub use self::memory::Memory;
pub use self::news::News;
pub use self::set_aside::SetAside;
use super::names::Names;
use crate::core::charge::Key;
use crate::core::codec::{self, Damage, Stored};
use crate::core::engine::{Earlier, OpenCharges};
use crate::core::journal::{Applied, ApplyAt, Op};
use crate::core::record::Record;
use crate::core::session::Session;
use crate::core::snapshot::{QueueCounts, StorageKind};

/// `queue.storage` of the public API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// The best that works.
    #[default]
    Auto,
    /// IndexedDB or nothing.
    IndexedDb,
    /// localStorage, else memory.
    LocalStorage,
    /// Memory.
    Memory,
}

/// How much of the journal is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// What may have something left to do: open, parked, or failed and retryable.
    Unsettled,
    /// Everything.
    All,
}

/// Tells of a charge what the core knows to be at rest.
pub type AtRest<'a> = &'a dyn Fn(&Key) -> Option<Record>;

/// Where the journal lives.
#[derive(Debug)]
pub enum Storage {
    /// Durable.
    IndexedDb(IndexedDb),
    /// Lost with the last seconds before a crash.
    Local(Local),
    /// Lost with the page.
    Memory(Memory),
}

/// A reading of the journal that has ended.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// How many changes there had been, where everything was read and they are counted.
    changes: Option<f64>,
}

/// The journal at rest, wherever it lives.
#[derive(Debug)]
pub struct JournalStore {
    names: Names,
    choice: Choice,
    storage: RefCell<Rc<Storage>>,
    /// Where it will live, once that has been reported.
    next: RefCell<Option<Storage>>,
    /// The database that has been measured by what was noted of the journal, by its own name.
    measured: RefCell<Option<Option<String>>>,
    earlier: Cell<Earlier>,
    /// The latest mark of a sign-out that was seen.
    mark: Cell<u64>,
}

impl JournalStore {
    /// Opens the store, or the next best. What a worse one holds from an earlier time moves over.
    /// Where IndexedDB is asked for and nothing else, it may come to open later.
    pub async fn open(
        names: &Names,
        choice: Choice,
        at: ApplyAt,
        news: &mut Vec<News>,
    ) -> JournalStore {
        let database = IndexedDb::new(names.clone());
        let store = JournalStore {
            names: names.clone(),
            choice,
            storage: RefCell::new(Rc::new(Storage::Memory(Memory::default()))),
            next: RefCell::new(None),
            measured: RefCell::new(None),
            earlier: Cell::new(Earlier::Nothing),
            mark: Cell::new(0),
        };
        let storage = match choice {
            Choice::Auto | Choice::IndexedDb => match store.arrive(&database, at, news).await {
                Ok(()) => Storage::IndexedDb(database),
                Err(error) => {
                    let local = Local::at_hand(names.clone());
                    let has_fallback = local.is_some_and(|local| local.has_news());
                    let (earlier, unread) = earlier::of_unread(names).await;
                    store.earlier.set(match earlier {
                        // It may be read yet.
                        Earlier::Elsewhere if choice == Choice::IndexedDb && !has_fallback => {
                            Earlier::Here
                        }
                        earlier @ (Earlier::Nothing | Earlier::Here | Earlier::Elsewhere) => {
                            earlier
                        }
                    });
                    if choice == Choice::Auto {
                        let storage = local_or_memory(names, at, news);
                        let why = format!("{}{unread}", error.into_detail());
                        // It is known what it leaves behind.
                        news.push(moved_to(&storage, why, Earlier::Nothing));
                        storage
                    } else {
                        Storage::IndexedDb(database)
                    }
                }
            },
            Choice::LocalStorage => {
                store.earlier.set(earlier::of_unread(names).await.0);
                local_or_memory(names, at, news)
            }
            // Who asks for it wants a journal of its own, whatever the others have.
            Choice::Memory => Storage::Memory(Memory::default()),
        };
        *store.storage.borrow_mut() = Rc::new(storage);
        store
    }

    /// What there was of the account when it was opened, besides what it tells itself.
    pub fn earlier(&self) -> Earlier {
        self.earlier.get()
    }

    /// Opens the database where it is not open. One that is found for the first time is measured by
    /// what was noted of the journal, and takes over what the fallback holds.
    async fn arrive(
        &self,
        database: &IndexedDb,
        at: ApplyAt,
        news: &mut Vec<News>,
    ) -> Result<(), StoreError> {
        database.open(news).await?;
        if database.is(self.measured.borrow().as_ref()) {
            return Ok(());
        }
        let identity = database.identity();
        *self.measured.borrow_mut() = Some(identity.id.clone());
        let whole = earlier::measure(&self.names, database, news).await;
        let moved = migration::migrate(&self.names, database, at, news).await;
        self.earlier.set(match whole && moved {
            false => Earlier::Elsewhere,
            true if identity.is_new => Earlier::Nothing,
            true => Earlier::Here,
        });
        Ok(())
    }

    /// The latest mark of a sign-out that is known here.
    pub fn sign_out_mark(&self) -> u64 {
        let at_rest = match &*self.storage() {
            Storage::IndexedDb(store) => store.mark(),
            Storage::Local(_) | Storage::Memory(_) => 0,
        };
        let mark = self.mark.get().max(at_rest).max(mark::read(&self.names));
        self.mark.set(mark);
        mark
    }

    /// Leaves the mark of a sign-out. From then on nothing of the session is claimed.
    pub async fn sign_out(
        &self,
        session: Session,
        wall_ms: u64,
        news: &mut Vec<News>,
    ) -> Result<u64, String> {
        let mark = session.end(self.sign_out_mark(), wall_ms);
        self.mark.set(mark);
        let noted = mark::write(&self.names, mark);
        match &*self.storage() {
            Storage::IndexedDb(store) => {
                let marked = store.leave_mark(mark, news).await;
                let later = marked.map_err(StoreError::into_detail)?;
                if later > mark {
                    drop(mark::write(&self.names, later));
                }
                Ok(later)
            }
            Storage::Local(_) => noted.map(|()| mark),
            // Each tab has a journal of its own: nothing tells the others but what they hear.
            Storage::Memory(_) => Ok(mark),
        }
    }

    /// Where it lives now.
    pub fn storage(&self) -> Rc<Storage> {
        Rc::clone(&self.storage.borrow())
    }

    /// Which kind of storage that is.
    pub fn kind(&self) -> StorageKind {
        self.storage().kind()
    }

    /// Applies all of these, or none. What the core knows to be at rest need not be read, where nobody
    /// else has changed anything since [`JournalStore::knows`].
    pub async fn apply(
        &self,
        ops: &[Op],
        relaxed: bool,
        at: ApplyAt,
        at_rest: AtRest<'_>,
        news: &mut Vec<News>,
    ) -> Result<Vec<Applied>, String> {
        match &*self.storage() {
            Storage::IndexedDb(store) => {
                let applied = match self.arrive(store, at, news).await {
                    Ok(()) => {
                        let at = at.marked(self.sign_out_mark());
                        store.apply(ops, relaxed, at, at_rest, news).await
                    }
                    Err(error) => Err(error),
                };
                applied.map_err(|error| self.fall_back(error, at, news))
            }
            Storage::Local(store) => store.apply(ops, at.marked(self.sign_out_mark()), news),
            Storage::Memory(store) => Ok(store.apply(ops, at.marked(self.sign_out_mark()))),
        }
    }

    /// What is there.
    pub async fn load(
        &self,
        scope: Scope,
        at: ApplyAt,
        news: &mut Vec<News>,
    ) -> Result<Vec<Record>, String> {
        let mut all = Vec::new();
        let read = self
            .read(scope, at, news, &mut |page| all.extend(page))
            .await;
        read.map(|_| all)
    }

    /// What is there, told page by page, each in a task of its own. Where the reading begins anew
    /// some are told twice.
    pub async fn read(
        &self,
        scope: Scope,
        at: ApplyAt,
        news: &mut Vec<News>,
        tell: &mut dyn FnMut(Vec<Record>),
    ) -> Result<Reading, String> {
        let all = scope == Scope::All;
        let changes = match &*self.storage() {
            Storage::IndexedDb(store) => {
                let read = match self.arrive(store, at, news).await {
                    Ok(()) => store.read(scope, news, tell).await,
                    Err(error) => Err(error),
                };
                let changes = read.map_err(|error| self.fall_back(error, at, news))?;
                all.then_some(changes)
            }
            Storage::Local(store) => {
                tell(store.load(news));
                None
            }
            Storage::Memory(store) => {
                tell(store.load());
                None
            }
        };
        Ok(Reading { changes })
    }

    /// The core knows everything that this reading found, and is told of what it changes itself.
    pub fn knows(&self, reading: &Reading) {
        if let (Storage::IndexedDb(store), Some(changes)) = (&*self.storage(), reading.changes) {
            store.is_known_at(changes);
        }
    }

    /// Whether nothing is there of which the core does not know; false where that can't be told.
    pub async fn is_known(&self) -> bool {
        match &*self.storage() {
            Storage::IndexedDb(store) => store.is_known().await,
            Storage::Local(_) | Storage::Memory(_) => false,
        }
    }

    /// What was set aside in the database, if the journal is there.
    pub async fn set_aside(
        &self,
        at: ApplyAt,
        news: &mut Vec<News>,
    ) -> Result<Vec<SetAside>, String> {
        match &*self.storage() {
            Storage::IndexedDb(store) => {
                let aside = store.set_aside(news).await;
                aside.map_err(|error| self.fall_back(error, at, news))
            }
            Storage::Local(_) | Storage::Memory(_) => Ok(Vec::new()),
        }
    }

    /// What was set aside in localStorage, wherever the journal is.
    pub fn set_aside_locally(&self) -> Vec<SetAside> {
        let local = Local::at_hand(self.names.clone());
        local.map_or_else(Vec::new, |local| local.set_aside())
    }

    /// Notes which charges are open, for the case that the journal is wiped or set back, and the
    /// queue, for the next start.
    pub fn mark(&self, mut open: OpenCharges) {
        if let Storage::IndexedDb(store) = &*self.storage()
            && self.measured.borrow().is_some()
        {
            open.at_rest.take_if(|_| !store.seems_known());
            marker::write(&self.names, &store.identity(), &open);
        }
    }

    /// The queue, where it is known without reading the journal.
    pub fn noted_queue(&self) -> Option<QueueCounts> {
        match &*self.storage() {
            Storage::IndexedDb(store) => marker::queue(&self.names, &store.identity()),
            Storage::Local(_) | Storage::Memory(_) => None,
        }
    }

    /// Lets go of it.
    pub fn close(&self) {
        match &*self.storage() {
            Storage::IndexedDb(store) => store.close(),
            Storage::Local(_) | Storage::Memory(_) => {}
        }
    }

    /// Moves to where it was reported to be going. Until then nothing can be read or written:
    /// what an empty place lacks must not be taken for gone.
    pub fn settle_in(&self) {
        if let Some(storage) = self.next.take() {
            *self.storage.borrow_mut() = Rc::new(storage);
        }
    }

    /// Goes on with the next best, where the database can't be opened again.
    fn fall_back(&self, error: StoreError, at: ApplyAt, news: &mut Vec<News>) -> String {
        if let StoreError::Unopenable(why) = &error
            && self.choice == Choice::Auto
            && matches!(&*self.storage(), Storage::IndexedDb(_))
            && self.next.borrow().is_none()
        {
            let storage = local_or_memory(&self.names, at, news);
            news.push(moved_to(&storage, why.clone(), Earlier::Here));
            self.close();
            *self.next.borrow_mut() = Some(storage);
        }
        error.into_detail()
    }
}

impl Storage {
    /// Which kind of storage it is.
    pub fn kind(&self) -> StorageKind {
        match self {
            Storage::IndexedDb(_) => StorageKind::IndexedDb,
            Storage::Local(_) => StorageKind::LocalStorage,
            Storage::Memory(_) => StorageKind::Memory,
        }
    }
}

fn local_or_memory(names: &Names, at: ApplyAt, news: &mut Vec<News>) -> Storage {
    match Local::open(names.clone(), news) {
        Some(store) => {
            store.take_on(at, news);
            Storage::Local(store)
        }
        None => Storage::Memory(Memory::default()),
    }
}

fn moved_to(storage: &Storage, why: String, from: Earlier) -> News {
    News::Moved {
        to: storage.kind(),
        why,
        from,
    }
}

/// What the store has under a key.
pub enum Found {
    /// A record.
    Record(Box<Record>),
    /// A record of a newer version: not ours to touch. Why; for people.
    Newer(String),
    /// What is no record: to be set aside. Why; for people.
    Damaged(String),
}

/// What this is, which is stored under `key`; `None` for what has not even its shape.
fn inspect(key: &str, stored: Option<&Stored>) -> Found {
    let damage = match stored.map(codec::decode) {
        Some(Ok(record)) if record.charge().key.as_str() == key => {
            return Found::Record(Box::new(record));
        }
        Some(Ok(record)) => format!("it is the charge {}", record.charge().key),
        Some(Err(Damage::NewerFormat(format))) => {
            return Found::Newer(format!(
                "the stored charge {key} has format {format}, newer than this version reads: left alone"
            ));
        }
        Some(Err(Damage::Checksum)) => "its checksum does not fit".to_owned(),
        Some(Err(Damage::Shape(error))) => error,
        None => "it has not the shape of a stored charge".to_owned(),
    };
    Found::Damaged(format!(
        "the stored charge {key} is damaged ({damage}): set aside"
    ))
}
