//! New charges are added without being looked for first: what else is in the journal counts all the
//! same.

use std::rc::Rc;

use js_sys::{Array, Promise};
use serde_json::{Value, json};
use tollbox::browser::store::{Choice, JournalStore, News, Scope};
use tollbox::core::charge::{ChargeRequest, Key};
use tollbox::core::journal::{Applied, ApplyAt, Op};
use tollbox::core::record::Record;
use tollbox::core::session::Session;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::{JsFuture, future_to_promise};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::charges::{
    AT, NOW_MS, apply, apply_with_news, begin, charge, charge_with, database, enqueue,
    enqueue_charge, fresh, key, keys, load, load_with_news, names, open_charges, open_store, read,
};
use crate::raw;
use crate::stores::{charged_op, clear};

const ADD: (&str, &str) = ("IDBObjectStore", "add");
const PUT: (&str, &str) = ("IDBObjectStore", "put");
const GET: (&str, &str) = ("IDBObjectStore", "get");

/// Two tabs with one journal.
pub async fn two_tabs(account: &str) -> [JournalStore; 2] {
    [
        open_store(account, Choice::IndexedDb).await,
        open_store(account, Choice::IndexedDb).await,
    ]
}

fn enqueue_as(key: &str, sequence: u64) -> Op {
    Op::Enqueue {
        charge: charge(key),
        sequence,
        admission: Ok(()),
        claim: None,
        may_have_left: false,
        may_arrive_for_ms: 0,
    }
}

#[wasm_bindgen_test]
async fn a_charge_that_another_tab_has_taken_on_is_joined() {
    let account = fresh("joined");
    let [one, two] = two_tabs(&account).await;
    apply(&one, &[enqueue_as("b", 1), begin("b", "one")]).await;
    let ops = ["a", "b", "c"].map(|key| enqueue_as(key, 2));
    let applied = apply(&two, &ops).await;
    let of = |applied: &Applied| {
        let record = applied.record.as_ref().unwrap();
        (applied.done, record.sequence(), record.attempts())
    };
    let seen: Vec<_> = applied.iter().map(of).collect();
    assert_eq!(seen, [(true, 2, 0), (true, 1, 1), (true, 2, 0)]);
    assert_eq!(keys(&load(&one).await), ["a", "b", "c"]);
    clear(&account, &[one, two]).await;
}

#[wasm_bindgen_test]
async fn a_key_that_another_tab_has_used_for_another_charge_is_not_taken() {
    let account = fresh("taken");
    let [one, two] = two_tabs(&account).await;
    apply(&one, &[enqueue("a")]).await;
    let dearer = ChargeRequest {
        task_id: "a".to_owned(),
        amount: 4.0,
        feature: "cloud_trans".to_owned(),
        key: Some("a".to_owned()),
        ..ChargeRequest::default()
    };
    let dearer = enqueue_charge(dearer.into_charge(NOW_MS).unwrap());
    let applied = apply(&two, &[dearer, enqueue("b")]).await;
    assert!(!applied[0].done && applied[1].done);
    let first = &load(&one).await[0];
    assert!(first.charge().is_same_as(&charge("a")), "{first:?}");
    clear(&account, &[one, two]).await;
}

#[wasm_bindgen_test]
async fn a_charge_requested_twice_at_once_is_one() {
    let account = fresh("twice");
    let store = open_store(&account, Choice::IndexedDb).await;
    let applied = apply(&store, &[enqueue_as("a", 1), enqueue_as("a", 2)]).await;
    assert!(applied.iter().all(|applied| applied.done));
    let there = load(&store).await;
    assert_eq!(there.len(), 1);
    assert_eq!(there.first(), applied[1].record.as_ref());
    assert_eq!(there[0].sequence(), 1);
    clear(&account, &[store]).await;
}

