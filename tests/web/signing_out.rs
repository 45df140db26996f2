//! The mark of a sign-out: no charge is claimed or taken on after it but in a later session.

use tollbox::browser::store::{Choice, JournalStore};
use tollbox::core::journal::{ApplyAt, Op};
use tollbox::core::session::Session;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::charges::{AT, NOW_MS, apply, begin, enqueue, fresh, load, names, open_store};
use crate::raw;
use crate::stores::clear;

const CHOICES: [Choice; 2] = [Choice::IndexedDb, Choice::LocalStorage];

/// Applies one operation of this session: whether it was done, and whether the session is over.
async fn done_in(store: &JournalStore, session: Session, op: Op) -> (bool, bool) {
    let at = ApplyAt::new(NOW_MS, session);
    let applied = store
        .apply(&[op], false, at, &|_| None, &mut Vec::new())
        .await
        .unwrap();
    (applied[0].done, applied[0].signed_out)
}

async fn sign_out(store: &JournalStore, session: Session) -> u64 {
    let marked = store.sign_out(session, NOW_MS, &mut Vec::new()).await;
    marked.unwrap()
}

#[wasm_bindgen_test]
async fn a_session_ended_by_another_tab_claims_and_accepts_nothing() {
    for choice in CHOICES {
        let account = fresh("out");
        let (one, two) = (
            open_store(&account, choice).await,
            open_store(&account, choice).await,
        );
        apply(&one, &[enqueue("a")]).await;
        let session = AT.session;
        let mark = sign_out(&one, session).await;
        assert_eq!(mark, NOW_MS, "{choice:?}");
        for op in [enqueue("b"), begin("a", "two"), enqueue("a")] {
            assert_eq!(
                done_in(&two, session, op).await,
                (false, true),
                "{choice:?}"
            );
        }
        assert_eq!(two.sign_out_mark(), mark, "it knows now");
        assert_eq!(load(&two).await.len(), 1);
        // A later session goes on.
        let three = open_store(&account, choice).await;
        let next = Session::since(three.sign_out_mark());
        assert!(!next.is_over(mark));
        let claimed = done_in(&three, next, begin("a", "next")).await;
        assert_eq!(claimed, (true, false));
        // The ended session can't end a later one.
        assert_eq!(sign_out(&two, session).await, mark);
        clear(&account, &[one, two, three]).await;
    }
}

#[wasm_bindgen_test]
async fn the_sign_out_mark_in_the_database_alone_counts() {
    let account = fresh("cleared");
    let store = open_store(&account, Choice::IndexedDb).await;
    let mark = sign_out(&store, AT.session).await;
    raw::remove_entries(&names(&account).mark());
    let other = open_store(&account, Choice::IndexedDb).await;
    assert_eq!(other.sign_out_mark(), mark);
    assert_eq!(
        done_in(&other, AT.session, enqueue("a")).await,
        (false, true)
    );
    clear(&account, &[store, other]).await;
}

#[wasm_bindgen_test]
async fn the_sign_out_mark_in_local_storage_alone_counts() {
    let account = fresh("elsewhere");
    let database = open_store(&account, Choice::IndexedDb).await;
    let local = open_store(&account, Choice::LocalStorage).await;
    let memory = open_store(&account, Choice::Memory).await;
    sign_out(&local, AT.session).await;
    for store in [&database, &memory] {
        assert_eq!(
            done_in(store, AT.session, enqueue("a")).await,
            (false, true)
        );
    }
    clear(&account, &[database]).await;
}

#[wasm_bindgen_test]
async fn the_sign_out_mark_is_in_the_database_without_local_storage() {
    let account = fresh("without");
    let stores = raw::without("localStorage", async || {
        let (one, two) = (
            open_store(&account, Choice::IndexedDb).await,
            open_store(&account, Choice::IndexedDb).await,
        );
        sign_out(&one, AT.session).await;
        assert_eq!(done_in(&two, AT.session, enqueue("a")).await, (false, true));
        [one, two]
    })
    .await;
    clear(&account, &stores).await;
}
