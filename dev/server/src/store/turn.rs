//! Turns: one request of an account at a time uses the database, so that a crowd on one account
//! holds one connection, and the others stay free.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Mutex as Queue, OwnedMutexGuard};
use tokio::time::{Instant, timeout_at};

use super::StoreError;

/// The queues of this server, one for each account that has requests. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Turns(Arc<Mutex<HashMap<String, Waiting>>>);

#[derive(Debug, Default)]
struct Waiting {
    queue: Arc<Queue<()>>,
    requests: usize,
}

/// A request's turn. No other request of this server changes the account meanwhile, so a look-up
/// sees every charge that waited before it.
#[derive(Debug)]
pub(super) struct Turn {
    // Given on before the place is: fields are dropped in this order.
    _held: OwnedMutexGuard<()>,
    _place: Place,
}

impl Turns {
    /// Waits for the turn, in the order of calls, until `deadline`.
    pub async fn take(&self, account: &str, deadline: Instant) -> Result<Turn, StoreError> {
        let (place, queue) = self.place(account);
        let held = timeout_at(deadline, queue.lock_owned())
            .await
            .map_err(|_| StoreError::too_late())?;
        Ok(Turn {
            _held: held,
            _place: place,
        })
    }

    fn place(&self, account: &str) -> (Place, Arc<Queue<()>>) {
        let mut accounts = self.lock();
        let waiting = accounts.entry(account.to_owned()).or_default();
        waiting.requests += 1;
        let place = Place {
            turns: self.clone(),
            account: account.to_owned(),
        };
        (place, waiting.queue.clone())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Waiting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in an account's queue. The last one to leave takes the queue away.
#[derive(Debug)]
struct Place {
    turns: Turns,
    account: String,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Entry::Occupied(mut waiting) =
            self.turns.lock().entry(std::mem::take(&mut self.account))
        {
            waiting.get_mut().requests -= 1;
            if waiting.get().requests == 0 {
                waiting.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn in_time() -> Instant {
        Instant::now() + Duration::from_secs(30)
    }

    #[tokio::test]
    async fn a_turn_waits_for_its_own_account_only() {
        let turns = Turns::default();
        let alice = turns.take("alice", in_time()).await.unwrap();
        turns.take("bob", in_time()).await.unwrap();
        let soon = Instant::now() + Duration::from_millis(20);
        assert!(turns.take("alice", soon).await.is_err());
        drop(alice);
        turns.take("alice", in_time()).await.unwrap();
    }

    #[tokio::test]
    async fn a_queue_is_gone_with_its_last_request() {
        let turns = Turns::default();
        let held = turns.take("alice", in_time()).await.unwrap();
        let soon = Instant::now() + Duration::from_millis(20);
        assert!(turns.take("alice", soon).await.is_err());
        assert_eq!(turns.lock().len(), 1);
        drop(held);
        assert_eq!(turns.lock().len(), 0);
    }
}
