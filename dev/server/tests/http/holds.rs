//! Holds: `POST holds`, `DELETE holds?key=KEY`, and what they are to charges.

use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Session, charge, hold, item, send};
use crate::database::Database;
use crate::{holding, serve, start};

const HOLDS: &str = "/billing/v1/holds";
const LONG_S: u64 = 3_600;

async fn alice() -> Session {
    start(&["--demo"]).await.sign_in("alice").await
}

/// The numbers of an answer: balance, held, version.
fn numbers(document: &Value) -> (u64, u64, u64) {
    let number = |name: &str| document[name].as_u64().unwrap();
    (number("balance"), number("held"), number("version"))
}

#[tokio::test]
async fn a_hold_reserves_points_until_its_charge_settles_it() {
    let alice = alice().await;
    let held = alice.hold("cloud_trans:t1", "t1", 30, 180).await;
    assert_eq!(held.status, 201, "{held:?}");
    assert_eq!(held.header("cache-control"), "no-store");
    let document = held.json();
    assert_eq!(document["idempotency_key"], "cloud_trans:t1");
    assert_eq!(document["amount"], 30);
    assert_eq!(document["expires_in_s"], 180);
    assert!(document["expires_at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(numbers(&document), (120, 30, 2));
    let balance = alice.get("/billing/v1/balance").await.json();
    assert_eq!(balance, json!({ "balance": 120, "held": 30, "version": 2 }));

    let charged = alice.charge("cloud_trans:t1", "t1", 30).await;
    assert_eq!(charged.status, 201, "{charged:?}");
    assert_eq!(numbers(&charged.json()), (90, 0, 3));
}

#[tokio::test]
async fn a_charge_that_takes_less_releases_the_rest() {
    let alice = alice().await;
    alice.hold("k", "t", 100, LONG_S).await;
    let charged = alice.charge("k", "t", 40).await;
    assert_eq!(numbers(&charged.json()), (80, 0, 3));
    assert_eq!(alice.charge("all", "t2", 80).await.status, 201);
}

#[tokio::test]
async fn a_charge_may_take_more_than_the_hold_of_its_key_as_far_as_points_are_free() {
    let alice = alice().await;
    alice.hold("k", "t", 10, LONG_S).await;
    alice.hold("other", "t2", 100, LONG_S).await;
    let problem = alice.charge("k", "t", 21).await;
    let problem = problem.problem(402, "insufficient-balance");
    assert_eq!(numbers(&problem), (120, 110, 3));
    let charged = alice.charge("k", "t", 20).await;
    assert_eq!(numbers(&charged.json()), (100, 100, 4));
}

#[tokio::test]
async fn held_points_are_not_there_for_others() {
    let alice = alice().await;
    alice.hold("k", "t", 100, LONG_S).await;
    let declined = alice.charge("other", "t2", 21).await;
    let problem = declined.problem(402, "insufficient-balance");
    assert_eq!(numbers(&problem), (120, 100, 2));
    let declined = alice.hold("other", "t2", 21, LONG_S).await;
    let problem = declined.problem(402, "insufficient-balance");
    assert_eq!(numbers(&problem), (120, 100, 2));
    assert_eq!(alice.hold("other", "t2", 20, LONG_S).await.status, 201);
    assert_eq!(alice.held().await, (120, 120));
    // The declined key has not been used up, and a top-up is free.
    let topped_up = alice.post("/demo/top-up", json!({ "points": 5 })).await;
    assert_eq!(numbers(&topped_up.json()), (125, 120, 4));
    assert_eq!(alice.charge("third", "t3", 5).await.status, 201);
}

#[tokio::test]
async fn the_same_hold_again_lasts_longer_and_never_shorter() {
    let alice = alice().await;
    let first = alice.hold("k", "t", 30, 60).await.json();
    let longer = alice.hold("k", "t", 30, LONG_S).await;
    assert_eq!(longer.status, 200, "{longer:?}");
    let longer = longer.json();
    assert_eq!(longer["expires_in_s"], LONG_S);
    assert!(longer["expires_at"].as_str() > first["expires_at"].as_str());
    assert_eq!(numbers(&longer), (120, 30, 2));
    let shorter = alice.hold("k", "t", 30, 1).await;
    assert_eq!(shorter.status, 200, "{shorter:?}");
    let shorter = shorter.json();
    assert_eq!(shorter["expires_at"], longer["expires_at"]);
    assert!(shorter["expires_in_s"].as_u64().unwrap() > 60);
    assert_eq!(numbers(&shorter), (120, 30, 2));
}

#[tokio::test]
async fn a_renewed_hold_outlives_its_first_expiry() {
    let alice = alice().await;
    alice.hold("renewed", "t", 30, 1).await;
    alice.hold("renewed", "t", 30, LONG_S).await;
    // Made later for the same time: when this has expired, so would have the other.
    alice.hold("left", "t2", 7, 1).await;
    alice.held_is(30).await;
    assert_eq!(alice.charge("renewed", "t", 30).await.status, 201);
}

#[tokio::test]
async fn a_key_holds_points_for_one_charge_only() {
    let alice = alice().await;
    alice.hold("k", "t", 30, LONG_S).await;
    let mut other_feature = hold("t", 30, LONG_S);
    other_feature["feature"] = "dubbing".into();
    for other in [hold("t2", 30, LONG_S), hold("t", 31, LONG_S), other_feature] {
        let request = alice.request(Method::POST, HOLDS);
        let request = request.header("idempotency-key", "\"k\"").json(&other);
        let answer = send(request).await.unwrap();
        answer.problem(422, "idempotency-key-reused");
    }
    assert_eq!(alice.balance().await, (120, 2));
    assert_eq!(alice.held().await, (120, 30));
}

#[tokio::test]
async fn nothing_is_held_for_a_key_that_has_been_charged() {
    let alice = alice().await;
    alice.hold("k", "t", 5, LONG_S).await;
    alice.charge("k", "t", 5).await;
    for (task, amount) in [("t", 5), ("t2", 6)] {
        let answer = alice.hold("k", task, amount, LONG_S).await;
        answer.problem(409, "already-charged");
    }
    assert_eq!(alice.held().await, (115, 0));
}

#[tokio::test]
async fn a_key_that_is_forgotten_may_hold_again() {
    let site = start(&["--demo", "--key-ttl", "0"]).await;
    let alice = site.sign_in("alice").await;
    alice.charge("k", "t", 5).await;
    assert_eq!(alice.hold("k", "t", 6, LONG_S).await.status, 201);
}

#[tokio::test]
async fn after_a_release_nothing_is_held_whether_or_not_anything_was() {
    let alice = alice().await;
    alice.hold("a/b c", "t", 100, LONG_S).await;
    let released = alice.release("a%2Fb+c").await;
    assert_eq!(released.status, 200, "{released:?}");
    let free = json!({ "balance": 120, "held": 0, "version": 3 });
    assert_eq!(released.json(), free);
    for key in ["a%2Fb+c", "never"] {
        let again = alice.release(key).await;
        assert_eq!((again.status.as_u16(), again.json()), (200, free.clone()));
    }
    // A late charge is decided as one that was never held for.
    assert_eq!(alice.charge("other", "t2", 100).await.status, 201);
    let late = alice.charge("a/b c", "t", 100).await;
    late.problem(402, "insufficient-balance");
}

#[tokio::test]
async fn an_expired_hold_holds_nothing() {
    let alice = alice().await;
    alice.hold("k", "t", 100, 1).await;
    alice.held_is(0).await;
    // The version stays; the entity tag does not.
    assert_eq!(alice.balance().await, (120, 2));
    let problem = alice.charge("k", "t", 121).await;
    let problem = problem.problem(402, "insufficient-balance");
    assert_eq!(numbers(&problem), (120, 0, 2));
    let released = alice.release("k").await.json();
    assert_eq!(numbers(&released), (120, 0, 2));
    let anew = alice.hold("k", "t2", 70, LONG_S).await;
    assert_eq!(anew.status, 201, "{anew:?}");
    assert_eq!(numbers(&anew.json()), (120, 70, 3));
}

#[tokio::test]
async fn the_entity_tag_changes_with_what_is_held() {
    let alice = alice().await;
    let tag = async || {
        let answer = alice.get("/billing/v1/balance").await;
        answer.header("etag").to_owned()
    };
    let mut seen = vec![tag().await];
    // On a busy machine one may expire before it is seen.
    let held = loop {
        alice.hold("k", "t", 100, 1).await;
        let answer = alice.get("/billing/v1/balance").await;
        if numbers(&answer.json()).1 == 100 {
            break answer;
        }
    };
    let (.., version) = numbers(&held.json());
    let held = held.header("etag").to_owned();
    alice.held_is(0).await;
    let request = alice.request(Method::GET, "/billing/v1/balance");
    let expired = send(request.header("if-none-match", &held)).await.unwrap();
    assert_eq!(numbers(&expired.json()), (120, 0, version));
    seen.extend([held, expired.header("etag").to_owned()]);
    alice.hold("k", "t", 100, LONG_S).await;
    seen.push(tag().await);
    alice.release("k").await;
    seen.push(tag().await);
    let known = seen.len();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), known, "{seen:?}");
}

