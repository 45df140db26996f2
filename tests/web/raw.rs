//! Direct access to the browser's storage, behind the back of the code under test.

use js_sys::{Function, Promise};
use serde_json::Value;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

#[wasm_bindgen(module = "/tests/web/raw.js")]
extern "C" {
    #[wasm_bindgen(js_name = readRows, catch)]
    async fn read_rows(name: &str, store: &str) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(js_name = putRow, catch)]
    async fn put_row_json(name: &str, row: &str) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(js_name = readRow, catch)]
    async fn read_row(name: &str, key: &str) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(js_name = deleteRow, catch)]
    async fn delete_row_json(name: &str, key: &str) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(js_name = deleteDatabase, catch)]
    async fn delete(name: &str) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(js_name = makeNewerDatabase, catch)]
    async fn make_newer(name: &str) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(js_name = blockDatabase, catch)]
    async fn block(name: &str) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(js_name = holdLock, catch)]
    async fn hold(name: &str) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(js_name = closeConnection)]
    pub fn close_connection(database: &JsValue);

    fn hide(member: &str) -> Function;

    fn spoil(kind: &str, method: &str, fault: &str, times: u32) -> Function;

    fn count(kind: &str, method: &str) -> Function;
}

/// All rows of an object store.
pub async fn rows(database: &str, store: &str) -> Vec<Value> {
    let json = read_rows(database, store).await.unwrap();
    serde_json::from_str(&json.as_string().unwrap()).unwrap()
}

/// The row of this key.
pub async fn row(database: &str, key: &str) -> Option<Value> {
    let rows = rows(database, "charges").await;
    rows.into_iter().find(|row| row["key"] == key)
}

/// Writes this row.
pub async fn put_row(database: &str, row: &Value) {
    put_row_json(database, &row.to_string()).await.unwrap();
}

/// What there is under a key of whatever kind; null for nothing.
pub async fn at(database: &str, key: &Value) -> Value {
    let row = read_row(database, &key.to_string()).await.unwrap();
    serde_json::from_str(&row.as_string().unwrap()).unwrap()
}

/// Deletes what there is under this key.
pub async fn delete_row(database: &str, key: &Value) {
    delete_row_json(database, &key.to_string()).await.unwrap();
}

/// Deletes the database, which fails where a connection is still open.
pub async fn delete_database(database: &str) {
    delete(database).await.unwrap();
}

/// Makes the database as a newer version of this package would.
pub async fn make_newer_database(database: &str) {
    make_newer(database).await.unwrap();
}

/// Blocks every `open` of the database until the function is called.
pub async fn block_database(database: &str) -> Function {
    block(database).await.unwrap().unchecked_into()
}

/// Holds a Web Lock until the function is called.
pub async fn hold_lock(name: &str) -> Function {
    hold(name).await.unwrap().unchecked_into()
}

/// Calls a function of no arguments, and waits for what it returns.
pub async fn call(function: &Function) {
    let end = function.call0(&JsValue::UNDEFINED).unwrap();
    JsFuture::from(Promise::resolve(&end)).await.unwrap();
}

/// Runs `work` in a window without `member`.
pub async fn without<T>(member: &str, work: impl AsyncFnOnce() -> T) -> T {
    let show = hide(member);
    let result = work().await;
    call(&show).await;
    result
}

/// Times for [`spoilt`]: every call of the method.
pub const ALWAYS: u32 = u32::MAX;

/// Runs `work` while a method of the browser's storage fails, or hangs, so often.
pub async fn spoilt<T>(
    (kind, method): (&str, &str),
    fault: &str,
    times: u32,
    work: impl AsyncFnOnce() -> T,
) -> T {
    let mend = spoil(kind, method, fault, times);
    let result = work().await;
    call(&mend).await;
    result
}

/// How often `work` calls a method of the browser's storage.
pub async fn counted((kind, method): (&str, &str), work: impl AsyncFnOnce()) -> f64 {
    let end = count(kind, method);
    work().await;
    end.call0(&JsValue::UNDEFINED).unwrap().as_f64().unwrap()
}

fn local_storage() -> Option<web_sys::Storage> {
    web_sys::window()?.local_storage().ok()?
}

/// A localStorage entry.
pub fn entry(name: &str) -> Option<String> {
    local_storage().unwrap().get_item(name).unwrap()
}

/// Writes a localStorage entry.
pub fn put_entry(name: &str, text: &str) {
    local_storage().unwrap().set_item(name, text).unwrap();
}

/// The names of all localStorage entries that begin with the prefix.
pub fn entry_names(prefix: &str) -> Vec<String> {
    let storage = local_storage().unwrap();
    let names = (0..storage.length().unwrap()).map(|at| storage.key(at).unwrap().unwrap());
    names.filter(|name| name.starts_with(prefix)).collect()
}

/// Removes every localStorage entry that begins with the prefix.
pub fn remove_entries(prefix: &str) {
    for name in entry_names(prefix) {
        local_storage().unwrap().remove_item(&name).unwrap();
    }
}

/// Fills localStorage until not even `room` UTF-16 units more go in.
pub fn fill_but(name: &str, room: usize) {
    let storage = local_storage().unwrap();
    // More than any browser stores.
    let mut size = 16_777_216;
    let mut filler = String::new();
    while size > 0 {
        let more = format!("{filler}{}", "x".repeat(size));
        if storage.set_item(name, &more).is_ok() {
            filler = more;
        } else {
            size /= 2;
        }
    }
    assert!(filler.len() > room, "there is no room at all");
    storage
        .set_item(name, &filler[..filler.len() - room])
        .unwrap();
}
