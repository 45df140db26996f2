//! Charges and look-ups: `POST charges` and `GET charges?key=KEY`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::client::{charge, item, send};
use crate::database::Database;
use crate::start;

#[tokio::test]
async fn a_charge_takes_points_once_and_is_replayed() {
    let alice = start(&["--demo"]).await.sign_in("alice").await;
    let first = alice.charge("cloud_trans:t1", "t1", 5).await;
    assert_eq!(first.status, 201);
    assert_eq!(first.header("idempotent-replayed"), "");
    assert_eq!(first.header("cache-control"), "no-store");
    let charged = first.json();
    assert_eq!(charged["idempotency_key"], "cloud_trans:t1");
    assert_eq!(charged["amount"], 5);
    assert_eq!(
        (&charged["balance"], &charged["version"]),
        (&json!(115), &json!(2))
    );
    assert!(charged["charge_id"].is_string());
    assert!(charged["charged_at"].as_str().unwrap().ends_with('Z'));

    alice.charge("other", "t2", 10).await;
    let mut again = charge("t1", 5);
    again["created_at"] = "2026-04-01T00:00:00+02:00".into();
    again["metadata"] = json!({});
    let replay = send(alice.charge_request("\"cloud_trans:t1\"", &again))
        .await
        .unwrap();
    assert_eq!(replay.status, 200);
    assert_eq!(replay.header("idempotent-replayed"), "true");
    let replayed = replay.json();
    for same in ["charge_id", "idempotency_key", "amount", "charged_at"] {
        assert_eq!(replayed[same], charged[same]);
    }
    assert_eq!(
        (&replayed["balance"], &replayed["version"]),
        (&json!(105), &json!(3))
    );
}

#[tokio::test]
async fn fifty_requests_at_once_with_one_key_are_one_charge() {
    let alice = start(&["--demo"]).await.sign_in("alice").await;
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let alice = alice.clone();
            tokio::spawn(async move { alice.charge("one", "t1", 5).await })
        })
        .collect();
    let mut created = 0;
    let mut ids = BTreeSet::new();
    for task in tasks {
        let answer = task.await.unwrap();
        assert!([200, 201].contains(&answer.status.as_u16()), "{answer:?}");
        created += u32::from(answer.status == 201);
        ids.insert(answer.json()["charge_id"].to_string());
    }
    assert_eq!((created, ids.len()), (1, 1));
    assert_eq!(alice.balance().await, (115, 2));
    let ledger = alice.ledger().await;
    assert_eq!(ledger["charges"].as_array().unwrap().len(), 1);
    assert_eq!(ledger["charges"][0]["requests"], 50);
}

#[tokio::test]
async fn two_servers_on_one_database_charge_a_key_once() {
    let database = Database::new().await;
    let place = database.place();
    let flags = ["--demo", "--database", &place];
    let (one, two) = (start(&flags).await, start(&flags).await);
    let alice = one.sign_in("alice").await;
    for round in 0..5 {
        let tasks: Vec<_> = [&one, &two, &one, &two]
            .map(|site| {
                let alice = site.session(&alice.token);
                let key = format!("k{round}");
                tokio::spawn(async move { alice.charge(&key, &key, 5).await.status })
            })
            .into();
        let mut statuses = Vec::new();
        for task in tasks {
            statuses.push(task.await.unwrap().as_u16());
        }
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 200, 200, 201]);
    }
    assert_eq!(alice.balance().await, (95, 6));
}

#[tokio::test]
async fn charges_at_once_never_take_more_than_there_is() {
    let site = start(&["--demo", "--seed-balance", "20"]).await;
    let alice = site.sign_in("alice").await;
    let tasks: Vec<_> = (0..12)
        .map(|n| {
            let alice = alice.clone();
            tokio::spawn(async move { alice.charge(&format!("k{n}"), &format!("t{n}"), 3).await })
        })
        .collect();
    let mut charged = 0;
    for task in tasks {
        let answer = task.await.unwrap();
        if answer.status == 201 {
            charged += 1;
        } else {
            answer.problem(402, "insufficient-balance");
        }
    }
    assert_eq!(charged, 6);
    assert_eq!(alice.balance().await, (2, 7));
}

#[tokio::test]
async fn a_declined_key_may_be_tried_again_after_a_top_up() {
    let site = start(&["--demo", "--seed-balance", "3"]).await;
    let alice = site.sign_in("alice").await;
    let problem = alice
        .charge("k", "t", 5)
        .await
        .problem(402, "insufficient-balance");
    assert_eq!(
        (&problem["balance"], &problem["version"]),
        (&json!(3), &json!(1))
    );
    alice
        .get("/billing/v1/charges?key=k")
        .await
        .problem(404, "charge-not-found");

    alice.post("/demo/top-up", json!({ "points": 2 })).await;
    assert_eq!(alice.charge("k", "t", 5).await.status, 201);
    assert_eq!(alice.balance().await, (0, 3));
}

