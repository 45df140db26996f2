//! Claims over two connections to one journal, like those of two tabs.

use std::rc::Rc;

use js_sys::{Array, Promise};
use tollbox::browser::store::JournalStore;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::{JsFuture, future_to_promise};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::charges::{apply, begin, enqueue, fresh, load};
use crate::raw;
use crate::stores::indexed_db;

const CHARGES: usize = 40;

fn names() -> Vec<String> {
    (0..CHARGES).map(|at| format!("charge {at}")).collect()
}

/// Claims each charge for `tab`, each in its own transaction, and gives which claims it got.
fn claim_each(store: &Rc<JournalStore>, tab: &'static str) -> Promise {
    let all: Array = names()
        .into_iter()
        .map(|name| {
            let store = Rc::clone(store);
            future_to_promise(async move {
                let applied = apply(&store, &[begin(&name, tab)]).await;
                Ok(JsValue::from(applied[0].done))
            })
        })
        .collect();
    Promise::all(&all)
}

#[wasm_bindgen_test]
async fn exactly_one_of_two_tabs_gets_the_claim_on_a_charge() {
    let database = fresh("claims");
    let one = Rc::new(indexed_db(&database).await);
    let two = Rc::new(indexed_db(&database).await);
    let ops: Vec<_> = names().iter().map(|name| enqueue(name)).collect();
    apply(&one, &ops).await;

    let both = Array::of2(&claim_each(&one, "one"), &claim_each(&two, "two"));
    let both: Array = JsFuture::from(Promise::all(&both)).await.unwrap().into();
    let [ones, twos] = [both.get(0), both.get(1)].map(|each| Array::from(&each));
    for at in 0..u32::try_from(CHARGES).unwrap() {
        let got = [ones.get(at), twos.get(at)].map(|got| got.as_bool().unwrap());
        assert_ne!(got[0], got[1], "charge {at}");
    }
    let records = load(&one).await;
    assert_eq!(records, load(&two).await);
    assert!(records.iter().all(|record| record.attempts() == 1));
    one.close();
    two.close();
    raw::delete_database(&database).await;
}

#[wasm_bindgen_test]
async fn records_that_one_tab_writes_are_read_by_the_other() {
    let database = fresh("tabs");
    let one = indexed_db(&database).await;
    let two = indexed_db(&database).await;
    for name in names() {
        let written = apply(&one, &[enqueue(&name)]).await;
        let joined = apply(&two, &[begin(&name, "two")]).await;
        assert!(written[0].done && joined[0].done);
        let seen = apply(&one, &[begin(&name, "one")]).await;
        assert!(!seen[0].done);
        assert_eq!(seen[0].record, joined[0].record);
    }
    one.close();
    two.close();
    raw::delete_database(&database).await;
}