#[wasm_bindgen_test]
async fn a_charge_whose_record_another_tab_found_damaged_may_have_been_sent() {
    let account = fresh("damaged");
    let [one, two] = two_tabs(&account).await;
    apply(&one, &[enqueue("a")]).await;
    let mut row = raw::row(&database(&account), "a").await.unwrap();
    row["check"] = 0.into();
    raw::put_row(&database(&account), &row).await;
    let (_, news) = load_with_news(&one, Scope::All).await;
    assert!(matches!(&news[..], [News::SetAside(_)]), "{news:?}");
    let applied = apply(&two, &[enqueue("a"), enqueue("b")]).await;
    let [a, b] = &applied[..] else {
        panic!("{applied:?}")
    };
    assert!(a.lost && a.record.as_ref().unwrap().may_have_left());
    assert!(!b.lost && !b.record.as_ref().unwrap().may_have_left());
    clear(&account, &[one, two]).await;
}

#[wasm_bindgen_test]
async fn charges_taken_on_while_another_tab_signs_out_are_there_or_refused() {
    let account = fresh("race");
    raw::without("localStorage", async || {
        let [one, two] = two_tabs(&account).await;
        let two = Rc::new(two);
        let charging: Array = (0..40)
            .map(|at| {
                let two = Rc::clone(&two);
                future_to_promise(async move {
                    let at_session = ApplyAt::new(NOW_MS, AT.session);
                    let op = enqueue(&format!("charge {at}"));
                    let applied = two
                        .apply(&[op], false, at_session, &|_| None, &mut Vec::new())
                        .await;
                    let applied = applied.unwrap().remove(0);
                    assert_ne!(applied.done, applied.signed_out);
                    Ok(JsValue::from(applied.done))
                })
            })
            .collect();
        let mark = one.sign_out(AT.session, NOW_MS, &mut Vec::new()).await;
        assert!(AT.session.is_over(mark.unwrap()));
        let taken: Array = JsFuture::from(Promise::all(&charging))
            .await
            .unwrap()
            .into();
        let taken = taken.iter().filter(JsValue::is_truthy).count();
        let there = load(&one).await.len();
        assert_eq!(there, taken);
        // From now on there is no doubt.
        let late = apply(&two, &[enqueue("late")]).await;
        assert!(late[0].signed_out);
        assert_eq!(load(&one).await.len(), taken);
        let next = ApplyAt::new(NOW_MS, Session::since(two.sign_out_mark()));
        let ops = [enqueue("late")];
        let late = two
            .apply(&ops, false, next, &|_| None, &mut Vec::new())
            .await;
        assert!(late.unwrap()[0].done);
        one.close();
        two.close();
    })
    .await;
    clear(&account, &[]).await;
}

#[wasm_bindgen_test]
async fn transactions_of_two_tabs_are_counted_together() {
    let account = fresh("counted");
    let [one, two] = two_tabs(&account).await;
    for at in 0..5 {
        apply(&one, &[enqueue(&format!("one {at}"))]).await;
        apply(&two, &[enqueue(&format!("two {at}"))]).await;
        apply(&two, &[begin(&format!("one {at}"), "two")]).await;
    }
    two.mark(open_charges(10));
    let marker = raw::entry(&names(&account).marker()).unwrap();
    let marker: Value = serde_json::from_str(&marker).unwrap();
    assert_eq!(marker["commits"], 15);
    clear(&account, &[one, two]).await;
}

/// What the core of a tab knows that has read this, and what it has written itself.
pub async fn known(store: &JournalStore) -> impl Fn(&Key) -> Option<Record> + use<> {
    let mut records = Vec::new();
    let tell = &mut |page| records.extend(page);
    let reading = store.read(Scope::All, AT, &mut Vec::new(), tell).await;
    store.knows(&reading.unwrap());
    move |key| {
        let records = records.iter();
        let mut of_key = records.filter(|record| record.charge().key == *key);
        of_key.next().cloned()
    }
}

#[wasm_bindgen_test]
async fn what_is_known_is_changed_without_being_read() {
    let account = fresh("known");
    let store = open_store(&account, Choice::IndexedDb).await;
    apply(&store, &["a", "b"].map(enqueue)).await;
    let at_rest = known(&store).await;
    let ops = [begin("a", "one"), enqueue("new"), begin("b", "one")];
    // The journal's own row is read, and nothing else.
    let reads = raw::counted(GET, async || {
        let mut news = Vec::new();
        let applied = store.apply(&ops, false, AT, &at_rest, &mut news).await;
        let applied = applied.unwrap();
        assert!(applied.iter().all(|applied| applied.done));
    });
    assert_eq!(reads.await, 1.0);
    let mut there = load(&store).await;
    there.sort_by(|one, other| one.charge().key.cmp(&other.charge().key));
    assert_eq!(keys(&there), ["a", "b", "new"]);
    let attempts: Vec<u32> = there.iter().map(Record::attempts).collect();
    assert_eq!(attempts, [1, 1, 0]);
    clear(&account, &[store]).await;
}

