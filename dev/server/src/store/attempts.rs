//! The attempts of one request: a transaction that was in another's way, or whose connection broke,
//! is tried again while there is time.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::StoreError;
use super::connection::{Pool, Session, by};
use super::error::Again;
use super::turn::Turn;
use crate::metrics::{Metrics, Queue};

/// The most attempts of one request, whatever time is left.
const MAX_ATTEMPTS: u32 = 12;

/// The pauses between attempts double from the first to the longest, each cut by chance to half at
/// the least.
const FIRST_PAUSE: Duration = Duration::from_millis(4);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// Tries `$tried`, which uses a session, until it succeeds or is not to be tried again.
macro_rules! attempt {
    ($attempts:expr, |$session:ident| $tried:expr) => {{
        let mut attempts = $attempts;
        loop {
            let mut $session = attempts.session().await?;
            let tried = $tried.await;
            if let Some(ended) = attempts.after($session, tried).await {
                break ended;
            }
        }
    }};
}
pub(super) use attempt;

/// The attempts made so far.
pub(super) struct Attempts<'s> {
    pool: &'s Pool,
    metrics: &'s Metrics,
    deadline: Instant,
    made: u32,
    /// Whether an attempt may have changed something.
    uncertain: bool,
    /// Whether a request that may have been carried out is carried out again.
    repeatable: bool,
    connection_lost: bool,
    _turn: Option<Turn>,
}

impl<'s> Attempts<'s> {
    /// None so far; of a request that has its `turn` on an account, where it waits for one.
    pub fn new(
        pool: &'s Pool,
        metrics: &'s Metrics,
        deadline: Instant,
        turn: Option<Turn>,
    ) -> Self {
        Self {
            pool,
            metrics,
            deadline,
            made: 0,
            uncertain: false,
            repeatable: true,
            connection_lost: false,
            _turn: turn,
        }
    }

    /// For a request that must not be carried out twice: it is tried only while certainly nothing
    /// was changed.
    pub fn until_uncertain(self) -> Self {
        Self {
            repeatable: false,
            ..self
        }
    }

    /// A connection for the next attempt.
    pub async fn session(&mut self) -> Result<Session, StoreError> {
        loop {
            let began = Instant::now();
            let acquired = self.pool.acquire(self.deadline).await;
            self.metrics.waited(Queue::Connection, began.elapsed());
            let mut session = match acquired {
                Ok(session) => session,
                Err(error) => return Err(self.said(error)),
            };
            if !self.connection_lost {
                return Ok(session);
            }
            // When one breaks, so have most others.
            match by(self.deadline, session.ping()).await {
                Ok(()) => return Ok(session),
                Err(_) => session.abandon(),
            }
        }
    }

    /// The end of the request, or `None` after the pause before the next attempt.
    pub async fn after<T>(
        &mut self,
        session: Session,
        tried: Result<T, StoreError>,
    ) -> Option<Result<T, StoreError>> {
        let error = match tried {
            Ok(done) => return Some(Ok(done)),
            Err(error) => error,
        };
        let again = error.again();
        if !matches!(again, Some(Again::Serialization | Again::Deadlock)) {
            session.abandon();
        }
        self.made += 1;
        self.uncertain |= matches!(error, StoreError::Uncertain(_));
        self.connection_lost |= again == Some(Again::ConnectionLost);
        let next = Instant::now() + pause(self.made);
        let settled = again.is_none() || (self.uncertain && !self.repeatable);
        if settled || self.made == MAX_ATTEMPTS || next >= self.deadline {
            return Some(Err(self.said(error)));
        }
        if let Some(again) = again {
            self.metrics.retry(again.reason());
        }
        tracing::debug!("attempt {}: {error}", self.made);
        sleep_until(next).await;
        None
    }

    /// The error of the whole request: once an attempt is uncertain, so is everything after it.
    fn said(&self, error: StoreError) -> StoreError {
        match error {
            StoreError::Unavailable(error) if self.uncertain => StoreError::Uncertain(error),
            StoreError::Unavailable(_) | StoreError::Uncertain(_) => error,
        }
    }
}

fn pause(made: u32) -> Duration {
    let pause = FIRST_PAUSE
        .saturating_mul(1 << made.min(16))
        .min(LONGEST_PAUSE);
    pause.mul_f64(0.5 + fastrand::f64() / 2.0)
}

#[cfg(test)]
mod tests {
    use std::io::{Error, ErrorKind};

    use super::*;
    use crate::store::tests::store;

    fn lost() -> sqlx::Error {
        Error::from(ErrorKind::ConnectionReset).into()
    }

    /// The end of a request after this error, if it is one.
    async fn after(attempts: &mut Attempts<'_>, error: StoreError) -> Option<StoreError> {
        let session = attempts.session().await.unwrap();
        attempts.after::<()>(session, Err(error)).await?.err()
    }

    #[tokio::test]
    async fn what_follows_an_unconfirmed_commit_stays_uncertain() {
        let store = store().await;
        let mut attempts = store.attempts(store.deadline());
        let first = after(&mut attempts, StoreError::Uncertain(lost())).await;
        assert!(first.is_none(), "it is tried again");
        let end = after(&mut attempts, StoreError::too_late()).await;
        assert!(matches!(end, Some(StoreError::Uncertain(_))));
    }

    #[tokio::test]
    async fn what_must_not_be_done_twice_ends_with_an_unconfirmed_commit() {
        let store = store().await;
        let mut attempts = store.attempts(store.deadline()).until_uncertain();
        let first = after(&mut attempts, StoreError::Unavailable(lost())).await;
        assert!(first.is_none(), "it is tried again");
        let end = after(&mut attempts, StoreError::Uncertain(lost())).await;
        assert!(matches!(end, Some(StoreError::Uncertain(_))));
    }

    #[tokio::test]
    async fn attempts_have_a_limit() {
        let store = store().await;
        let mut attempts = store.attempts(store.deadline());
        let mut made = 1;
        while after(&mut attempts, StoreError::Unavailable(lost()))
            .await
            .is_none()
        {
            made += 1;
        }
        assert_eq!(made, MAX_ATTEMPTS);
    }
}
