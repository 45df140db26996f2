//! The journal in localStorage, one entry a charge: what a crash leaves of it is up to the
//! browser, so nothing in it counts as durable.

use super::{Found, News, inspect};
use crate::browser::clock::now;
use crate::browser::entries::{self, names_with, read, remove, write};
use crate::browser::names::Names;
use crate::browser::store::SetAside;
use crate::core::charge::Key;
use crate::core::codec::{self, Stored};
use crate::core::journal::{Applied, ApplyAt, Op, Write};
use crate::core::json::{FromJson, Json, ToJson};
use crate::core::record::{Record, State};

/// A charge on its way to another storage.
#[derive(Debug)]
pub struct MigratingCharge {
    /// As it is here.
    pub record: Record,
    name: String,
    entry: String,
}

/// Entries whose names begin with a prefix.
#[derive(Debug)]
pub struct Local {
    names: Names,
}

impl Local {
    /// `None` where there is no localStorage that takes an entry. A full one that has charges is
    /// better than none: they stay, and may be settled.
    pub fn open(names: Names, news: &mut Vec<News>) -> Option<Local> {
        let local = Local::at_hand(names)?;
        if !local.takes_entries() && !local.has_charges() {
            local.give_way(news);
            return local.takes_entries().then_some(local);
        }
        Some(local)
    }

    /// What can be read, whether it takes an entry or not.
    pub fn at_hand(names: Names) -> Option<Local> {
        entries::is_readable(&names.probe()).then_some(Local { names })
    }

