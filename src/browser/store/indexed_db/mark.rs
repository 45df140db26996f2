//! The mark of the last sign-out, in the same transactions as the charges: a claim that is committed
//! was made before the mark, or by a session after it.

use indexed_db_futures::error::Error;
use indexed_db_futures::prelude::*;
use indexed_db_futures::transaction::Transaction;
use wasm_bindgen::JsValue;

use super::schema::{JOURNAL, MARK};

/// The mark; 0 where there is none.
pub async fn read(transaction: &Transaction<'_>) -> Result<u64, Error> {
    let journal = transaction.object_store(JOURNAL)?;
    let mark: Option<JsValue> = journal.get(MARK).primitive()?.await?;
    // A float becomes an integer by truncation and within its range.
    Ok(mark
        .and_then(|mark| mark.as_f64())
        .map_or(0, |mark| mark as u64))
}

/// Leaves this mark, unless there is a later one, and gives the one that is there then.
pub async fn leave(transaction: &Transaction<'_>, mark: u64) -> Result<u64, Error> {
    let found = read(transaction).await?;
    if found >= mark {
        return Ok(found);
    }
    let journal = transaction.object_store(JOURNAL)?;
    // An error of the request aborts the transaction, which `commit` reports.
    drop(journal.put(mark as f64).with_key(MARK).primitive()?);
    Ok(mark)
}
