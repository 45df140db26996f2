//! Accounts in memory: the truth against which a simulated client is checked.

use std::collections::BTreeMap;

use super::{
    Amount, Balance, Charge, ChargeRequest, Decision, Hold, HoldDecision, HoldRequest, HoldVerdict,
    Known, KnownToHold, OfHold, Verdict, decide, decide_hold, remembers,
};

/// The terms of every account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Points that a new account starts with.
    pub seed_balance: u64,
    /// How long a charged key is remembered; `None` is for ever.
    pub key_ttl_ms: Option<u64>,
}

/// Accounts with their balances, charges and holds. An account exists from its first mention on, with the
/// seed balance.
#[derive(Clone, Debug)]
pub struct Ledger {
    terms: Terms,
    accounts: BTreeMap<String, Account>,
}

#[derive(Clone, Debug)]
struct Account {
    points: u64,
    version: u64,
    credited: u64,
    charges: Vec<Charge>,
    /// The place of each key's latest charge in `charges`.
    latest: BTreeMap<String, usize>,
    requests: BTreeMap<String, u64>,
    prices: BTreeMap<String, Amount>,
    /// By key; expired ones among them.
    holds: BTreeMap<String, Hold>,
}

impl Ledger {
    /// A ledger without accounts.
    pub fn new(terms: Terms) -> Self {
        Self {
            terms,
            accounts: BTreeMap::new(),
        }
    }

    /// Charges `request` to `account`, or says why not. `now_ms` is milliseconds since the Unix
    /// epoch; `charge_id` names the charge if this makes one.
    pub fn charge(
        &mut self,
        account: &str,
        request: &ChargeRequest,
        now_ms: u64,
        charge_id: impl Into<String>,
    ) -> Verdict {
        self.charge_of_hold(account, request, None, now_ms, charge_id)
    }

    /// The same with the key of the hold that the charge names, instead of its own.
    pub fn charge_of_hold(
        &mut self,
        account: &str,
        request: &ChargeRequest,
        named: Option<&str>,
        now_ms: u64,
        charge_id: impl Into<String>,
    ) -> Verdict {
        let key_ttl_ms = self.terms.key_ttl_ms;
        let account = self.account(account);
        *account
            .requests
            .entry(request.key().to_owned())
            .or_default() += 1;

        account.forget_holds(now_ms);
        let balance = account.balance(now_ms);
        let of_hold = named.unwrap_or(request.key());
        let known = Known {
            balance,
            charged: account.remembered(request.key(), key_ttl_ms, now_ms),
            price: account.prices.get(request.task_id()).copied(),
            hold: account.hold(of_hold, now_ms).map(|hold| OfHold {
                amount: hold.request.amount(),
                is_named: named.is_some(),
            }),
        };
        match decide(known, request) {
            Decision::Charge { after } => {
                let charge = Charge {
                    charge_id: charge_id.into(),
                    request: request.clone(),
                    charged_at_ms: now_ms,
                };
                account.holds.remove(of_hold);
                account.take(charge.clone(), after);
                Verdict::Charged {
                    charge,
                    balance: after,
                }
            }
            Decision::Replay { charge } => Verdict::Replayed {
                charge: charge.clone(),
                balance,
            },
            Decision::KeyReused => Verdict::KeyReused,
            Decision::PriceMismatch { price } => Verdict::PriceMismatch { price },
            Decision::HoldExceeded { held } => Verdict::HoldExceeded { held },
            Decision::InsufficientBalance => Verdict::InsufficientBalance { balance },
        }
    }

    /// Holds points for a charge to come, or says why not.
    pub fn hold(&mut self, account: &str, request: &HoldRequest, now_ms: u64) -> HoldVerdict {
        let key_ttl_ms = self.terms.key_ttl_ms;
        let account = self.account(account);
        let balance = account.balance(now_ms);
        let key = request.charge().key();
        let known = KnownToHold {
            balance,
            charged: account.remembered(key, key_ttl_ms, now_ms),
            hold: account.hold(key, now_ms),
        };
        match decide_hold(known, request, now_ms) {
            HoldDecision::Hold { after } => {
                account.forget_holds(now_ms);
                let hold = account.keep(request, request.expires_at_ms(now_ms), after.version);
                HoldVerdict::Held {
                    expires_in_s: hold.left_s(now_ms),
                    hold,
                    balance: after,
                }
            }
            HoldDecision::Renew { expires_at_ms } => {
                let hold = account.keep(request, expires_at_ms, balance.version);
                HoldVerdict::Renewed {
                    expires_in_s: hold.left_s(now_ms),
                    hold,
                    balance,
                }
            }
            HoldDecision::KeyReused => HoldVerdict::KeyReused,
            HoldDecision::AlreadyCharged => HoldVerdict::AlreadyCharged,
            HoldDecision::InsufficientBalance => HoldVerdict::InsufficientBalance { balance },
        }
    }

