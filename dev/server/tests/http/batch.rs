//! Batches: `POST charges/batch`.

use serde_json::{Value, json};

use crate::client::{charge, item};
use crate::start;

#[tokio::test]
async fn each_batch_item_is_a_charge_of_its_own_in_order() {
    let alice = start(&["--demo", "--seed-balance", "10"])
        .await
        .sign_in("alice")
        .await;
    alice.charge("old", "t0", 1).await;
    let answer = alice
        .batch(vec![
            item("k1", "t1", 3),
            item("old", "t0", 1),
            item("dear", "t2", 50),
            item("old2", "t3", 0),
            item("k2", "t4", 6),
            item("k3", "t5", 1),
        ])
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("cache-control"), "no-store");
    let body = answer.json();
    assert_eq!((&body["balance"], &body["version"]), (&json!(0), &json!(4)));

    let results = body["results"].as_array().unwrap();
    let told: Vec<_> = results
        .iter()
        .map(|result| {
            (
                result["idempotency_key"].as_str().unwrap(),
                result["status"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("k1", "charged"),
            ("old", "charged"),
            ("dear", "declined"),
            ("old2", "rejected"),
            ("k2", "charged"),
            ("k3", "declined"),
        ]
    );
    assert_eq!(
        (&results[0]["amount"], &results[0]["replayed"]),
        (&json!(3), &json!(false))
    );
    assert!(results[0]["charged_at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(results[1]["replayed"], true);
    let found = alice.get("/billing/v1/charges?key=k1").await.json();
    assert_eq!(results[0]["charge_id"], found["charge_id"]);

    let declined = &results[2]["problem"];
    assert_eq!(declined["type"], "insufficient-balance");
    assert_eq!(
        (
            &declined["status"],
            &declined["balance"],
            &declined["version"]
        ),
        (&json!(402), &json!(6), &json!(3))
    );
    assert_eq!(results[3]["problem"]["type"], "invalid-request");
    assert_eq!(results[3]["problem"]["status"], 400);
}

#[tokio::test]
async fn a_repeated_batch_charges_nothing() {
    let alice = start(&["--demo"]).await.sign_in("alice").await;
    let items: Vec<_> = (0..100)
        .map(|n| item(&format!("k{n}"), &format!("t{n}"), 1))
        .collect();
    let first = alice.batch(items.clone()).await.json();
    let again = alice.batch(items).await.json();
    assert_eq!(alice.balance().await, (20, 101));
    for (first, again) in first["results"]
        .as_array()
        .unwrap()
        .iter()
        .zip(again["results"].as_array().unwrap())
    {
        assert_eq!(first["charge_id"], again["charge_id"]);
        assert_eq!(
            (&first["replayed"], &again["replayed"]),
            (&json!(false), &json!(true))
        );
    }
}

#[tokio::test]
async fn a_bad_batch_item_does_not_spoil_the_others() {
    let alice = start(&["--demo"]).await.sign_in("alice").await;
    alice.charge("taken", "t", 1).await;
    let price = json!({ "task_id": "priced", "price": 1 });
    alice.post("/demo/price", price).await;
    let wrong = |name: &str, value: Value| {
        let mut wrong = item("wrong", "t", 1);
        wrong[name] = value;
        wrong
    };
    let bad = [
        (wrong("amount", json!(-1)), "invalid-request"),
        (wrong("amount", json!(1.5)), "invalid-request"),
        (wrong("amount", json!("1")), "invalid-request"),
        (wrong("task_id", json!("")), "invalid-request"),
        (wrong("idempotency_key", json!("")), "invalid-request"),
        (wrong("idempotency_key", json!(7)), "invalid-request"),
        (wrong("created_at", json!("yesterday")), "invalid-request"),
        (charge("no key", 1), "invalid-request"),
        (json!(5), "invalid-request"),
        (json!(null), "invalid-request"),
        (item("taken", "t", 2), "idempotency-key-reused"),
        (item("cheap", "priced", 9), "price-mismatch"),
    ];
    for (n, (bad, kind)) in bad.into_iter().enumerate() {
        let key = bad["idempotency_key"].clone();
        let (before, after) = (format!("a{n}"), format!("b{n}"));
        let answer = alice
            .batch(vec![
                item(&before, &before, 1),
                bad.clone(),
                item(&after, &after, 1),
            ])
            .await
            .json();
        let results = &answer["results"];
        assert_eq!(results[0]["status"], "charged");
        assert_eq!(results[1]["status"], "rejected", "{bad}");
        assert_eq!(results[1]["idempotency_key"], key);
        assert_eq!(results[1]["problem"]["type"], kind, "{bad}");
        assert_eq!(results[2]["status"], "charged");
    }
    assert_eq!(alice.balance().await.0, 120 - 1 - 2 * 12);
}

#[tokio::test]
async fn a_batch_that_is_wrong_as_a_whole_charges_nothing() {
    let alice = start(&["--demo"]).await.sign_in("alice").await;
    let before = alice.ledger().await;
    let many = (0..101).map(|n| item(&format!("k{n}"), "t", 1)).collect();
    let twice = vec![item("k", "t", 1), item("other", "t2", 1), item("k", "t", 1)];
    for charges in [vec![], many, twice] {
        alice.batch(charges).await.problem(400, "invalid-request");
    }
    for body in [json!({}), json!({ "charges": {} }), json!([])] {
        let answer = alice.post("/billing/v1/charges/batch", body).await;
        answer.problem(400, "invalid-request");
    }
    assert_eq!(alice.ledger().await, before);
}