#[wasm_bindgen_test]
async fn what_another_tab_has_changed_counts_and_not_what_was_known() {
    let account = fresh("stale");
    let [one, two] = two_tabs(&account).await;
    apply(&one, &["a", "b"].map(enqueue)).await;
    let at_rest = known(&one).await;
    apply(&two, &[begin("a", "two")]).await;
    let ops = [begin("a", "one"), begin("b", "one")];
    let mut news = Vec::new();
    let applied = one.apply(&ops, false, AT, &at_rest, &mut news).await;
    let applied = applied.unwrap();
    assert!(!applied[0].done && applied[1].done, "{applied:?}");
    let claims = load(&one).await;
    let claims = claims
        .iter()
        .map(|record| record.claim().unwrap().tab.as_str());
    assert_eq!(claims.collect::<Vec<_>>(), ["two", "one"]);
    clear(&account, &[one, two]).await;
}

#[wasm_bindgen_test]
async fn rows_of_any_key_are_added_changed_and_read_back() {
    let account = fresh("odd");
    let store = open_store(&account, Choice::IndexedDb).await;
    let odd = [
        "\0",
        "\0\0open\0",
        "a\0",
        "0",
        "\u{1f9fe}\0\u{1f9fe}",
        "\u{fffd}",
        "\u{ffff}\u{10ffff}",
        "\u{feff}bom",
        "e\u{301}",
        "\u{e9}",
        "__proto__",
        " ",
        "\n\"\\",
    ];
    let mut ops: Vec<Op> = Vec::new();
    for odd in odd {
        let charge = charge_with(odd, &[("\0", "\0\u{1f9fe}"), ("__proto__", "\0")]);
        ops.push(enqueue_charge(charge));
    }
    apply(&store, &ops).await;
    let at_rest = known(&store).await;
    let mut begun: Vec<Op> = odd.iter().map(|odd| begin(odd, "\u{1f9fe}\0")).collect();
    begun.push(enqueue("new"));
    let reads = raw::counted(GET, async || {
        let mut news = Vec::new();
        let applied = store.apply(&begun, false, AT, &at_rest, &mut news).await;
        assert!(applied.unwrap().iter().all(|applied| applied.done));
    });
    assert_eq!(reads.await, 1.0);
    let mut wanted: Vec<&str> = odd.into_iter().chain(["new"]).collect();
    wanted.sort_unstable();
    let mut there = load(&store).await;
    there.sort_by(|one, other| one.charge().key.cmp(&other.charge().key));
    assert_eq!(keys(&there), wanted);
    for record in &there {
        let charge = record.charge();
        let is_new = charge.key == key("new");
        assert_eq!(record.attempts(), u32::from(!is_new), "{record:?}");
        assert_eq!(charge.metadata.len(), if is_new { 0 } else { 2 });
    }
    // Read one by one as well, and changed without being known.
    let reads: Vec<Op> = odd.iter().map(|odd| read(odd)).collect();
    for (odd, read) in odd.iter().zip(apply(&store, &reads).await) {
        assert_eq!(read.record.unwrap().charge().key, key(odd));
    }
    let ended: Vec<Op> = odd
        .iter()
        .map(|odd| Op::Cancel {
            key: key(odd),
            look_up_first: true,
        })
        .collect();
    drop(apply(&store, &ended).await);
    assert_eq!(load(&store).await.len(), wanted.len());
    clear(&account, &[store]).await;
}

