//! The ledger in a database: accounts, charges, holds, prices and tokens, in SQLite or PostgreSQL.

mod accounts;
#[cfg(test)]
mod agreement;
mod attempts;
mod charges;
mod connection;
mod database;
mod error;
mod holds;
mod text;
mod turn;

use std::time::Duration;

use tokio::time::Instant;

use accounts::{
    account_of_token, credit, forget_tokens, keep_token, lock_balance, open_account, read_balance,
    sum_credits, write_balance, write_price,
};
use attempts::{Attempts, attempt};
use charges::{Books, Made, all_charges, latest_charge};
use connection::{Connection, Pool, by, on};
use error::Again;
use holds::{active_hold, delete_expired, delete_hold, insert_hold, renew_hold};
use text::written;
use turn::Turns;

use crate::ledger::{
    Amount, Balance, Charge, Hold, HoldDecision, HoldRequest, HoldVerdict, KnownToHold, Terms,
    Verdict, decide_hold, remembers,
};
use crate::metrics::{Metrics, Queue};

pub use charges::{NewCharge, Note, Record};
pub use database::Database;
pub use error::StoreError;

/// How long after its receipt a charge may wait for its account's lock, in a database that several
/// servers use: nothing keeps the order of what waits in different servers. A client believes a
/// look-up that it sends 2 s after it has lost the charge's request; by then the charge has the lock,
/// for which the look-up waits too, or was refused.
const BEGIN_WITHIN: Duration = Duration::from_millis(1_500);

/// The database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    pool: Pool,
    turns: Turns,
    terms: Terms,
    holds: bool,
    decide_within: Duration,
    metrics: Metrics,
}

impl Store {
    /// Opens the database, and creates or migrates its tables. Without `holds` those that are there
    /// count for nothing. A request that waits for its turn longer than `decide_within` is told that
    /// nothing was changed. `connections` is the most that are open to PostgreSQL at a time.
    pub async fn open(
        database: &Database,
        terms: Terms,
        holds: bool,
        decide_within: Duration,
        connections: u32,
        metrics: Metrics,
    ) -> Result<Self, sqlx::Error> {
        for again in Again::ALL {
            metrics.expect_retries(again.reason());
        }
        Ok(Self {
            pool: database.open(decide_within, connections).await?,
            turns: Turns::default(),
            terms,
            holds,
            decide_within,
            metrics,
        })
    }

    /// Waits for the transactions under way, then closes the database.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Whether the database answers by `deadline`.
    pub async fn ping(&self, deadline: Instant) -> Result<(), StoreError> {
        let mut session = self.pool.acquire(deadline).await?;
        by(deadline, session.ping()).await
    }

    /// Notes the connections that there are now.
    pub fn count_connections(&self) {
        let (all, idle) = self.pool.size();
        self.metrics.connections(all.saturating_sub(idle), idle);
    }

    /// Points that a new account starts with.
    pub fn seed_balance(&self) -> u64 {
        self.terms.seed_balance
    }

    /// Whether holds are kept.
    pub fn keeps_holds(&self) -> bool {
        self.holds
    }

    /// The deadline of a request that begins now.
    pub fn deadline(&self) -> Instant {
        Instant::now() + self.decide_within
    }

    /// When a charge has its account's lock at the latest, if it is to be decided by `deadline`. One
    /// process takes the requests of an account in the order of their arrival.
    fn latest_begin(&self, deadline: Instant) -> Instant {
        match self.pool {
            Pool::Sqlite(_) => deadline,
            Pool::Postgres(_) => {
                let later = self.decide_within.saturating_sub(BEGIN_WITHIN);
                deadline.checked_sub(later).unwrap_or(deadline)
            }
        }
    }

    /// Signs in: keeps `token` for `account` until `expires_at_ms`, and makes the account with the
    /// seed balance if it is new. The account's expired tokens are deleted.
    pub async fn sign_in(
        &self,
        account: &str,
        token: &str,
        now_ms: u64,
        expires_at_ms: u64,
    ) -> Result<(), StoreError> {
        let deadline = self.deadline();
        let opening = Balance::opening(self.terms.seed_balance);
        attempt!(
            self.attempts_on(account, deadline).await?,
            |session| async {
                let mut changes = session.begin(deadline).await?;
                by(deadline, async {
                    if open_account(changes.connection(), account, opening).await? {
                        credit(
                            changes.connection(),
                            account,
                            opening,
                            opening.points,
                            now_ms,
                        )
                        .await?;
                    }
                    forget_tokens(changes.connection(), account, now_ms).await?;
                    keep_token(changes.connection(), account, token, expires_at_ms).await
                })
                .await?;
                changes.commit().await
            }
        )
    }

