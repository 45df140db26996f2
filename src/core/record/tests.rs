//! The transitions of a record, and refused ones.

mod adoption;
mod again;
mod memory;

use super::*;
use crate::core::charge::ChargeRequest;
use crate::core::points::Points;
use crate::core::reason::{DeclineReason, FailureReason, OpenReason, ParkReason};
use crate::core::text::Detail;

const LENGTH_MS: u64 = 10_050;

fn open() -> Record {
    let request = ChargeRequest {
        task_id: "t1".into(),
        amount: 5.0,
        feature: "f".into(),
        ..ChargeRequest::default()
    };
    Record::open(request.into_charge(0).unwrap(), 1)
}

fn claim(tab: &str, until_ms: u64) -> Claim {
    Claim {
        tab: tab.into(),
        until_ms,
        length_ms: LENGTH_MS,
    }
}

fn begin(record: Record, purpose: Purpose, tab: &str, wall_ms: u64) -> Option<Record> {
    record.begin(purpose, claim(tab, wall_ms.saturating_add(10_000)), wall_ms)
}

fn sending(record: Record) -> Record {
    begin(record, Purpose::Send, "one", 100).unwrap()
}

fn conclude(record: Record, conclusion: Conclusion) -> Option<Record> {
    let attempt = record.attempt();
    record.conclude("one", attempt, conclusion, 700, 200)
}

fn cause() -> Cause {
    Cause {
        reason: OpenReason::ServerError,
        detail: Detail::Said(None),
    }
}

fn charged() -> Conclusion {
    Conclusion::Settled(Verdict::Charged(Receipt {
        charge_id: "c1".into(),
        charged_at: String::new(),
        balance: Points::ZERO,
        version: 2,
        held: None,
        replayed: false,
    }))
}

fn declined() -> Conclusion {
    Conclusion::Settled(Verdict::Declined(Decline {
        reason: DeclineReason::Rejected,
        balance: None,
        detail: Detail::Said(None),
    }))
}

fn failure() -> Failure {
    Failure {
        reason: FailureReason::Forbidden,
        retryable: false,
        detail: Detail::Said(None),
    }
}

fn failed() -> Conclusion {
    Conclusion::Settled(Verdict::Failed(failure()))
}

fn park() -> Conclusion {
    Conclusion::Park(ParkReason::KeyExpired, Detail::Said(None))
}

fn unanswered() -> Conclusion {
    Conclusion::Lost(cause(), 4_800)
}

fn in_state(conclusion: Conclusion) -> Record {
    conclude(sending(open()), conclusion).unwrap()
}

fn waiting(record: &Record) -> &Waiting {
    match record.state() {
        State::Waiting(waiting) => waiting,
        other @ (State::Attempting(_) | State::Parked(_) | State::Settled(_)) => {
            panic!("{other:?}")
        }
    }
}

#[test]
fn new_record_is_open_and_unattempted() {
    let record = open();
    assert!(record.is_open() && record.is_held() && !record.is_retryable());
    assert_eq!(
        (record.attempts(), record.spent(), record.revision()),
        (0, 0, 1)
    );
    assert!(!waiting(&record).in_doubt());
}

#[test]
fn begin_numbers_and_claims_the_attempt() {
    let record = sending(open());
    assert_eq!(
        (record.attempts(), record.spent(), record.revision()),
        (1, 1, 2)
    );
    let State::Attempting(attempting) = record.state() else {
        panic!()
    };
    assert_eq!(
        (attempting.number(), attempting.claim().tab.as_str()),
        (1, "one")
    );
    let look_up = begin(open(), Purpose::LookUp, "one", 100).unwrap();
    assert_eq!((look_up.attempts(), look_up.spent()), (0, 0));
}

#[test]
fn claim_excludes_other_tabs_until_it_ends() {
    let record = sending(open());
    assert_eq!(begin(record.clone(), Purpose::Send, "two", 10_099), None);
    let taken_over = begin(record.clone(), Purpose::Send, "two", 10_100).unwrap();
    let State::Attempting(attempting) = taken_over.state() else {
        panic!()
    };
    // The first tab's request may have reached the server.
    assert!(attempting.before().in_doubt());
    assert_eq!(taken_over.attempts(), 2);
    // Its own claim does not keep it away.
    assert!(begin(record.clone(), Purpose::Send, "one", 200).is_some());
    // A claim from before the clock was set back does not hold either.
    let back_ms = 10_100 - LENGTH_MS - 1;
    assert!(begin(record, Purpose::Send, "two", back_ms).is_some());
}