#[wasm_bindgen_test]
async fn nothing_is_known_of_a_database_that_has_taken_the_place_of_another() {
    let account = fresh("another");
    let [one, two] = two_tabs(&account).await;
    apply(&one, &[enqueue("a")]).await;
    let at_rest = known(&one).await;
    raw::delete_database(&database(&account)).await;
    // As many changes as there had been.
    let mut news = Vec::new();
    let other = two
        .apply(&[enqueue("b")], false, AT, &|_| None, &mut news)
        .await;
    assert!(other.unwrap()[0].done);
    let mut news = Vec::new();
    let applied = one
        .apply(&[begin("a", "one")], false, AT, &at_rest, &mut news)
        .await;
    assert!(!applied.unwrap()[0].done);
    assert!(matches!(&news[..], [News::Wiped { .. }]), "{news:?}");
    assert_eq!(keys(&load(&two).await), ["b"]);
    clear(&account, &[one, two]).await;
}

#[wasm_bindgen_test]
async fn a_write_of_what_is_known_that_fails_is_repeated() {
    for fault in ["UnknownError", "InvalidStateError", "throws"] {
        let account = fresh("put");
        let store = open_store(&account, Choice::IndexedDb).await;
        apply(&store, &["a", "b"].map(enqueue)).await;
        let at_rest = known(&store).await;
        let applied = raw::spoilt(PUT, fault, 3, async || {
            let ops = [begin("a", "one"), enqueue("new")];
            store
                .apply(&ops, false, AT, &at_rest, &mut Vec::new())
                .await
        });
        let applied = applied.await.unwrap();
        assert!(
            applied.iter().all(|applied| applied.done),
            "{fault}: {applied:?}"
        );
        let mut there = load(&store).await;
        there.sort_by(|one, other| one.charge().key.cmp(&other.charge().key));
        assert_eq!(keys(&there), ["a", "b", "new"]);
        let attempts: Vec<u32> = there.iter().map(Record::attempts).collect();
        assert_eq!(attempts, [1, 0, 0]);
        clear(&account, &[store]).await;
    }
}

#[wasm_bindgen_test]
async fn nothing_is_known_of_a_database_that_was_set_back() {
    let account = fresh("set back");
    let [one, two] = two_tabs(&account).await;
    apply(&one, &["a", "b"].map(enqueue)).await;
    one.mark(open_charges(2));
    let marker = raw::entry(&names(&account).marker()).unwrap();
    let marker: Value = serde_json::from_str(&marker).unwrap();
    let before = json!({
        "key": ["journal"], "id": marker["id"], "commits": 1, "changes": 1, "mark": 0, "lost": false,
    });
    apply(&one, &[begin("b", "one")]).await;
    let at_rest = known(&one).await;
    // As if that had not been, when the first tab connects once more.
    raw::put_row(&database(&account), &before).await;
    let (applied, _) = raw::spoilt(("IDBDatabase", "transaction"), "throws", 1, async || {
        apply_with_news(&one, &[begin("nobody's", "one")]).await
    })
    .await;
    assert!(!applied.unwrap()[0].done);
    apply(&two, &[begin("a", "two")]).await;
    apply(&one, &[read("b")]).await;
    let (mut news, ops) = (Vec::new(), [begin("a", "one")]);
    let applied = one.apply(&ops, false, AT, &at_rest, &mut news).await;
    assert!(!applied.unwrap()[0].done);
    let claims = load(&one).await;
    assert_eq!(claims[0].claim().unwrap().tab, "two");
    clear(&account, &[one, two]).await;
}

#[wasm_bindgen_test]
async fn nothing_that_is_known_is_claimed_after_another_tab_has_signed_out() {
    let account = fresh("over");
    raw::without("localStorage", async || {
        let [one, two] = two_tabs(&account).await;
        apply(&one, &[enqueue("a")]).await;
        let at_rest = known(&one).await;
        let mark = two.sign_out(AT.session, NOW_MS, &mut Vec::new()).await;
        assert!(AT.session.is_over(mark.unwrap()));
        let ops = [begin("a", "one")];
        let mut news = Vec::new();
        let applied = one.apply(&ops, false, AT, &at_rest, &mut news).await;
        assert!(applied.unwrap()[0].signed_out);
        assert!(load(&one).await[0].claim().is_none());
        one.close();
        two.close();
    })
    .await;
    clear(&account, &[]).await;
}

