//! Reopening a charge, cancelling it, and the waits that come first.

use super::*;

#[test]
fn uncharged_record_can_be_reopened() {
    for conclusion in [declined(), failed()] {
        let again = in_state(conclusion.clone()).ask_again(300).unwrap();
        assert!(!waiting(&again).in_doubt());
        assert_eq!((again.attempts(), again.spent()), (1, 0));
        // Only by its user.
        assert_eq!(in_state(conclusion).reopen(300), None);
    }
    let parked = in_state(park()).reopen(300).unwrap();
    assert!(waiting(&parked).in_doubt());
    let lost = in_state(unanswered()).reopen(300).unwrap();
    assert!(waiting(&lost).in_doubt());
    assert_eq!(waiting(&lost).next_attempt_at_ms(), 0);
    assert_eq!(waiting(&lost).next_attempt_in_ms(), 0);
    assert_eq!(sending(open()).reopen(300), None);
    assert_eq!(sending(open()).ask_again(300), None);
}

#[test]
fn retryable_failure_is_reopened_automatically_once() {
    let failed = || {
        Conclusion::Settled(Verdict::Failed(Failure {
            retryable: true,
            ..failure()
        }))
    };
    let again = in_state(failed()).reopen_once(300).unwrap();
    let again = conclude(sending(again), failed()).unwrap();
    assert!(again.is_retryable() && !again.may_be_reopened());
    assert_eq!(again.clone().reopen_once(300), None);
    // Its user may retry any number of times, which starts over.
    let asked = conclude(sending(again.ask_again(300).unwrap()), failed()).unwrap();
    assert!(asked.may_be_reopened());
    assert_eq!(in_state(park()).reopen_once(300), None);
    assert_eq!(in_state(declined()).reopen_once(300), None);
}

fn is_cancelled(record: &Record) -> bool {
    matches!(record.state(), State::Settled(Verdict::Failed(failure))
        if failure.reason == FailureReason::Cancelled)
}

#[test]
fn cancel_ends_a_certainly_untaken_charge_at_once() {
    let cancel = |record: Record| record.cancel(300);
    for untouched in [
        open(),
        in_state(Conclusion::NotSent(cause())),
        in_state(Conclusion::NeverCharged),
    ] {
        assert!(is_cancelled(&cancel(untouched).unwrap()));
    }
    assert_eq!(cancel(in_state(declined())), None);
}

#[test]
fn cancel_of_a_doubtful_charge_waits_for_certainty() {
    for record in [
        sending(open()),
        in_state(unanswered()),
        in_state(Conclusion::TurnedAway(cause())),
        in_state(park()),
    ] {
        let cancelled = record.cancel(300).unwrap();
        assert!(cancelled.is_open() && cancelled.is_cancelling());
        assert_eq!(cancelled.clone().cancel(300), None);
        // By the attempt under way, or by a look-up.
        let looking = match cancelled.state() {
            State::Attempting(_) => cancelled,
            State::Waiting(_) | State::Parked(_) | State::Settled(_) => {
                begin(cancelled, Purpose::LookUp, "one", 300).unwrap()
            }
        };
        assert!(looking.is_cancelling());
        let mute = conclude(looking.clone(), Conclusion::TurnedAway(cause())).unwrap();
        assert!(mute.is_open() && mute.is_cancelling());
        assert!(is_cancelled(
            &conclude(looking.clone(), Conclusion::NeverCharged).unwrap()
        ));
        let charged = conclude(looking, charged()).unwrap();
        assert!(charged.receipt().is_some());
    }
    // Its user's word outlasts a provisional verdict.
    let rejected = conclude(sending(in_state(unanswered())), declined()).unwrap();
    let cancelled = rejected.cancel(300).unwrap();
    let looking = begin(cancelled, Purpose::LookUp, "one", 300).unwrap();
    assert!(is_cancelled(
        &conclude(looking, Conclusion::NeverCharged).unwrap()
    ));
    // The request under way never left.
    let cancelled = sending(open()).cancel(300).unwrap();
    assert!(is_cancelled(
        &conclude(cancelled, Conclusion::NotSent(cause())).unwrap()
    ));
}

#[test]
fn cancelled_charge_stays_cancelled_until_its_user_asks_again() {
    let cancelled = in_state(unanswered()).cancel(300).unwrap();
    assert!(cancelled.clone().reopen(400).unwrap().is_cancelling());
    let looking = begin(cancelled.clone(), Purpose::LookUp, "one", 400).unwrap();
    let parked = conclude(looking, park()).unwrap();
    assert!(parked.reopen(500).unwrap().is_cancelling());
    let again = cancelled.ask_again(400).unwrap();
    assert!(!again.is_cancelling() && waiting(&again).in_doubt());
}

#[test]
fn unanswered_sending_may_arrive_for_the_given_time() {
    assert_eq!(open().may_arrive_until_ms(), 0);
    let lost = in_state(unanswered());
    assert_eq!(lost.may_arrive_until_ms(), 5_000);
    let again = conclude(sending(lost), Conclusion::Lost(cause(), 4_800)).unwrap();
    // A look-up and parking leave it unchanged.
    let looking = begin(again, Purpose::LookUp, "one", 300).unwrap();
    assert_eq!(looking.may_arrive_until_ms(), 5_000);
    let parked = conclude(looking, park()).unwrap();
    assert_eq!(parked.reopen(400).unwrap().may_arrive_until_ms(), 5_000);
    // Of a vanished claimant nothing better is known than its claim.
    let taken_over = begin(sending(open()), Purpose::Send, "two", 20_000).unwrap();
    assert_eq!(taken_over.may_arrive_until_ms(), 10_100);
}

#[test]
fn nothing_taken_is_not_certain_while_a_sending_may_still_arrive() {
    let early = conclude(sending(in_state(unanswered())), Conclusion::TooEarly(None)).unwrap();
    assert!(early.is_open() && waiting(&early).in_doubt());
    assert_eq!(waiting(&early).next_attempt_at_ms(), 900);
    for conclusion in [declined(), failed(), Conclusion::NeverCharged] {
        assert!(conclusion.says_untaken());
    }
    for conclusion in [charged(), unanswered(), park(), Conclusion::TooEarly(None)] {
        assert!(!conclusion.says_untaken());
    }
}

#[test]
fn held_conclusion_holds_the_queue_until_the_next_attempt() {
    let held = in_state(Conclusion::Held(cause()));
    assert!(waiting(&held).holds_queue() && !waiting(&held).in_doubt());
    assert!(!waiting(&in_state(Conclusion::TurnedAway(cause()))).holds_queue());
    let looking = begin(held.clone(), Purpose::LookUp, "one", 300).unwrap();
    let held_again = conclude(looking, Conclusion::Held(cause())).unwrap();
    assert!(waiting(&held_again).holds_queue());
    assert_eq!(waiting(&held_again).look_ups(), 0);
    let after = conclude(sending(held.clone()), unanswered()).unwrap();
    assert!(!waiting(&after).holds_queue());
    assert!(!waiting(&held.reopen(300).unwrap()).holds_queue());
}

#[test]
fn cancelled_charge_is_not_claimed_for_sending() {
    let cancelled = in_state(unanswered()).cancel(300).unwrap();
    assert_eq!(begin(cancelled.clone(), Purpose::Send, "one", 400), None);
    assert!(begin(cancelled, Purpose::LookUp, "one", 400).is_some());
}
