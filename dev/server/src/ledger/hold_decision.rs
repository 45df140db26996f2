//! The decision whether points are held.

use super::{Balance, Charge, Hold, HoldRequest};

/// The state of the ledger when a hold is asked for.
#[derive(Clone, Copy, Debug)]
pub struct KnownToHold<'a> {
    /// The account's balance.
    pub balance: Balance,
    /// The charge made with this key, if the key is still remembered.
    pub charged: Option<&'a Charge>,
    /// The active hold of this key, if any.
    pub hold: Option<&'a Hold>,
}

/// The decision on a hold that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldDecision {
    /// Hold the points; `after` is the balance afterwards.
    Hold {
        /// The new balance, one version further.
        after: Balance,
    },
    /// They are held already, for this very charge: let them be held until then, and not shorter.
    Renew {
        /// Milliseconds since the Unix epoch.
        expires_at_ms: u64,
    },
    /// The key holds points for another charge.
    KeyReused,
    /// The key has been charged: there is nothing left to be held for.
    AlreadyCharged,
    /// There are not enough free points.
    InsufficientBalance,
}

/// Decides whether points are held. A charged key comes before everything else, as in
/// [`decide`](super::decide). The task's price is not asked for: a hold is what a task may cost at
/// most.
pub fn decide_hold(known: KnownToHold<'_>, request: &HoldRequest, now_ms: u64) -> HoldDecision {
    if known.charged.is_some() {
        return HoldDecision::AlreadyCharged;
    }
    let expires_at_ms = request.expires_at_ms(now_ms);
    if let Some(hold) = known.hold {
        return if hold.request == *request.charge() {
            HoldDecision::Renew {
                expires_at_ms: expires_at_ms.max(hold.expires_at_ms),
            }
        } else {
            HoldDecision::KeyReused
        };
    }
    match known.balance.hold(request.charge().amount()) {
        Some(after) => HoldDecision::Hold { after },
        None => HoldDecision::InsufficientBalance,
    }
}

/// What came of a hold that was asked for, with everything that its answer needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HoldVerdict {
    /// The points are held from now on.
    Held {
        /// The new hold.
        hold: Hold,
        /// How long it holds them from the decision on, in whole seconds.
        expires_in_s: u64,
        /// The balance with it.
        balance: Balance,
    },
    /// They were held already, for the same charge, and are for as long as the hold says.
    Renewed {
        /// The hold.
        hold: Hold,
        /// How long it holds them from the decision on, in whole seconds.
        expires_in_s: u64,
        /// The balance of now.
        balance: Balance,
    },
    /// Nothing is held, and the same key may be tried again.
    InsufficientBalance {
        /// The balance of now.
        balance: Balance,
    },
    /// Nothing more is held: the key holds points for another charge.
    KeyReused,
    /// Nothing is held: the key has been charged.
    AlreadyCharged,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::ChargeRequest;

    fn request(key: &str, task: &str, feature: &str, amount: u64) -> HoldRequest {
        let charge = ChargeRequest::new(key, task, feature, amount).unwrap();
        HoldRequest::new(charge, 10).unwrap()
    }

    fn hold(request: &HoldRequest) -> Hold {
        Hold {
            request: request.charge().clone(),
            expires_at_ms: 15_000,
        }
    }

    fn known(points: u64) -> KnownToHold<'static> {
        KnownToHold {
            balance: Balance::opening(points),
            charged: None,
            hold: None,
        }
    }

    #[test]
    fn free_points_are_held_down_to_the_last() {
        let five = request("k", "t", "f", 5);
        let after = Balance {
            points: 5,
            held: Some(5),
            version: 2,
        };
        let decision = decide_hold(known(5), &five, 0);
        assert_eq!(decision, HoldDecision::Hold { after });
        let decision = decide_hold(known(4), &five, 0);
        assert_eq!(decision, HoldDecision::InsufficientBalance);
        let all_held = KnownToHold {
            balance: after,
            ..known(5)
        };
        let decision = decide_hold(all_held, &request("k2", "t", "f", 1), 0);
        assert_eq!(decision, HoldDecision::InsufficientBalance);
    }

    #[test]
    fn the_same_hold_lasts_longer_and_never_shorter() {
        let five = request("k", "t", "f", 5);
        let hold = hold(&five);
        let known = KnownToHold {
            hold: Some(&hold),
            ..known(0)
        };
        for (now_ms, expires_at_ms) in [(5_001, 15_001), (5_000, 15_000), (0, 15_000)] {
            let decision = decide_hold(known, &five, now_ms);
            assert_eq!(decision, HoldDecision::Renew { expires_at_ms });
        }
        for other in [
            request("k", "t2", "f", 5),
            request("k", "t", "f2", 5),
            request("k", "t", "f", 4),
        ] {
            let decision = decide_hold(known, &other, 0);
            assert_eq!(decision, HoldDecision::KeyReused);
        }
    }

    #[test]
    fn nothing_is_held_for_what_has_been_charged() {
        let five = request("k", "t", "f", 5);
        let charge = Charge {
            charge_id: "c".to_owned(),
            request: five.charge().clone(),
            charged_at_ms: 0,
        };
        let known = KnownToHold {
            charged: Some(&charge),
            ..known(100)
        };
        for request in [five, request("k", "t2", "f", 5)] {
            let decision = decide_hold(known, &request, 0);
            assert_eq!(decision, HoldDecision::AlreadyCharged);
        }
    }
}
