//! Accounts are separate: two share no charge and no balance, however alike their names are.

use serde_json::json;
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::charges::fresh;
use crate::host::{TestHost, next_turn, with_balance, with_transport};
use crate::opening::{charge, close, listed, open};

/// Prefixes of account names, before a part that is the same for all.
const ALIKE: [&str; 12] = [
    "",
    "a",
    "A",
    "a:b",
    "a%3Ab",
    "a%3ab",
    "a%253Ab",
    "a:charge:",
    "a:balance",
    "a ",
    "用户",
    "🧾",
];

fn accounts() -> Vec<String> {
    let rest = fresh("");
    let mut accounts: Vec<String> = ALIKE.iter().map(|name| format!("{name}{rest}")).collect();
    // These differ in their suffixes instead.
    accounts.extend([":charge:", ":balance", ":flush"].map(|end| format!("{rest}{end}")));
    accounts
}

#[wasm_bindgen_test]
async fn each_account_has_its_own_charges() {
    for storage in ["indexeddb", "localstorage"] {
        let accounts = accounts();
        let mut clients = Vec::new();
        for account in &accounts {
            let host = with_transport("null", "never");
            let client = open(account, storage, &host).await;
            charge(&client, account).await;
            clients.push(client);
        }
        for (client, account) in clients.into_iter().zip(&accounts) {
            let charges = listed(&client).await;
            let tasks: Vec<_> = charges.iter().map(|charge| &charge["taskId"]).collect();
            assert_eq!(tasks, [account], "{storage}");
            close(client).await;
        }
    }
}

async fn has_balance(host: &TestHost) {
    while host.snapshot()["balance"].is_null() {
        JsFuture::from(next_turn()).await.unwrap();
    }
}

#[wasm_bindgen_test]
async fn each_account_has_its_own_cached_balance() {
    let accounts = accounts();
    for (points, account) in (100_u32..).zip(&accounts) {
        let host = with_balance(points.into());
        let client = open(account, "memory", &host).await;
        has_balance(&host).await;
        close(client).await;
    }
    for (points, account) in (100_u32..).zip(&accounts) {
        let host = with_transport("null", "never");
        let client = open(account, "memory", &host).await;
        assert_eq!(
            host.snapshot()["balance"]["confirmed"],
            json!(points),
            "{account}"
        );
        close(client).await;
    }
}