#[tokio::test]
async fn a_charge_settles_the_hold_that_it_names() {
    let alice = alice().await;
    alice.hold("own", "t", 20, LONG_S).await;
    alice.hold("named", "t2", 30, LONG_S).await;
    let exceeded = alice.charge_of("named", "own", "t", 31).await;
    exceeded.problem(422, "hold-exceeded");
    assert_eq!(alice.held().await, (120, 50));
    // The price is what is charged for, and the key is not used up.
    let charged = alice.charge_of("named", "own", "t", 25).await;
    assert_eq!(charged.status, 201, "{charged:?}");
    assert_eq!(numbers(&charged.json()), (95, 20, 4));
    alice.hold("other", "t3", 5, LONG_S).await;
    let exceeded = alice.charge_of("other", "other", "t3", 6).await;
    exceeded.problem(422, "hold-exceeded");
}

#[tokio::test]
async fn a_charge_of_a_hold_that_is_not_there_is_decided_as_any_other() {
    let site = start(&["--demo"]).await;
    let (alice, bob) = (site.sign_in("alice").await, site.sign_in("bob").await);
    bob.hold("bobs", "t", 10, LONG_S).await;
    alice.hold("expired", "t", 10, 1).await;
    alice.held_is(0).await;
    for (n, named) in ["never", "bobs", "expired"].into_iter().enumerate() {
        let charged = alice.charge_of(named, &format!("k{n}"), "t", 20).await;
        assert_eq!(charged.status, 201, "{named}: {charged:?}");
    }
    let declined = alice.charge_of("bobs", "k", "t", 61).await;
    declined.problem(402, "insufficient-balance");
    assert_eq!(alice.held().await, (60, 0));
    assert_eq!(bob.held().await, (120, 10));
}

