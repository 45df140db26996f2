//! Clients that charge one task after the other, each until it is decided, as the browser's client does.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::client::{LIMIT, Session, Site};
use crate::database::Database;
use crate::running::Running;

const CLIENTS: usize = 16;
const ACCOUNTS: usize = 3;
/// The pause after an answer that decides nothing.
const PAUSE: Duration = Duration::from_millis(20);

/// What one client was answered, by key: the charge's id, and the points.
type Answered = BTreeMap<String, (String, u64)>;

pub struct Crowd {
    clients: Vec<JoinHandle<Answered>>,
    sites: watch::Sender<Vec<Site>>,
    sessions: Vec<Session>,
    shared: Arc<Shared>,
    /// The answers that the round before ended with.
    before: usize,
}

#[derive(Default)]
struct Shared {
    answered: AtomicUsize,
    sent_again: AtomicUsize,
    over: AtomicBool,
}

impl Crowd {
    pub async fn gather(servers: &[Running]) -> Self {
        let mut sessions = Vec::new();
        for account in 0..ACCOUNTS {
            sessions.push(servers[0].site.sign_in(&format!("account{account}")).await);
        }
        let (sites, _) = watch::channel(all_sites(servers));
        let shared = Arc::new(Shared::default());
        let clients = (0..CLIENTS)
            .map(|client| {
                let token = sessions[client % ACCOUNTS].token.clone();
                tokio::spawn(charge_on(client, token, sites.subscribe(), shared.clone()))
            })
            .collect();
        Self {
            clients,
            sites,
            sessions,
            shared,
            before: 0,
        }
    }

    /// Waits until so many more charges were answered.
    pub async fn has_charged(&mut self, number: usize) {
        let answered = || self.shared.answered.load(Ordering::SeqCst);
        let enough = async {
            while answered() < self.before + number {
                sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(4 * LIMIT, enough).await.expect("answers come");
        self.before = answered();
    }

    /// From now on the clients ask these.
    pub fn turn_to(&self, servers: &[Running]) {
        self.sites.send_replace(all_sites(servers));
    }

    /// Lets the clients end, and compares what they were answered with the database.
    pub async fn check(self, title: &str, kills: usize, database: &Database) {
        self.shared.over.store(true, Ordering::SeqCst);
        let mut answered = vec![Answered::new(); ACCOUNTS];
        for (client, charging) in self.clients.into_iter().enumerate() {
            let charged = timeout(4 * LIMIT, charging).await.expect("all is decided");
            answered[client % ACCOUNTS].extend(charged.unwrap());
        }
        let mut charges = 0;
        let site = self.sites.borrow()[0].clone();
        for (session, answered) in self.sessions.iter().zip(&answered) {
            let ledger = site.session(&session.token).ledger().await;
            let kept = ledger["charges"].as_array().unwrap();
            assert_eq!(kept.len(), answered.len(), "lost or doubled");
            for charge in kept {
                let key = charge["idempotency_key"].as_str().unwrap();
                let (id, points) = &answered[key];
                assert_eq!(charge["charge_id"], **id);
                assert_eq!(charge["amount"], *points);
            }
            assert_eq!(ledger["version"], kept.len() + 1);
            charges += kept.len();
        }
        // And past the server.
        let kept = database.number("SELECT count(*) FROM charges").await;
        assert_eq!(usize::try_from(kept).unwrap(), charges);
        let doubled = database
            .number(
                "SELECT count(*) FROM (SELECT 1 FROM charges GROUP BY account, key_digest
                                       HAVING count(*) > 1) AS doubled",
            )
            .await;
        assert_eq!(doubled, 0);
        let unbalanced = database
            .number(
                "SELECT count(*) FROM accounts
                 WHERE balance < 0
                    OR balance + (SELECT sum(amount) FROM charges
                                  WHERE charges.account = accounts.account)
                       <> (SELECT sum(points) FROM credits
                           WHERE credits.account = accounts.account)
                    OR version <> 1 + (SELECT count(*) FROM charges
                                       WHERE charges.account = accounts.account)",
            )
            .await;
        assert_eq!(unbalanced, 0);
        println!(
            "\n# measured: {title} {kills} times: {charges} charges answered, {} requests sent again, \
             0 lost, 0 doubled",
            self.shared.sent_again.load(Ordering::SeqCst)
        );
    }
}

fn all_sites(servers: &[Running]) -> Vec<Site> {
    servers.iter().map(|server| server.site.clone()).collect()
}

async fn charge_on(
    client: usize,
    token: String,
    sites: watch::Receiver<Vec<Site>>,
    shared: Arc<Shared>,
) -> Answered {
    let mut answered = Answered::new();
    let mut asked = client;
    for n in 0.. {
        if shared.over.load(Ordering::SeqCst) {
            break;
        }
        let key = format!("{client}-{n}");
        let points = 1 + n % 7;
        loop {
            let site = {
                let sites = sites.borrow();
                sites[asked % sites.len()].clone()
            };
            asked += 1;
            let answer = site.session(&token).try_charge(&key, &key, points).await;
            match answer.map(|answer| (answer.status.as_u16(), answer)) {
                Ok((200 | 201, answer)) => {
                    let answer = answer.json();
                    let id = answer["charge_id"].as_str().unwrap().to_owned();
                    assert_eq!(answer["amount"], points);
                    answered.insert(key, (id, points));
                    shared.answered.fetch_add(1, Ordering::SeqCst);
                    break;
                }
                // May have been charged, or nothing was: either way the same key again.
                Ok((500 | 503, _)) | Err(_) => {
                    shared.sent_again.fetch_add(1, Ordering::SeqCst);
                    sleep(PAUSE).await;
                }
                Ok((_, answer)) => panic!("{answer:?}"),
            }
        }
    }
    answered
}
