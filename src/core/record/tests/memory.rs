//! A record's memory across states: times, causes, counts, and its age.

use super::*;

fn looking_up(record: Record) -> Record {
    begin(record, Purpose::LookUp, "one", 100).unwrap()
}

/// A change at this time, without other effects.
fn changed_at(record: &Record, wall_ms: u64) -> Record {
    record.clone().reopen(wall_ms).unwrap()
}

#[test]
fn record_without_a_verdict_keeps_its_cause_and_next_attempt_time() {
    let later = || Cause {
        reason: OpenReason::Unreachable,
        detail: Detail::ConnectionFailed,
    };
    let begun = || [sending(open()), looking_up(in_state(unanswered()))];
    for conclusion in [
        Conclusion::TurnedAway(later()),
        Conclusion::Held(later()),
        Conclusion::Lost(later(), 4_800),
        Conclusion::NotSent(later()),
    ] {
        for begun in begun() {
            let attempt = begun.attempt();
            let conclusion = conclusion.clone();
            let record = begun.conclude("one", attempt, conclusion.clone(), 50, 5_000);
            let record = record.unwrap();
            assert_eq!(record.updated_at_ms(), 5_000);
            assert_eq!(waiting(&record).next_attempt_at_ms(), 5_050);
            assert_eq!(waiting(&record).next_attempt_in_ms(), 50);
            assert_eq!(waiting(&record).cause(), Some(&later()), "{conclusion:?}");
        }
    }
    for conclusion in [Conclusion::TooEarly(None), Conclusion::NeverCharged] {
        for begun in begun() {
            let attempt = begun.attempt();
            let record = begun.conclude("one", attempt, conclusion.clone(), 50, 5_000);
            let record = record.unwrap();
            assert_eq!(waiting(&record).next_attempt_at_ms(), 5_050);
            assert_eq!(waiting(&record).next_attempt_in_ms(), 50);
        }
    }
}

#[test]
fn unanswered_look_ups_are_counted_until_another_event() {
    let mut record = in_state(unanswered());
    for look_ups in 1..=3 {
        record = conclude(looking_up(record), Conclusion::TurnedAway(cause())).unwrap();
        assert_eq!(waiting(&record).look_ups(), look_ups);
    }
    let not_sent = conclude(looking_up(record.clone()), Conclusion::NotSent(cause())).unwrap();
    assert_eq!(waiting(&not_sent).look_ups(), 3);
    for again in [
        record.clone().reopen(300).unwrap(),
        conclude(looking_up(record.clone()), Conclusion::NeverCharged).unwrap(),
        conclude(sending(record.clone()), Conclusion::TurnedAway(cause())).unwrap(),
        conclude(sending(record), declined()).unwrap(),
    ] {
        assert_eq!(waiting(&again).look_ups(), 0);
    }
}

#[test]
fn never_charged_answer_holds_until_the_next_sending() {
    let cleared =
        || conclude(looking_up(in_state(unanswered())), Conclusion::NeverCharged).unwrap();
    assert!(waiting(&cleared()).cleared() && !waiting(&cleared()).in_doubt());
    for sent_again in [
        conclude(sending(cleared()), Conclusion::TurnedAway(cause())).unwrap(),
        conclude(sending(cleared()), unanswered()).unwrap(),
        conclude(sending(cleared()), Conclusion::TooEarly(None)).unwrap(),
    ] {
        assert!(!waiting(&sent_again).cleared());
    }
    let too_early = conclude(sending(cleared()), Conclusion::TooEarly(None)).unwrap();
    assert!(waiting(&too_early).in_doubt());
    // By a tab that vanished while sending it.
    let taken_over = begin(sending(cleared()), Purpose::LookUp, "two", 20_000).unwrap();
    let State::Attempting(attempting) = taken_over.state() else {
        panic!("{taken_over:?}")
    };
    assert!(!attempting.before().cleared() && attempting.before().in_doubt());
}

#[test]
fn parked_record_keeps_its_cause_and_possible_arrival_time() {
    let lost = in_state(unanswered());
    let park = Conclusion::Park(ParkReason::KeyExpired, Detail::NoAnswer);
    let record = conclude(looking_up(lost), park).unwrap();
    let State::Parked(parked) = record.state() else {
        panic!("{record:?}")
    };
    assert_eq!(
        (parked.reason(), parked.detail()),
        (ParkReason::KeyExpired, &Detail::NoAnswer)
    );
    assert_eq!(parked.may_arrive_until_ms(), 200 + 4_800);
    assert_eq!(parked.may_arrive_for_ms(), 4_800);
    assert_eq!(record.may_arrive_until_ms(), 200 + 4_800);
    assert_eq!(record.may_arrive_for_ms(), 4_800);
    let again = record.reopen(300).unwrap();
    assert_eq!(again.may_arrive_until_ms(), 200 + 4_800);
    assert_eq!(again.may_arrive_for_ms(), 4_800);
}

