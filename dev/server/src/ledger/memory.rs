//! Accounts in memory: the truth against which a simulated client is checked.

use std::collections::BTreeMap;

use super::{Amount, Balance, Charge, ChargeRequest, Decision, Known, Verdict, decide, remembers};

/// The terms of every account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Points that a new account starts with.
    pub seed_balance: u64,
    /// How long a charged key is remembered; `None` is for ever.
    pub key_ttl_ms: Option<u64>,
}

/// Accounts with their balances and charges. An account exists from its first mention on, with the
/// seed balance.
#[derive(Clone, Debug)]
pub struct Ledger {
    terms: Terms,
    accounts: BTreeMap<String, Account>,
}

#[derive(Clone, Debug)]
struct Account {
    balance: Balance,
    credited: u64,
    charges: Vec<Charge>,
    /// The place of each key's latest charge in `charges`.
    latest: BTreeMap<String, usize>,
    requests: BTreeMap<String, u64>,
    prices: BTreeMap<String, Amount>,
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
        let key_ttl_ms = self.terms.key_ttl_ms;
        let account = self.account(account);
        *account
            .requests
            .entry(request.key().to_owned())
            .or_default() += 1;

        let remembered = account
            .latest(request.key())
            .filter(|charge| remembers(key_ttl_ms, charge.charged_at_ms, now_ms));
        let known = Known {
            balance: account.balance,
            charged: remembered,
            price: account.prices.get(request.task_id()).copied(),
        };
        match decide(known, request) {
            Decision::Charge { after } => {
                let charge = Charge {
                    charge_id: charge_id.into(),
                    request: request.clone(),
                    charged_at_ms: now_ms,
                };
                account.take(charge.clone(), after);
                Verdict::Charged {
                    charge,
                    balance: after,
                }
            }
            Decision::Replay { charge } => Verdict::Replayed {
                charge: charge.clone(),
                balance: account.balance,
            },
            Decision::KeyReused => Verdict::KeyReused,
            Decision::PriceMismatch { price } => Verdict::PriceMismatch { price },
            Decision::InsufficientBalance => Verdict::InsufficientBalance {
                balance: account.balance,
            },
        }
    }

    /// Adds points. `None`, and nothing is changed, where the balance would pass
    /// [`MAX_POINTS`](super::MAX_POINTS).
    pub fn top_up(&mut self, account: &str, points: Amount) -> Option<Balance> {
        let account = self.account(account);
        account.balance = account.balance.plus(points)?;
        account.credited += points.get();
        Some(account.balance)
    }

    /// Sets the price of a task: from now on it is charged for no other amount.
    pub fn set_price(&mut self, account: &str, task_id: &str, price: Amount) {
        self.account(account)
            .prices
            .insert(task_id.to_owned(), price);
    }

    /// The account's balance.
    pub fn balance(&self, account: &str) -> Balance {
        self.accounts.get(account).map_or_else(
            || Balance::opening(self.terms.seed_balance),
            |account| account.balance,
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
            balance,
            credited: balance.points,
            charges: Vec::new(),
            latest: BTreeMap::new(),
            requests: BTreeMap::new(),
            prices: BTreeMap::new(),
        }
    }

    fn latest(&self, key: &str) -> Option<&Charge> {
        self.charges.get(*self.latest.get(key)?)
    }

    fn take(&mut self, charge: Charge, after: Balance) {
        let place = self.charges.len();
        self.latest.insert(charge.request.key().to_owned(), place);
        self.charges.push(charge);
        self.balance = after;
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
        assert_eq!(ledger.balance("alice").points, 6);
        assert_eq!(ledger.balance("carol"), Balance::opening(10));
        assert_eq!(ledger.credited("carol"), 10);
    }

    #[test]
    fn a_declined_key_may_be_charged_after_a_top_up() {
        let mut ledger = Ledger::new(TERMS);
        let dear = request("k", 11);
        let declined = ledger.charge("alice", &dear, 0, "c1");
        let balance = Balance::opening(10);
        assert_eq!(declined, Verdict::InsufficientBalance { balance });

        ledger.top_up("alice", Amount::new(1).unwrap()).unwrap();
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
            ledger.top_up("alice", Amount::new(MAX_POINTS).unwrap()),
            None
        );
        assert_eq!(ledger.balance("alice"), Balance::opening(10));
        assert_eq!(ledger.credited("alice"), 10);
    }
}
