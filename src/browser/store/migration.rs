//! What a fallback took on while IndexedDB was out of order moves over when it works again.

use super::local::{Local, MigratingCharge};
use super::{IndexedDb, News};
use crate::browser::lock;
use crate::browser::names::Names;
use crate::core::journal::{ApplyAt, Op};

/// Moves every charge of localStorage into the database, as one transaction. Where that can't be
/// done now it is false, and a later start does it.
pub async fn migrate(
    names: &Names,
    database: &IndexedDb,
    at: ApplyAt,
    news: &mut Vec<News>,
) -> bool {
    let Some(local) = Local::at_hand(names.clone()).filter(Local::has_news) else {
        return true;
    };
    // A tab that still works with the fallback would find its charges gone.
    let users = lock::held(&names.fallback()).await;
    if users.is_some_and(|tabs| !tabs.is_empty()) {
        return false;
    }
    let migrating = local.to_migrate(news);
    let ops: Vec<Op> = migrating
        .iter()
        .map(|MigratingCharge { record, .. }| Op::Adopt {
            record: record.clone(),
        })
        .collect();
    let Ok(applied) = database.apply(&ops, false, at, &|_| None, news).await else {
        return false;
    };
    for (migrating, applied) in migrating.iter().zip(applied) {
        if applied.done {
            local.migrated(migrating);
        } else if applied.unreadable.is_none() {
            let key = &migrating.record.charge().key;
            let why = format!(
                "the charge {key} of the fallback has the key of another charge: set aside"
            );
            local.put_aside(migrating, &why, news);
        }
    }
    true
}