#[tokio::test]
async fn a_key_of_another_charge_is_refused() {
    let alice = start(&["--demo"]).await.sign_in("alice").await;
    alice.charge("k", "t", 5).await;
    let before = alice.balance().await;
    let mut other_feature = charge("t", 5);
    other_feature["feature"] = "dubbing".into();
    for other in [charge("t2", 5), charge("t", 6), other_feature] {
        let answer = send(alice.charge_request("\"k\"", &other)).await.unwrap();
        answer.problem(422, "idempotency-key-reused");
    }
    assert_eq!(alice.balance().await, before);
}

#[tokio::test]
async fn accounts_do_not_share_keys() {
    let site = start(&["--demo"]).await;
    let (alice, bob) = (site.sign_in("alice").await, site.sign_in("bob").await);
    assert_eq!(alice.charge("k", "t", 5).await.status, 201);
    bob.get("/billing/v1/charges?key=k")
        .await
        .problem(404, "charge-not-found");
    assert_eq!(bob.charge("k", "t2", 7).await.status, 201);
    assert_eq!((alice.balance().await.0, bob.balance().await.0), (115, 113));
}

#[tokio::test]
async fn a_charge_is_found_by_its_key_whatever_its_characters() {
    let alice = start(&["--demo"]).await.sign_in("alice").await;
    let keys = [
        ("plain", "plain", "plain"),
        (".", ".", "."),
        ("..", "..", ".."),
        ("a/b?c#d%e", "a/b?c#d%25e", "a%2Fb%3Fc%23d%25e"),
        (
            "第1集 é",
            "%E7%AC%AC1%E9%9B%86 %C3%A9",
            "%E7%AC%AC1%E9%9B%86%20%C3%A9",
        ),
        (
            r#"say "hi" \o/"#,
            r#"say \"hi\" \\o/"#,
            "say%20%22hi%22%20%5Co%2F",
        ),
    ];
    for (n, (key, header, query)) in keys.into_iter().enumerate() {
        let path = format!("/billing/v1/charges?key={query}");
        alice.get(&path).await.problem(404, "charge-not-found");
        let task = charge(&format!("任务\n\0{n}"), 1);
        let charged = send(alice.charge_request(&format!("\"{header}\""), &task))
            .await
            .unwrap();
        assert_eq!(charged.status, 201, "{key}: {charged:?}");
        assert_eq!(charged.json()["idempotency_key"], key);
        let found = alice.get(&path).await;
        assert_eq!((found.status.as_u16(), found.json()), (200, charged.json()));
        let mut again = task;
        again["idempotency_key"] = key.into();
        let batch = alice.batch(vec![again]).await.json();
        assert_eq!(batch["results"][0]["replayed"], true, "{batch}");
    }
    let odd = send(alice.charge_request("\"%FF\"", &charge("t", 1)))
        .await
        .unwrap();
    odd.problem(400, "idempotency-key-invalid");
}

#[tokio::test]
async fn a_forgotten_key_is_charged_again_and_still_found() {
    let alice = start(&["--demo", "--key-ttl", "0"])
        .await
        .sign_in("alice")
        .await;
    let first = alice.charge("k", "t", 5).await;
    let second = alice.charge("k", "t", 5).await;
    assert_eq!((first.status.as_u16(), second.status.as_u16()), (201, 201));
    let found = alice.get("/billing/v1/charges?key=k").await.json();
    assert_eq!(found["charge_id"], second.json()["charge_id"]);
    assert_eq!(alice.balance().await, (110, 3));
    assert_eq!(alice.ledger().await["charges"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_charge_may_omit_optional_members() {
    let alice = start(&["--demo"]).await.sign_in("alice").await;
    let bodies: [Value; 2] = [
        json!({ "task_id": "t", "feature": "f", "amount": 1 }),
        json!({ "task_id": "t", "feature": "f", "amount": 1, "created_at": null, "new": [1] }),
    ];
    for (n, body) in bodies.iter().enumerate() {
        let answer = send(alice.charge_request(&format!("\"k{n}\""), body))
            .await
            .unwrap();
        assert_eq!(answer.status, 201, "{answer:?}");
    }
}

#[tokio::test]
async fn an_amount_is_a_number_however_it_is_written() {
    let alice = start(&["--demo"]).await.sign_in("alice").await;
    for amount in ["12", "12.0", "1.2e1"] {
        let body = format!(r#"{{"task_id":"t","feature":"f","amount":{amount}}}"#);
        let request = alice
            .request(reqwest::Method::POST, "/billing/v1/charges")
            .header("content-type", "application/json")
            .header("idempotency-key", "\"k\"")
            .body(body);
        let answer = send(request).await.unwrap();
        assert_eq!(answer.json()["amount"], 12, "{amount}: {answer:?}");
        let mut one = item("k", "t", 0);
        one["feature"] = "f".into();
        let batch = json!({ "charges": [one] }).to_string();
        let batch = batch.replace("\"amount\":0", &format!("\"amount\":{amount}"));
        let request = alice
            .request(reqwest::Method::POST, "/billing/v1/charges/batch")
            .header("content-type", "application/json")
            .body(batch);
        let answer = send(request).await.unwrap().json();
        assert_eq!(answer["results"][0]["amount"], 12, "{amount}: {answer}");
    }
    assert_eq!(alice.balance().await, (108, 2));
}