#[wasm_bindgen_test]
async fn an_addition_that_fails_a_few_times_is_retried_until_made() {
    for fault in ["UnknownError", "InvalidStateError", "throws"] {
        let account = fresh("few");
        let store = open_store(&account, Choice::IndexedDb).await;
        let (applied, news) = raw::spoilt(ADD, fault, 3, async || {
            apply_with_news(&store, &["a", "b"].map(enqueue)).await
        })
        .await;
        assert!(applied.unwrap().iter().all(|applied| applied.done));
        assert_eq!(news, []);
        assert_eq!(keys(&load(&store).await), ["a", "b"], "{fault}");
        clear(&account, &[store]).await;
    }
}

#[wasm_bindgen_test]
async fn settled_charges_make_room_for_a_new_one() {
    let account = fresh("room");
    let store = open_store(&account, Choice::IndexedDb).await;
    let ops = [enqueue("done"), begin("done", "one"), charged_op("done")];
    apply(&store, &ops).await;
    apply(&store, &[enqueue("open")]).await;
    let (applied, _) = raw::spoilt(ADD, "QuotaExceededError", 1, async || {
        apply_with_news(&store, &[enqueue("new")]).await
    })
    .await;
    assert!(applied.unwrap()[0].done);
    assert_eq!(keys(&load(&store).await), ["new", "open"]);
    clear(&account, &[store]).await;
}

#[wasm_bindgen_test]
async fn a_long_journal_is_read_whole_in_pages() {
    const COUNT: usize = 1_201;
    let account = fresh("long");
    let store = open_store(&account, Choice::IndexedDb).await;
    // All in the same place of the order.
    let ops: Vec<Op> = (0..COUNT).map(|at| enqueue(&at.to_string())).collect();
    apply(&store, &ops).await;
    for scope in [Scope::All, Scope::Unsettled] {
        let (mut pages, mut read) = (0, Vec::new());
        let tell = &mut |page: Vec<_>| {
            pages += 1;
            read.extend(page);
        };
        store.read(scope, AT, &mut Vec::new(), tell).await.unwrap();
        let mut keys = keys(&read);
        keys.sort_unstable();
        keys.dedup();
        assert_eq!((keys.len(), read.len()), (COUNT, COUNT), "{scope:?}");
        assert!(pages > 2, "{scope:?}: {pages}");
    }
    clear(&account, &[store]).await;
}

#[wasm_bindgen_test]
async fn all_is_known_until_somebody_else_changes_something() {
    let account = fresh("known");
    let [one, two] = two_tabs(&account).await;
    let ops = [
        enqueue("a"),
        enqueue("done"),
        begin("done", "one"),
        charged_op("done"),
    ];
    apply(&one, &ops).await;
    assert!(!one.is_known().await, "nothing has been read yet");
    let learn = async || {
        let reading = one.read(Scope::All, AT, &mut Vec::new(), &mut drop).await;
        one.knows(&reading.unwrap());
        assert!(one.is_known().await);
    };
    learn().await;
    // What this tab does itself is known.
    apply(&one, &[enqueue("b")]).await;
    apply(&one, &[begin("b", "one"), read("a")]).await;
    let forget = [Op::Forget { key: key("done") }];
    let forgotten = one
        .apply(&forget, true, AT, &|_| None, &mut Vec::new())
        .await;
    assert!(forgotten.unwrap()[0].done && one.is_known().await);
    // What another does is not, whatever is read or written afterwards.
    apply(&two, &[enqueue("c")]).await;
    assert!(!one.is_known().await);
    apply(&one, &[read("a")]).await;
    apply(&one, &[enqueue("d")]).await;
    apply(&one, &[begin("d", "one")]).await;
    assert!(!one.is_known().await);
    learn().await;
    // Nor is what was set aside.
    let mut row = raw::row(&database(&account), "a").await.unwrap();
    row["check"] = 0.into();
    raw::put_row(&database(&account), &row).await;
    let (_, news) = load_with_news(&one, Scope::All).await;
    assert!(matches!(&news[..], [News::SetAside(_)]), "{news:?}");
    assert!(!one.is_known().await);
    clear(&account, &[one, two]).await;
}
