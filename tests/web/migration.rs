//! Charges taken on in localStorage while IndexedDB was out of order move over when it works again.

use tollbox::browser::store::{Choice, Local, News, Scope};
use tollbox::core::journal::Op;
use tollbox::core::snapshot::StorageKind;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::charges::{
    NOW_MS, apply, begin, charge, enqueue, enqueue_charge, fresh, key, keys, load, load_with_news,
    names, open_store, open_with_news, set_aside,
};
use crate::raw;
use crate::stores::{charged_op, clear, prefix};

#[wasm_bindgen_test]
async fn the_charges_of_the_fallback_move_over_once() {
    let account = fresh("migrating");
    let fallback = open_store(&account, Choice::LocalStorage).await;
    let ops = [
        enqueue("open"),
        enqueue("done"),
        begin("done", "one"),
        charged_op("done"),
    ];
    apply(&fallback, &ops).await;

    let store = open_store(&account, Choice::Auto).await;
    assert_eq!(store.kind(), StorageKind::IndexedDb);
    let records = load(&store).await;
    assert_eq!(keys(&records), ["done", "open"]);
    assert!(records[0].receipt().is_some());
    // A crash may have brought an earlier state of the entry back.
    assert!(records[1].may_have_left());
    assert_eq!(raw::entry_names(&prefix(&account)), Vec::<String>::new());
    store.close();
    let again = open_store(&account, Choice::Auto).await;
    assert_eq!(load(&again).await, records);
    clear(&account, &[again]).await;
}

#[wasm_bindgen_test]
async fn a_charge_in_both_storages_keeps_its_verdict_and_its_attempts() {
    let account = fresh("both");
    let store = open_store(&account, Choice::IndexedDb).await;
    let ops = ["charged", "sent", "waiting"].map(enqueue);
    apply(&store, &ops).await;
    apply(&store, &[begin("charged", "one"), charged_op("charged")]).await;
    apply(&store, &[begin("sent", "one")]).await;
    store.close();
    let fallback = open_store(&account, Choice::LocalStorage).await;
    apply(&fallback, &ops).await;
    apply(&fallback, &[begin("waiting", "two")]).await;

    let store = open_store(&account, Choice::Auto).await;
    let records = load(&store).await;
    assert_eq!(keys(&records), ["charged", "sent", "waiting"]);
    assert!(records[0].receipt().is_some());
    assert_eq!(records[1].attempts(), 1);
    assert_eq!(records[2].attempts(), 1);
    clear(&account, &[store]).await;
}

#[wasm_bindgen_test]
async fn a_charge_whose_key_is_another_charges_is_set_aside() {
    let account = fresh("conflict");
    let store = open_store(&account, Choice::IndexedDb).await;
    apply(&store, &[enqueue("a")]).await;
    store.close();
    let fallback = open_store(&account, Choice::LocalStorage).await;
    let mut other = charge("a");
    other.feature = "another".to_owned();
    apply(&fallback, &[enqueue_charge(other)]).await;

    let (store, news) = open_with_news(&account, Choice::Auto).await;
    assert!(
        matches!(&news[..], [News::SetAside(why)] if why.contains('a')),
        "{news:?}"
    );
    let records = load(&store).await;
    assert_eq!(records[0].charge(), &charge("a"));
    let aside = set_aside(&store).await;
    assert_eq!(aside.len(), 1);
    assert!(aside[0].stored.contains("another"), "{aside:?}");
    clear(&account, &[store]).await;
}

#[wasm_bindgen_test]
async fn charges_that_a_live_tab_works_with_are_not_moved() {
    let account = fresh("user");
    let fallback = open_store(&account, Choice::LocalStorage).await;
    apply(&fallback, &[enqueue("a")]).await;
    let lock = raw::hold_lock(&format!("{}tab", names(&account).fallback())).await;
    let store = open_store(&account, Choice::Auto).await;
    assert_eq!(load(&store).await, []);
    assert_eq!(keys(&load(&fallback).await), ["a"]);
    store.close();
    raw::call(&lock).await;
    let store = open_store(&account, Choice::Auto).await;
    assert_eq!(keys(&load(&store).await), ["a"]);
    clear(&account, &[store]).await;
}