#[tokio::test]
async fn accounts_do_not_share_holds() {
    let site = start(&["--demo"]).await;
    let (alice, bob) = (site.sign_in("alice").await, site.sign_in("bob").await);
    alice.hold("k", "t", 120, LONG_S).await;
    assert_eq!(bob.hold("k", "t2", 120, LONG_S).await.status, 201);
    assert_eq!(bob.release("k").await.status, 200);
    assert_eq!(bob.charge("k", "t2", 120).await.status, 201);
    assert_eq!(alice.held().await, (120, 120));
    assert_eq!(alice.charge("k", "t", 120).await.status, 201);
}

#[tokio::test]
async fn a_replay_changes_no_hold() {
    let alice = alice().await;
    let first = alice.charge("k", "t", 5).await;
    assert_eq!(first.status, 201);
    alice.hold("named", "t2", 30, LONG_S).await;
    let replay = alice.charge_of("named", "k", "t", 5).await;
    assert_eq!(replay.status, 200, "{replay:?}");
    assert_eq!(numbers(&replay.json()), (115, 30, 3));
    let found = alice.get("/billing/v1/charges?key=k").await.json();
    assert_eq!(numbers(&found), (115, 30, 3));
    let reused = alice.charge_of("named", "k", "t", 6).await;
    reused.problem(422, "idempotency-key-reused");
    assert_eq!(alice.held().await, (115, 30));
}

