//! The decision whether points are taken, the only one in the server.

use super::{Amount, Balance, Charge, ChargeRequest};

/// The state of the ledger when a request comes in.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// The account's balance.
    pub balance: Balance,
    /// The charge made with this key, if the key is still remembered.
    pub charged: Option<&'a Charge>,
    /// The price that the server has set for the task, if any.
    pub price: Option<Amount>,
}

/// The decision on a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision<'a> {
    /// Take the points; `after` is the balance afterwards.
    Charge {
        /// The new balance, one version further.
        after: Balance,
    },
    /// The key has been charged for this very request: repeat the first answer.
    Replay {
        /// The first charge.
        charge: &'a Charge,
    },
    /// The key has been charged for another request.
    KeyReused,
    /// The server has set another price for the task.
    PriceMismatch {
        /// The task's price.
        price: Amount,
    },
    /// There are not enough points. The key is not used up.
    InsufficientBalance,
}

/// Decides one request. A charged key comes before everything else: a charge stays paid, however
/// the balance or the price have changed since.
pub fn decide<'a>(known: Known<'a>, request: &ChargeRequest) -> Decision<'a> {
    if let Some(charge) = known.charged {
        return if charge.request == *request {
            Decision::Replay { charge }
        } else {
            Decision::KeyReused
        };
    }
    if let Some(price) = known.price
        && price != request.amount()
    {
        return Decision::PriceMismatch { price };
    }
    match known.balance.minus(request.amount()) {
        Some(after) => Decision::Charge { after },
        None => Decision::InsufficientBalance,
    }
}

/// Whether a key that was charged at `charged_at_ms` is still remembered at `now_ms`. `None` is for
/// ever. A clock that was set back forgets nothing.
pub fn remembers(key_ttl_ms: Option<u64>, charged_at_ms: u64, now_ms: u64) -> bool {
    key_ttl_ms.is_none_or(|ttl_ms| now_ms.saturating_sub(charged_at_ms) < ttl_ms)
}

/// The result of a request, with everything that its answer needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The points were taken now.
    Charged {
        /// The new charge.
        charge: Charge,
        /// The balance after it.
        balance: Balance,
    },
    /// The points were taken earlier, for the same request; nothing was taken now.
    Replayed {
        /// The first charge.
        charge: Charge,
        /// The balance of now.
        balance: Balance,
    },
    /// Nothing was taken, and the same key may be tried again.
    InsufficientBalance {
        /// The balance of now.
        balance: Balance,
    },
    /// Nothing was taken: the key belongs to another charge.
    KeyReused,
    /// Nothing was taken: the task has another price.
    PriceMismatch {
        /// The task's price.
        price: Amount,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(key: &str, task: &str, feature: &str, amount: u64) -> ChargeRequest {
        ChargeRequest::new(key, task, feature, amount).unwrap()
    }

    fn charge(request: &ChargeRequest) -> Charge {
        Charge {
            charge_id: "c".to_owned(),
            request: request.clone(),
            charged_at_ms: 0,
        }
    }

    fn known(points: u64) -> Known<'static> {
        Known {
            balance: Balance::opening(points),
            charged: None,
            price: None,
        }
    }

    #[test]
    fn a_charge_takes_points_down_to_the_last() {
        let decision = decide(known(5), &request("k", "t", "f", 5));
        let after = Balance {
            points: 0,
            version: 2,
        };
        assert_eq!(decision, Decision::Charge { after });
    }

    #[test]
    fn a_charge_beyond_the_balance_is_declined() {
        let decision = decide(known(4), &request("k", "t", "f", 5));
        assert_eq!(decision, Decision::InsufficientBalance);
    }

    #[test]
    fn a_charged_key_is_replayed_even_with_an_empty_balance_and_a_new_price() {
        let first = request("k", "t", "f", 5);
        let charge = charge(&first);
        let known = Known {
            charged: Some(&charge),
            price: Amount::new(9),
            ..known(0)
        };
        let decision = decide(known, &first);
        assert_eq!(decision, Decision::Replay { charge: &charge });
    }

    #[test]
    fn a_charged_key_refuses_another_request() {
        let charge = charge(&request("k", "t", "f", 5));
        let known = Known {
            charged: Some(&charge),
            ..known(100)
        };
        for other in [
            request("k", "t2", "f", 5),
            request("k", "t", "f2", 5),
            request("k", "t", "f", 6),
        ] {
            assert_eq!(decide(known, &other), Decision::KeyReused);
        }
    }

    #[test]
    fn a_charge_of_another_amount_than_the_price_is_refused() {
        let price = Amount::new(3).unwrap();
        let known = Known {
            price: Some(price),
            ..known(2)
        };
        assert_eq!(
            decide(known, &request("k", "t", "f", 2)),
            Decision::PriceMismatch { price }
        );
        assert_eq!(
            decide(known, &request("k", "t", "f", 3)),
            Decision::InsufficientBalance
        );
    }

    #[test]
    fn keys_are_forgotten_after_their_ttl() {
        assert!(remembers(None, 0, u64::MAX));
        assert!(remembers(Some(10), 100, 109));
        assert!(!remembers(Some(10), 100, 110));
        assert!(remembers(Some(10), 100, 50));
        assert!(!remembers(Some(0), 100, 100));
    }
}
