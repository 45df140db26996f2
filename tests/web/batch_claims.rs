//! The claims of a batch are one row. Whoever reads or writes finds each charge as if it had its own.

use serde_json::{Value, json};
use tollbox::browser::store::{Choice, JournalStore, News, Scope};
use tollbox::core::charge::Key;
use tollbox::core::journal::{Applied, Op};
use tollbox::core::record::Record;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::adding::{known, two_tabs};
use crate::charges::{
    AT, all_entries, apply, apply_with_news, begin, database, enqueue, fresh, key, keys, load,
    load_with_news, open_charges, open_store, read,
};
use crate::raw;
use crate::stores::{charged_op, clear};

const PUT: (&str, &str) = ("IDBObjectStore", "put");

fn batch() -> Vec<String> {
    (10..30).map(|at| format!("charge {at}")).collect()
}

fn ops_for(batch: &[String], op: impl Fn(&str) -> Op) -> Vec<Op> {
    batch.iter().map(|key| op(key)).collect()
}

fn claims() -> Value {
    json!(["claims"])
}

/// Applies what is done on what is known, and must have been done.
async fn apply_to_known(
    store: &JournalStore,
    at_rest: &impl Fn(&Key) -> Option<Record>,
    ops: &[Op],
) {
    let mut news = Vec::new();
    let applied = store.apply(ops, false, AT, at_rest, &mut news).await;
    let is_done = |applied: &Applied| applied.done;
    assert!(applied.unwrap().iter().all(is_done));
    assert_eq!(news, []);
}

/// A batch of charges that a tab has claimed in one row.
async fn claimed(store: &JournalStore) -> Vec<String> {
    let batch = batch();
    apply(store, &ops_for(&batch, enqueue)).await;
    let at_rest = known(store).await;
    let begun = ops_for(&batch, |key| begin(key, "one"));
    // One for all of them, and the journal's own.
    let puts = raw::counted(PUT, async || apply_to_known(store, &at_rest, &begun).await);
    assert_eq!(puts.await, 2.0);
    batch
}

/// How many of the records are claimed.
fn count_claimed(records: &[Record]) -> usize {
    let claimed = records.iter().filter(|record| record.claim().is_some());
    claimed.count()
}

fn count_settled(records: &[Record]) -> usize {
    let settled = records.iter().filter(|record| record.receipt().is_some());
    settled.count()
}

#[wasm_bindgen_test]
async fn the_claims_of_a_batch_are_seen_by_everybody() {
    let account = fresh("batch");
    let [one, two] = two_tabs(&account).await;
    let batch = claimed(&one).await;
    for store in [&one, &two] {
        for scope in [Scope::All, Scope::Unsettled] {
            let (records, news) = load_with_news(store, scope).await;
            let records = records.unwrap();
            assert_eq!(news, []);
            assert_eq!(keys(&records), batch);
            assert_eq!(count_claimed(&records), batch.len());
        }
        for applied in apply(store, &ops_for(&batch, read)).await {
            assert_eq!(applied.record.unwrap().claim().unwrap().tab, "one");
        }
        let again = ops_for(&batch, |key| begin(key, "two"));
        assert!(apply(store, &again).await.iter().all(|again| !again.done));
    }
    clear(&account, &[one, two]).await;
}

#[wasm_bindgen_test]
async fn verdicts_of_some_leave_the_claims_of_the_others() {
    let account = fresh("some");
    let [one, two] = two_tabs(&account).await;
    let batch = claimed(&one).await;
    let (some, others) = batch.split_at(7);
    let at_rest = known(&one).await;
    apply_to_known(&one, &at_rest, &ops_for(some, charged_op)).await;
    for store in [&one, &two] {
        let records = load(store).await;
        assert_eq!(keys(&records), batch);
        assert_eq!(count_settled(&records), some.len());
        assert_eq!(count_claimed(&records), others.len());
    }
    let at_rest = known(&one).await;
    apply_to_known(&one, &at_rest, &ops_for(others, charged_op)).await;
    assert_eq!(count_settled(&load(&two).await), batch.len());
    assert_eq!(raw::at(&database(&account), &claims()).await, Value::Null);
    clear(&account, &[one, two]).await;
}

#[wasm_bindgen_test]
async fn one_batch_follows_the_other() {
    let account = fresh("next");
    let [one, two] = two_tabs(&account).await;
    let first = claimed(&one).await;
    let second: Vec<String> = (50..70).map(|at| format!("charge {at}")).collect();
    apply(&one, &ops_for(&second, enqueue)).await;
    let at_rest = known(&one).await;
    let mut ops = ops_for(&first, charged_op);
    ops.extend(ops_for(&second, |key| begin(key, "one")));
    let puts = raw::counted(PUT, async || apply_to_known(&one, &at_rest, &ops).await);
    assert_eq!(puts.await, first.len() as f64 + 2.0);
    let records = load(&two).await;
    assert_eq!(count_settled(&records), first.len());
    assert_eq!(count_claimed(&records), second.len());
    clear(&account, &[one, two]).await;
}

