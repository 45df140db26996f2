//! The three stores: operations have the same results in each, and apply all or not at all.

use tollbox::browser::store::{Choice, JournalStore, Scope};
use tollbox::core::journal::Op;
use tollbox::core::outcome::{FailureReason, OpenReason, ParkReason};
use tollbox::core::record::{Cause, Conclusion, Failure, Purpose};
use tollbox::core::snapshot::StorageKind;
use tollbox::core::text::Detail;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::charges::{
    all_entries, apply, apply_with_news, begin, charge, charge_with, charged, claim, database,
    enqueue, enqueue_charge, fresh, key, keys, load, load_with_news, names, open_store, read,
};
use crate::raw;

/// Texts that a careless store would change, cut or mix up.
const TEXTS: [&str; 9] = [
    "任务 1：翻译",
    "🧾👩‍👩‍👧‍👦",
    "a\u{0}b",
    "a\u{0}c",
    "é",
    "e\u{301}",
    "\u{feff}\u{2028}\"\\</script>",
    "__proto__",
    "probe",
];

pub async fn indexed_db(account: &str) -> JournalStore {
    open_store(account, Choice::IndexedDb).await
}

pub async fn local(account: &str) -> JournalStore {
    open_store(account, Choice::LocalStorage).await
}

async fn memory() -> JournalStore {
    open_store("nobody", Choice::Memory).await
}

pub fn prefix(account: &str) -> String {
    names(account).charges()
}

fn conclude(of: &str, conclusion: Conclusion) -> Op {
    Op::Conclude {
        attempt: Some((Purpose::Send, 1)),
        charge: charge(of),
        sequence: 1,
        tab: "one".to_owned(),
        conclusion,
        next_attempt_in_ms: 7,
    }
}

pub fn charged_op(of: &str) -> Op {
    conclude(of, Conclusion::Settled(charged()))
}

pub fn refused(of: &str) -> Op {
    Op::Enqueue {
        charge: charge(of),
        sequence: 2,
        admission: Err(Failure {
            reason: FailureReason::QueueFull,
            retryable: true,
            detail: Detail::QueueFull(1),
        }),
        claim: None,
        may_have_left: false,
        may_arrive_for_ms: 0,
    }
}

/// Each row is one call of `apply`.
fn table() -> Vec<Vec<Op>> {
    let cause = Cause {
        reason: OpenReason::Timeout,
        detail: Detail::NoAnswer,
    };
    let lost = Conclusion::Lost(cause, 0);
    let parked = Conclusion::Park(ParkReason::KeyExpired, Detail::Said(None));
    let claimed = Op::Enqueue {
        charge: charge("d"),
        sequence: 4,
        admission: Ok(()),
        claim: Some(claim("one")),
        may_have_left: false,
        may_arrive_for_ms: 0,
    };
    let look_up = Op::Begin {
        over: None,
        seen: None,
        key: key("a"),
        purpose: Purpose::LookUp,
        claim: claim("one"),
    };
    let other_amount = charge_with("a", &[("lang", "zh")]);
    vec![
        vec![],
        vec![read("a"), Op::Forget { key: key("a") }],
        vec![begin("a", "one"), Op::Reopen { key: key("a") }],
        vec![enqueue("a"), enqueue("b"), refused("c"), claimed],
        vec![enqueue("a"), enqueue_charge(other_amount), read("a")],
        vec![begin("a", "one"), begin("a", "two")],
        vec![conclude("a", lost), conclude("b", Conclusion::NeverCharged)],
        vec![look_up, conclude("a", Conclusion::NeverCharged)],
        vec![Op::Forget { key: key("a") }],
        vec![
            conclude("d", Conclusion::Settled(charged())),
            begin("d", "two"),
        ],
        vec![begin("b", "one"), conclude("b", parked), read("b")],
        vec![
            Op::Reopen { key: key("b") },
            begin("b", "two"),
            begin("b", "one"),
        ],
        vec![
            Op::Forget { key: key("c") },
            Op::Forget { key: key("d") },
            enqueue("c"),
        ],
    ]
}

