//! Invariants that hold after any sequence of requests.

use proptest::prelude::*;

use super::{Amount, ChargeRequest, Decision, Known, Ledger, Terms, Verdict, decide};

#[derive(Clone, Debug)]
pub(crate) enum Step {
    Charge {
        account: &'static str,
        key: u8,
        task: u8,
        amount: u64,
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
        8 => (account(), 0..4u8, 0..3u8, 1..30u64).prop_map(|(account, key, task, amount)| {
            Step::Charge { account, key, task, amount }
        }),
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

/// Takes the steps, and checks after each that the points add up and that the version grows
/// whenever they change.
fn run(terms: Terms, steps: &[Step]) -> Result<Ledger, TestCaseError> {
    let mut ledger = Ledger::new(terms);
    let mut now_ms = 0;
    for (n, step) in steps.iter().enumerate() {
        let before = ACCOUNTS.map(|account| ledger.balance(account));
        match *step {
            Step::Charge {
                account,
                key,
                task,
                amount,
            } => {
                let request = request(key, task, amount);
                let verdict = ledger.charge(account, &request, now_ms, format!("c{n}"));
                match verdict {
                    Verdict::Charged { charge, balance }
                    | Verdict::Replayed { charge, balance } => {
                        prop_assert_eq!(&charge.request, &request);
                        prop_assert_eq!(balance, ledger.balance(account));
                        prop_assert_eq!(ledger.lookup(account, request.key()), Some(&charge));
                    }
                    Verdict::InsufficientBalance { balance } => {
                        prop_assert!(balance.points < amount);
                    }
                    Verdict::KeyReused => {
                        prop_assert!(ledger.times_charged(account, request.key()) > 0);
                    }
                    Verdict::PriceMismatch { price } => prop_assert_ne!(price.get(), amount),
                }
            }
            Step::TopUp { account, points } => {
                let topped_up = ledger.top_up(account, Amount::new(points).unwrap());
                prop_assert_eq!(topped_up, Some(ledger.balance(account)));
            }
            Step::SetPrice {
                account,
                task,
                price,
            } => ledger.set_price(account, &format!("t{task}"), Amount::new(price).unwrap()),
            Step::Wait { ms } => now_ms += ms,
        }
        for (account, before) in ACCOUNTS.into_iter().zip(before) {
            let after = ledger.balance(account);
            let changed = u64::from(after.points != before.points);
            prop_assert_eq!(after.version, before.version + changed);
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
                let balance = ledger.balance(account);
                let verdict = ledger.charge(account, &charge.request, 0, "never");
                prop_assert_eq!(verdict, Verdict::Replayed { charge, balance });
            }
        }
    }

    #[test]
    fn a_decision_never_takes_more_than_there_is(points in 0..50u64, amount in 1..50u64) {
        let known = Known { balance: super::Balance::opening(points), charged: None, price: None };
        match decide(known, &request(0, 0, amount)) {
            Decision::Charge { after } => prop_assert_eq!(after.points + amount, points),
            Decision::InsufficientBalance => prop_assert!(amount > points),
            Decision::Replay { .. } | Decision::KeyReused | Decision::PriceMismatch { .. } => {
                prop_assert!(false, "nothing is known that could lead here");
            }
        }
    }
}
