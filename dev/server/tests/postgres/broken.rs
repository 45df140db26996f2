//! Transactions that the database ends, and connections that break.

use std::time::Duration;

use serde_json::json;
use sqlx::{Connection, Executor, PgConnection};
use tokio::time::{sleep, timeout};

use crate::client::LIMIT;
use crate::database::cluster::{Cluster, Commits};
use crate::database::{Database, new_in, programs};
use crate::running::Running;

/// Ends all connections of the servers.
const END_THEM: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'tollbox-server'";

/// Waits until the query says true.
pub async fn until(connection: &mut PgConnection, query: &'static str) {
    let so = async {
        while !sqlx::query_scalar::<_, bool>(query)
            .fetch_one(&mut *connection)
            .await
            .unwrap()
        {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(LIMIT, so).await.expect(query);
}

pub const ONE_WAITS: &str = "SELECT count(*) > 0 FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'tollbox-server'
      AND wait_event_type = 'Lock'";

#[tokio::test]
async fn a_charge_whose_connection_is_lost_is_made_over_another() {
    let database = Database::new().await;
    let place = database.place();
    let server = Running::start(&["--demo", "--database", &place]).await;
    let alice = server.site.sign_in("alice").await;
    let mut other = PgConnection::connect(&place).await.unwrap();
    for n in 1..=5 {
        other.execute(END_THEM).await.unwrap();
        let key = format!("k{n}");
        assert_eq!(alice.charge(&key, &key, 5).await.status, 201);
        other.execute(END_THEM).await.unwrap();
        assert_eq!(alice.balance().await, (120 - 5 * n, 1 + n));
    }
    let batch = (0..10).map(|n| crate::client::item(&format!("b{n}"), "t", 1));
    other.execute(END_THEM).await.unwrap();
    let results = alice.batch(batch.collect()).await.json()["results"].clone();
    assert_eq!(results[9]["status"], "charged");
    other.execute(END_THEM).await.unwrap();
    let topped_up = alice.post("/demo/top-up", json!({ "points": 5 })).await;
    assert_eq!(
        topped_up.json(),
        json!({ "balance": 90, "held": 0, "version": 17 })
    );
}

#[tokio::test]
async fn a_charge_in_a_transaction_that_is_lost_is_made_once() {
    let database = Database::new().await;
    let place = database.place();
    let server = Running::start(&["--demo", "--database", &place]).await;
    let alice = server.site.sign_in("alice").await;
    let mut other = PgConnection::connect(&place).await.unwrap();
    let lock = database.lock().await;
    let charge = tokio::spawn({
        let alice = alice.clone();
        async move { alice.charge("k", "t", 5).await }
    });
    until(&mut other, ONE_WAITS).await;
    other.execute(END_THEM).await.unwrap();
    lock.release().await;
    assert_eq!(charge.await.unwrap().status, 201);
    assert_eq!(alice.balance().await, (115, 2));
}

#[tokio::test]
async fn a_charge_that_ends_a_deadlock_is_tried_again() {
    let database = Database::new().await;
    let place = database.place();
    let flags = ["--demo", "--database", &place, "--metrics", "127.0.0.1:0"];
    let server = Running::start_logging(&flags).await;
    let alice = server.site.sign_in("alice").await;
    assert_eq!(alice.charge("k1", "t", 5).await.status, 201);

    let mut watch = PgConnection::connect(&place).await.unwrap();
    let mut other = PgConnection::connect(&place).await.unwrap();
    // The server's transaction is the one that notices.
    other.execute("SET deadlock_timeout = '60s'").await.unwrap();
    let mut crossing = other.begin().await.unwrap();
    crossing
        .execute("SELECT * FROM requests FOR UPDATE")
        .await
        .unwrap();
    let charge = tokio::spawn({
        let alice = alice.clone();
        async move { alice.charge("k1", "t", 5).await }
    });
    until(&mut watch, ONE_WAITS).await;
    crossing
        .execute("SELECT * FROM accounts FOR UPDATE")
        .await
        .unwrap();
    crossing.rollback().await.unwrap();
    assert_eq!(charge.await.unwrap().status, 200);

    assert_eq!(server.retries("deadlock").await, 1);
    assert_eq!(alice.balance().await, (115, 2));
}

#[tokio::test]
async fn a_server_without_its_database_is_alive_but_not_ready_until_it_is_back() {
    let cluster = Cluster::start(&programs(), Commits::Unsynced);
    let place = new_in(&cluster).await;
    let flags = ["--demo", "--database", &place, "--decide-within", "2000"];
    let server = Running::start(&flags).await;
    let alice = server.site.sign_in("alice").await;
    assert_eq!(server.site.get("/readyz").await.status, 200);

    cluster.kill();
    let unready = async {
        while server.site.get("/readyz").await.status == 200 {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(LIMIT, unready).await.expect("it is not ready");
    let answer = server.site.get("/readyz").await;
    answer.problem(503, "service-unavailable");
    let answer = alice.charge("k", "t", 5).await;
    answer.problem(503, "service-unavailable");
    assert_eq!(server.site.get("/healthz").await.status, 200);

    cluster.go_on();
    let ready = async {
        while server.site.get("/readyz").await.status != 200 {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(LIMIT, ready).await.expect("it is ready");
    assert_eq!(alice.charge("k", "t", 5).await.status, 201);
    assert_eq!(alice.balance().await, (115, 2));
}