    /// Releases the hold of this key, if there is an active one, and gives the balance of now. An
    /// expired one is forgotten too: no clock that is behind finds it active afterwards.
    pub fn release(&mut self, account: &str, key: &str, now_ms: u64) -> Balance {
        let account = self.account(account);
        let mut balance = account.balance(now_ms);
        if let Some(hold) = account.hold(key, now_ms) {
            balance = balance.release(hold.request.amount());
            account.version = balance.version;
        }
        account.holds.remove(key);
        balance
    }

    /// Adds points. `None`, and nothing is changed, where the balance would pass
    /// [`MAX_POINTS`](super::MAX_POINTS).
    pub fn top_up(&mut self, account: &str, points: Amount, now_ms: u64) -> Option<Balance> {
        let account = self.account(account);
        let balance = account.balance(now_ms).plus(points)?;
        (account.points, account.version) = (balance.points, balance.version);
        account.credited += points.get();
        Some(balance)
    }

    /// Sets the price of a task: from now on it is charged for no other amount.
    pub fn set_price(&mut self, account: &str, task_id: &str, price: Amount) {
        self.account(account)
            .prices
            .insert(task_id.to_owned(), price);
    }

    /// The account's balance, with what is held of it at `now_ms`.
    pub fn balance(&self, account: &str, now_ms: u64) -> Balance {
        self.accounts.get(account).map_or_else(
            || Balance::opening(self.terms.seed_balance),
            |account| account.balance(now_ms),
        )
    }

    /// The latest charge with this key. Look-ups outlive the memory of keys.
    pub fn lookup(&self, account: &str, key: &str) -> Option<&Charge> {
        self.accounts.get(account)?.latest(key)
    }

    /// Every charge of the account, oldest first.
    pub fn charges(&self, account: &str) -> &[Charge] {
        self.accounts
            .get(account)
            .map_or(&[], |account| &account.charges)
    }

    /// How often this key has been charged: at most once, unless keys are forgotten.
    pub fn times_charged(&self, account: &str, key: &str) -> usize {
        let of_key = |charge: &&Charge| charge.request.key() == key;
        self.charges(account).iter().filter(of_key).count()
    }

    /// How often this key has been sent, whatever the verdict.
    pub fn requests(&self, account: &str, key: &str) -> u64 {
        self.accounts
            .get(account)
            .and_then(|account| account.requests.get(key).copied())
            .unwrap_or(0)
    }

    /// All points that the account was ever given: the seed and the top-ups. The balance and the
    /// charges always add up to this.
    pub fn credited(&self, account: &str) -> u64 {
        self.accounts.get(account).map_or_else(
            || Balance::opening(self.terms.seed_balance).points,
            |account| account.credited,
        )
    }

    fn account(&mut self, name: &str) -> &mut Account {
        let seed_balance = self.terms.seed_balance;
        self.accounts
            .entry(name.to_owned())
            .or_insert_with(|| Account::opening(seed_balance))
    }
}

impl Account {
    fn opening(seed_balance: u64) -> Self {
        let balance = Balance::opening(seed_balance);
        Self {
            points: balance.points,
            version: balance.version,
            credited: balance.points,
            charges: Vec::new(),
            latest: BTreeMap::new(),
            requests: BTreeMap::new(),
            prices: BTreeMap::new(),
            holds: BTreeMap::new(),
        }
    }

    fn balance(&self, now_ms: u64) -> Balance {
        let active = self.holds.values().filter(|hold| hold.is_active(now_ms));
        Balance {
            points: self.points,
            held: Some(active.map(|hold| hold.request.amount().get()).sum()),
            version: self.version,
        }
    }

    /// The active hold of this key.
    fn hold(&self, key: &str, now_ms: u64) -> Option<&Hold> {
        self.holds.get(key).filter(|hold| hold.is_active(now_ms))
    }