#[wasm_bindgen_test]
async fn another_tab_changes_one_of_them_and_leaves_the_others_claimed() {
    let account = fresh("taken");
    let [one, two] = two_tabs(&account).await;
    let batch = claimed(&one).await;
    let at_rest = known(&one).await;
    apply(&two, &[charged_op(&batch[3])]).await;
    let records = load(&two).await;
    assert_eq!(count_settled(&records), 1);
    assert_eq!(count_claimed(&records), batch.len() - 1);
    // What the first tab believes of it does not count any more.
    let ops = ops_for(&batch, charged_op);
    let mut news = Vec::new();
    let applied = one.apply(&ops, false, AT, &at_rest, &mut news).await;
    assert_eq!(applied.unwrap().len(), batch.len());
    assert_eq!(count_settled(&load(&two).await), batch.len());
    clear(&account, &[one, two]).await;
}

#[wasm_bindgen_test]
async fn what_touches_none_of_them_leaves_their_row() {
    let account = fresh("beside");
    let [one, two] = two_tabs(&account).await;
    apply(
        &two,
        &[enqueue("old"), begin("old", "two"), charged_op("old")],
    )
    .await;
    let batch = claimed(&one).await;
    let forget = Op::Forget { key: key("old") };
    apply(&one, &[enqueue("new"), begin("new", "one")]).await;
    apply(&two, &[forget, enqueue("newer")]).await;
    assert_ne!(raw::at(&database(&account), &claims()).await, Value::Null);
    let records = load(&two).await;
    assert_eq!(records.len(), batch.len() + 2);
    assert_eq!(count_claimed(&records), batch.len() + 1);
    // The first tab has to read, and finds them as it left them.
    let at_rest = known(&one).await;
    apply_to_known(&one, &at_rest, &ops_for(&batch, charged_op)).await;
    assert_eq!(count_settled(&load(&two).await), batch.len());
    clear(&account, &[one, two]).await;
}

#[wasm_bindgen_test]
async fn a_claim_stands_for_its_charge_whose_row_is_gone() {
    let account = fresh("gone");
    let one = open_store(&account, Choice::IndexedDb).await;
    let batch = claimed(&one).await;
    for key in &batch[..2] {
        raw::delete_row(&database(&account), &json!(key)).await;
    }
    for scope in [Scope::All, Scope::Unsettled] {
        let (records, news) = load_with_news(&one, scope).await;
        assert_eq!(news, []);
        assert_eq!(keys(&records.unwrap()), batch);
    }
    let applied = apply(&one, &[charged_op(&batch[0])]).await;
    assert!(applied[0].done);
    // Each has a row of its own again.
    assert!(raw::row(&database(&account), &batch[1]).await.is_some());
    let records = load(&one).await;
    assert_eq!(keys(&records), batch);
    assert_eq!(count_settled(&records), 1);
    clear(&account, &[one]).await;
}

