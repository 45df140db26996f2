//! The three stores: the same operations come to the same, all of them or none.

use tollbox::browser::names::Names;
use tollbox::browser::store::{IndexedDb, Local, Memory, Store};
use tollbox::core::journal::Op;
use tollbox::core::outcome::{FailureReason, OpenReason, ParkReason};
use tollbox::core::record::{Cause, Conclusion, Failure, Purpose};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::charges::{
    AT, apply, begin, charge, charge_with, charged, claim, enqueue, enqueue_charge, fresh, key,
    keys, load, read,
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

pub async fn indexed_db(name: &str) -> Store {
    Store::IndexedDb(IndexedDb::open(name).await.unwrap())
}

pub fn local(account: &str) -> Store {
    Store::Local(Local::open(Names::new(account)).unwrap())
}

pub fn prefix(account: &str) -> String {
    format!("tollbox:{account}:charge:")
}

fn conclude(of: &str, conclusion: Conclusion) -> Op {
    Op::Conclude {
        attempt: Some((Purpose::Send, 1)),
        charge: charge(of),
        tab: "one".to_owned(),
        conclusion,
        next_attempt_in_ms: 7,
    }
}

fn refused(of: &str) -> Op {
    Op::Enqueue {
        charge: charge(of),
        sequence: 2,
        admission: Err(Failure {
            reason: FailureReason::QueueFull,
            retryable: true,
            detail: "full".to_owned(),
        }),
        claim: None,
    }
}

/// Each row is one call of `apply`.
fn table() -> Vec<Vec<Op>> {
    let cause = Cause {
        reason: OpenReason::Timeout,
        detail: "no answer".to_owned(),
    };
    let lost = Conclusion::Lost(cause, 0);
    let parked = Conclusion::Park(ParkReason::KeyExpired, "forgotten".to_owned());
    let claimed = Op::Enqueue {
        charge: charge("d"),
        sequence: 4,
        admission: Ok(()),
        claim: Some(claim("one")),
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
async fn the_same_operations_come_to_the_same_in_every_store() {
    let account = fresh("table");
    let memory = Store::Memory(Memory::default());
    let others = [indexed_db(&account).await, local(&account)];
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
async fn what_was_written_is_there_after_reopening_and_every_text_is_as_it_was() {
    let account = fresh("texts");
    let ops: Vec<Op> = TEXTS
        .iter()
        .map(|text| enqueue_charge(charge_with(text, &[("note", text), ("🗒", "")])))
        .collect();
    for store in [indexed_db(&account).await, local(&account)] {
        let written: Vec<_> = apply(&store, &ops).await;
        store.close();
        let reopened = match store {
            Store::IndexedDb(_) => indexed_db(&account).await,
            Store::Local(_) | Store::Memory(_) | Store::None(_) => local(&account),
        };
        let kind = reopened.kind();
        let mut found = apply(&reopened, &TEXTS.map(read)).await;
        for (applied, before) in found.iter_mut().zip(&written) {
            assert_eq!(applied.record, before.record, "{kind:?}");
        }
        assert_eq!(load(&reopened).await.len(), TEXTS.len(), "{kind:?}");
        clear(&account, &[reopened]).await;
    }
}

#[wasm_bindgen_test]
async fn memory_forgets_with_its_store() {
    let memory = Store::Memory(Memory::default());
    apply(&memory, &[enqueue("a")]).await;
    assert_eq!(load(&Store::Memory(Memory::default())).await, []);
}

#[wasm_bindgen_test]
async fn local_storage_that_is_full_takes_all_or_nothing() {
    let account = fresh("full");
    let store = local(&account);
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
    let result = store.apply(&ops, false, AT).await;
    raw::remove_entries(&filler);
    assert!(result.is_err(), "it was not full");
    assert_eq!(load(&store).await, before);
    clear(&account, &[store]).await;
}

#[wasm_bindgen_test]
async fn a_closed_database_takes_nothing_and_is_not_kept_open() {
    let name = fresh("closed");
    let store = indexed_db(&name).await;
    apply(&store, &[enqueue("a")]).await;
    store.close();
    assert!(store.apply(&[enqueue("b")], false, AT).await.is_err());
    assert!(store.load().await.is_err());
    raw::delete_database(&name).await;
}

/// Closes and removes what a test has stored.
async fn clear(account: &str, stores: &[Store]) {
    for store in stores {
        store.close();
    }
    raw::remove_entries(&prefix(account));
    raw::delete_database(account).await;
}
