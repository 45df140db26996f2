//! The time limit of a decision, and texts at the limits of what PostgreSQL's indexes hold.

use std::time::Duration;

use sqlx::{Connection, PgConnection};
use tokio::time::{sleep, timeout};

use crate::client::{LIMIT, charge, send};
use crate::database::Database;
use crate::running::Running;

#[tokio::test]
async fn a_charge_that_was_given_up_is_not_made_later() {
    let database = Database::new().await;
    let place = database.place();
    let flags = ["--demo", "--database", &place, "--decide-within", "1500"];
    let server = Running::start(&flags).await;
    let alice = server.site.sign_in("alice").await;
    let lock = database.lock().await;
    let answer = alice.charge("k", "t", 5).await;
    answer.problem(503, "service-unavailable");
    assert_eq!(answer.header("retry-after"), "1");
    lock.release().await;

    // What was given up has ended in the database, too.
    let mut other = PgConnection::connect(&place).await.unwrap();
    let ended = async {
        let active = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
            AND application_name = 'tollbox-server' AND state <> 'idle'";
        while sqlx::query_scalar::<_, i64>(active)
            .fetch_one(&mut other)
            .await
            .unwrap()
            > 0
        {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(LIMIT, ended).await.expect("it ends");
    assert_eq!(alice.balance().await, (120, 1));
    let path = "/billing/v1/charges?key=k";
    alice.get(path).await.problem(404, "charge-not-found");
    assert_eq!(alice.charge("k", "t", 5).await.status, 201);
}

/// A look-up that is sent 2 s after it, to another server, would overtake it.
#[tokio::test]
async fn a_charge_that_can_not_begin_soon_is_refused() {
    let database = Database::new().await;
    let place = database.place();
    let server = Running::start(&["--demo", "--database", &place]).await;
    let alice = server.site.sign_in("alice").await;
    let lock = database.lock().await;
    // It waits as long as a decision may take.
    let look_up = tokio::spawn({
        let alice = alice.clone();
        async move { alice.get("/billing/v1/charges?key=k").await }
    });
    let answer = alice.charge("k", "t", 5).await;
    answer.problem(503, "service-unavailable");
    assert!(!look_up.is_finished(), "the charge has not waited as long");
    lock.release().await;
    look_up.await.unwrap().problem(404, "charge-not-found");
    assert_eq!(alice.balance().await, (120, 1));
}

#[tokio::test]
async fn the_longest_texts_are_kept_and_found() {
    let server = Running::start(&["--demo"]).await;
    // Text that doesn't compress: PostgreSQL would squeeze it into an index.
    let mut state = 1_u64;
    let mut noise = |length: usize| -> String {
        let letter = |_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            char::from(b'!' + u8::try_from((state >> 33) % 90).unwrap())
        };
        (0..length).map(letter).collect()
    };
    let account: String = noise(500)
        .chars()
        .map(|letter| char::from_u32(0x1_F300 + u32::from(letter)).unwrap())
        .collect();
    let alice = server.site.sign_in(&account).await;
    let key = noise(4_096).replace(['%', '"', '\\'], "_");
    let task = format!("\0{}", noise(499));
    let body = charge(&task, 5);
    let header = format!("\"{key}\"");
    let first = send(alice.charge_request(&header, &body)).await.unwrap();
    assert_eq!(first.status, 201, "{first:?}");
    let again = send(alice.charge_request(&header, &body)).await.unwrap();
    assert_eq!(again.status, 200);
    let charges = alice.ledger().await["charges"].clone();
    assert_eq!(charges[0]["idempotency_key"], key);
    assert_eq!(charges[0]["task_id"], task);
    let price = serde_json::json!({ "task_id": task, "price": 7 });
    assert_eq!(alice.post("/demo/price", price).await.status, 200);
    let other = send(alice.charge_request("\"k2\"", &body)).await.unwrap();
    other.problem(400, "price-mismatch");
}

/// While the table is new: a plan that was made then is kept.
#[tokio::test]
async fn a_key_is_found_without_reading_the_accounts_other_charges() {
    let database = Database::new().await;
    let place = database.place();
    let _server = Running::start(&["--database", &place]).await;
    let mut connection = PgConnection::connect(&place).await.unwrap();
    let plan: Vec<String> = sqlx::query_scalar(
        "EXPLAIN SELECT charge_id FROM charges
         WHERE account = 'a' AND key_digest = '\\x00' ORDER BY version DESC LIMIT 1",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    let plan = plan.join("\n");
    assert!(
        plan.contains("(account = 'a'::text) AND (key_digest ="),
        "{plan}"
    );
}
