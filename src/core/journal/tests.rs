//! Journal operations: each one in each state.

use super::*;
use crate::core::charge::ChargeRequest;
use crate::core::points::Points;
use crate::core::reason::{FailureReason, OpenReason};
use crate::core::record::{Cause, Receipt};
use crate::core::text::Detail;

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
        detail: Detail::Said(None),
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
        detail: Detail::Said(None),
    };
    Conclusion::Lost(cause, 0)
}

fn charged() -> Conclusion {
    Conclusion::Settled(Verdict::Charged(Receipt {
        charge_id: "c1".into(),
        charged_at: String::new(),
        balance: Points::ZERO,
        version: 1,
        held: None,
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
fn enqueue_writes_and_claims_a_new_charge() {
    let applied = enqueue(5.0, Ok(()), None).apply(None, AT);
    assert_eq!((applied.write, applied.done), (Write::Put, true));
    assert_eq!(claimant(applied.record.as_ref()), None);
    let applied = enqueue(5.0, Ok(()), Some("one")).apply(None, AT);
    assert_eq!(claimant(applied.record.as_ref()), Some("one"));
}

#[test]
fn enqueue_writes_a_refused_charge_as_failed() {
    let applied = enqueue(5.0, Err(denied()), Some("one")).apply(None, AT);
    assert_eq!(applied.write, Write::Put);
    assert!(applied.record.unwrap().is_retryable());
}

#[test]
fn enqueue_joins_the_same_charge() {
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
fn enqueue_of_another_charge_with_the_same_key_changes_nothing() {
    let first = after(&[enqueue(5.0, Ok(()), None)]);
    let applied = enqueue(6.0, Ok(()), Some("two")).apply(first.clone(), AT);
    assert_eq!((applied.write, applied.done), (Write::Keep, false));
    assert_eq!(applied.record, first);
}

#[test]
fn charged_record_is_changed_by_no_operation_but_forget() {
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
fn forget_keeps_an_open_charge() {
    let record = after(&[enqueue(5.0, Ok(()), None)]);
    let forget = Op::Forget {
        key: charge(5.0).key,
    };
    let applied = forget.apply(record.clone(), AT);
    assert_eq!((applied.write, applied.record), (Write::Keep, record));
}

#[test]
fn operations_on_a_missing_record_do_nothing() {
    let key = charge(5.0).key;
    for op in [
        Op::Reopen { key: key.clone() },
        Op::Cancel {
            key: key.clone(),
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
fn receipt_of_a_lost_record_is_written() {
    let applied = conclude(charged()).apply(None, AT);
    assert_eq!((applied.write, applied.done), (Write::Put, true));
    let record = applied.record.unwrap();
    assert!(record.receipt().is_some() && record.may_have_left());
}

#[test]
fn only_read_and_forget_may_use_relaxed_writes() {
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
fn conclude_requires_the_charge_that_was_sent() {
    let other = after(&[enqueue(6.0, Ok(()), Some("one"))]);
    for conclusion in [charged(), lost()] {
        let applied = conclude(conclusion).apply(other.clone(), AT);
        assert_eq!((applied.write, applied.done), (Write::Keep, false));
        assert_eq!(applied.record, other);
    }
}

#[test]
fn begin_refuses_a_record_changed_since_it_was_seen() {
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
fn enqueue_does_not_claim_a_charge_sent_before() {
    let lost = after(&[enqueue(5.0, Ok(()), Some("one")), conclude(lost())]);
    let again = enqueue(5.0, Ok(()), Some("two")).apply(lost, AT);
    assert_eq!(claimant(again.record.as_ref()), None);
}

#[test]
fn adopt_writes_the_charge_unless_its_key_belongs_to_another() {
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
fn enqueue_does_not_claim_an_adopted_charge() {
    let adopted = Record::open(charge(5.0), 3).adopted();
    let applied = enqueue(5.0, Ok(()), Some("one")).apply(Some(adopted), AT);
    assert_eq!(applied.record.unwrap().claim(), None);
}

#[test]
fn charge_whose_record_was_lost_may_have_been_sent() {
    for may_have_left in [false, true] {
        let mut op = enqueue(5.0, Ok(()), Some("one"));
        if let Op::Enqueue {
            may_have_left: known,
            may_arrive_for_ms,
            ..
        } = &mut op
        {
            (*known, *may_arrive_for_ms) = (may_have_left, 4_800);
        }
        let applied = op.apply_after_loss(AT);
        assert!(applied.lost && applied.done);
        let record = applied.record.unwrap();
        assert!(record.may_have_left_unseen() && record.has_unknown_past());
        assert_eq!(record.may_arrive_until_ms(), AT.wall_ms + 4_800);
        assert_eq!(record.claim(), None, "it is looked up first");
    }
    let read = Op::Read {
        key: charge(5.0).key,
    };
    assert!(read.apply_after_loss(AT).lost);
    assert!(!read.apply(None, AT).lost);
}
