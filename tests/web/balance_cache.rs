//! The balance cache in localStorage.

use tollbox::browser::balance_cache::{parse, read, write};
use tollbox::core::balance::Confirmed;
use tollbox::core::points::Points;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::charges::{NOW_MS, fresh};
use crate::raw;

fn confirmed() -> Confirmed {
    Confirmed {
        balance: Points::MAX,
        version: u64::MAX,
        as_of_ms: NOW_MS,
        etag: Some("\"v\\17\"".to_owned()),
    }
}

#[wasm_bindgen_test]
fn a_cached_balance_is_read_back_and_can_be_forgotten() {
    let name = fresh("balance");
    assert_eq!(read(&name), None);
    write(&name, Some(&confirmed()));
    assert_eq!(read(&name), Some(confirmed()));
    let without_etag = Confirmed {
        etag: None,
        as_of_ms: NOW_MS + 1,
        ..confirmed()
    };
    write(&name, Some(&without_etag));
    assert_eq!(read(&name), Some(without_etag.clone()));
    // What the `storage` event of another tab brings.
    assert_eq!(parse(&raw::entry(&name).unwrap()), Some(without_etag));
    write(&name, None);
    assert_eq!(read(&name), None);
    assert_eq!(raw::entry(&name), None);
}

#[wasm_bindgen_test]
fn what_is_not_a_balance_is_none() {
    let name = fresh("balance");
    for garbage in [
        "",
        "null",
        "7",
        "[]",
        "{}",
        "not JSON",
        r#"{"balance":-1,"version":1,"as_of_ms":1,"etag":null}"#,
        r#"{"balance":1.5,"version":1,"as_of_ms":1,"etag":null}"#,
        r#"{"balance":9007199254740992,"version":1,"as_of_ms":1,"etag":null}"#,
        r#"{"balance":"5","version":1,"as_of_ms":1,"etag":null}"#,
        r#"{"balance":5,"version":1"#,
    ] {
        raw::put_entry(&name, garbage);
        assert_eq!(read(&name), None, "{garbage}");
        assert_eq!(parse(garbage), None, "{garbage}");
    }
    raw::remove_entries(&name);
}

#[wasm_bindgen_test]
fn a_full_local_storage_keeps_the_old_balance() {
    let name = fresh("balance");
    let filler = fresh("filler");
    write(&name, Some(&confirmed()));
    raw::fill_but(&filler, 0);
    let longer = Confirmed {
        etag: Some("x".repeat(10_000)),
        ..confirmed()
    };
    write(&name, Some(&longer));
    raw::remove_entries(&filler);
    assert_eq!(read(&name), Some(confirmed()));
    raw::remove_entries(&name);
}

#[wasm_bindgen_test]
async fn without_local_storage_there_is_no_cache_and_no_error() {
    let name = fresh("balance");
    raw::without("localStorage", async || {
        write(&name, Some(&confirmed()));
        write(&name, None);
        assert_eq!(read(&name), None);
    })
    .await;
    assert_eq!(raw::entry(&name), None);
}

#[wasm_bindgen_test]
async fn where_entries_can_not_be_read_there_is_no_cache_and_no_error() {
    let name = fresh("balance");
    raw::spoilt(("Storage", "getItem"), "throws", raw::ALWAYS, async || {
        write(&name, Some(&confirmed()));
        assert_eq!(read(&name), None);
        write(&name, None);
    })
    .await;
    assert_eq!(raw::entry(&name), None);
}

#[wasm_bindgen_test]
fn what_another_tab_has_cached_later_stays() {
    let name = fresh("balance");
    let earlier = Confirmed {
        version: 3,
        ..confirmed()
    };
    write(&name, Some(&confirmed()));
    write(&name, Some(&earlier));
    assert_eq!(read(&name), Some(confirmed()));
}
