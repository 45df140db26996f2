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
    /// The active hold that the charge would settle, if any.
    pub hold: Option<OfHold>,
}

/// The active hold that a charge settles: that of its own key, or another that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfHold {
    /// The points that it holds.
    pub amount: Amount,
    /// Whether the request names it: then it takes at most what is held.
    pub is_named: bool,
}

/// The decision on a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision<'a> {
    /// Take the points, and settle the hold; `after` is the balance afterwards.
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
    /// The hold that the request names has fewer points.
    HoldExceeded {
        /// The points that it holds.
        held: Amount,
    },
    /// There are not enough free points. The key is not used up, and the hold stays.
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
    if let Some(OfHold {
        amount: held,
        is_named: true,
    }) = known.hold
        && request.amount() > held
    {
        return Decision::HoldExceeded { held };
    }
    let settled = known.hold.map(|hold| hold.amount);
    match known.balance.minus(request.amount(), settled) {
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
    /// Nothing was taken: the hold that the request names has fewer points.
    HoldExceeded {
        /// The points that it holds.
        held: Amount,
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
            hold: None,
        }
    }

    /// Of the points, `held` are in holds; `of_hold` of these in the one that the charge settles.
    fn known_of_hold(points: u64, held: u64, of_hold: u64, is_named: bool) -> Known<'static> {
        Known {
            balance: Balance {
                held: Some(held),
                ..Balance::opening(points)
            },
            hold: Amount::new(of_hold).map(|amount| OfHold { amount, is_named }),
            ..known(points)
        }
    }

    #[test]
    fn a_charge_takes_points_down_to_the_last() {
        let decision = decide(known(5), &request("k", "t", "f", 5));
        let after = Balance {
            points: 0,
            held: Some(0),
            version: 2,
        };
        assert_eq!(decision, Decision::Charge { after });
    }

    #[test]
    fn a_charge_takes_free_points_and_those_of_the_hold_that_it_settles() {
        let five = request("k", "t", "f", 5);
        let taken = |known| matches!(decide(known, &five), Decision::Charge { .. });
        assert!(taken(known_of_hold(10, 5, 0, false)));
        assert!(!taken(known_of_hold(10, 6, 0, false)));
        assert!(taken(known_of_hold(10, 10, 5, true)));
        assert!(!taken(known_of_hold(10, 10, 4, false)));
        // One free point on top of the four that are held for it.
        assert!(taken(known_of_hold(10, 9, 4, false)));
    }

    #[test]
    fn a_charge_takes_no_more_than_the_hold_that_it_names() {
        let five = request("k", "t", "f", 5);
        let held = Amount::new(4).unwrap();
        assert_eq!(
            decide(known_of_hold(100, 4, 4, true), &five),
            Decision::HoldExceeded { held }
        );
        let Decision::Charge { after } = decide(known_of_hold(100, 9, 7, true), &five) else {
            panic!("it is within the hold");
        };
        assert_eq!((after.points, after.held), (95, Some(2)));
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
