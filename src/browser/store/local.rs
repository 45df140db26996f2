//! The journal in localStorage, one entry a charge: what a crash leaves of it is up to the
//! browser, so nothing in it counts as durable.

use gloo_storage::{LocalStorage, Storage as _};

use super::{Outcome, describe};
use crate::browser::balance_cache::local_storage;
use crate::core::charge::Key;
use crate::core::codec::{self, Damage, Stored};
use crate::core::journal::{Applied, ApplyAt, Op, Write};
use crate::core::record::Record;

/// Entries whose names begin with the prefix.
#[derive(Debug)]
pub struct Local {
    prefix: String,
}

impl Local {
    /// `None` where there is no localStorage that takes an entry.
    pub fn open(prefix: String) -> Option<Local> {
        let probe = format!("{prefix}probe");
        let storage = local_storage()?;
        storage.set_item(&probe, "").ok()?;
        storage.remove_item(&probe).ok()?;
        Some(Local { prefix })
    }

    /// Applies these one after the other; on an error, what was written is put back.
    pub fn apply(&self, ops: &[Op], at: ApplyAt) -> Result<Outcome<Vec<Applied>>, String> {
        let mut done: Vec<(&Key, Option<Stored>)> = Vec::new();
        let mut outcome = Outcome::<Vec<Applied>>::default();
        for op in ops {
            let stored = self.stored(op.key());
            let current = self.read(op.key(), stored.as_ref(), &mut outcome.damages);
            let applied = op.apply(current, at);
            if let Err(error) = self.write(op.key(), &applied) {
                for (key, before) in done.into_iter().rev() {
                    self.restore(key, before.as_ref());
                }
                return Err(error);
            }
            done.push((op.key(), stored));
            outcome.value.push(applied);
        }
        Ok(outcome)
    }

    /// Everything that is there.
    pub fn load(&self) -> Outcome<Vec<Record>> {
        let mut outcome = Outcome::<Vec<Record>>::default();
        for name in self.names() {
            let key = name
                .strip_prefix(&self.prefix)
                .and_then(|key| Key::new(key).ok());
            if let Some(key) = key {
                let stored = self.stored(&key);
                let record = self.read(&key, stored.as_ref(), &mut outcome.damages);
                outcome.value.extend(record);
            }
        }
        outcome
    }

    fn names(&self) -> Vec<String> {
        let Some(storage) = local_storage() else {
            return Vec::new();
        };
        let count = storage.length().unwrap_or(0);
        let names = (0..count).filter_map(|at| storage.key(at).ok().flatten());
        names
            .filter(|name| name.starts_with(&self.prefix))
            .collect()
    }

    fn name(&self, key: &Key) -> String {
        format!("{}{key}", self.prefix)
    }

    fn stored(&self, key: &Key) -> Option<Stored> {
        local_storage()?;
        LocalStorage::get(self.name(key)).ok()
    }

    fn read(
        &self,
        key: &Key,
        stored: Option<&Stored>,
        damages: &mut Vec<String>,
    ) -> Option<Record> {
        let stored = stored?;
        match codec::decode(stored) {
            Ok(record) => Some(record),
            Err(damage) => {
                damages.push(describe(key.as_str(), stored, &damage));
                if !matches!(damage, Damage::NewerFormat(_)) {
                    // Under a name that is not a charge's, for whoever wants to look.
                    let aside = self.prefix.replace(":charge:", ":damaged:");
                    let _ = LocalStorage::set(format!("{aside}{key}"), stored);
                    LocalStorage::delete(self.name(key));
                }
                None
            }
        }
    }

    fn write(&self, key: &Key, applied: &Applied) -> Result<(), String> {
        if local_storage().is_none() {
            return Err("there is no localStorage any more".to_owned());
        }
        match (applied.write, &applied.record) {
            (Write::Put, Some(record)) => {
                let stored = codec::encode(record)?;
                let written = LocalStorage::set(self.name(key), &stored);
                written.map_err(|error| error.to_string())
            }
            (Write::Delete, _) => {
                LocalStorage::delete(self.name(key));
                Ok(())
            }
            (Write::Keep, _) | (Write::Put, None) => Ok(()),
        }
    }

    fn restore(&self, key: &Key, before: Option<&Stored>) {
        match before {
            // It was there a moment ago, so there is room for it.
            Some(stored) => drop(LocalStorage::set(self.name(key), stored)),
            None => LocalStorage::delete(self.name(key)),
        }
    }
}
