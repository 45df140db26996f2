//! Invariants that hold after any sequence of requests.

use proptest::prelude::*;

use super::{
    Amount, Balance, ChargeRequest, Decision, HoldRequest, HoldVerdict, Known, Ledger, Terms,
    Verdict, decide,
};

#[derive(Clone, Debug)]
pub(crate) enum Step {
    Charge {
        account: &'static str,
        key: u8,
        task: u8,
        amount: u64,
        /// The hold that it names.
        named: Option<u8>,
    },
    Hold {
        account: &'static str,
        key: u8,
        task: u8,
        amount: u64,
        expires_in_s: u64,
    },
    Release {
        account: &'static str,
        key: u8,
    },
    TopUp {
        account: &'static str,
        points: u64,
    },
    SetPrice {
        account: &'static str,
        task: u8,
        price: u64,
    },
    Wait {
        ms: u64,
    },
}

pub(crate) const ACCOUNTS: [&str; 2] = ["alice", "bob"];

pub(crate) fn step() -> impl Strategy<Value = Step> {
    let account = || prop::sample::select(&ACCOUNTS[..]);
    prop_oneof![
        8 => (account(), 0..4u8, 0..3u8, 1..30u64, prop::option::weighted(0.2, 0..4u8)).prop_map(
            |(account, key, task, amount, named)| Step::Charge { account, key, task, amount, named },
        ),
        6 => (account(), 0..4u8, 0..3u8, 1..30u64, 1..4u64).prop_map(
            |(account, key, task, amount, expires_in_s)| {
                Step::Hold { account, key, task, amount, expires_in_s }
            },
        ),
        1 => (account(), 0..4u8).prop_map(|(account, key)| Step::Release { account, key }),
        2 => (account(), 1..40u64).prop_map(|(account, points)| Step::TopUp { account, points }),
        1 => (account(), 0..3u8, 1..30u64).prop_map(|(account, task, price)| {
            Step::SetPrice { account, task, price }
        }),
        2 => (0..400u64).prop_map(|ms| Step::Wait { ms }),
    ]
}

pub(crate) fn request(key: u8, task: u8, amount: u64) -> ChargeRequest {
    ChargeRequest::new(format!("k{key}"), format!("t{task}"), "f", amount).unwrap()
}

pub(crate) fn hold(key: u8, task: u8, amount: u64, expires_in_s: u64) -> HoldRequest {
    HoldRequest::new(request(key, task, amount), expires_in_s).unwrap()
}

fn free(balance: Balance) -> u64 {
    balance.points - balance.held.unwrap()
}

