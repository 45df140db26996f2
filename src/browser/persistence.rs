//! Asking the browser not to evict the journal when the device runs out of room.
//!
//! Chromium and WebKit decide by themselves; Firefox asks the user, so this is done only when
//! there is something to lose.

use js_sys::{Function, Promise, Reflect};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;

use super::scope::scope;

/// Whether the origin's storage is persistent now; `None` where the browser can't be asked.
pub async fn ask() -> Option<bool> {
    let navigator = scope()?.navigator();
    let storage = Reflect::get(&navigator, &"storage".into()).ok()?;
    if call(&storage, "persisted").await? {
        return Some(true);
    }
    call(&storage, "persist").await
}

async fn call(storage: &JsValue, method: &str) -> Option<bool> {
    let method: Function = Reflect::get(storage, &method.into())
        .ok()?
        .dyn_into()
        .ok()?;
    let promise: Promise = method.call0(storage).ok()?.dyn_into().ok()?;
    JsFuture::from(promise).await.ok()?.as_bool()
}