#[wasm_bindgen_test]
async fn quarantined_records_can_be_exported() {
    for choice in [Choice::IndexedDb, Choice::LocalStorage] {
        let account = fresh("aside");
        let store = open_store(&account, choice).await;
        apply(&store, &[enqueue("a")]).await;
        match choice {
            Choice::LocalStorage => {
                raw::put_entry(&names(&account).charge(&key("a")), "not a charge");
            }
            Choice::Auto | Choice::IndexedDb | Choice::Memory => {
                let database = names(&account).database();
                let mut row = raw::row(&database, "a").await.unwrap();
                row["body"] = "not a charge".into();
                raw::put_row(&database, &row).await;
            }
        }
        let (records, _) = load_with_news(&store, Scope::All).await;
        assert_eq!(records.unwrap(), []);
        let aside = set_aside(&store).await;
        assert_eq!(aside.len(), 1, "{choice:?}");
        assert_eq!(aside[0].key, "a");
        assert!(aside[0].stored.contains("not a charge"), "{aside:?}");
        assert!(aside[0].detail.contains("damaged"), "{aside:?}");
        assert!(aside[0].found_at > 0.0, "{aside:?}");
        clear(&account, &[store]).await;
    }
}

#[wasm_bindgen_test]
async fn a_full_local_storage_evicts_settled_charges_before_it_refuses_one() {
    let account = fresh("room");
    let store = open_store(&account, Choice::LocalStorage).await;
    for number in 0..20 {
        let done = format!("done{number}");
        apply(
            &store,
            &[enqueue(&done), begin(&done, "one"), charged_op(&done)],
        )
        .await;
    }
    let filler = fresh("filler");
    raw::fill_but(&filler, 100);
    let applied = apply(&store, &[enqueue("new")]).await;
    raw::remove_entries(&filler);
    assert!(applied[0].done);
    let records = load(&store).await;
    assert_eq!(keys(&records), ["new"]);
    assert_eq!(records[0].charge().created_at_ms, NOW_MS);
    assert!(matches!(
        store.apply(&[Op::Read { key: key("done1") }], false, crate::charges::AT, &|_| None, &mut Vec::new()).await,
        Ok(read) if read[0].record.is_none()
    ));
    clear(&account, &[store]).await;
}

#[wasm_bindgen_test]
async fn a_charge_settled_and_forgotten_meanwhile_is_not_restored_by_the_move() {
    let account = fresh("ended");
    let store = open_store(&account, Choice::IndexedDb).await;
    apply(&store, &[enqueue("a")]).await;
    let records = load(&store).await;
    store.close();
    // IndexedDB fails under a working tab.
    let fallback = open_store(&account, Choice::LocalStorage).await;
    let record = records[0].clone();
    let forget = Op::Forget { key: key("a") };
    let end = [begin("a", "one"), charged_op("a"), forget];
    apply(&fallback, &[Op::Adopt { record }]).await;
    apply(&fallback, &end).await;
    assert_eq!(load(&fallback).await, []);

    let store = open_store(&account, Choice::Auto).await;
    assert!(load(&store).await[0].receipt().is_some());
    assert_eq!(
        raw::entry_names(&names(&account).all_ended()),
        Vec::<String>::new()
    );
    clear(&account, &[store]).await;
}

#[wasm_bindgen_test]
async fn a_charge_that_changes_during_the_move_stays() {
    let account = fresh("changes");
    let fallback = open_store(&account, Choice::LocalStorage).await;
    apply(&fallback, &["a", "b"].map(enqueue)).await;
    let local = Local::at_hand(names(&account)).unwrap();
    let migrating = local.to_migrate(&mut Vec::new());
    apply(&fallback, &[begin("b", "one")]).await;
    for migrating in &migrating {
        local.migrated(migrating);
    }
    assert_eq!(keys(&load(&fallback).await), ["b"]);
    clear(&account, &[fallback]).await;
}

#[wasm_bindgen_test]
async fn records_set_aside_twice_under_one_key_are_both_kept() {
    let account = fresh("twice");
    let store = open_store(&account, Choice::LocalStorage).await;
    for spoilt in ["one", "two"] {
        raw::put_entry(&names(&account).charge(&key("a")), spoilt);
        let (records, news) = load_with_news(&store, Scope::All).await;
        assert_eq!((records.unwrap().len(), news.len()), (0, 1));
    }
    let aside = set_aside(&store).await;
    let mut stored: Vec<&str> = aside.iter().map(|aside| aside.stored.as_str()).collect();
    stored.sort_unstable();
    assert_eq!(stored, ["one", "two"]);
    assert!(aside.iter().all(|aside| aside.key == "a"), "{aside:?}");
    clear(&account, &[store]).await;
}

#[wasm_bindgen_test]
async fn charges_in_a_full_local_storage_are_found() {
    let account = fresh("full");
    let store = open_store(&account, Choice::LocalStorage).await;
    apply(&store, &[enqueue("a")]).await;
    let filler = fresh("filler");
    raw::fill_but(&filler, 0);
    let again = open_store(&account, Choice::LocalStorage).await;
    let kind = again.kind();
    let (records, _) = load_with_news(&again, Scope::All).await;
    raw::remove_entries(&filler);
    assert_eq!(kind, StorageKind::LocalStorage);
    assert_eq!(keys(&records.unwrap()), ["a"]);
    clear(&account, &[store, again]).await;
}