/// What could be in place of this text of claims.
fn damaged(text: &str) -> Vec<Value> {
    let cut = text.rfind("open\0").unwrap();
    let mut damaged = vec![
        json!({ "text": 7 }),
        json!({ "text": null, "check": 7 }),
        json!({ "text": text }),
        json!({ "text": text, "check": "7" }),
    ];
    let texts = [
        // Within a record, in a key, in what is between them, and without the last.
        text.replacen(r#""amount":3"#, r#""amount":1"#, 1),
        text.replacen("charge 10{", "charge 90{", 1),
        text.replacen("charge 10{", "charge 11{", 1),
        text.replacen("\09\0", "\0x\0", 1),
        text.replacen("\09\0", "\0-9\0", 1),
        text[..cut].to_owned(),
        String::new(),
    ];
    assert!(texts.iter().all(|other| other != text));
    damaged.extend(texts.map(|text| json!({ "text": text })));
    damaged
}

#[wasm_bindgen_test]
async fn damaged_claims_put_every_charge_in_doubt() {
    for at in 0.. {
        let account = fresh("damaged");
        let one = open_store(&account, Choice::IndexedDb).await;
        let batch = claimed(&one).await;
        one.mark(open_charges(batch.len()));
        one.close();
        let mut row = raw::at(&database(&account), &claims()).await;
        let cases = damaged(row["text"].as_str().unwrap());
        let Some(case) = cases.get(at) else {
            return clear(&account, &[one]).await;
        };
        let is_unchecked = case.get("check").is_none() && case["text"] == row["text"];
        for (name, value) in case.as_object().unwrap() {
            row[name] = value.clone();
        }
        if is_unchecked {
            row.as_object_mut().unwrap().remove("check");
        }
        raw::put_row(&database(&account), &row).await;
        if at % 2 == 1 {
            // Nothing that was noted of the journal is needed.
            raw::remove_entries(&all_entries(&account));
        }
        let scope = [Scope::All, Scope::Unsettled][at % 2];
        let two = open_store(&account, Choice::IndexedDb).await;
        let (records, news) = load_with_news(&two, scope).await;
        assert!(
            matches!(&news[..], [News::SetBack { .. }]),
            "{case}: {news:?}"
        );
        let records = records.unwrap();
        assert_eq!(keys(&records), batch, "{case}");
        assert!(
            records.iter().all(Record::may_have_left_unseen),
            "{case}: {records:?}"
        );
        // It is told once.
        assert_eq!(load(&two).await.len(), batch.len());
        clear(&account, &[one, two]).await;
    }
}

#[wasm_bindgen_test]
async fn a_tab_that_can_not_write_the_doubt_down_keeps_what_it_knows_of_the_claims() {
    let account = fresh("kept");
    let one = open_store(&account, Choice::IndexedDb).await;
    let batch = claimed(&one).await;
    let at_rest = known(&one).await;
    let row = json!({ "key": ["claims"], "text": "", "check": 7 });
    raw::put_row(&database(&account), &row).await;
    let (read, _) = raw::spoilt(PUT, "UnknownError", raw::ALWAYS, async || {
        load_with_news(&one, Scope::All).await
    })
    .await;
    assert!(read.is_err());
    let (some, others) = batch.split_at(7);
    apply_to_known(&one, &at_rest, &ops_for(some, charged_op)).await;
    let records = load(&one).await;
    assert_eq!(count_settled(&records), some.len());
    assert_eq!(count_claimed(&records), others.len());
    clear(&account, &[one]).await;
}

#[wasm_bindgen_test]
async fn damaged_claims_are_not_taken_for_none_by_a_tab_that_is_open() {
    let account = fresh("beneath");
    let [one, two] = two_tabs(&account).await;
    let batch = claimed(&one).await;
    drop(known(&two).await);
    let row = json!({ "key": ["claims"], "text": "", "check": 7 });
    raw::put_row(&database(&account), &row).await;
    // What is written meanwhile leaves them as they are, and nothing counts as known.
    apply(&two, &[enqueue("new")]).await;
    assert_eq!(raw::at(&database(&account), &claims()).await, row);
    let (records, news) = load_with_news(&two, Scope::All).await;
    assert!(matches!(&news[..], [News::SetBack { .. }]), "{news:?}");
    let doubted = records.unwrap();
    let doubted = doubted
        .iter()
        .filter(|record| record.may_have_left_unseen());
    assert_eq!(doubted.count(), batch.len() + 1);
    clear(&account, &[one, two]).await;
}

/// A tab that knows nothing of a batch whose claims are damaged, and what cancels one of its charges.
async fn beside_damaged_claims(account: &str) -> (JournalStore, Op) {
    let one = open_store(account, Choice::IndexedDb).await;
    let batch = claimed(&one).await;
    one.close();
    let row = json!({ "key": ["claims"], "text": "", "check": 7 });
    raw::put_row(&database(account), &row).await;
    let cancel = Op::Cancel {
        key: key(&batch[3]),
        look_up_first: false,
    };
    (open_store(account, Choice::IndexedDb).await, cancel)
}

#[wasm_bindgen_test]
async fn who_decides_about_one_charge_beside_damaged_claims_finds_it_in_doubt() {
    let account = fresh("one of them");
    let (two, cancel) = beside_damaged_claims(&account).await;
    let (applied, news) = apply_with_news(&two, &[cancel]).await;
    assert!(matches!(&news[..], [News::SetBack { .. }]), "{news:?}");
    let applied = applied.unwrap().pop().unwrap();
    let record = applied.record.unwrap();
    assert!(record.may_have_left_unseen(), "{record:?}");
    assert_eq!(raw::at(&database(&account), &claims()).await, Value::Null);
    clear(&account, &[two]).await;
}

#[wasm_bindgen_test]
async fn a_doubt_that_could_not_be_written_is_written_before_anything_is_decided() {
    let account = fresh("none of them");
    let (two, cancel) = beside_damaged_claims(&account).await;
    let (applied, news) = raw::spoilt(PUT, "UnknownError", 1, async || {
        apply_with_news(&two, &[cancel]).await
    })
    .await;
    assert!(matches!(&news[..], [News::SetBack { .. }]), "{news:?}");
    let record = applied.unwrap().pop().unwrap().record.unwrap();
    assert!(record.may_have_left_unseen(), "{record:?}");
    clear(&account, &[two]).await;
}

#[wasm_bindgen_test]
async fn a_batch_that_could_not_be_claimed_is_claimed_by_the_next_try() {
    for fault in ["UnknownError", "InvalidStateError", "throws"] {
        let account = fresh("retry");
        let one = open_store(&account, Choice::IndexedDb).await;
        let batch = batch();
        apply(&one, &ops_for(&batch, enqueue)).await;
        let at_rest = known(&one).await;
        let begun = ops_for(&batch, |key| begin(key, "one"));
        raw::spoilt(PUT, fault, 2, async || {
            apply_to_known(&one, &at_rest, &begun).await;
        })
        .await;
        assert_eq!(count_claimed(&load(&one).await), batch.len(), "{fault}");
        let (settled, _) = apply_with_news(&one, &ops_for(&batch, charged_op)).await;
        assert!(settled.unwrap().iter().all(|settled| settled.done));
        assert_eq!(count_settled(&load(&one).await), batch.len(), "{fault}");
        clear(&account, &[one]).await;
    }
}