    /// The account of this token; `None` for one that is unknown or has expired.
    pub async fn account_of(
        &self,
        token: &str,
        now_ms: u64,
        deadline: Instant,
    ) -> Result<Option<String>, StoreError> {
        attempt!(self.attempts(deadline), |session| by(
            deadline,
            account_of_token(session.connection(), token, now_ms)
        ))
    }

    /// Adds points. `None`, and nothing is changed, where the balance would pass
    /// [`MAX_POINTS`](crate::ledger::MAX_POINTS).
    pub async fn top_up(
        &self,
        account: &str,
        points: Amount,
        now_ms: u64,
    ) -> Result<Option<Balance>, StoreError> {
        let deadline = self.deadline();
        let attempts = self.attempts_on(account, deadline).await?;
        attempt!(attempts.until_uncertain(), |session| async {
            let mut changes = session.begin(deadline).await?;
            let after = by(deadline, async {
                let before = lock_balance(changes.connection(), account).await?;
                let before = self
                    .with_held(changes.connection(), account, before, now_ms)
                    .await?;
                let after = before.plus(points);
                if let Some(after) = after {
                    write_balance(changes.connection(), account, before, after).await?;
                    credit(changes.connection(), account, after, points.get(), now_ms).await?;
                }
                Ok(after)
            })
            .await?;
            changes.commit().await?;
            Ok(after)
        })
    }

    /// Sets the price of a task: from now on it is charged for no other amount.
    pub async fn set_price(
        &self,
        account: &str,
        task_id: &str,
        price: Amount,
    ) -> Result<(), StoreError> {
        let deadline = self.deadline();
        attempt!(
            self.attempts_on(account, deadline).await?,
            |session| async {
                let mut changes = session.begin(deadline).await?;
                by(
                    deadline,
                    write_price(changes.connection(), account, task_id, price),
                )
                .await?;
                changes.commit().await
            }
        )
    }

    /// The account's balance.
    pub async fn balance(
        &self,
        account: &str,
        now_ms: u64,
        deadline: Instant,
    ) -> Result<Balance, StoreError> {
        let balance = attempt!(self.attempts(deadline), |session| by(
            deadline,
            read_balance(session.connection(), account, now_ms)
        ))?;
        Ok(Balance {
            held: balance.held.filter(|_| self.holds),
            ..balance
        })
    }

    /// All points that the account was ever given: the seed and the top-ups. The balance and the
    /// charges always add up to this.
    pub async fn credited(&self, account: &str) -> Result<u64, StoreError> {
        let deadline = self.deadline();
        attempt!(self.attempts(deadline), |session| by(
            deadline,
            sum_credits(session.connection(), account)
        ))
    }

    /// Charges `new` to `account`, or says why not. The clock is as for [`Store::charge_all`].
    pub async fn charge(
        &self,
        account: &str,
        new: &NewCharge,
        clock: impl Fn() -> u64 + Sync,
        deadline: Instant,
    ) -> Result<Verdict, StoreError> {
        let all = std::slice::from_ref(new);
        let (mut verdicts, _) = self.charge_all(account, all, clock, deadline).await?;
        verdicts.pop().ok_or_else(StoreError::too_late)
    }

    /// Charges `all` to `account` one after the other, in one transaction, and gives the balance
    /// after them. Where the time runs out there are fewer verdicts than charges: the last ones were
    /// not tried. The clock, in milliseconds since the Unix epoch, is asked once the account's turn has
    /// come: a hold that expires before then is not in a charge's way.
    pub async fn charge_all(
        &self,
        account: &str,
        all: &[NewCharge],
        clock: impl Fn() -> u64 + Sync,
        deadline: Instant,
    ) -> Result<(Vec<Verdict>, Balance), StoreError> {
        let tried = self.try_all(account, all, &clock, deadline).await;
        let (verdicts, rest) = match &tried {
            Ok(made) => (made.verdicts.as_slice(), "not_tried"),
            Err(StoreError::Unavailable(_)) => (&[][..], "unavailable"),
            Err(StoreError::Uncertain(_)) => (&[][..], "uncertain"),
        };
        for n in 0..all.len() {
            self.metrics
                .charge(verdicts.get(n).map_or(rest, charges::outcome));
        }
        let made = tried?;
        self.metrics.holds("settled", made.settled);
        Ok((made.verdicts, made.balance))
    }

