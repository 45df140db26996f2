//! The demo's translator: `/demo/translate`.

use reqwest::Method;
use serde_json::json;

use crate::client::send;
use crate::start;

#[tokio::test]
async fn the_translator_sets_the_price_of_the_task() {
    let alice = start(&["--demo"]).await.sign_in("alice").await;
    let text = format!("Hello world! {}", "x".repeat(100));
    let task = json!({ "task_id": "t", "text": text, "target": "zh" });
    let translated = alice.post("/demo/translate", task).await.json();
    assert_eq!(translated["task_id"], "t");
    assert_eq!(translated["price"], 2);
    assert!(
        translated["translated"]
            .as_str()
            .unwrap()
            .starts_with("你好，世界！")
    );

    alice
        .charge("k", "t", 1)
        .await
        .problem(400, "price-mismatch");
    assert_eq!(alice.charge("k", "t", 2).await.status, 201);
    let task = json!({ "task_id": "t", "text": "谢谢", "target": "en" });
    let translated = alice.post("/demo/translate", task).await.json();
    assert_eq!(translated["translated"], "Thank you");
}

#[tokio::test]
async fn malformed_and_unauthorized_translations_set_no_price() {
    let site = start(&["--demo"]).await;
    let alice = site.sign_in("alice").await;
    for body in [
        json!({ "task_id": "t", "text": "a", "target": "fr" }),
        json!({ "task_id": "", "text": "a", "target": "en" }),
        json!({ "task_id": "t", "target": "en" }),
    ] {
        let answer = alice.post("/demo/translate", body).await;
        answer.problem(400, "invalid-request");
    }
    let task = json!({ "task_id": "t", "text": "a", "target": "en" });
    let request = || site.request(Method::POST, "/demo/translate").json(&task);
    let answer = send(request()).await.unwrap();
    answer.problem(401, "unauthorized");
    let answer = send(request().header("sec-fetch-site", "cross-site")).await;
    answer.unwrap().problem(403, "cross-origin");
    assert_eq!(alice.charge("k", "t", 9).await.status, 201);
}