#[test]
fn abandoned_look_up_leaves_no_doubt() {
    let looking = begin(open(), Purpose::LookUp, "one", 100).unwrap();
    let again = begin(looking, Purpose::Send, "two", 20_000).unwrap();
    let State::Attempting(attempting) = again.state() else {
        panic!()
    };
    assert!(!attempting.before().in_doubt());
}

#[test]
fn each_conclusion_of_a_sending_leads_to_its_state() {
    let turned_away = in_state(Conclusion::TurnedAway(cause()));
    assert!(!waiting(&turned_away).in_doubt());
    assert_eq!(waiting(&turned_away).next_attempt_at_ms(), 900);
    let lost = in_state(unanswered());
    assert!(waiting(&lost).in_doubt());
    let not_sent = in_state(Conclusion::NotSent(cause()));
    assert_eq!((not_sent.attempts(), not_sent.spent()), (0, 0));
    assert!(!waiting(&not_sent).in_doubt());
    assert!(matches!(in_state(park()).state(), State::Parked(_)));
    assert!(in_state(park()).is_held() && !in_state(park()).is_open());
    for conclusion in [charged(), declined(), failed()] {
        assert!(!in_state(conclusion).is_held());
    }
}

#[test]
fn doubt_lasts_until_a_look_up_is_answered() {
    let lost = in_state(unanswered());
    let busy = conclude(sending(lost), Conclusion::TurnedAway(cause())).unwrap();
    assert!(waiting(&busy).in_doubt());
    let looking = begin(busy, Purpose::LookUp, "one", 300).unwrap();
    let mute = conclude(looking, Conclusion::TurnedAway(cause())).unwrap();
    assert!(waiting(&mute).in_doubt());
    assert_eq!(waiting(&mute).look_ups(), 1);
    let looking = begin(mute, Purpose::LookUp, "one", 300).unwrap();
    let cleared = conclude(looking, Conclusion::NeverCharged).unwrap();
    assert!(!waiting(&cleared).in_doubt() && waiting(&cleared).cleared());
    assert_eq!(waiting(&cleared).look_ups(), 0);
    let lost = conclude(sending(cleared), unanswered()).unwrap();
    assert!(!waiting(&lost).cleared() && waiting(&lost).in_doubt());
}

#[test]
fn only_the_attempting_tab_can_conclude() {
    for conclusion in [
        declined(),
        failed(),
        park(),
        unanswered(),
        Conclusion::NeverCharged,
    ] {
        let record = sending(open());
        let attempt = record.attempt();
        assert_eq!(
            record.conclude("two", attempt, conclusion.clone(), 0, 0),
            None
        );
        for idle in [
            open(),
            in_state(unanswered()),
            in_state(park()),
            in_state(declined()),
        ] {
            assert_eq!(conclude(idle, conclusion.clone()), None);
        }
    }
}

#[test]
fn conclusion_of_an_earlier_attempt_is_ignored() {
    let first = sending(open());
    let of_the_first = first.attempt();
    let second = begin(first, Purpose::Send, "one", 300).unwrap();
    for conclusion in [declined(), failed(), park(), unanswered()] {
        let late = second
            .clone()
            .conclude("one", of_the_first, conclusion, 0, 400);
        assert_eq!(late, None);
    }
    assert!(conclude(second, declined()).is_some());
}

#[test]
fn receipt_is_believed_from_any_tab_in_any_state() {
    for record in [
        open(),
        sending(open()),
        in_state(unanswered()),
        in_state(park()),
        in_state(failed()),
    ] {
        let attempt = record.attempt();
        let concluded = record.conclude("two", attempt, charged(), 0, 0).unwrap();
        assert!(matches!(
            concluded.state(),
            State::Settled(Verdict::Charged(_))
        ));
    }
}

