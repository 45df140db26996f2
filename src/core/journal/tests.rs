//! Journal operations: each one in each state.

use super::*;
use crate::core::charge::ChargeRequest;
use crate::core::outcome::{FailureReason, OpenReason};
use crate::core::points::Points;
use crate::core::record::{Cause, Receipt};

const AT: ApplyAt = ApplyAt {
    wall_ms: 1_000,
    session: Session::since(0),
    mark: 0,
};

fn charge(amount: f64) -> Charge {
    let request = ChargeRequest {
        task_id: "t1".into(),
        amount,
        feature: "f".into(),
        ..ChargeRequest::default()
    };
    request.into_charge(500).unwrap()
}

fn claim(tab: &str) -> Claim {
    Claim {
        tab: tab.into(),
        until_ms: 11_000,
        length_ms: 15_000,
    }
}

fn enqueue(amount: f64, admission: Result<(), Failure>, tab: Option<&str>) -> Op {
    Op::Enqueue {
        charge: charge(amount),
        sequence: 9,
        admission,
        claim: tab.map(claim),
        may_have_left: false,
        may_arrive_for_ms: 0,
    }
}

fn denied() -> Failure {
    Failure {
        reason: FailureReason::QueueFull,
        retryable: true,
        detail: String::new(),
    }
}

fn conclude(conclusion: Conclusion) -> Op {
    Op::Conclude {
        charge: charge(5.0),
        sequence: 1,
        tab: "one".into(),
        attempt: Some((Purpose::Send, 1)),
        conclusion,
        next_attempt_in_ms: 0,
    }
}

fn lost() -> Conclusion {
    let cause = Cause {
        reason: OpenReason::Timeout,
        detail: String::new(),
    };
    Conclusion::Lost(cause, 0)
}

fn charged() -> Conclusion {
    Conclusion::Settled(Verdict::Charged(Receipt {
        charge_id: "c1".into(),
        charged_at: String::new(),
        balance: Points::ZERO,
        version: 1,
        replayed: false,
    }))
}

/// The result of these operations, in order, on an empty journal.
fn after(ops: &[Op]) -> Option<Record> {
    ops.iter()
        .fold(None, |record, op| op.apply(record, AT).record)
}

fn claimant(record: Option<&Record>) -> Option<&str> {
    match record?.state() {
        State::Attempting(attempting) => Some(attempting.claim().tab.as_str()),
        State::Waiting(_) | State::Parked(_) | State::Settled(_) => None,
    }
}

#[test]
fn a_new_charge_is_written_and_claimed_at_once() {
    let applied = enqueue(5.0, Ok(()), None).apply(None, AT);
    assert_eq!((applied.write, applied.done), (Write::Put, true));
    assert_eq!(claimant(applied.record.as_ref()), None);
    let applied = enqueue(5.0, Ok(()), Some("one")).apply(None, AT);
    assert_eq!(claimant(applied.record.as_ref()), Some("one"));
}

#[test]
fn a_charge_that_is_not_admitted_is_written_as_failed() {
    let applied = enqueue(5.0, Err(denied()), Some("one")).apply(None, AT);
    assert_eq!(applied.write, Write::Put);
    assert!(applied.record.unwrap().is_retryable());
}

#[test]
fn a_charge_joins_the_one_that_is_there() {
    let first = after(&[enqueue(5.0, Ok(()), Some("one"))]);
    let applied = enqueue(5.0, Ok(()), Some("two")).apply(first.clone(), AT);
    assert_eq!((applied.write, applied.done), (Write::Keep, true));
    assert_eq!(applied.record, first);
    // Admission was decided when it was taken on.
    let applied = enqueue(5.0, Err(denied()), None).apply(first.clone(), AT);
    assert_eq!(applied.record, first);
    let waiting = after(&[enqueue(5.0, Ok(()), None)]);
    let applied = enqueue(5.0, Err(denied()), None).apply(waiting, AT);
    assert!(applied.record.unwrap().is_open());
}

#[test]
fn another_charge_under_the_same_key_changes_nothing() {
    let first = after(&[enqueue(5.0, Ok(()), None)]);
    let applied = enqueue(6.0, Ok(()), Some("two")).apply(first.clone(), AT);
    assert_eq!((applied.write, applied.done), (Write::Keep, false));
    assert_eq!(applied.record, first);
}

#[test]
fn a_charged_one_is_left_alone_by_everything_but_forgetting() {
    let ops = [enqueue(5.0, Ok(()), Some("one")), conclude(charged())];
    let record = after(&ops);
    let key = charge(5.0).key;
    let begin = Op::Begin {
        over: None,
        seen: None,
        key: key.clone(),
        purpose: Purpose::Send,
        claim: claim("two"),
    };
    let cancel = Op::Cancel {
        key: key.clone(),
        detail: String::new(),
        unsent: String::new(),
        look_up_first: false,
    };
    let reopen = Op::Reopen { key: key.clone() };
    for op in [begin, cancel, reopen, conclude(lost())] {
        let applied = op.apply(record.clone(), AT);
        assert_eq!(
            (applied.write, applied.done),
            (Write::Keep, false),
            "{op:?}"
        );
        assert_eq!(applied.record, record);
    }
    let again = enqueue(5.0, Err(denied()), Some("two")).apply(record.clone(), AT);
    assert_eq!(
        (again.write, again.done, again.record),
        (Write::Keep, true, record.clone())
    );
    let forgotten = Op::Forget { key }.apply(record, AT);
    assert_eq!((forgotten.write, forgotten.record), (Write::Delete, None));
}

