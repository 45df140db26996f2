//! The journal in localStorage, one entry a charge: what a crash leaves of it is up to the
//! browser, so nothing in it counts as durable.
//!
//! Through web-sys, not gloo-storage: a damaged entry is to be kept as it is, and gloo-storage
//! shows only what parses.

use super::{Found, Outcome, inspect};
use crate::browser::balance_cache::local_storage;
use crate::browser::error::text;
use crate::browser::names::Names;
use crate::core::charge::Key;
use crate::core::codec::{self, Stored};
use crate::core::journal::{Applied, ApplyAt, Op, Write};
use crate::core::record::Record;

/// Entries whose names begin with a prefix.
#[derive(Debug)]
pub struct Local {
    names: Names,
}

impl Local {
    /// `None` where there is no localStorage that takes an entry.
    pub fn open(names: Names) -> Option<Local> {
        let storage = local_storage()?;
        storage.set_item(&names.probe(), "").ok()?;
        storage.remove_item(&names.probe()).ok()?;
        Some(Local { names })
    }

    /// Applies these one after the other; on an error, what was written is put back.
    pub fn apply(&self, ops: &[Op], at: ApplyAt) -> Result<Outcome<Vec<Applied>>, String> {
        let mut done: Vec<(&Key, Option<String>)> = Vec::new();
        let mut outcome = Outcome::<Vec<Applied>>::default();
        for op in ops {
            let entry = read(&self.names.charge(op.key()));
            let applied = match self.current(op.key(), entry.as_deref(), &mut outcome.damages) {
                Ok(current) => op.apply(current, at),
                Err(why) => Applied::unreadable(why),
            };
            if let Err(error) = self.write(op.key(), &applied) {
                for (key, before) in done.into_iter().rev() {
                    self.restore(key, before.as_deref());
                }
                return Err(error);
            }
            done.push((op.key(), entry));
            outcome.value.push(applied);
        }
        Ok(outcome)
    }

    /// Everything that is there.
    pub fn load(&self) -> Outcome<Vec<Record>> {
        let mut outcome = Outcome::<Vec<Record>>::default();
        for key in self.keys() {
            let entry = read(&self.names.charge(&key));
            // What can't be read has been reported.
            if let Ok(record) = self.current(&key, entry.as_deref(), &mut outcome.damages) {
                outcome.value.extend(record);
            }
        }
        outcome
    }

    fn keys(&self) -> Vec<Key> {
        let Some(storage) = local_storage() else {
            return Vec::new();
        };
        let prefix = self.names.charges();
        let count = storage.length().unwrap_or(0);
        let names = (0..count).filter_map(|at| storage.key(at).ok().flatten());
        names
            .filter_map(|name| Key::new(name.strip_prefix(&prefix)?).ok())
            .collect()
    }

    /// The record in this entry; why not, if there is something that must stay as it is.
    fn current(
        &self,
        key: &Key,
        entry: Option<&str>,
        damages: &mut Vec<String>,
    ) -> Result<Option<Record>, String> {
        let Some(entry) = entry else {
            return Ok(None);
        };
        let stored: Option<Stored> = serde_json::from_str(entry).ok();
        match inspect(key.as_str(), stored.as_ref()) {
            Found::Record(record) => Ok(Some(*record)),
            Found::Newer(why) => {
                damages.push(why.clone());
                Err(why)
            }
            Found::Damaged(why) => {
                damages.push(why);
                write(&self.names.damaged(key), entry)?;
                remove(&self.names.charge(key));
                Ok(None)
            }
        }
    }

    fn write(&self, key: &Key, applied: &Applied) -> Result<(), String> {
        let name = self.names.charge(key);
        match (applied.write, &applied.record) {
            (Write::Put, Some(record)) => {
                let stored = codec::encode(record)?;
                let entry = serde_json::to_string(&stored).map_err(|error| error.to_string())?;
                write(&name, &entry)
            }
            (Write::Delete, _) => {
                remove(&name);
                Ok(())
            }
            (Write::Keep, _) | (Write::Put, None) => Ok(()),
        }
    }

    fn restore(&self, key: &Key, before: Option<&str>) {
        let name = self.names.charge(key);
        match before {
            // It was there a moment ago, so there is room for it.
            Some(entry) => drop(write(&name, entry)),
            None => remove(&name),
        }
    }
}

fn read(name: &str) -> Option<String> {
    local_storage()?.get_item(name).ok().flatten()
}

fn write(name: &str, entry: &str) -> Result<(), String> {
    match local_storage() {
        Some(storage) => storage.set_item(name, entry).map_err(|error| text(&error)),
        None => Err("there is no localStorage any more".to_owned()),
    }
}

fn remove(name: &str) {
    if let Some(storage) = local_storage() {
        // Removing fails only where there is nothing to remove from.
        let _ = storage.remove_item(name);
    }
}