#[test]
fn charged_record_stays_charged() {
    let record = in_state(charged());
    assert_eq!(begin(record.clone(), Purpose::Send, "one", 300), None);
    assert_eq!(begin(record.clone(), Purpose::LookUp, "one", 300), None);
    assert_eq!(record.clone().reopen(300), None);
    assert_eq!(record.clone().cancel(300), None);
    assert_eq!(record.clone().refuse(failure(), 300), None);
    for conclusion in [charged(), declined(), failed(), park(), unanswered()] {
        assert_eq!(conclude(record.clone(), conclusion), None);
    }
}

#[test]
fn refuse_applies_only_to_declined_or_failed_charges() {
    assert!(in_state(declined()).refuse(failure(), 300).is_some());
    assert!(in_state(failed()).refuse(failure(), 300).is_some());
    for record in [
        open(),
        sending(open()),
        in_state(park()),
        in_state(unanswered()),
    ] {
        assert_eq!(record.refuse(failure(), 300), None);
    }
}

#[test]
fn revision_grows_with_every_change() {
    let mut last = 0;
    let mut record = open();
    for _ in 0..3 {
        assert!(record.revision() > last);
        last = record.revision();
        record = conclude(sending(record), unanswered()).unwrap();
    }
}

#[test]
fn claim_holds_until_its_end_but_not_from_the_far_future() {
    let claim = claim("one", 100_000);
    assert!(claim.holds_at(99_999));
    assert!(!claim.holds_at(100_000));
    assert!(claim.holds_at(100_000 - LENGTH_MS));
    assert!(!claim.holds_at(100_000 - LENGTH_MS - 1));
}

#[test]
fn never_charged_answer_does_not_outlast_a_sending() {
    let cleared = in_state(Conclusion::NeverCharged);
    let stays = |record: &Record| match record.state() {
        State::Attempting(attempting) => attempting.stays_cleared(),
        State::Waiting(_) | State::Parked(_) | State::Settled(_) => panic!(),
    };
    assert!(!stays(&sending(cleared.clone())));
    assert!(stays(&begin(cleared, Purpose::LookUp, "one", 300).unwrap()));
}

/// Tabs whose clock was set back just count on, and may reach the same place in the order.
#[test]
fn charge_taken_on_anew_is_not_an_earlier_state_of_the_lost_one() {
    let known = sending(open());
    let anew = |created_at_ms: u64| {
        let mut charge = open().charge().clone();
        charge.created_at_ms = created_at_ms;
        Record::open(charge, known.sequence())
    };
    assert!(anew(0).is_older_than(&known));
    assert!(!anew(1).is_older_than(&known));
}

#[test]
fn only_the_claim_of_the_dead_tab_is_released() {
    let claimed = sending(open());
    for living in [None, Some("two")] {
        assert_eq!(claimed.clone().released_by(living), claimed);
    }
    let released = claimed.released_by(Some("one"));
    assert_eq!(released.claim(), None);
    // Its request may have reached the server.
    assert!(waiting(&released).in_doubt());
    assert_eq!(open().released_by(Some("one")), open());
}

#[test]
fn rejection_is_provisional_while_an_earlier_sending_is_in_doubt() {
    let adopted = || open().adopted();
    for doubtful in [in_state(unanswered()), adopted()] {
        for verdict in [declined(), failed()] {
            let record = conclude(sending(doubtful.clone()), verdict).unwrap();
            assert!(record.is_open() && record.has_provisional_verdict());
            assert!(waiting(&record).in_doubt());
        }
    }
    // The server never charged it, so there is no earlier sending.
    let looking = begin(adopted(), Purpose::LookUp, "one", 100).unwrap();
    let cleared = conclude(looking, Conclusion::NeverCharged).unwrap();
    for verdict in [declined(), failed()] {
        let record = conclude(sending(cleared.clone()), verdict).unwrap();
        assert!(!record.is_held() && !record.has_provisional_verdict());
    }
}

#[test]
fn only_a_failed_charge_tells_of_its_failure() {
    assert_eq!(in_state(failed()).failure(), Some(&failure()));
    let others = [open(), sending(open()), in_state(park())];
    let settled = [in_state(charged()), in_state(declined())];
    for other in others.into_iter().chain(settled) {
        assert_eq!(other.failure(), None);
    }
}
