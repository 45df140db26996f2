//! The journal at rest: IndexedDB, else localStorage, else memory.

mod indexed_db;
mod local;
mod memory;

pub use indexed_db::IndexedDb;
pub use local::Local;
pub use memory::Memory;

use super::names::Names;
use crate::core::charge::Key;
use crate::core::codec::{self, Damage, Stored};
use crate::core::journal::{Applied, ApplyAt, Op, Write};
use crate::core::ordered::Map;
use crate::core::record::Record;
use crate::core::snapshot::StorageKind;

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

/// Where the journal lives.
#[derive(Debug)]
pub enum Store {
    /// Durable.
    IndexedDb(IndexedDb),
    /// Lost with the last seconds before a crash.
    Local(Local),
    /// Lost with the page.
    Memory(Memory),
    /// Asked for and not to be had: nothing can be stored.
    None(String),
}

/// What operations came to, and what was found damaged.
#[derive(Debug, Default)]
pub struct Outcome<T> {
    /// What was asked for.
    pub value: T,
    /// For people, one line each.
    pub damages: Vec<String>,
}

impl Store {
    /// Opens the store, or the next best.
    pub async fn open(names: &Names, choice: Choice) -> Store {
        match choice {
            Choice::Auto => match IndexedDb::open(&names.database()).await {
                Ok(store) => Store::IndexedDb(store),
                Err(_) => Store::local_or_memory(names),
            },
            Choice::IndexedDb => match IndexedDb::open(&names.database()).await {
                Ok(store) => Store::IndexedDb(store),
                Err(error) => Store::None(error),
            },
            Choice::LocalStorage => Store::local_or_memory(names),
            Choice::Memory => Store::Memory(Memory::default()),
        }
    }

    fn local_or_memory(names: &Names) -> Store {
        match Local::open(names.clone()) {
            Some(store) => Store::Local(store),
            None => Store::Memory(Memory::default()),
        }
    }

    /// Which one it is.
    pub fn kind(&self) -> StorageKind {
        match self {
            Store::IndexedDb(_) => StorageKind::IndexedDb,
            Store::Local(_) => StorageKind::LocalStorage,
            Store::Memory(_) | Store::None(_) => StorageKind::Memory,
        }
    }

    /// Applies all of these, or none.
    pub async fn apply(
        &self,
        ops: &[Op],
        relaxed: bool,
        at: ApplyAt,
    ) -> Result<Outcome<Vec<Applied>>, String> {
        match self {
            Store::IndexedDb(store) => store.apply(ops, relaxed, at).await,
            Store::Local(store) => store.apply(ops, at),
            Store::Memory(store) => Ok(store.apply(ops, at)),
            Store::None(error) => Err(error.clone()),
        }
    }

    /// Everything that is there.
    pub async fn load(&self) -> Result<Outcome<Vec<Record>>, String> {
        match self {
            Store::IndexedDb(store) => store.load().await,
            Store::Local(store) => Ok(store.load()),
            Store::Memory(store) => Ok(store.load()),
            Store::None(error) => Err(error.clone()),
        }
    }

    /// Lets go of it.
    pub fn close(&self) {
        match self {
            Store::IndexedDb(store) => store.close(),
            Store::Local(_) | Store::Memory(_) | Store::None(_) => {}
        }
    }
}

/// One operation on a store that is a map of keys to records, and what it writes there.
fn apply_to(
    records: &mut Map<Key, Record>,
    op: &Op,
    current: Option<Record>,
    at: ApplyAt,
) -> Applied {
    let applied = op.apply(current, at);
    let key = op.key();
    match (applied.write, &applied.record) {
        (Write::Put, Some(record)) => {
            records.insert(key.clone(), record.clone());
        }
        (Write::Delete, _) => {
            records.remove(key);
        }
        (Write::Keep, _) | (Write::Put, None) => {}
    }
    applied
}

/// What the store has under a key.
enum Found {
    /// A record.
    Record(Box<Record>),
    /// A record of a newer version: not ours to touch.
    Newer(String),
    /// What is no record: to be set aside.
    Damaged(String),
}

/// What this is, which is stored under `key`; `None` for what has not even its shape.
fn inspect(key: &str, stored: Option<&Stored>) -> Found {
    let damage = match stored.map(codec::decode) {
        Some(Ok(record)) => return Found::Record(Box::new(record)),
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