#[test]
fn age_is_known_until_the_clock_is_set_back() {
    let record = open();
    assert_eq!(record.age_ms(5_000), Some(5_000));
    let later = changed_at(&record, 50_000);
    assert_eq!(later.age_ms(60_000), Some(60_000));
    assert_eq!(later.age_ms(50_000 - CLOCK_SLACK_MS), Some(49_000));
    assert_eq!(later.age_ms(50_000 - CLOCK_SLACK_MS - 1), None);
    // Whatever the clock says after that, the age is unknown.
    let set_back = changed_at(&later, 10_000);
    assert_eq!(set_back.age_ms(60_000), None);
    assert_eq!(changed_at(&set_back, 70_000).age_ms(80_000), None);
}

#[test]
fn unknown_age_is_noted_once_while_there_is_no_verdict() {
    let known = sending(open());
    assert!(!known.is_ageless());
    let noted = known.clone().loses_age().unwrap();
    assert!(noted.is_ageless());
    assert_eq!(noted.age_ms(5_000), None);
    // A tab that has seen the earlier state learns of it.
    assert!(known.is_older_than(&noted));
    // The wait is counted from the last attempt.
    assert_eq!(noted.updated_at_ms(), known.updated_at_ms());
    assert_eq!(noted.loses_age(), None);
    for verdict in [charged(), declined(), failed()] {
        assert_eq!(in_state(verdict).loses_age(), None);
    }
}

#[test]
fn past_of_a_key_is_known_once_the_server_is_asked_and_does_not_know_it() {
    let unknown = || open().in_doubt(100, 4_800);
    assert!(unknown().has_unknown_past());
    for not_asked in [
        Conclusion::TurnedAway(cause()),
        Conclusion::Held(cause()),
        unanswered(),
        Conclusion::NotSent(cause()),
    ] {
        let record = conclude(looking_up(unknown()), not_asked.clone()).unwrap();
        assert!(record.has_unknown_past(), "{not_asked:?}");
    }
    for told in [Conclusion::NeverCharged, Conclusion::TooEarly(None)] {
        let record = conclude(looking_up(unknown()), told.clone()).unwrap();
        assert!(!record.has_unknown_past(), "{told:?}");
    }
    // The answer to a sending is not about the past.
    let record = conclude(sending(unknown()), Conclusion::TooEarly(None)).unwrap();
    assert!(record.has_unknown_past());
}

#[test]
fn requests_to_wait_and_look_ups_use_no_attempt_up() {
    let because = |reason| Cause {
        reason,
        detail: Detail::Said(None),
    };
    for (conclusion, spent) in [
        (Conclusion::TurnedAway(because(OpenReason::ServerError)), 1),
        (Conclusion::TurnedAway(because(OpenReason::Busy)), 0),
        (Conclusion::TurnedAway(because(OpenReason::Unauthorized)), 0),
        (Conclusion::BatchRejected(cause()), 0),
        (Conclusion::Held(cause()), 0),
        (Conclusion::LostOnTrial(cause(), 4_800), 0),
        (Conclusion::NotSent(cause()), 0),
        (unanswered(), 1),
    ] {
        assert_eq!(
            in_state(conclusion.clone()).spent(),
            spent,
            "{conclusion:?}"
        );
        let asked = conclude(looking_up(in_state(unanswered())), conclusion.clone()).unwrap();
        assert_eq!(asked.spent(), 1, "look-up: {conclusion:?}");
    }
}

#[test]
fn record_that_may_be_an_earlier_state_is_no_longer_cleared() {
    let cleared =
        || conclude(looking_up(in_state(unanswered())), Conclusion::NeverCharged).unwrap();
    assert!(!cleared().may_have_left_unseen());
    let doubted = cleared().doubted();
    assert!(doubted.may_have_left_unseen() && !waiting(&doubted).cleared());
    // All else stays.
    assert_eq!(
        doubted.may_arrive_until_ms(),
        cleared().may_arrive_until_ms()
    );
    assert_eq!(waiting(&doubted).cause(), waiting(&cleared()).cause());
    let cancelled = doubted.cancel(300).unwrap();
    assert!(cancelled.is_open(), "the server is asked again first");
    let looking = looking_up(cleared()).doubted();
    let State::Attempting(attempting) = looking.state() else {
        panic!("{looking:?}")
    };
    assert!(!attempting.stays_cleared());
    assert_eq!(looking.claim(), looking_up(cleared()).claim());
}
