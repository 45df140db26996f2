//! The journal in localStorage, one entry a charge: what a crash leaves of it is up to the
//! browser, so nothing in it counts as durable.
//!
//! Through web-sys, not gloo-storage: a damaged entry is to be kept as it is, and gloo-storage
//! shows only what parses.

use serde::{Deserialize, Serialize};

use super::{Found, News, SetAside, inspect};
use crate::browser::balance_cache::local_storage;
use crate::browser::clock::now;
use crate::browser::error::text;
use crate::browser::names::Names;
use crate::core::charge::Key;
use crate::core::codec::{self, Stored};
use crate::core::journal::{Applied, ApplyAt, Op, Write};
use crate::core::record::{Record, State};

/// Entries whose names begin with a prefix.
#[derive(Debug)]
pub struct Local {
    names: Names,
}

/// An entry that was set aside.
#[derive(Serialize, Deserialize)]
struct Aside {
    why: String,
    found_at_ms: f64,
    entry: String,
}

impl Local {
    /// `None` where there is no localStorage that takes an entry.
    pub fn open(names: Names) -> Option<Local> {
        let storage = local_storage()?;
        storage.set_item(&names.probe(), "").ok()?;
        storage.remove_item(&names.probe()).ok()?;
        Some(Local { names })
    }

    /// Takes on what an earlier start left: after a crash that may be an earlier state, so
    /// nothing counts as never attempted.
    pub fn take_on(&self, at: ApplyAt, news: &mut Vec<News>) {
        let records = self.load(news).into_iter();
        let ops: Vec<Op> = records.map(|record| Op::Adopt { record }).collect();
        // What can't be written stays as it is.
        drop(self.apply(&ops, at, news));
    }

    /// Applies these one after the other; on an error, what was written is put back. What may be
    /// forgotten gives way to what may not.
    pub fn apply(
        &self,
        ops: &[Op],
        at: ApplyAt,
        news: &mut Vec<News>,
    ) -> Result<Vec<Applied>, String> {
        let first = self.try_apply(ops, at, news);
        match first {
            Ok(_) => first,
            Err(_) => {
                self.give_way();
                self.try_apply(ops, at, news)
            }
        }
    }

    fn try_apply(
        &self,
        ops: &[Op],
        at: ApplyAt,
        news: &mut Vec<News>,
    ) -> Result<Vec<Applied>, String> {
        let mut done: Vec<(&Key, Option<String>)> = Vec::new();
        let mut results = Vec::with_capacity(ops.len());
        for op in ops {
            let entry = read(&self.names.charge(op.key()));
            let applied = match self.current(op.key(), entry.as_deref(), news) {
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
            results.push(applied);
        }
        Ok(results)
    }

    /// Everything that is there.
    pub fn load(&self, news: &mut Vec<News>) -> Vec<Record> {
        let mut records = Vec::new();
        for key in self.keys() {
            let entry = read(&self.names.charge(&key));
            // What can't be read has been reported.
            if let Ok(record) = self.current(&key, entry.as_deref(), news) {
                records.extend(record);
            }
        }
        records
    }

    /// Whether there is any charge, or what was one.
    pub fn has_charges(&self) -> bool {
        !self.keys().is_empty()
    }

    /// Removes a charge.
    pub fn remove(&self, key: &Key) {
        remove(&self.names.charge(key));
    }

    /// What was set aside.
    pub fn set_aside(&self) -> Vec<SetAside> {
        let prefix = self.names.all_damaged();
        let aside = entry_names(&prefix).into_iter().filter_map(|name| {
            let text = read(&name)?;
            let key = name.strip_prefix(&prefix)?.to_owned();
            // An entry of an earlier version is the bare text.
            let aside = serde_json::from_str(&text).unwrap_or(Aside {
                why: String::new(),
                found_at_ms: 0.0,
                entry: text,
            });
            Some(SetAside {
                key,
                detail: aside.why,
                found_at: aside.found_at_ms,
                stored: aside.entry,
            })
        });
        aside.collect()
    }

    /// Sets a charge aside.
    pub fn put_aside(&self, key: &Key, why: &str, news: &mut Vec<News>) {
        let entry = read(&self.names.charge(key)).unwrap_or_default();
        if self.keep_aside(key, why, &entry).is_ok() {
            news.push(News::SetAside(why.to_owned()));
        }
    }

    fn keep_aside(&self, key: &Key, why: &str, entry: &str) -> Result<(), String> {
        let aside = Aside {
            why: why.to_owned(),
            found_at_ms: now().wall_ms as f64,
            entry: entry.to_owned(),
        };
        let text = serde_json::to_string(&aside).map_err(|error| error.to_string())?;
        write(&self.names.damaged(key), &text)?;
        self.remove(key);
        Ok(())
    }

    /// Makes room: settled charges and the cached balance go.
    fn give_way(&self) {
        remove(&self.names.balance());
        for record in self.load(&mut Vec::new()) {
            if matches!(record.state(), State::Settled(_)) && !record.is_retryable() {
                self.remove(&record.charge().key);
            }
        }
    }

    fn keys(&self) -> Vec<Key> {
        let prefix = self.names.charges();
        let keys = entry_names(&prefix).into_iter();
        keys.filter_map(|name| Key::new(name.strip_prefix(&prefix)?).ok())
            .collect()
    }

    /// The record in this entry; why not, if there is something that must stay as it is.
    fn current(
        &self,
        key: &Key,
        entry: Option<&str>,
        news: &mut Vec<News>,
    ) -> Result<Option<Record>, String> {
        let Some(entry) = entry else {
            return Ok(None);
        };
        let stored: Option<Stored> = serde_json::from_str(entry).ok();
        match inspect(key.as_str(), stored.as_ref()) {
            Found::Record(record) => Ok(Some(*record)),
            Found::Newer(why) => {
                news.push(News::LeftAlone(why.clone()));
                Err(why)
            }
            Found::Damaged(why) => {
                self.keep_aside(key, &why, entry)?;
                news.push(News::SetAside(why));
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

fn entry_names(prefix: &str) -> Vec<String> {
    let Some(storage) = local_storage() else {
        return Vec::new();
    };
    let count = storage.length().unwrap_or(0);
    let names = (0..count).filter_map(|at| storage.key(at).ok().flatten());
    names.filter(|name| name.starts_with(prefix)).collect()
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
