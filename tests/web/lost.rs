//! Charges whose records are lost from the journal may have been sent, and are taken on as such.

use serde_json::{Value, json};
use tollbox::browser::store::{Choice, JournalStore, News};
use tollbox::core::engine::{Earlier, OpenCharges};
use tollbox::core::journal::{Applied, Op};
use tollbox::core::snapshot::StorageKind;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::charges::{
    apply, apply_with_news, database, enqueue, fresh, key, load, names, open_store, open_with_news,
    read,
};
use crate::raw;
use crate::stores::{clear, refused};

const PUT: (&str, &str) = ("IDBObjectStore", "put");
const TRANSACTION: (&str, &str) = ("IDBDatabase", "transaction");

/// Stores the charge `a`, and damages its record.
async fn spoil(account: &str, store: &JournalStore) {
    apply(store, &[enqueue("a")]).await;
    if store.kind() == StorageKind::IndexedDb {
        let mut row = raw::row(&database(account), "a").await.unwrap();
        row["body"] = "not a charge".into();
        raw::put_row(&database(account), &row).await;
    } else {
        raw::put_entry(&names(account).charge(&key("a")), "not a charge");
    }
}

/// The result of an operation, its news dropped.
async fn one(store: &JournalStore, op: Op) -> Applied {
    let (applied, _) = apply_with_news(store, &[op]).await;
    applied.unwrap().remove(0)
}

#[wasm_bindgen_test]
async fn a_damaged_charge_asked_for_again_may_have_been_sent() {
    for choice in [Choice::IndexedDb, Choice::LocalStorage] {
        for is_set_aside_before in [false, true] {
            let account = fresh("damaged");
            let store = open_store(&account, choice).await;
            spoil(&account, &store).await;
            if is_set_aside_before {
                assert!(one(&store, read("a")).await.lost, "{choice:?}");
                store.close();
            }
            let (store, _) = open_with_news(&account, choice).await;
            let again = one(&store, enqueue("a")).await.record.unwrap();
            assert!(again.may_have_left_unseen(), "{choice:?}: {again:?}");
            assert!(again.has_unknown_past(), "{choice:?}: {again:?}");
            let other = one(&store, enqueue("b")).await;
            assert!(!other.lost && !other.record.unwrap().may_have_left());
            clear(&account, &[store]).await;
        }
    }
}

#[wasm_bindgen_test]
async fn a_damaged_charge_that_is_refused_has_not_failed() {
    let account = fresh("refused");
    let store = open_store(&account, Choice::IndexedDb).await;
    spoil(&account, &store).await;
    let refused = one(&store, refused("a")).await.record.unwrap();
    assert!(
        refused.is_held() && refused.has_provisional_verdict(),
        "{refused:?}"
    );
    clear(&account, &[store]).await;
}

#[wasm_bindgen_test]
async fn a_charge_damaged_in_the_fallback_is_lost_to_the_database_too() {
    let account = fresh("both");
    let fallback = open_store(&account, Choice::LocalStorage).await;
    spoil(&account, &fallback).await;
    let (store, news) = open_with_news(&account, Choice::Auto).await;
    assert!(matches!(&news[..], [News::SetAside(_)]), "{news:?}");
    assert!(
        one(&store, enqueue("a"))
            .await
            .record
            .unwrap()
            .may_have_left()
    );
    clear(&account, &[store]).await;
}

/// Makes a journal with the charges `kept` and `gone`, and gives the note of it in localStorage.
async fn noted(account: &str) -> Value {
    let store = open_store(account, Choice::Auto).await;
    apply(&store, &["kept", "gone"].map(enqueue)).await;
    store.mark(OpenCharges {
        count: 2,
        keys: vec![key("gone"), key("kept")],
        ..OpenCharges::default()
    });
    store.close();
    serde_json::from_str(&raw::entry(&names(account).marker()).unwrap()).unwrap()
}

#[wasm_bindgen_test]
async fn charges_missing_in_a_database_set_back_are_reported_and_in_doubt() {
    let account = fresh("set-back");
    let mut marker = noted(&account).await;
    assert_eq!(marker["commits"], 1);
    // As if there had been more commits.
    marker["commits"] = json!(7);
    marker["keys"] = json!(["gone", "kept", "later"]);
    raw::put_entry(&names(&account).marker(), &marker.to_string());
    let (store, news) = open_with_news(&account, Choice::Auto).await;
    let told = matches!(&news[..], [News::SetBack { lost }] if lost[..] == [key("later")]);
    assert!(told, "{news:?}");
    assert_eq!(store.earlier(), Earlier::Elsewhere);
    for record in load(&store).await {
        assert!(record.may_have_left_unseen(), "{record:?}");
    }
    assert!(one(&store, enqueue("later")).await.lost);
    store.mark(OpenCharges::default());
    store.close();
    // Reported only once.
    let store = open_store(&account, Choice::Auto).await;
    assert_eq!(store.earlier(), Earlier::Here);
    let again = one(&store, enqueue("later")).await;
    assert!(again.record.unwrap().may_have_left());
    clear(&account, &[store]).await;
}

