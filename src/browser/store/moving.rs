//! What a fallback took on while IndexedDB was out of order moves over when it works again.

use super::{IndexedDb, Local, News};
use crate::browser::lock;
use crate::browser::names::Names;
use crate::core::journal::{ApplyAt, Op};

/// Moves every charge of localStorage into the database, as one transaction. What can't be moved
/// now is moved by a later start.
pub async fn move_over(names: &Names, database: &IndexedDb, at: ApplyAt, news: &mut Vec<News>) {
    let Some(local) = Local::open(names.clone()).filter(Local::has_charges) else {
        return;
    };
    // A tab that still works with the fallback would find its charges gone.
    let users = lock::held(&names.fallback()).await;
    if users.is_some_and(|tabs| !tabs.is_empty()) {
        return;
    }
    let ops: Vec<Op> = local
        .load(news)
        .into_iter()
        .map(|record| Op::Adopt { record })
        .collect();
    let Ok(applied) = database.apply(&ops, false, at, news).await else {
        return;
    };
    for (op, applied) in ops.iter().zip(applied) {
        if applied.done {
            local.remove(op.key());
        } else if applied.unreadable.is_none() {
            let why = format!(
                "the charge {} of the fallback has the key of another charge: set aside",
                op.key()
            );
            local.put_aside(op.key(), &why, news);
        }
    }
}