    async fn try_all(
        &self,
        account: &str,
        all: &[NewCharge],
        clock: &(impl Fn() -> u64 + Sync),
        deadline: Instant,
    ) -> Result<Made, StoreError> {
        let enough = deadline
            .checked_sub(self.time_to_commit())
            .unwrap_or(deadline);
        let latest_begin = self.latest_begin(deadline);
        attempt!(
            self.attempts_on(account, latest_begin).await?,
            |session| async {
                let mut changes = session.begin_locking_by(deadline, latest_begin).await?;
                let before = by(latest_begin, lock_balance(changes.connection(), account)).await?;
                let made = by(deadline, async {
                    let now_ms = clock();
                    let mut books = Books {
                        connection: changes.connection(),
                        account,
                        terms: self.terms,
                        holds: self.holds,
                        now_ms,
                        balance: before,
                        settled: 0,
                    };
                    let mut verdicts = Vec::with_capacity(all.len());
                    for new in all {
                        if !verdicts.is_empty() && Instant::now() >= enough {
                            break;
                        }
                        verdicts.push(books.charge(new).await?);
                    }
                    let (mut balance, settled) = (books.balance, books.settled);
                    // Once for all: PostgreSQL keeps every version of a row until the transaction ends.
                    if balance.version != before.version {
                        write_balance(changes.connection(), account, before, balance).await?;
                    }
                    if verdicts.is_empty() {
                        balance = self
                            .with_held(changes.connection(), account, balance, now_ms)
                            .await?;
                    }
                    Ok(Made {
                        verdicts,
                        balance,
                        settled,
                    })
                })
                .await?;
                changes.commit().await?;
                Ok(made)
            }
        )
    }

    /// How long before its deadline a batch ends, so that what it has done is not undone.
    fn time_to_commit(&self) -> Duration {
        self.decide_within / 5
    }

    /// The latest charge with this key, and the balance of the same moment. Look-ups outlive the
    /// memory of keys.
    ///
    /// Waits for its turn and takes the account's lock, as a charge does, so that every charge begun
    /// before it ends first, another server's too.
    pub async fn lookup(
        &self,
        account: &str,
        key: &str,
        now_ms: u64,
        deadline: Instant,
    ) -> Result<Option<(Charge, Balance)>, StoreError> {
        attempt!(
            self.attempts_on(account, deadline).await?,
            |session| async {
                let mut snapshot = session.begin(deadline).await?;
                by(deadline, async {
                    let balance = lock_balance(snapshot.connection(), account).await?;
                    let charge = latest_charge(snapshot.connection(), account, key).await?;
                    let Some(charge) = charge else {
                        return Ok(None);
                    };
                    let balance = self
                        .with_held(snapshot.connection(), account, balance, now_ms)
                        .await?;
                    Ok(Some((charge, balance)))
                })
                .await
            }
        )
    }

    /// Every charge of the account, newest first, and the balance of the same moment.
    pub async fn charges(
        &self,
        account: &str,
        now_ms: u64,
    ) -> Result<(Vec<Record>, Balance), StoreError> {
        let deadline = self.deadline();
        attempt!(
            self.attempts_on(account, deadline).await?,
            |session| async {
                let mut snapshot = session.begin(deadline).await?;
                by(deadline, async {
                    let balance = lock_balance(snapshot.connection(), account).await?;
                    let balance = self
                        .with_held(snapshot.connection(), account, balance, now_ms)
                        .await?;
                    let records = all_charges(snapshot.connection(), account).await?;
                    Ok((records, balance))
                })
                .await
            }
        )
    }

    /// Holds points of `account`, or says why not. The clock, in milliseconds since the Unix epoch, is
    /// asked once the account's turn has come: a hold lasts from then on.
    pub async fn hold(
        &self,
        account: &str,
        request: &HoldRequest,
        clock: impl Fn() -> u64 + Sync,
        deadline: Instant,
    ) -> Result<HoldVerdict, StoreError> {
        let tried = self.try_hold(account, request, &clock, deadline).await;
        self.metrics.holds(holds::outcome(&tried), 1);
        tried
    }