#[wasm_bindgen_test]
async fn open_charges_of_a_deleted_database_are_reported_and_in_doubt() {
    let account = fresh("gone");
    noted(&account).await;
    raw::delete_database(&database(&account)).await;
    let (store, news) = open_with_news(&account, Choice::Auto).await;
    let [News::Wiped { detail, lost }] = &news[..] else {
        panic!("{news:?}")
    };
    assert!(
        detail.contains("2 charges were open: gone, kept"),
        "{detail}"
    );
    assert_eq!(lost[..], [key("gone"), key("kept")]);
    store.close();
    let store = open_store(&account, Choice::Auto).await;
    assert!(
        one(&store, enqueue("gone"))
            .await
            .record
            .unwrap()
            .may_have_left()
    );
    clear(&account, &[store]).await;
}

#[wasm_bindgen_test]
async fn charges_of_a_database_deleted_in_use_are_reported_as_lost() {
    let account = fresh("in-use");
    noted(&account).await;
    let store = open_store(&account, Choice::Auto).await;
    raw::delete_database(&database(&account)).await;
    let (applied, news) = apply_with_news(&store, &[enqueue("gone"), enqueue("new")]).await;
    let applied = applied.unwrap();
    assert!(applied[0].lost && !applied[1].lost);
    assert!(
        matches!(&news[..], [News::Wiped { lost, .. }] if lost.len() == 2),
        "{news:?}"
    );
    clear(&account, &[store]).await;
}

#[wasm_bindgen_test]
async fn an_unread_journal_is_recognized_by_its_note_or_its_name() {
    for (is_noted, earlier) in [(true, Earlier::Elsewhere), (false, Earlier::Nothing)] {
        let account = fresh("known");
        if is_noted {
            noted(&account).await;
        }
        let (store, news) = raw::without("indexedDB", async || {
            open_with_news(&account, Choice::Auto).await
        })
        .await;
        assert_eq!(store.earlier(), earlier);
        let [News::Moved { why, .. }] = &news[..] else {
            panic!("{news:?}")
        };
        assert_eq!(
            why.contains("2 charges were open: gone, kept"),
            is_noted,
            "{why}"
        );
        for (choice, earlier) in [
            (Choice::LocalStorage, earlier),
            (Choice::Memory, Earlier::Nothing),
        ] {
            let (store, _) = open_with_news(&account, choice).await;
            assert_eq!(store.earlier(), earlier, "{choice:?}");
        }
        // Without the note the browser's list of databases still tells.
        raw::remove_entries(&names(&account).marker());
        let (store, _) = open_with_news(&account, Choice::LocalStorage).await;
        assert_eq!(store.earlier(), earlier);
        clear(&account, &[store]).await;
    }
}

#[wasm_bindgen_test]
async fn only_a_reopened_database_may_have_earlier_charges() {
    let account = fresh("past");
    let store = open_store(&account, Choice::Auto).await;
    assert_eq!(store.earlier(), Earlier::Nothing);
    store.close();
    let store = open_store(&account, Choice::Auto).await;
    assert_eq!(store.earlier(), Earlier::Here);
    clear(&account, &[store]).await;
}

#[wasm_bindgen_test]
async fn a_write_that_fails_a_few_times_is_retried_until_made() {
    for (method, fault, times) in [
        (PUT, "UnknownError", 3),
        (TRANSACTION, "throws", 4),
        (TRANSACTION, "InvalidStateError", 4),
    ] {
        let account = fresh("few");
        let store = open_store(&account, Choice::Auto).await;
        let applied = raw::spoilt(method, fault, times, async || {
            apply_with_news(&store, &[enqueue("a")]).await
        })
        .await;
        let case = format!("{method:?} {fault} {times}");
        assert!(applied.0.is_ok(), "{case}: {applied:?}");
        assert_eq!(load(&store).await.len(), 1, "{case}");
        clear(&account, &[store]).await;
    }
}

#[wasm_bindgen_test]
async fn the_requested_database_is_used_once_it_opens() {
    let account = fresh("late");
    let before = open_store(&account, Choice::IndexedDb).await;
    apply(&before, &[enqueue("a")]).await;
    before.close();
    let store = raw::spoilt(("IDBFactory", "open"), "UnknownError", 3, async || {
        open_store(&account, Choice::IndexedDb).await
    })
    .await;
    assert_eq!(store.earlier(), Earlier::Here);
    assert_eq!(load(&store).await.len(), 1);
    clear(&account, &[store]).await;
}
