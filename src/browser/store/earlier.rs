//! What the account has on this device that the journal in use does not tell.

use js_sys::{Array, Function, Promise, Reflect};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;

use super::marker::{self, Past};
use super::{IndexedDb, News};
use crate::browser::names::Names;
use crate::browser::time_limit::in_time;
use crate::core::engine::Earlier;

/// How long the browser may take to tell which databases there are, in milliseconds.
const LIST_LIMIT_MS: u32 = 1_000;

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
    match marker::check(names, &database.identity()) {
        Past::Whole => true,
        Past::Gone(marker) => {
            let lost = marker.keys();
            // What can't be kept in mind there is in mind as long as this client is open.
            drop(database.keep_in_mind(&lost, news).await);
            if marker.any_open() {
                // Whoever has noticed it while it was in use has told of it.
                news.retain(|news| !matches!(news, News::Wiped { .. }));
                let detail = format!("the database was deleted while {}", marker.told());
                news.push(News::Wiped { detail, lost });
            }
            marker::write(names, &database.identity(), &Default::default());
            false
        }
        Past::Older(marker) => {
            let keys = marker.keys();
            let commits = marker.commits();
            let lost = database.doubt_all(&keys, commits, news).await;
            // Where that can't be written the next start tries again.
            let lost = lost.unwrap_or(keys);
            news.push(News::SetBack { lost });
            false
        }
    }
}

/// Whether the browser says that there is a database of this name; false where it does not tell.
async fn is_listed(name: &str) -> bool {
    let listed = in_time(LIST_LIMIT_MS, databases()).await.flatten();
    listed.is_some_and(|listed| {
        listed.iter().any(|database| {
            let its = Reflect::get(&database, &"name".into()).ok();
            its.and_then(|its| its.as_string()).as_deref() == Some(name)
        })
    })
}

async fn databases() -> Option<Array> {
    let window = web_sys::window()?;
    let factory = Reflect::get(&window, &"indexedDB".into()).ok()?;
    let list: Function = Reflect::get(&factory, &"databases".into())
        .ok()?
        .dyn_into()
        .ok()?;
    let promise: Promise = list.call0(&factory).ok()?.dyn_into().ok()?;
    let listed: JsValue = JsFuture::from(promise).await.ok()?;
    listed.dyn_into().ok()
}
