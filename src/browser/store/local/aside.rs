//! Entries that did not pass their check, kept as they were found.

use serde::{Deserialize, Serialize};

use super::{Local, Moving};
use crate::browser::clock::now;
use crate::browser::entries;
use crate::browser::store::{News, SetAside};
use crate::core::charge::Key;

/// An entry that was set aside.
#[derive(Serialize, Deserialize)]
struct Aside {
    /// An entry of an earlier version has it in its name.
    #[serde(default)]
    key: Option<String>,
    why: String,
    found_at_ms: f64,
    entry: String,
}

impl Local {
    /// What was set aside.
    pub fn set_aside(&self) -> Vec<SetAside> {
        let prefix = self.names.all_damaged();
        let aside = entries::names_with(&prefix).into_iter().filter_map(|name| {
            let text = entries::read(&name)?;
            let key = name.strip_prefix(&prefix)?.to_owned();
            // An entry of an earlier version is the bare text.
            let aside = serde_json::from_str(&text).unwrap_or(Aside {
                key: None,
                why: String::new(),
                found_at_ms: 0.0,
                entry: text,
            });
            Some(SetAside {
                key: aside.key.unwrap_or(key),
                detail: aside.why,
                found_at: aside.found_at_ms,
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
    pub fn put_aside(&self, moving: &Moving, why: &str, news: &mut Vec<News>) {
        let key = &moving.record.charge().key;
        if self
            .keep_aside(key, &moving.name, why, &moving.entry)
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
            key: Some(key.as_str().to_owned()),
            why: why.to_owned(),
            found_at_ms: now().wall_ms as f64,
            entry: entry.to_owned(),
        };
        let text = serde_json::to_string(&aside).map_err(|error| error.to_string())?;
        // Another one may have been set aside under this key before.
        let first = self.names.damaged(key);
        let mut names = (0_u32..).map(|number| match number {
            0 => first.clone(),
            number => format!("{first}#{number}"),
        });
        if let Some(free) = names.find(|name| entries::read(name).is_none()) {
            entries::write(&free, &text)?;
        }
        entries::remove(name);
        Ok(())
    }
}
