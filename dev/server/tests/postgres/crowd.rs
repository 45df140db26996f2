//! Several servers on one database, and a crowd of clients that send the same keys.

use std::collections::BTreeMap;
use std::sync::Arc;

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tokio::time::timeout;

use crate::broken::{ONE_WAITS, until};
use crate::client::{Answer, LIMIT, Session};
use crate::database::Database;
use crate::running::Running;

const CLIENTS: usize = 64;
const KEYS: usize = 12;
const AMOUNT: u64 = 3;
/// Enough for 8 of the 12 keys.
const SEED: u64 = 26;
const PAID: usize = 8;

/// Sends every key, in an order of its own, until each is decided.
async fn send_all(sessions: Arc<Vec<Session>>, client: usize) -> Vec<(usize, Answer)> {
    let mut answers = Vec::new();
    for n in 0..KEYS {
        let key = (n * 5 + client) % KEYS;
        let session = &sessions[(client + n) % sessions.len()];
        let name = format!("k{key}");
        loop {
            let answer = session.charge(&name, &name, AMOUNT).await;
            if answer.status == 503 {
                answer.problem(503, "service-unavailable");
                continue;
            }
            answers.push((key, answer));
            break;
        }
    }
    answers
}

/// From now on, `isolation` is what every transaction of the database has.
pub async fn isolated(database: &Database, isolation: &str) {
    let mut connection = PgConnection::connect(&database.place()).await.unwrap();
    let name: String = sqlx::query_scalar("SELECT current_database()")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    let alter = format!("ALTER DATABASE {name} SET default_transaction_isolation = '{isolation}'");
    connection.execute(AssertSqlSafe(alter)).await.unwrap();
}

async fn charge_each_key_once(isolation: &str) -> u64 {
    let database = Database::new().await;
    isolated(&database, isolation).await;
    let place = database.place();
    let mut connection = PgConnection::connect(&place).await.unwrap();

    let seed = SEED.to_string();
    let flags = ["--demo", "--database", &place, "--seed-balance", &seed];
    let flags = [&flags[..], &["--metrics", "127.0.0.1:0"]].concat();
    let (one, two) = tokio::join!(
        Running::start_logging(&flags),
        Running::start_logging(&flags)
    );
    let alice = one.site.sign_in("alice").await;
    let sessions = Arc::new(vec![alice.clone(), two.site.session(&alice.token)]);
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| tokio::spawn(send_all(sessions.clone(), client)))
        .collect();

    let mut charged: BTreeMap<usize, Vec<Answer>> = BTreeMap::new();
    let mut ids: BTreeMap<usize, String> = BTreeMap::new();
    for client in clients {
        let answers = timeout(4 * LIMIT, client).await.expect("all are decided");
        for (key, answer) in answers.unwrap() {
            match answer.status.as_u16() {
                201 => charged.entry(key).or_default().push(answer.clone()),
                200 => {}
                _ => {
                    answer.problem(402, "insufficient-balance");
                    continue;
                }
            }
            let id = answer.json()["charge_id"].to_string();
            assert_eq!(ids.entry(key).or_insert_with(|| id.clone()), &id);
        }
    }
    assert_eq!(charged.len(), PAID);
    let mut versions = Vec::new();
    for (key, answers) in &charged {
        assert_eq!(answers.len(), 1, "k{key} was charged more than once");
        let answer = answers[0].json();
        let version = answer["version"].as_u64().unwrap();
        assert_eq!(answer["balance"], SEED - (version - 1) * AMOUNT);
        versions.push(version);
    }
    versions.sort_unstable();
    assert_eq!(versions, (2..=1 + PAID as u64).collect::<Vec<_>>());
    assert_eq!(
        alice.balance().await,
        (SEED - PAID as u64 * AMOUNT, 1 + PAID as u64)
    );

    let requests: i64 = sqlx::query_scalar("SELECT CAST(sum(requests) AS BIGINT) FROM requests")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert!(requests >= (CLIENTS * KEYS) as i64);
    let noted: Vec<i64> = sqlx::query_scalar(
        "SELECT version FROM charges UNION ALL SELECT version FROM credits ORDER BY version",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    assert_eq!(noted, (1..=1 + PAID as i64).collect::<Vec<_>>());
    one.retries("serialization").await + two.retries("serialization").await
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_and_64_clients_charge_each_key_once() {
    assert_eq!(charge_each_key_once("read committed").await, 0);
}

/// As in databases that know no other isolation.
#[tokio::test(flavor = "multi_thread")]
async fn two_servers_and_64_clients_charge_each_key_once_where_all_is_serializable() {
    assert!(charge_each_key_once("serializable").await > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_on_one_account_leaves_connections_to_the_others() {
    let database = Database::new().await;
    let place = database.place();
    let flags = [
        "--demo",
        "--database",
        &place,
        "--database-connections",
        "3",
    ];
    let server = Running::start(&flags).await;
    let (alice, bob) = (
        server.site.sign_in("alice").await,
        server.site.sign_in("bob").await,
    );
    let mut other = PgConnection::connect(&place).await.unwrap();
    let mut lock = other.begin().await.unwrap();
    lock.execute("SELECT account FROM accounts WHERE account = 'alice' FOR UPDATE")
        .await
        .unwrap();
    let crowd: Vec<_> = (0..40)
        .map(|n| {
            let alice = alice.clone();
            tokio::spawn(async move { alice.charge(&format!("k{n}"), "t", 1).await })
        })
        .collect();
    for n in 0..20 {
        let answer = bob.charge(&format!("k{n}"), "t", 1).await;
        assert_eq!(answer.status, 201, "{answer:?}");
    }
    lock.rollback().await.unwrap();
    for client in crowd {
        let answer = client.await.unwrap();
        assert!([201, 503].contains(&answer.status.as_u16()), "{answer:?}");
    }
}

#[tokio::test]
async fn a_look_up_sees_the_charge_that_another_server_has_begun() {
    let database = Database::new().await;
    let place = database.place();
    let flags = ["--demo", "--database", &place];
    let (one, two) = tokio::join!(Running::start(&flags), Running::start(&flags));
    let alice = one.site.sign_in("alice").await;
    let mut watch = PgConnection::connect(&place).await.unwrap();
    let mut other = PgConnection::connect(&place).await.unwrap();
    let mut lock = other.begin().await.unwrap();
    lock.execute("LOCK TABLE requests IN EXCLUSIVE MODE")
        .await
        .unwrap();
    let charge = tokio::spawn({
        let alice = alice.clone();
        async move { alice.charge("k", "t", 5).await }
    });
    until(&mut watch, ONE_WAITS).await;
    let elsewhere = two.site.session(&alice.token);
    let look_up = tokio::spawn(async move { elsewhere.get("/billing/v1/charges?key=k").await });
    let both_wait = "SELECT count(*) = 2 FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'";
    until(&mut watch, both_wait).await;
    lock.rollback().await.unwrap();
    assert_eq!(charge.await.unwrap().status, 201);
    assert_eq!(look_up.await.unwrap().status, 200);
}