#[wasm_bindgen_test]
async fn operations_have_the_same_results_in_every_store() {
    let account = fresh("table");
    let memory = memory().await;
    let others = [indexed_db(&account).await, local(&account).await];
    for ops in table() {
        let expected = apply(&memory, &ops).await;
        assert_eq!(expected.len(), ops.len());
        for store in &others {
            assert_eq!(
                apply(store, &ops).await,
                expected,
                "{:?}: {ops:?}",
                store.kind()
            );
            assert_eq!(load(store).await, load(&memory).await, "{:?}", store.kind());
        }
    }
    assert_eq!(keys(&load(&memory).await), ["a", "b", "c"]);
    clear(&account, &others).await;
}

#[wasm_bindgen_test]
async fn records_and_their_texts_are_unchanged_after_reopening() {
    let account = fresh("texts");
    let ops: Vec<Op> = TEXTS
        .iter()
        .map(|text| enqueue_charge(charge_with(text, &[("note", text), ("🗒", "")])))
        .collect();
    for store in [indexed_db(&account).await, local(&account).await] {
        let written: Vec<_> = apply(&store, &ops).await;
        store.close();
        let reopened = match store.kind() {
            StorageKind::IndexedDb => indexed_db(&account).await,
            StorageKind::LocalStorage | StorageKind::Memory => local(&account).await,
        };
        let kind = reopened.kind();
        let mut found = apply(&reopened, &TEXTS.map(read)).await;
        for (applied, before) in found.iter_mut().zip(&written) {
            let before = before.record.clone().unwrap();
            let expected = match kind {
                StorageKind::IndexedDb => before,
                // A crash may have brought an earlier state of the entry back.
                StorageKind::LocalStorage | StorageKind::Memory => before.adopted(),
            };
            assert_eq!(applied.record, Some(expected), "{kind:?}");
        }
        assert_eq!(load(&reopened).await.len(), TEXTS.len(), "{kind:?}");
        clear(&account, &[reopened]).await;
    }
}

#[wasm_bindgen_test]
async fn memory_stores_share_no_records() {
    let memory = memory().await;
    apply(&memory, &[enqueue("a")]).await;
    assert_eq!(load(&open_store("nobody", Choice::Memory).await).await, []);
}

#[wasm_bindgen_test]
async fn a_full_local_storage_applies_all_operations_or_none() {
    let account = fresh("full");
    let store = local(&account).await;
    let small = enqueue("small");
    apply(&store, &[small, enqueue("other")]).await;
    let before = load(&store).await;

    let filler = fresh("filler");
    raw::fill_but(&filler, 2_000);
    let long = "x".repeat(500);
    let metadata: Vec<(String, &str)> = (0..20).map(|at| (at.to_string(), long.as_str())).collect();
    let metadata: Vec<(&str, &str)> = metadata
        .iter()
        .map(|(name, value)| (name.as_str(), *value))
        .collect();
    let ops = [
        begin("small", "one"),
        enqueue("new"),
        begin("small", "two"),
        enqueue_charge(charge_with("too long", &metadata)),
    ];
    let (result, _) = apply_with_news(&store, &ops).await;
    raw::remove_entries(&filler);
    assert!(result.is_err(), "it was not full");
    assert_eq!(load(&store).await, before);
    clear(&account, &[store]).await;
}

#[wasm_bindgen_test]
async fn a_closed_database_rejects_writes_and_is_not_kept_open() {
    let name = fresh("closed");
    let store = indexed_db(&name).await;
    apply(&store, &[enqueue("a")]).await;
    store.close();
    let (applied, _) = apply_with_news(&store, &[enqueue("b")]).await;
    assert!(applied.is_err());
    let (loaded, _) = load_with_news(&store, Scope::All).await;
    assert!(loaded.is_err());
    raw::delete_database(&database(&name)).await;
}

/// Closes the stores, and removes everything that the test has stored.
pub async fn clear(account: &str, stores: &[JournalStore]) {
    for store in stores {
        store.close();
    }
    raw::remove_entries(&prefix(account));
    raw::remove_entries(&all_entries(account));
    raw::delete_database(&database(account)).await;
}
