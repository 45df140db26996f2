//! A database that another program keeps locked.

use sqlx::{Connection, SqliteConnection, SqliteTransaction};
use tempfile::TempDir;

use crate::client::{Session, item};
use crate::start;

/// Somebody signed in at a server whose database can be locked.
async fn alice() -> (Session, SqliteConnection, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.sqlite");
    let path = path.to_str().unwrap();
    let alice = start(&["--demo", "--database", path])
        .await
        .sign_in("alice")
        .await;
    let other = SqliteConnection::connect(&format!("sqlite:{path}"))
        .await
        .unwrap();
    (alice, other, dir)
}

async fn lock(other: &mut SqliteConnection) -> SqliteTransaction<'_> {
    other.begin_with("BEGIN IMMEDIATE").await.unwrap()
}

#[tokio::test]
async fn a_charge_is_told_that_nothing_was_taken() {
    let (alice, mut other, _dir) = alice().await;
    let lock = lock(&mut other).await;
    let answer = alice.charge("k1", "t1", 5).await;
    answer.problem(503, "service-unavailable");
    assert_eq!(answer.header("retry-after"), "1");
    lock.rollback().await.unwrap();

    assert_eq!(alice.balance().await, (120, 1));
    assert_eq!(alice.charge("k1", "t1", 5).await.status, 201);
}

#[tokio::test]
async fn the_items_of_a_batch_are_to_be_sent_again() {
    let (alice, mut other, _dir) = alice().await;
    let items = || {
        vec![
            item("k1", "t1", 5),
            item("bad", "t2", 0),
            item("k3", "t3", 5),
        ]
    };
    let lock = lock(&mut other).await;
    let answer = alice.batch(items()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let results = answer.json()["results"].clone();
    for (place, status, code) in [(0, "retry", 503), (1, "rejected", 400), (2, "retry", 503)] {
        assert_eq!(results[place]["status"], status);
        assert_eq!(results[place]["problem"]["status"], code);
    }
    lock.rollback().await.unwrap();

    assert_eq!(alice.balance().await, (120, 1));
    let again = alice.batch(items()).await.json();
    assert_eq!(again["results"][0]["status"], "charged");
    assert_eq!(again["results"][2]["status"], "charged");
    assert_eq!(alice.balance().await, (110, 3));
}