#[test]
fn what_is_open_is_not_forgotten() {
    let record = after(&[enqueue(5.0, Ok(()), None)]);
    let forget = Op::Forget {
        key: charge(5.0).key,
    };
    let applied = forget.apply(record.clone(), AT);
    assert_eq!((applied.write, applied.record), (Write::Keep, record));
}

#[test]
fn what_is_not_there_can_not_be_worked_on() {
    let key = charge(5.0).key;
    for op in [
        Op::Reopen { key: key.clone() },
        Op::Cancel {
            key: key.clone(),
            detail: String::new(),
            unsent: String::new(),
            look_up_first: false,
        },
        conclude(lost()),
        Op::Begin {
            over: None,
            seen: None,
            key: key.clone(),
            purpose: Purpose::LookUp,
            claim: claim("one"),
        },
    ] {
        let applied = op.apply(None, AT);
        assert_eq!(
            (applied.write, applied.done, applied.record),
            (Write::Keep, false, None)
        );
    }
    assert!(Op::Read { key: key.clone() }.apply(None, AT).done);
    assert!(Op::Forget { key }.apply(None, AT).done);
}

#[test]
fn a_receipt_for_what_the_journal_has_lost_is_kept() {
    let applied = conclude(charged()).apply(None, AT);
    assert_eq!((applied.write, applied.done), (Write::Put, true));
    let record = applied.record.unwrap();
    assert!(record.receipt().is_some() && record.may_have_left());
}

#[test]
fn only_what_costs_no_more_than_work_may_be_relaxed() {
    let key = charge(5.0).key;
    assert!(Op::Read { key: key.clone() }.may_be_relaxed());
    assert!(Op::Forget { key: key.clone() }.may_be_relaxed());
    for op in [
        enqueue(5.0, Ok(()), None),
        conclude(lost()),
        Op::Reopen { key },
    ] {
        assert!(!op.may_be_relaxed());
    }
}

#[test]
fn an_answer_concludes_only_the_charge_that_it_was_sent_for() {
    let other = after(&[enqueue(6.0, Ok(()), Some("one"))]);
    for conclusion in [charged(), lost()] {
        let applied = conclude(conclusion).apply(other.clone(), AT);
        assert_eq!((applied.write, applied.done), (Write::Keep, false));
        assert_eq!(applied.record, other);
    }
}

#[test]
fn what_has_changed_since_it_was_seen_is_not_claimed() {
    let first = after(&[enqueue(5.0, Ok(()), None)]).unwrap();
    let begin = |seen| Op::Begin {
        over: None,
        seen: Some(seen),
        key: charge(5.0).key,
        purpose: Purpose::Send,
        claim: claim("two"),
    };
    let seen = first.revision();
    assert!(begin(seen).apply(Some(first.clone()), AT).done);
    let changed = first.reopen(1).unwrap();
    assert!(!begin(seen).apply(Some(changed), AT).done);
}

#[test]
fn what_was_sent_before_is_not_claimed_by_charging_it_again() {
    let lost = after(&[enqueue(5.0, Ok(()), Some("one")), conclude(lost())]);
    let again = enqueue(5.0, Ok(()), Some("two")).apply(lost, AT);
    assert_eq!(claimant(again.record.as_ref()), None);
}

#[test]
fn a_charge_of_another_storage_is_taken_over_unless_its_key_is_another_charges() {
    let record = Record::open(charge(5.0), 3);
    let adopt = Op::Adopt {
        record: record.clone(),
    };
    let applied = adopt.apply(None, AT);
    assert_eq!((applied.write, applied.done), (Write::Put, true));
    let adopted = applied.record.unwrap();
    assert!(adopted.may_have_left());
    // Adopting it again changes nothing.
    let again = adopt.apply(Some(adopted.clone()), AT);
    assert_eq!((again.write, again.done), (Write::Keep, true));
    assert_eq!(again.record, Some(adopted));
    let anothers = Record::open(charge(6.0), 1);
    let refused = adopt.apply(Some(anothers.clone()), AT);
    assert_eq!((refused.write, refused.done), (Write::Put, false));
    let shared = refused.record.unwrap();
    assert_eq!(shared.charge(), anothers.charge());
    // The other charge may have been sent under its key.
    assert!(shared.may_have_left_unseen());
    let again = adopt.apply(Some(shared.clone()), AT);
    assert_eq!((again.write, again.done), (Write::Keep, false));
    assert_eq!(again.record, Some(shared));
}

#[test]
fn what_was_taken_over_is_not_claimed_for_sending_as_if_it_were_new() {
    let adopted = Record::open(charge(5.0), 3).adopted();
    let applied = enqueue(5.0, Ok(()), Some("one")).apply(Some(adopted), AT);
    assert_eq!(applied.record.unwrap().claim(), None);
}