    /// Forgets the expired holds. Whatever counts on their points does so first: then no clock that
    /// is behind finds them active again, and what is held stays within the balance.
    fn forget_holds(&mut self, now_ms: u64) {
        self.holds.retain(|_, hold| hold.is_active(now_ms));
    }

    fn keep(&mut self, request: &HoldRequest, expires_at_ms: u64, version: u64) -> Hold {
        let request = request.charge().clone();
        let hold = Hold {
            request,
            expires_at_ms,
        };
        self.version = version;
        self.holds
            .insert(hold.request.key().to_owned(), hold.clone());
        hold
    }

    /// The charge made with this key, if the key is still remembered.
    fn remembered(&self, key: &str, key_ttl_ms: Option<u64>, now_ms: u64) -> Option<&Charge> {
        self.latest(key)
            .filter(|charge| remembers(key_ttl_ms, charge.charged_at_ms, now_ms))
    }

    fn latest(&self, key: &str) -> Option<&Charge> {
        self.charges.get(*self.latest.get(key)?)
    }

    fn take(&mut self, charge: Charge, after: Balance) {
        let place = self.charges.len();
        self.latest.insert(charge.request.key().to_owned(), place);
        self.charges.push(charge);
        (self.points, self.version) = (after.points, after.version);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::MAX_POINTS;

    const TERMS: Terms = Terms {
        seed_balance: 10,
        key_ttl_ms: Some(1_000),
    };

    fn request(key: &str, amount: u64) -> ChargeRequest {
        ChargeRequest::new(key, "task", "cloud_trans", amount).unwrap()
    }

    #[test]
    fn accounts_have_keys_and_balances_of_their_own() {
        let mut ledger = Ledger::new(TERMS);
        ledger.charge("alice", &request("k", 4), 0, "c1");
        let verdict = ledger.charge("bob", &request("k", 3), 0, "c2");
        assert!(matches!(verdict, Verdict::Charged { balance, .. } if balance.points == 7));
        assert_eq!(ledger.balance("alice", 0).points, 6);
        assert_eq!(ledger.balance("carol", 0), Balance::opening(10));
        assert_eq!(ledger.credited("carol"), 10);
    }

    #[test]
    fn a_declined_key_may_be_charged_after_a_top_up() {
        let mut ledger = Ledger::new(TERMS);
        let dear = request("k", 11);
        let declined = ledger.charge("alice", &dear, 0, "c1");
        let balance = Balance::opening(10);
        assert_eq!(declined, Verdict::InsufficientBalance { balance });

        ledger.top_up("alice", Amount::new(1).unwrap(), 0).unwrap();
        let verdict = ledger.charge("alice", &dear, 0, "c2");
        assert!(matches!(verdict, Verdict::Charged { charge, .. } if charge.charge_id == "c2"));
        assert_eq!(ledger.requests("alice", "k"), 2);
        assert_eq!(ledger.times_charged("alice", "k"), 1);
    }

    #[test]
    fn a_forgotten_key_is_charged_again_and_looked_up_as_the_latest() {
        let mut ledger = Ledger::new(TERMS);
        ledger.charge("alice", &request("k", 1), 0, "c1");
        let replayed = ledger.charge("alice", &request("k", 1), 999, "c2");
        assert!(matches!(replayed, Verdict::Replayed { charge, .. } if charge.charge_id == "c1"));
        ledger.charge("alice", &request("k", 2), 1_000, "c3");
        assert_eq!(ledger.lookup("alice", "k").unwrap().charge_id, "c3");
        assert_eq!(ledger.times_charged("alice", "k"), 2);
        assert_eq!(ledger.lookup("alice", "other"), None);
        assert_eq!(ledger.lookup("bob", "k"), None);
    }

    #[test]
    fn the_set_price_is_the_only_accepted_amount() {
        let mut ledger = Ledger::new(TERMS);
        let price = Amount::new(2).unwrap();
        ledger.set_price("alice", "task", price);
        let verdict = ledger.charge("alice", &request("k", 1), 0, "c1");
        assert_eq!(verdict, Verdict::PriceMismatch { price });
        ledger.charge("alice", &request("k", 2), 0, "c2");
        let verdict = ledger.charge("alice", &request("k", 1), 0, "c3");
        assert_eq!(verdict, Verdict::KeyReused);
    }

    #[test]
    fn a_top_up_beyond_the_limit_changes_nothing() {
        let mut ledger = Ledger::new(TERMS);
        assert_eq!(
            ledger.top_up("alice", Amount::new(MAX_POINTS).unwrap(), 0),
            None
        );
        assert_eq!(ledger.balance("alice", 0), Balance::opening(10));
        assert_eq!(ledger.credited("alice"), 10);
    }

    fn hold(key: &str, amount: u64, expires_in_s: u64) -> HoldRequest {
        HoldRequest::new(request(key, amount), expires_in_s).unwrap()
    }

    #[test]
    fn a_charge_settles_the_hold_of_its_key_and_releases_the_rest() {
        let mut ledger = Ledger::new(TERMS);
        ledger.hold("alice", &hold("k", 8, 60), 0);
        let declined = ledger.charge("alice", &request("other", 3), 0, "c1");
        assert!(matches!(declined, Verdict::InsufficientBalance { .. }));
        let charged = ledger.charge("alice", &request("k", 5), 0, "c2");
        let Verdict::Charged { balance, .. } = charged else {
            panic!("{charged:?}");
        };
        assert_eq!((balance.points, balance.held), (5, Some(0)));
        let again = ledger.hold("alice", &hold("k", 1, 60), 0);
        assert_eq!(again, HoldVerdict::AlreadyCharged);
    }

    #[test]
    fn an_expired_hold_holds_nothing_and_its_key_may_hold_anew() {
        let mut ledger = Ledger::new(TERMS);
        ledger.hold("alice", &hold("k", 10, 1), 0);
        let before = ledger.balance("alice", 999);
        assert_eq!((before.held, before.version), (Some(10), 2));
        let after = ledger.balance("alice", 1_000);
        assert_eq!((after.held, after.version), (Some(0), 2));
        assert_eq!(ledger.release("alice", "k", 1_000), after);
        let anew = ledger.hold("alice", &hold("k", 4, 1), 1_000);
        assert!(matches!(anew, HoldVerdict::Held { balance, .. } if balance.version == 3));
    }

    #[test]
    fn a_hold_whose_points_were_taken_is_not_renewed_by_a_clock_that_is_behind() {
        let mut ledger = Ledger::new(TERMS);
        ledger.hold("alice", &hold("k", 10, 1), 0);
        let charged = ledger.charge("alice", &request("other", 10), 1_000, "c");
        assert!(matches!(charged, Verdict::Charged { .. }));
        let again = ledger.hold("alice", &hold("k", 10, 1), 999);
        assert!(matches!(again, HoldVerdict::InsufficientBalance { .. }));
        assert_eq!(ledger.balance("alice", 999).held, Some(0));
    }

    #[test]
    fn a_released_hold_is_not_there_for_a_clock_that_is_behind() {
        let mut ledger = Ledger::new(TERMS);
        ledger.hold("alice", &hold("k", 10, 1), 0);
        assert_eq!(ledger.release("alice", "k", 1_000).held, Some(0));
        assert_eq!(ledger.balance("alice", 999).held, Some(0));
    }

    #[test]
    fn a_named_hold_is_settled_in_place_of_the_charges_own() {
        let mut ledger = Ledger::new(TERMS);
        ledger.hold("alice", &hold("own", 2, 60), 0);
        ledger.hold("alice", &hold("named", 4, 60), 0);
        let mut charge = |amount, named| {
            ledger.charge_of_hold("alice", &request("own", amount), Some(named), 0, "c")
        };
        let held = Amount::new(4).unwrap();
        assert_eq!(charge(5, "named"), Verdict::HoldExceeded { held });
        let charged = charge(4, "named");
        assert!(matches!(charged, Verdict::Charged { balance, .. } if balance.held == Some(2)));
        let replayed = charge(4, "own");
        assert!(matches!(replayed, Verdict::Replayed { balance, .. } if balance.held == Some(2)));
    }

    #[test]
    fn a_hold_that_never_was_changes_nothing_of_a_charge() {
        let mut ledger = Ledger::new(TERMS);
        ledger.hold("bob", &hold("k", 1, 60), 0);
        let charged = ledger.charge_of_hold("alice", &request("c", 5), Some("k"), 0, "c");
        assert!(matches!(charged, Verdict::Charged { .. }));
        assert_eq!(ledger.balance("bob", 0).held, Some(1));
    }
}