/// Takes the steps, and checks after each that the points add up, that no more is held than there is,
/// and that the version grows whenever points are taken, added, held or released.
fn run(terms: Terms, steps: &[Step]) -> Result<Ledger, TestCaseError> {
    let mut ledger = Ledger::new(terms);
    let mut now_ms = 0;
    for (n, step) in steps.iter().enumerate() {
        let before = ACCOUNTS.map(|account| ledger.balance(account, now_ms));
        match *step {
            Step::Charge {
                account,
                key,
                task,
                amount,
                named,
            } => {
                let request = request(key, task, amount);
                let named = named.map(|key| format!("k{key}"));
                let id = format!("c{n}");
                match ledger.charge_of_hold(account, &request, named.as_deref(), now_ms, id) {
                    Verdict::Charged { charge, balance }
                    | Verdict::Replayed { charge, balance } => {
                        prop_assert_eq!(&charge.request, &request);
                        prop_assert_eq!(balance, ledger.balance(account, now_ms));
                        prop_assert_eq!(ledger.lookup(account, request.key()), Some(&charge));
                    }
                    Verdict::InsufficientBalance { balance } => {
                        prop_assert!(free(balance) < amount);
                        prop_assert_eq!(balance, ledger.balance(account, now_ms));
                    }
                    Verdict::KeyReused => {
                        prop_assert!(ledger.times_charged(account, request.key()) > 0);
                    }
                    Verdict::PriceMismatch { price } => prop_assert_ne!(price.get(), amount),
                    Verdict::HoldExceeded { held } => {
                        prop_assert!(named.is_some() && held.get() < amount);
                    }
                }
            }
            Step::Hold {
                account,
                key,
                task,
                amount,
                expires_in_s,
            } => {
                let request = hold(key, task, amount, expires_in_s);
                match ledger.hold(account, &request, now_ms) {
                    HoldVerdict::Held {
                        hold,
                        expires_in_s: left_s,
                        balance,
                    }
                    | HoldVerdict::Renewed {
                        hold,
                        expires_in_s: left_s,
                        balance,
                    } => {
                        prop_assert_eq!(&hold.request, request.charge());
                        prop_assert!(left_s >= expires_in_s);
                        prop_assert_eq!((hold.expires_at_ms - now_ms) / 1_000, left_s);
                        prop_assert_eq!(balance, ledger.balance(account, now_ms));
                    }
                    HoldVerdict::InsufficientBalance { balance } => {
                        prop_assert!(free(balance) < amount);
                        prop_assert_eq!(balance, ledger.balance(account, now_ms));
                    }
                    HoldVerdict::KeyReused => {
                        prop_assert_ne!(ledger.balance(account, now_ms).held, Some(0));
                    }
                    HoldVerdict::AlreadyCharged => {
                        prop_assert!(ledger.times_charged(account, request.charge().key()) > 0);
                    }
                }
            }
            Step::Release { account, key } => {
                let balance = ledger.release(account, &format!("k{key}"), now_ms);
                prop_assert_eq!(balance, ledger.balance(account, now_ms));
            }
            Step::TopUp { account, points } => {
                let topped_up = ledger.top_up(account, Amount::new(points).unwrap(), now_ms);
                prop_assert_eq!(topped_up, Some(ledger.balance(account, now_ms)));
            }
            Step::SetPrice {
                account,
                task,
                price,
            } => ledger.set_price(account, &format!("t{task}"), Amount::new(price).unwrap()),
            Step::Wait { ms } => now_ms += ms,
        }
        for (account, before) in ACCOUNTS.into_iter().zip(before) {
            let after = ledger.balance(account, now_ms);
            if after.version == before.version {
                prop_assert_eq!(after.points, before.points);
                prop_assert!(after.held <= before.held);
            } else {
                prop_assert_eq!(after.version, before.version + 1);
                prop_assert_ne!((after.points, after.held), (before.points, before.held));
            }
            prop_assert!(after.held <= Some(after.points));
            let taken: u64 = ledger
                .charges(account)
                .iter()
                .map(|charge| charge.request.amount().get())
                .sum();
            prop_assert_eq!(after.points + taken, ledger.credited(account));
        }
    }
    Ok(ledger)
}

proptest! {
    #[test]
    fn a_key_is_charged_at_most_once(steps in prop::collection::vec(step(), 0..120)) {
        let ledger = run(Terms { seed_balance: 60, key_ttl_ms: None }, &steps)?;
        for account in ACCOUNTS {
            for key in 0..4 {
                let times = ledger.times_charged(account, &format!("k{key}"));
                prop_assert!(times <= 1);
            }
        }
    }

    #[test]
    fn a_key_is_charged_at_most_once_within_its_ttl(steps in prop::collection::vec(step(), 0..120)) {
        let ttl_ms = 500;
        let ledger = run(Terms { seed_balance: 200, key_ttl_ms: Some(ttl_ms) }, &steps)?;
        for account in ACCOUNTS {
            for key in 0..4 {
                let key = format!("k{key}");
                let times: Vec<u64> = ledger
                    .charges(account)
                    .iter()
                    .filter(|charge| charge.request.key() == key)
                    .map(|charge| charge.charged_at_ms)
                    .collect();
                prop_assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= ttl_ms));
            }
        }
    }

    #[test]
    fn a_repeated_request_never_takes_points(steps in prop::collection::vec(step(), 0..60)) {
        let mut ledger = run(Terms { seed_balance: 60, key_ttl_ms: None }, &steps)?;
        for account in ACCOUNTS {
            for charge in ledger.charges(account).to_vec() {
                let balance = ledger.balance(account, 0);
                let verdict = ledger.charge(account, &charge.request, 0, "never");
                prop_assert_eq!(verdict, Verdict::Replayed { charge, balance });
            }
        }
    }

    #[test]
    fn a_decision_never_takes_more_than_there_is(points in 0..50u64, amount in 1..50u64) {
        let known = Known { balance: Balance::opening(points), charged: None, price: None, hold: None };
        match decide(known, &request(0, 0, amount)) {
            Decision::Charge { after } => prop_assert_eq!(after.points + amount, points),
            Decision::InsufficientBalance => prop_assert!(amount > points),
            Decision::Replay { .. }
            | Decision::KeyReused
            | Decision::PriceMismatch { .. }
            | Decision::HoldExceeded { .. } => {
                prop_assert!(false, "nothing is known that could lead here");
            }
        }
    }
}
