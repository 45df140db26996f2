//! The queue as localStorage has it: it is believed as long as nobody has changed the journal.

use serde_json::{Value, json};
use tollbox::browser::store::{Choice, JournalStore, News};
use tollbox::core::engine::OpenCharges;
use tollbox::core::points::Points;
use tollbox::core::snapshot::QueueCounts;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::adding::{known, two_tabs};
use crate::charges::{apply, enqueue, fresh, names, open_charges, open_store, open_with_news};
use crate::raw;
use crate::stores::clear;

fn queue(pending: usize) -> QueueCounts {
    QueueCounts {
        pending,
        held_points: Points::new(5).unwrap(),
        ..QueueCounts::default()
    }
}

fn note(store: &JournalStore, pending: usize) {
    store.mark(OpenCharges {
        at_rest: Some(queue(pending)),
        ..open_charges(pending)
    });
}

async fn noted_by_the_next(account: &str) -> Option<QueueCounts> {
    let next = open_store(account, Choice::IndexedDb).await;
    let noted = next.noted_queue();
    next.close();
    noted
}

#[wasm_bindgen_test]
async fn what_a_tab_knows_of_the_queue_is_there_for_the_next() {
    let account = fresh("noted");
    let [one, other] = two_tabs(&account).await;
    apply(&one, &[enqueue("a")]).await;
    // It does not know what else is there.
    note(&one, 1);
    assert_eq!(noted_by_the_next(&account).await, None);
    drop(known(&one).await);
    note(&one, 1);
    assert_eq!(noted_by_the_next(&account).await, Some(queue(1)));
    // It knows its own changes.
    apply(&one, &[enqueue("b")]).await;
    assert_eq!(noted_by_the_next(&account).await, None);
    note(&one, 2);
    assert_eq!(noted_by_the_next(&account).await, Some(queue(2)));
    // One that knows less leaves the note as it is.
    other.mark(open_charges(7));
    assert_eq!(noted_by_the_next(&account).await, Some(queue(2)));
    // What tasks hold that are at work in it is not in the note.
    other.mark(OpenCharges {
        at_work: true,
        ..open_charges(7)
    });
    assert_eq!(noted_by_the_next(&account).await, None);
    note(&one, 2);
    assert_eq!(noted_by_the_next(&account).await, Some(queue(2)));
    apply(&other, &[enqueue("c")]).await;
    note(&other, 1);
    assert_eq!(noted_by_the_next(&account).await, None);
    clear(&account, &[one, other]).await;
}

/// Leaves a journal with one charge, whose note is changed so.
async fn leave(account: &str, change: impl FnOnce(&mut Value)) {
    let store = open_store(account, Choice::IndexedDb).await;
    apply(&store, &[enqueue("a")]).await;
    drop(known(&store).await);
    note(&store, 1);
    store.close();
    let name = names(account).marker();
    let mut marker = serde_json::from_str(&raw::entry(&name).unwrap()).unwrap();
    change(&mut marker);
    raw::put_entry(&name, &marker.to_string());
}

#[wasm_bindgen_test]
async fn a_journal_that_was_set_back_has_no_noted_queue() {
    let account = fresh("noted-set-back");
    // As if there had been another commit, and the journal were a copy from before it.
    leave(&account, |marker| {
        let commits = marker["commits"].as_u64().unwrap() + 1;
        let changes = marker["rest"]["changes"].as_u64().unwrap() + 1;
        marker["commits"] = json!(commits);
        marker["rest"]["commits"] = json!(commits);
        marker["rest"]["changes"] = json!(changes);
    })
    .await;
    // The first start puts all in doubt, by a change of its own.
    let (store, news) = open_with_news(&account, Choice::IndexedDb).await;
    assert_eq!(news.len(), 1);
    assert_eq!(store.noted_queue(), None);
    store.close();
    assert_eq!(noted_by_the_next(&account).await, None);
    clear(&account, &[]).await;
}

#[wasm_bindgen_test]
async fn a_damaged_queue_in_the_note_takes_nothing_from_the_rest_of_it() {
    let account = fresh("noted-damaged");
    leave(&account, |marker| {
        marker["commits"] = json!(7);
        marker["rest"]["queue"] = json!("many");
    })
    .await;
    let (store, news) = open_with_news(&account, Choice::IndexedDb).await;
    assert!(matches!(&news[..], [News::SetBack { .. }]), "{news:?}");
    assert_eq!(store.noted_queue(), None);
    clear(&account, &[store]).await;
}
