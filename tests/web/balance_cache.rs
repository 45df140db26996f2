//! The balance cache in localStorage.

use tollbox::browser::balance_cache::{self, Cached, forget, parse, read};
use tollbox::core::balance::Confirmed;
use tollbox::core::points::Points;
use tollbox::core::session::Session;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::charges::{NOW_MS, fresh};
use crate::raw;

fn confirmed() -> Confirmed {
    Confirmed {
        balance: Points::MAX,
        version: u64::MAX,
        as_of_ms: NOW_MS,
        etag: Some("\"v\\17\"".to_owned()),
        held: None,
    }
}

const SESSION: Session = Session::since(7);

fn write(name: &str, confirmed: &Confirmed) {
    balance_cache::write(name, confirmed, SESSION);
}

fn cached(confirmed: Confirmed) -> Option<Cached> {
    let session = SESSION.mark();
    Some(Cached { confirmed, session })
}

#[wasm_bindgen_test]
fn a_cached_balance_is_read_back_and_can_be_forgotten() {
    let name = fresh("balance");
    assert_eq!(read(&name), None);
    write(&name, &confirmed());
    assert_eq!(read(&name), cached(confirmed()));
    let without_etag = Confirmed {
        etag: None,
        as_of_ms: NOW_MS + 1,
        ..confirmed()
    };
    write(&name, &without_etag);
    assert_eq!(read(&name), cached(without_etag.clone()));
    // The value that the `storage` event brings to another tab.
    assert_eq!(parse(&raw::entry(&name).unwrap()), cached(without_etag));
    forget(&name, SESSION);
    assert_eq!(read(&name), None);
    assert_eq!(raw::entry(&name), None);
}

#[wasm_bindgen_test]
fn a_malformed_cached_balance_reads_as_none() {
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
    write(&name, &confirmed());
    raw::fill_but(&filler, 0);
    let longer = Confirmed {
        etag: Some("x".repeat(10_000)),
        ..confirmed()
    };
    write(&name, &longer);
    raw::remove_entries(&filler);
    assert_eq!(read(&name), cached(confirmed()));
    raw::remove_entries(&name);
}

#[wasm_bindgen_test]
async fn the_balance_cache_is_empty_without_local_storage() {
    let name = fresh("balance");
    raw::without("localStorage", async || {
        write(&name, &confirmed());
        forget(&name, SESSION);
        assert_eq!(read(&name), None);
    })
    .await;
    assert_eq!(raw::entry(&name), None);
}

#[wasm_bindgen_test]
async fn the_balance_cache_is_empty_where_entries_can_not_be_read() {
    let name = fresh("balance");
    raw::spoilt(("Storage", "getItem"), "throws", raw::ALWAYS, async || {
        write(&name, &confirmed());
        assert_eq!(read(&name), None);
        forget(&name, SESSION);
    })
    .await;
    assert_eq!(raw::entry(&name), None);
}

#[wasm_bindgen_test]
fn a_later_balance_cached_by_another_tab_stays() {
    let name = fresh("balance");
    let earlier = Confirmed {
        version: 3,
        ..confirmed()
    };
    write(&name, &confirmed());
    write(&name, &earlier);
    assert_eq!(read(&name), cached(confirmed()));
}

#[wasm_bindgen_test]
fn an_ended_session_does_not_touch_the_cache_of_a_later_one() {
    let name = fresh("balance");
    let (before, after) = (Session::since(6), Session::since(8));
    write(&name, &confirmed());
    let later = Confirmed {
        as_of_ms: NOW_MS + 1,
        ..confirmed()
    };
    balance_cache::write(&name, &later, before);
    forget(&name, before);
    assert_eq!(read(&name), cached(confirmed()));
    assert_eq!(read(&name).unwrap().of(after), None, "it tells it nothing");
    let earlier = Confirmed {
        version: 3,
        ..confirmed()
    };
    balance_cache::write(&name, &earlier, after);
    assert_eq!(read(&name).unwrap().of(after), Some(earlier));
    forget(&name, after);
    assert_eq!(raw::entry(&name), None);
}
