//! A crowd on one account that holds and charges at once, at one server or at several.

use std::collections::BTreeMap;

use serde_json::Value;
use tokio::time::timeout;

use crate::client::{Answer, LIMIT, Session};

/// Enough for a few of the crowd.
pub const SEED: u64 = 40;

const CLIENTS: usize = 64;
const HELD: u64 = 3;
const LONG_S: u64 = 3_600;

/// Asks until the server decides.
async fn decided<A: Future<Output = Answer>>(ask: impl Fn() -> A) -> Answer {
    loop {
        let answer = ask().await;
        if answer.status != 503 {
            return answer;
        }
        answer.problem(503, "service-unavailable");
    }
}

/// One client of the crowd, and all that it was answered.
struct Client {
    session: Session,
    name: String,
    answers: Vec<Answer>,
}

impl Client {
    /// Whether the points are held.
    async fn hold(&mut self) -> bool {
        let (session, name) = (&self.session, &self.name);
        let answer = decided(|| session.hold(name, name, HELD, LONG_S)).await;
        let is_held = answer.status == 201;
        if !is_held {
            answer.problem(402, "insufficient-balance");
        }
        self.answers.push(answer);
        is_held
    }

    /// Charges a task, and gives what was taken. Where its points are held it is never declined.
    async fn charge(&mut self, key: &str, amount: u64, hold: Option<&str>) -> u64 {
        let (session, name) = (&self.session, &self.name);
        let answer = match hold {
            Some(hold) if hold != key => {
                decided(|| session.charge_of(hold, key, name, amount)).await
            }
            Some(_) | None => decided(|| session.charge(key, name, amount)).await,
        };
        let is_charged = answer.status == 201;
        if !is_charged {
            assert_eq!(hold, None, "its points were held: {answer:?}");
            answer.problem(402, "insufficient-balance");
        }
        self.answers.push(answer);
        if is_charged { amount } else { 0 }
    }

    async fn release(&mut self) {
        let (session, name) = (&self.session, &self.name);
        let answer = decided(|| session.release(name)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        self.answers.push(answer);
    }

    /// Does what its kind does, and gives what was taken and what is held for it in the end.
    async fn run(&mut self, kind: usize) -> (u64, u64) {
        let own = self.name.clone();
        let another = format!("{own}'s other");
        match kind {
            0 => (self.charge(&own, 2, None).await, 0),
            _ if !self.hold().await => (0, 0),
            1 => (self.charge(&own, HELD, Some(&own)).await, 0),
            2 => (self.charge(&own, 1, Some(&own)).await, 0),
            3 => (self.charge(&another, 2, Some(&own)).await, 0),
            4 => {
                self.release().await;
                (0, 0)
            }
            _ => (0, HELD),
        }
    }
}

/// The crowd holds and charges. No two answers disagree on a version's balance and holds, none has
/// more held than there is, what was held is never declined, and in the end the points add up.
pub async fn hold_and_charge(sessions: &[Session]) {
    let crowd: Vec<_> = (0..CLIENTS)
        .map(|n| {
            let mut client = Client {
                session: sessions[n % sessions.len()].clone(),
                name: format!("k{n}"),
                answers: Vec::new(),
            };
            tokio::spawn(async move {
                let (taken, held) = client.run(n / 2 % 6).await;
                (client.answers, taken, held)
            })
        })
        .collect();
    let (mut answers, mut taken, mut held) = (Vec::new(), 0, 0);
    for client in crowd {
        let ended = timeout(4 * LIMIT, client).await.expect("all are decided");
        let (of_client, its_taken, its_held) = ended.unwrap();
        answers.extend(of_client);
        taken += its_taken;
        held += its_held;
    }

    let mut by_version: BTreeMap<u64, (u64, u64)> = BTreeMap::new();
    for answer in &answers {
        let document = answer.json();
        let number = |name: &str| document[name].as_u64().unwrap();
        let now = (number("balance"), number("held"));
        assert!(now.1 <= now.0, "more is held than there is: {document}");
        let seen = by_version.entry(number("version")).or_insert(now);
        assert_eq!(*seen, now, "{document}");
    }
    let is_declined = |answer: &Answer| answer.status == 402;
    assert!(answers.iter().any(is_declined), "there was enough for all");
    assert!(taken > 0);
    assert_eq!(sessions[0].held().await, (SEED - taken, held));
    let ledger = sessions[0].ledger().await;
    let charges = ledger["charges"].as_array().unwrap();
    let noted: u64 = charges
        .iter()
        .filter_map(|charge: &Value| charge["amount"].as_u64())
        .sum();
    assert_eq!(noted, taken);
}