#[tokio::test]
async fn the_items_of_a_batch_settle_holds_one_after_the_other() {
    let alice = alice().await;
    alice.hold("own", "t1", 40, LONG_S).await;
    alice.hold("named", "t2", 40, LONG_S).await;
    alice.hold("kept", "t3", 40, LONG_S).await;
    let naming = |key: &str, amount: u64| {
        let mut item = item(key, key, amount);
        item["hold"] = "named".into();
        item
    };
    let mut own = item("own", "t1", 30);
    own["hold"] = Value::Null;
    let mut wrong = item("wrong", "t4", 1);
    wrong["hold"] = 7.into();
    let items = vec![
        naming("more", 41),
        own,
        item("free", "free", 11),
        naming("first", 35),
        naming("second", 15),
        wrong,
        naming("third", 1),
    ];
    let body = alice.batch(items).await.json();
    let results = body["results"].as_array().unwrap();
    let told = |result: &Value| {
        let problem = result["problem"]["type"].as_str().unwrap_or_default();
        format!("{} {problem}", result["status"].as_str().unwrap())
    };
    assert_eq!(
        results.iter().map(told).collect::<Vec<_>>(),
        [
            "rejected hold-exceeded",
            "charged ",
            "declined insufficient-balance",
            "charged ",
            "charged ",
            "rejected invalid-request",
            "declined insufficient-balance",
        ]
    );
    assert_eq!(numbers(&results[2]["problem"]), (90, 80, 5));
    assert_eq!(numbers(&results[6]["problem"]), (40, 40, 7));
    assert_eq!(numbers(&body), (40, 40, 7));
    // Where no item is good, the balance of now is told all the same.
    let body = alice.batch(vec![item("bad", "t", 0)]).await.json();
    assert_eq!(numbers(&body), (40, 40, 7));
}

#[tokio::test]
async fn the_price_binds_charges_and_not_holds() {
    let alice = alice().await;
    let price = json!({ "task_id": "t", "price": 2 });
    alice.post("/demo/price", price).await;
    assert_eq!(alice.hold("k", "t", 30, LONG_S).await.status, 201);
    let charged = alice.charge("k", "t", 30).await;
    charged.problem(400, "price-mismatch");
    assert_eq!(alice.held().await, (120, 30));
    assert_eq!(alice.charge("k", "t", 2).await.status, 201);
}

#[tokio::test]
async fn malformed_holds_change_nothing() {
    let alice = alice().await;
    alice.hold("held", "t", 5, LONG_S).await;
    let before = alice.ledger().await;
    let post = async |key: Option<&str>, body: &Value| {
        let mut request = alice.request(Method::POST, HOLDS).json(body);
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        send(request).await.unwrap()
    };
    let good = hold("t", 5, LONG_S);
    for (name, value) in [
        ("expires_in_s", json!(0)),
        ("expires_in_s", json!(-1)),
        ("expires_in_s", json!(1.5)),
        ("expires_in_s", json!(9_007_199_254_740_992_u64)),
        ("expires_in_s", json!("60")),
        ("expires_in_s", Value::Null),
        ("amount", json!(0)),
        ("amount", json!("5")),
        ("task_id", json!("")),
        ("feature", json!(5)),
    ] {
        let mut body = good.clone();
        body[name] = value;
        let answer = post(Some("\"k\""), &body).await;
        answer.problem(400, "invalid-request");
    }
    for missing in ["task_id", "feature", "amount", "expires_in_s"] {
        let mut body = good.clone();
        body.as_object_mut().unwrap().remove(missing);
        let answer = post(Some("\"k\""), &body).await;
        answer.problem(400, "invalid-request");
    }
    post(None, &good)
        .await
        .problem(400, "idempotency-key-missing");
    post(Some("k"), &good)
        .await
        .problem(400, "idempotency-key-invalid");
    for query in ["", "?", "?key", "?key=held&key=held", "?key=%ff"] {
        let request = alice.request(Method::DELETE, &format!("{HOLDS}{query}"));
        let answer = send(request).await.unwrap();
        answer.problem(400, "invalid-request");
    }
    for hold in [json!(""), json!(5), json!(["held"]), json!({})] {
        let mut body = charge("t", 5);
        body["hold"] = hold;
        let answer = send(alice.charge_request("\"k\"", &body)).await.unwrap();
        answer.problem(400, "invalid-request");
    }
    assert_eq!(alice.ledger().await, before);
    // The longest time that can be asked for; how much of it is granted is the server's business.
    let mut body = good;
    body["expires_in_s"] = json!(9_007_199_254_740_991_u64);
    let granted = post(Some("\"k\""), &body).await;
    assert_eq!(granted.status, 201, "{granted:?}");
    assert!(granted.json()["expires_in_s"].as_u64().unwrap() >= LONG_S);
}

