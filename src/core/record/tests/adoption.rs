//! One charge in two storages.

use super::*;

fn other() -> Record {
    Record {
        sequence: 2,
        ..open()
    }
}

fn joined(one: Record, other: Record) -> Record {
    one.clone().joined_by(&other, 900).unwrap_or(one)
}

#[test]
fn adoption_prefers_a_receipt_to_any_other_state() {
    let taken = conclude(sending(other()), charged()).unwrap();
    for one in [
        open(),
        sending(open()),
        in_state(park()),
        in_state(declined()),
        in_state(failed()),
    ] {
        assert_eq!(
            joined(one.clone(), taken.clone()).receipt(),
            taken.receipt()
        );
        assert_eq!(taken.clone().joined_by(&one, 900), None);
    }
}

#[test]
fn adoption_prefers_an_open_state_to_nothing_taken() {
    for verdict in [declined(), failed()] {
        let settled = conclude(sending(other()), verdict).unwrap();
        for one in [open(), sending(open()), in_state(park())] {
            assert!(joined(one.clone(), settled.clone()).is_held());
            assert!(joined(settled.clone(), one).is_held());
        }
    }
}

#[test]
fn charge_that_shares_its_key_is_looked_up_first() {
    let shared = open().shares_key(900).unwrap();
    assert!(shared.may_have_left_unseen() && shared.has_unknown_past());
    assert_eq!(shared.age_ms(900), None);
    assert_eq!(shared.shares_key(901), None);
    let taken = conclude(sending(open()), charged()).unwrap();
    assert_eq!(taken.shares_key(900), None);
}

#[test]
fn charge_reported_as_final_elsewhere_is_looked_up_before_sending() {
    let settled = conclude(sending(other()), declined()).unwrap();
    for verdict in [declined(), failed()] {
        let settled = conclude(sending(other()), verdict).unwrap();
        for one in [open(), sending(open()), in_state(park())] {
            let joined = joined(one, settled.clone());
            assert!(joined.has_provisional_verdict() && joined.is_only_looked_up());
            assert_eq!(joined.clone().joined_by(&settled, 901), None);
        }
    }
    // Whatever was known before, the server has the last word.
    for one in [open(), in_state(Conclusion::NeverCharged)] {
        let joined = joined(one, settled.clone());
        assert!(waiting(&joined).in_doubt() && !waiting(&joined).cleared());
    }
    let mut retryable = settled.clone();
    retryable.state = State::Settled(Verdict::Failed(Failure {
        reason: FailureReason::OfflineSpendDenied,
        retryable: true,
        detail: Detail::OfflineLimit,
    }));
    assert_eq!(joined(open(), retryable), open());
}

#[test]
fn adoption_prefers_the_later_state_of_the_same_charge() {
    let early = sending(open());
    let late = conclude(early.clone(), declined()).unwrap();
    assert_eq!(joined(early.clone(), late.clone()).state(), late.state());
    assert_eq!(late.clone().joined_by(&early, 900), None);
    assert_eq!(late.clone().joined_by(&late, 900), None);
}

#[test]
fn adoption_of_two_open_states_keeps_the_attempts() {
    let (tried, untried) = (in_state(unanswered()), other());
    assert_eq!(joined(tried.clone(), untried.clone()), tried);
    let joined = joined(untried, tried);
    assert_eq!(joined.attempts(), 1);
    assert!(waiting(&joined).in_doubt());
}

#[test]
fn adoption_keeps_the_earlier_age_of_the_key() {
    let mut late = in_state(unanswered());
    late.charge.created_at_ms = 700;
    assert_eq!(joined(other(), late).charge().created_at_ms, 0);
}

#[test]
fn adopted_charge_may_have_been_sent_whatever_its_record_says() {
    assert!(!open().may_have_left());
    let adopted = open().adopted();
    assert!(adopted.may_have_left());
    assert_eq!(adopted.attempts(), 0);
    // So cancelling it asks the server first.
    let cancelled = adopted.cancel(900).unwrap();
    assert!(cancelled.is_open() && cancelled.is_cancelling());
    let free = open().cancel(900).unwrap();
    assert!(!free.is_open());
}

#[test]
fn charge_that_two_storages_have_alike_is_marked_once() {
    for one in [open(), sending(open()), in_state(park())] {
        let marked = one.clone().joined_by(&one, 900).unwrap();
        assert!(marked.is_adopted());
        assert_eq!(marked.clone().joined_by(&marked, 900), None);
    }
    let settled = in_state(declined());
    assert_eq!(settled.clone().joined_by(&settled, 900), None);
}

#[test]
fn adoption_decides_nothing_between_two_ends_of_one_attempt() {
    let open = in_state(unanswered());
    let settled = in_state(declined());
    assert_eq!(open.revision(), settled.revision());
    assert_eq!(open.joined_by(&settled, 900), None);
}

#[test]
fn adopted_state_keeps_the_place_and_the_counts_of_the_known_one() {
    let tried = conclude(
        sending(in_state(failed()).ask_again(300).unwrap()),
        failed(),
    )
    .unwrap();
    let untried = other();
    let joined = joined(tried.clone(), untried.clone());
    assert!(joined.is_open());
    assert_eq!(joined.sequence(), tried.sequence());
    assert_eq!((tried.attempts(), joined.attempts()), (2, 2));
    assert!(tried.is_older_than(&joined));
}

#[test]
fn adoption_joins_what_either_storage_knows_of_the_age() {
    let settled = || in_state(declined());
    let aged = |ageless: bool, unknown_past: bool, record: Record| Record {
        ageless,
        unknown_past,
        ..record
    };
    for one in [false, true] {
        for two in [false, true] {
            let joined = joined(aged(one, one, settled()), aged(two, two, other()));
            // One storage has seen the clock set back.
            assert_eq!(joined.is_ageless(), one || two);
            // One storage knows when the key was first sent.
            assert_eq!(joined.has_unknown_past(), one && two);
        }
    }
}
