//! Property test: the database and the ledger in memory agree on every request.

use std::time::Duration;

use proptest::prelude::*;

use super::{Database, NewCharge, Note, Store};
use crate::ledger::properties::{ACCOUNTS, Step, hold, request, step};
use crate::ledger::{Amount, Ledger, Terms};
use crate::metrics::Metrics;

const LIMIT: Duration = Duration::from_secs(30);

async fn run(terms: Terms, steps: &[Step]) -> Result<(), TestCaseError> {
    let mut ledger = Ledger::new(terms);
    let store = Store::open(&Database::Memory, terms, true, LIMIT, 1, Metrics::default())
        .await
        .unwrap();
    for account in ACCOUNTS {
        store.sign_in(account, account, 0, 1).await.unwrap();
    }
    let mut now_ms = 0;
    for (n, step) in steps.iter().enumerate() {
        match *step {
            Step::Charge {
                account,
                key,
                task,
                amount,
                named,
            } => {
                let request = request(key, task, amount);
                let charge_id = format!("c{n}");
                let named = named.map(|key| format!("k{key}"));
                let new = NewCharge {
                    request: request.clone(),
                    note: Note::default(),
                    hold: named.clone(),
                    charge_id: charge_id.clone(),
                };
                let charged = store
                    .charge(account, &new, || now_ms, store.deadline())
                    .await;
                let verdict = charged.unwrap();
                let named = named.as_deref();
                let expected = ledger.charge_of_hold(account, &request, named, now_ms, charge_id);
                prop_assert_eq!(verdict, expected);
                let deadline = store.deadline();
                let found = store.lookup(account, request.key(), now_ms, deadline).await;
                let balance = ledger.balance(account, now_ms);
                let charge = ledger.lookup(account, request.key()).cloned();
                prop_assert_eq!(found.unwrap(), charge.map(|charge| (charge, balance)));
            }
            Step::Hold {
                account,
                key,
                task,
                amount,
                expires_in_s,
            } => {
                let request = hold(key, task, amount, expires_in_s);
                let held = store
                    .hold(account, &request, || now_ms, store.deadline())
                    .await;
                prop_assert_eq!(held.unwrap(), ledger.hold(account, &request, now_ms));
            }
            Step::Release { account, key } => {
                let key = format!("k{key}");
                let released = store.release(account, &key, now_ms, store.deadline()).await;
                prop_assert_eq!(released.unwrap(), ledger.release(account, &key, now_ms));
            }
            Step::TopUp { account, points } => {
                let points = Amount::new(points).unwrap();
                let balance = store.top_up(account, points, now_ms).await.unwrap();
                prop_assert_eq!(balance, ledger.top_up(account, points, now_ms));
            }
            Step::SetPrice {
                account,
                task,
                price,
            } => {
                let (task, price) = (format!("t{task}"), Amount::new(price).unwrap());
                store.set_price(account, &task, price).await.unwrap();
                ledger.set_price(account, &task, price);
            }
            Step::Wait { ms } => now_ms += ms,
        }
        for account in ACCOUNTS {
            let balance = store.balance(account, now_ms, store.deadline()).await;
            prop_assert_eq!(balance.unwrap(), ledger.balance(account, now_ms));
        }
    }
    for account in ACCOUNTS {
        let (records, balance) = store.charges(account, now_ms).await.unwrap();
        prop_assert_eq!(balance, ledger.balance(account, now_ms));
        prop_assert_eq!(records.len(), ledger.charges(account).len());
        for (record, charge) in records.iter().rev().zip(ledger.charges(account)) {
            prop_assert_eq!(&record.charge, charge);
            let requests = ledger.requests(account, charge.request.key());
            prop_assert_eq!(record.requests, requests);
        }
        let credited = store.credited(account).await.unwrap();
        prop_assert_eq!(credited, ledger.credited(account));
    }
    store.close().await;
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn the_database_agrees_with_the_ledger(
        steps in prop::collection::vec(step(), 0..60),
        key_ttl_ms in prop::option::of(Just(500)),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(run(Terms { seed_balance: 60, key_ttl_ms }, &steps))?;
    }
}
