//! A server killed outright in the middle of its work loses no charge that it answered.

use std::sync::Arc;

use nix::sys::signal::Signal;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::Running;
use crate::client::{LIMIT, Session};
use crate::database::Database;

const SEED: u64 = 1_000_000;
const CLIENTS: usize = 4;
const ANSWERS_BEFORE_THE_KILL: u32 = 40;

/// Charges one task after another until an answer fails to come, and gives the charges answered.
async fn charge_on(session: Session, client: usize, answered: Arc<Semaphore>) -> Vec<Value> {
    let mut charged = Vec::new();
    for n in 0.. {
        let name = format!("{client}-{n}");
        match session.try_charge(&name, &name, 1 + n % 7).await {
            Ok(answer) => {
                assert_eq!(answer.status, 201, "{answer:?}");
                charged.push(answer.json());
                answered.add_permits(1);
            }
            Err(_) => break,
        }
    }
    charged
}

#[tokio::test]
async fn every_charge_that_was_answered_outlives_a_kill() {
    let database = Database::new().await;
    let place = database.place();
    let seed = SEED.to_string();
    let flags = ["--demo", "--database", &place, "--seed-balance", &seed];

    let mut token: Option<String> = None;
    let mut answered = Vec::new();
    for round in 0..3 {
        let server = Running::start(&flags).await;
        let session = match &token {
            None => server.site.sign_in("alice").await,
            Some(token) => server.site.session(token),
        };
        token = Some(session.token.clone());
        check(&session, &answered, round * CLIENTS).await;

        let count = Arc::new(Semaphore::new(0));
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let client = round * CLIENTS + client;
                tokio::spawn(charge_on(session.clone(), client, count.clone()))
            })
            .collect();
        let enough = timeout(LIMIT, count.acquire_many(ANSWERS_BEFORE_THE_KILL))
            .await
            .expect("answers come")
            .unwrap();
        server.signal(Signal::SIGKILL);
        drop(enough);
        for client in clients {
            answered.extend(client.await.unwrap());
        }
        assert!(!server.end().await.success());
    }
    let server = Running::start(&flags).await;
    let session = server.site.session(&token.unwrap());
    check(&session, &answered, 3 * CLIENTS).await;
}

/// Checks that every answered charge is there, that there are no others but the unanswered ones, at
/// most one for each client and kill, and that the points add up.
async fn check(session: &Session, answered: &[Value], unanswered: usize) {
    let ledger = session.ledger().await;
    let charges = ledger["charges"].as_array().unwrap();
    for charged in answered {
        let same = |charge: &&Value| charge["idempotency_key"] == charged["idempotency_key"];
        let found = charges
            .iter()
            .find(same)
            .unwrap_or_else(|| panic!("lost: {charged}"));
        assert_eq!(found["charge_id"], charged["charge_id"]);
        assert_eq!(found["amount"], charged["amount"]);
    }
    assert!(charges.len() <= answered.len() + unanswered);
    let taken: u64 = charges
        .iter()
        .map(|charge| charge["amount"].as_u64().unwrap())
        .sum();
    assert_eq!(ledger["balance"].as_u64().unwrap() + taken, SEED);
    assert_eq!(
        ledger["version"].as_u64().unwrap(),
        charges.len() as u64 + 1
    );
}
