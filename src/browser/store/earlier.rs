//! What the account has on this device that the journal in use does not tell.

use wasm_bindgen_futures::JsFuture;

use super::News;
use super::indexed_db::{self, IndexedDb};
use super::marker::{self, Past};
use crate::browser::names::Names;
use crate::core::charge::Key;
use crate::core::engine::Earlier;

/// Whether there is a journal in IndexedDB, where that is not read; and what was open in it, for
/// people.
pub async fn of_unread(names: &Names) -> (Earlier, String) {
    match marker::read(names) {
        Some(marker) if marker.any_open() => {
            (Earlier::Elsewhere, format!("; {} in it", marker.told()))
        }
        Some(_) => (Earlier::Elsewhere, String::new()),
        None if is_listed(&names.database()).await => (Earlier::Elsewhere, String::new()),
        None => (Earlier::Nothing, String::new()),
    }
}

/// Measures the database by what was noted of the journal. False where charges may be missing in it
/// of which no more is known.
pub async fn measure(names: &Names, database: &IndexedDb, news: &mut Vec<News>) -> bool {
    let remade = database.take_remade();
    let gone = match remade {
        true => "the browser found the database damaged, and threw it away",
        false => "the database was deleted",
    };
    match marker::check(names, &database.identity()) {
        Past::Whole if !remade => true,
        // What localStorage knew of it may be lost as well.
        Past::Whole => {
            wiped(gone.to_owned(), Vec::new(), news);
            false
        }
        Past::Gone(marker) => {
            let lost = marker.keys();
            // What can't be kept in mind there is in mind as long as this client is open.
            drop(database.keep_in_mind(&lost, news).await);
            if marker.any_open() {
                wiped(format!("{gone} while {}", marker.told()), lost, news);
            } else if remade {
                wiped(gone.to_owned(), lost, news);
            }
            marker::write(names, &database.identity(), &Default::default());
            false
        }
        Past::Older(marker) => {
            let keys = marker.keys();
            let lost = match database.doubt_before(marker.commits(), &keys, news).await {
                Ok(Some(lost)) => lost,
                Ok(None) => return true,
                // Where that can't be written the next start tries again.
                Err(_) => keys,
            };
            news.push(News::SetBack { lost });
            false
        }
    }
}

/// Reports the loss, in place of the report of whoever noticed it while the database was in use.
fn wiped(detail: String, lost: Vec<Key>, news: &mut Vec<News>) {
    news.retain(|news| !matches!(news, News::Wiped { .. }));
    news.push(News::Wiped { detail, lost });
}

/// Whether the browser says that there is a database of this name; false where it does not tell.
async fn is_listed(name: &str) -> bool {
    // The promise never rejects.
    let listed = JsFuture::from(indexed_db::is_listed(name)).await;
    listed.is_ok_and(|listed| listed.is_truthy())
}