    fn takes_entries(&self) -> bool {
        let probe = self.names.probe();
        let taken = write(&probe, "").is_ok();
        remove(&probe);
        taken
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
                self.give_way(news);
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
            let mut elsewhere = false;
            let applied = match self.current(op.key(), entry.as_deref(), news) {
                // One was set aside, just now or before.
                Ok(None) if read(&self.names.damaged(op.key())).is_some() => {
                    op.apply_after_loss(at)
                }
                Ok(current) => {
                    elsewhere = current.as_ref().is_some_and(Record::is_adopted);
                    op.apply(current, at)
                }
                Err(why) => Applied::unreadable(why),
            };
            let end = entry.as_deref().filter(|_| elsewhere);
            if let Err(error) = self.write(op.key(), &applied, end) {
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
        let lost = self.set_aside_keys();
        if !lost.is_empty() {
            news.push(News::Lost(lost));
        }
        records
    }

    /// What another storage has to know, in the order in which it is to learn it: what was
    /// forgotten here, then what is there.
    pub fn to_migrate(&self, news: &mut Vec<News>) -> Vec<MigratingCharge> {
        let mut all = self.ended();
        for key in self.keys() {
            let name = self.names.charge(&key);
            let Some(entry) = read(&name) else {
                continue;
            };
            // What can't be read has been reported.
            if let Ok(Some(record)) = self.current(&key, Some(&entry), news) {
                all.push(MigratingCharge {
                    record,
                    name,
                    entry,
                });
            }
        }
        all
    }

    /// What was forgotten here.
    fn ended(&self) -> Vec<MigratingCharge> {
        let ended = self.keys_of(&self.names.all_ended());
        let ended = ended.into_iter().filter_map(|key| {
            let name = self.names.ended(&key);
            let entry = read(&name)?;
            let stored = parse::<Stored>(&entry);
            match inspect(key.as_str(), stored.as_ref()) {
                Found::Record(record) => Some(MigratingCharge {
                    record: *record,
                    name,
                    entry,
                }),
                // A newer version's is left to that.
                Found::Newer(_) => None,
                Found::Damaged(_) => {
                    remove(&name);
                    None
                }
            }
        });
        ended.collect()
    }

    /// Removes what has moved, unless it has changed since.
    pub fn migrated(&self, migrating: &MigratingCharge) {
        if read(&migrating.name).as_ref() == Some(&migrating.entry) {
            remove(&migrating.name);
        }
    }

    /// Whether there is any charge, or what was one.
    pub fn has_charges(&self) -> bool {
        !self.keys().is_empty()
    }

    /// Whether there is anything that another storage has to know.
    pub fn has_news(&self) -> bool {
        self.has_charges() || !self.ended().is_empty()
    }

    /// Makes room: settled charges and the cached balance go.
    fn give_way(&self, news: &mut Vec<News>) {
        remove(&self.names.balance());
        for record in self.load(news) {
            // What is charged may be asked for again without harm; what another storage has open
            // and was cancelled or declined here may not.
            let settled = matches!(record.state(), State::Settled(_)) && !record.is_retryable();
            if settled && (record.receipt().is_some() || !record.is_adopted()) {
                remove(&self.names.charge(&record.charge().key));
            }
        }
        for ended in self.ended() {
            if ended.record.receipt().is_some() {
                remove(&ended.name);
            }
        }
    }

    fn keys(&self) -> Vec<Key> {
        self.keys_of(&self.names.charges())
    }

    fn keys_of(&self, prefix: &str) -> Vec<Key> {
        let keys = names_with(prefix).into_iter();
        keys.filter_map(|name| Key::new(name.strip_prefix(prefix)?).ok())
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
        let stored = parse::<Stored>(entry);
        match inspect(key.as_str(), stored.as_ref()) {
            Found::Record(record) => Ok(Some(*record)),
            Found::Newer(why) => {
                news.push(News::LeftAlone(why.clone()));
                Err(why)
            }
            Found::Damaged(why) => {
                self.keep_aside(key, &self.names.charge(key), &why, entry)?;
                news.push(News::SetAside(why));
                Ok(None)
            }
        }
    }

    /// `end` is what was there of a charge that another storage has, too.
    fn write(&self, key: &Key, applied: &Applied, end: Option<&str>) -> Result<(), String> {
        let name = self.names.charge(key);
        match (applied.write, &applied.record) {
            (Write::Put, Some(record)) => {
                let stored = codec::encode(record);
                write(&name, &stored.to_json().to_text())
            }
            (Write::Delete, _) => {
                // The other storage must not take it up again when it works again.
                if end.is_none_or(|end| write(&self.names.ended(key), end).is_ok()) {
                    remove(&name);
                }
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

    /// What was set aside.
    pub fn set_aside(&self) -> Vec<SetAside> {
        let prefix = self.names.all_damaged();
        let aside = names_with(&prefix).into_iter().filter_map(|name| {
            let aside: Aside = parse(&read(&name)?)?;
            Some(SetAside {
                key: aside.key,
                detail: aside.why,
                found_at: aside.found_at_ms as f64,
                stored: aside.entry,
            })
        });
        aside.collect()
    }

    /// The keys of what was set aside.
    pub(super) fn set_aside_keys(&self) -> Vec<Key> {
        let keys = self.set_aside().into_iter();
        keys.filter_map(|aside| Key::new(aside.key).ok()).collect()
    }

    /// Sets a charge aside.
    pub fn put_aside(&self, migrating: &MigratingCharge, why: &str, news: &mut Vec<News>) {
        let key = &migrating.record.charge().key;
        if self
            .keep_aside(key, &migrating.name, why, &migrating.entry)
            .is_ok()
        {
            news.push(News::SetAside(why.to_owned()));
        }
    }

    /// Keeps `entry`, which is not what it should be, elsewhere than under `name`.
    pub(super) fn keep_aside(
        &self,
        key: &Key,
        name: &str,
        why: &str,
        entry: &str,
    ) -> Result<(), String> {
        let aside = Aside {
            key: key.as_str().to_owned(),
            why: why.to_owned(),
            found_at_ms: now().wall_ms,
            entry: entry.to_owned(),
        };
        let text = aside.to_json().to_text();
        // Another one may have been set aside under this key before.
        let first = self.names.damaged(key);
        let mut names = (0_u32..).map(|number| match number {
            0 => first.clone(),
            number => format!("{first}#{number}"),
        });
        if let Some(free) = names.find(|name| read(name).is_none()) {
            write(&free, &text)?;
        }
        remove(name);
        Ok(())
    }
}

/// An entry that was set aside.
struct Aside {
    key: String,
    why: String,
    found_at_ms: u64,
    entry: String,
}

json_members! { to and from Aside { key, why, found_at_ms, entry } }

fn parse<T: FromJson>(entry: &str) -> Option<T> {
    T::from_json(&Json::parse(entry)?).ok()
}