    async fn try_hold(
        &self,
        account: &str,
        request: &HoldRequest,
        clock: &(impl Fn() -> u64 + Sync),
        deadline: Instant,
    ) -> Result<HoldVerdict, StoreError> {
        let key = request.charge().key();
        attempt!(
            self.attempts_on(account, deadline).await?,
            |session| async {
                let mut changes = session.begin(deadline).await?;
                let verdict = by(deadline, async {
                    let before = lock_balance(changes.connection(), account).await?;
                    let now_ms = clock();
                    let before = self
                        .with_held(changes.connection(), account, before, now_ms)
                        .await?;
                    let charged = latest_charge(changes.connection(), account, key)
                        .await?
                        .filter(|charge| {
                            remembers(self.terms.key_ttl_ms, charge.charged_at_ms, now_ms)
                        });
                    let hold = active_hold(changes.connection(), account, key, now_ms).await?;
                    let known = KnownToHold {
                        balance: before,
                        charged: charged.as_ref(),
                        hold: hold.as_ref(),
                    };
                    let until = |expires_at_ms| Hold {
                        request: request.charge().clone(),
                        expires_at_ms,
                    };
                    Ok(match decide_hold(known, request, now_ms) {
                        HoldDecision::Hold { after } => {
                            let hold = until(request.expires_at_ms(now_ms));
                            delete_expired(changes.connection(), account, now_ms).await?;
                            insert_hold(changes.connection(), account, &hold).await?;
                            write_balance(changes.connection(), account, before, after).await?;
                            HoldVerdict::Held {
                                expires_in_s: hold.left_s(now_ms),
                                hold,
                                balance: after,
                            }
                        }
                        HoldDecision::Renew { expires_at_ms } => {
                            let hold = until(expires_at_ms);
                            renew_hold(changes.connection(), account, &hold).await?;
                            HoldVerdict::Renewed {
                                expires_in_s: hold.left_s(now_ms),
                                hold,
                                balance: before,
                            }
                        }
                        HoldDecision::KeyReused => HoldVerdict::KeyReused,
                        HoldDecision::AlreadyCharged => HoldVerdict::AlreadyCharged,
                        HoldDecision::InsufficientBalance => {
                            HoldVerdict::InsufficientBalance { balance: before }
                        }
                    })
                })
                .await?;
                changes.commit().await?;
                Ok(verdict)
            }
        )
    }

    /// Releases the hold of this key, if there is an active one, and gives the balance of now. An
    /// expired one is deleted too: no server whose clock is behind finds it active afterwards.
    pub async fn release(
        &self,
        account: &str,
        key: &str,
        now_ms: u64,
        deadline: Instant,
    ) -> Result<Balance, StoreError> {
        let (balance, is_released) = attempt!(
            self.attempts_on(account, deadline).await?,
            |session| async {
                let mut changes = session.begin(deadline).await?;
                let released = by(deadline, async {
                    let before = lock_balance(changes.connection(), account).await?;
                    let before = self
                        .with_held(changes.connection(), account, before, now_ms)
                        .await?;
                    let hold = active_hold(changes.connection(), account, key, now_ms).await?;
                    delete_hold(changes.connection(), account, key).await?;
                    let Some(hold) = hold else {
                        return Ok((before, false));
                    };
                    let after = before.release(hold.request.amount());
                    write_balance(changes.connection(), account, before, after).await?;
                    Ok((after, true))
                })
                .await?;
                changes.commit().await?;
                Ok(released)
            }
        )?;
        self.metrics.holds("released", u64::from(is_released));
        Ok(balance)
    }

    /// `balance`, of an account that is locked, with what is held of it.
    async fn with_held(
        &self,
        connection: Connection<'_>,
        account: &str,
        balance: Balance,
        now_ms: u64,
    ) -> Result<Balance, sqlx::Error> {
        if !self.holds {
            return Ok(balance);
        }
        let now_ms = integer(now_ms)?;
        let held: i64 = on!(connection, |c| {
            sqlx::query_scalar(
                "SELECT CAST(coalesce(sum(amount), 0) AS BIGINT) FROM holds
                 WHERE account = $1 AND expires_at > $2",
            )
            .bind(written(account))
            .bind(now_ms)
            .fetch_one(c)
            .await
        })?;
        Ok(Balance {
            held: Some(unsigned(held)?),
            ..balance
        })
    }

    /// The attempts of a request that changes no account, or none in the order of its requests.
    fn attempts(&self, deadline: Instant) -> Attempts<'_> {
        Attempts::new(&self.pool, &self.metrics, deadline, None)
    }

    /// The attempts of a request that has waited for its turn on the account.
    async fn attempts_on(
        &self,
        account: &str,
        deadline: Instant,
    ) -> Result<Attempts<'_>, StoreError> {
        let began = Instant::now();
        let turn = self.turns.take(account, deadline).await;
        self.metrics.waited(Queue::Account, began.elapsed());
        Ok(Attempts::new(
            &self.pool,
            &self.metrics,
            deadline,
            Some(turn?),
        ))
    }
}

/// Converts to SQL's integers, which are signed.
fn integer(value: u64) -> Result<i64, sqlx::Error> {
    i64::try_from(value).map_err(|error| sqlx::Error::Encode(Box::new(error)))
}

/// Converts from SQL's integers.
fn unsigned(value: i64) -> Result<u64, sqlx::Error> {
    u64::try_from(value).map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A store in memory, in which alice has 120 points.
    pub async fn store() -> Store {
        let terms = Terms {
            seed_balance: 120,
            key_ttl_ms: None,
        };
        let limit = Duration::from_secs(30);
        let store = Store::open(&Database::Memory, terms, true, limit, 1, Metrics::default()).await;
        let store = store.unwrap();
        store.sign_in("alice", "token", 0, 1).await.unwrap();
        store
    }
}