#[tokio::test]
async fn a_server_that_keeps_no_holds_says_nothing_of_them() {
    let site = start(&["--demo", "--no-holds"]).await;
    let alice = site.sign_in("alice").await;
    let answer = alice.hold("k", "t", 5, LONG_S).await;
    answer.problem(404, "not-found");
    alice.release("k").await.problem(404, "not-found");

    let balance = alice.get("/billing/v1/balance").await.json();
    assert_eq!(balance, json!({ "balance": 120, "version": 1 }));
    let charged = alice.charge_of("k", "k", "t", 20).await;
    assert_eq!(charged.status, 201, "{charged:?}");
    let batch = alice.batch(vec![item("dear", "t", 500)]).await;
    let batch = batch.json();
    assert_eq!(batch["results"][0]["status"], "declined");
    let said = [
        charged.json(),
        alice.charge("k", "t", 20).await.json(),
        alice.get("/billing/v1/charges?key=k").await.json(),
        alice.charge("dear", "t", 500).await.json(),
        batch["results"][0]["problem"].clone(),
        batch,
        alice
            .post("/demo/top-up", json!({ "points": 1 }))
            .await
            .json(),
        alice.ledger().await,
    ];
    for document in said {
        assert!(document["version"].is_u64(), "{document}");
        assert_eq!(document.get("held"), None, "{document}");
    }
}

#[tokio::test]
async fn holds_of_before_count_for_nothing_where_none_are_kept() {
    let database = Database::new().await;
    let place = database.place();
    let (site, serving) = serve(&["--demo", "--database", &place]).await;
    let alice = site.sign_in("alice").await;
    assert_eq!(alice.hold("k", "t", 100, LONG_S).await.status, 201);
    serving.stop().await;
    let site = start(&["--demo", "--database", &place, "--no-holds"]).await;
    let alice = site.session(&alice.token);
    assert_eq!(alice.charge("other", "t2", 120).await.status, 201);
}

#[tokio::test]
async fn who_knows_a_balance_from_before_holds_is_told_of_them_at_the_same_version() {
    let before = start(&["--demo", "--no-holds"]).await;
    let before = before.sign_in("alice").await;
    let before = before.get("/billing/v1/balance").await;
    assert_eq!(before.json(), json!({ "balance": 120, "version": 1 }));
    let alice = alice().await;
    let request = alice.request(Method::GET, "/billing/v1/balance");
    let now = send(request.header("if-none-match", before.header("etag")));
    let now = now.await.unwrap();
    assert_eq!(now.status, 200, "{now:?}");
    assert_eq!(numbers(&now.json()), (120, 0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_at_once_never_hold_and_take_more_than_there_is() {
    let seed = holding::SEED.to_string();
    let site = start(&["--demo", "--seed-balance", &seed]).await;
    holding::hold_and_charge(&[site.sign_in("alice").await]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_on_one_database_never_hold_and_take_more_than_there_is() {
    let database = Database::new().await;
    let place = database.place();
    let seed = holding::SEED.to_string();
    let flags = ["--demo", "--database", &place, "--seed-balance", &seed];
    let (one, two) = (start(&flags).await, start(&flags).await);
    let alice = one.sign_in("alice").await;
    let elsewhere = two.session(&alice.token);
    holding::hold_and_charge(&[alice, elsewhere]).await;
}
