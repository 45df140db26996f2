//! The gate in isolation.

use super::*;
use crate::core::backoff::{Backoff, Jitter};
use crate::core::protocol::RetryAfter;
use crate::core::server_clock::Sign;

const BACKOFF: Backoff = Backoff {
    base_ms: 1_000,
    max_ms: 60_000,
};

const BY: Asked = Asked::By(Way::Sending);

fn at(mono_ms: u64) -> Now {
    Now {
        mono_ms,
        wall_ms: 0,
    }
}

fn lost(gate: &mut Gate, by: Asked, mono_ms: u64) {
    gate.lost(by, at(mono_ms), &BACKOFF, &mut Jitter::new(1));
}

fn busy(gate: &mut Gate, retry_after_ms: Option<u64>, mono_ms: u64) {
    let asked = retry_after_ms.map(|wait_ms| RetryAfter {
        wait_ms,
        certain: true,
    });
    gate.busy(asked, at(mono_ms), &BACKOFF, &mut Jitter::new(1));
    gate.answered_with_error(Way::Sending, at(mono_ms));
}

#[test]
fn offline_browser_closes_the_gate_for_everything() {
    let mut gate = Gate::new(false);
    assert_eq!(gate.network(), Network::Offline);
    assert_eq!(gate.closed_for(at(0)), Some(OpenReason::Offline));
    assert!(!gate.lets_probes_through(at(0)) && !gate.probe_is_due(at(0)));
    assert_eq!(gate.wakes_at(at(0)), None);
    gate.browser_says(true, at(0));
    assert_eq!(gate.closed_for(at(0)), None);
}

#[test]
fn lost_request_closes_the_gate_for_all_but_probes() {
    let mut gate = Gate::new(true);
    lost(&mut gate, BY, 10);
    assert_eq!(gate.closed_for(at(10)), Some(OpenReason::Unreachable));
    assert!(gate.lets_probes_through(at(10)));
    let probe_at_ms = gate.probe_at().unwrap();
    assert!((10..=1_010).contains(&probe_at_ms));
    assert!(gate.probe_is_due(at(probe_at_ms)));
    gate.answered(Way::Sending, at(10));
    assert_eq!(gate.closed_for(at(10)), None);
    assert_eq!(gate.probe_at(), None);
}

#[test]
fn probes_back_off_and_old_requests_do_not_count() {
    let mut gate = Gate::new(true);
    lost(&mut gate, BY, 0);
    let first = gate.probe_at();
    lost(&mut gate, BY, 5_000);
    assert_eq!(gate.probe_at(), first);
    let mut latest_ms = 0;
    for _ in 0..200 {
        lost(&mut gate, Asked::Probe, 0);
        let probe_at_ms = gate.probe_at().unwrap();
        assert!(probe_at_ms <= 60_000);
        latest_ms = latest_ms.max(probe_at_ms);
    }
    gate.hurry(at(7));
    assert!(gate.probe_is_due(at(7)));
}

#[test]
fn servers_hold_blocks_probes_too() {
    let mut gate = Gate::new(true);
    lost(&mut gate, BY, 0);
    busy(&mut gate, Some(5_000), 0);
    gate.hurry(at(0));
    assert!(!gate.lets_probes_through(at(4_999)));
    assert_eq!(gate.closed_for(at(4_999)), Some(OpenReason::Busy));
    assert_eq!(gate.wakes_at(at(0)), Some(5_000));
    assert_eq!(gate.opens_at(Way::Sending), Some(5_000));
    assert_eq!(gate.closed_for(at(5_000)), None);
}

#[test]
fn servers_hold_is_never_shortened_and_at_most_a_day() {
    let mut gate = Gate::new(true);
    busy(&mut gate, Some(5_000), 0);
    busy(&mut gate, Some(1_000), 0);
    gate.answered(Way::Sending, at(10));
    assert_eq!(gate.opens_at(Way::Sending), Some(5_000));
    busy(&mut gate, Some(u64::MAX), 0);
    assert_eq!(gate.opens_at(Way::Sending), Some(LONGEST_HOLD_MS));
}

/// Answers a probe while charges are open.
fn told(gate: &mut Gate, sign: Sign, mono_ms: u64) {
    let jitter = &mut Jitter::new(1);
    gate.probe_ended();
    gate.probe_answered(sign, true, true, at(mono_ms), &BACKOFF, jitter);
}

fn rejected(gate: &mut Gate, mono_ms: u64) {
    gate.token_rejected(Way::Sending, at(mono_ms), &BACKOFF, &mut Jitter::new(1));
}

#[test]
fn rejected_token_is_not_an_outage() {
    let mut gate = Gate::new(true);
    rejected(&mut gate, 0);
    assert_eq!(gate.closed_for(at(0)), Some(OpenReason::Unauthorized));
    assert_eq!(gate.closed_to(Way::LookUp, at(0)), None);
    assert_eq!(gate.network(), Network::Online);
    assert!(!gate.is_out_of_reach());
    assert!(gate.probe_at().is_some());
}

#[test]
fn balance_answer_does_not_end_a_token_rejection_but_one_charge_may_try() {
    let mut gate = Gate::new(true);
    rejected(&mut gate, 0);
    let probe_at_ms = gate.probe_at().unwrap();
    gate.probe_left();
    told(&mut gate, Sign::Certain, probe_at_ms);
    assert_eq!(gate.closed_for(at(probe_at_ms)), None);
    assert!(gate.is_on_trial(Way::Sending));
    // From now on a probe can't tell more.
    rejected(&mut gate, probe_at_ms);
    assert_eq!(gate.probe_at(), None);
    let opens_at_ms = gate.opens_at(Way::Sending).unwrap();
    assert_eq!(gate.closed_for(at(opens_at_ms)), None);
    assert_eq!(gate.wakes_at(at(probe_at_ms)), Some(opens_at_ms));
    gate.answered(Way::Sending, at(opens_at_ms));
    assert!(!gate.is_on_trial(Way::Sending));
}

#[test]
fn rejected_probe_of_a_token_rejection_backs_off() {
    let mut gate = Gate::new(true);
    rejected(&mut gate, 0);
    let jitter = &mut Jitter::new(1);
    let mut latest_ms = 0;
    for _ in 0..30 {
        gate.probe_answered(Sign::Possible, false, true, at(0), &BACKOFF, jitter);
        latest_ms = latest_ms.max(gate.probe_at().unwrap());
    }
    assert!((10_000..=60_000).contains(&latest_ms), "{latest_ms}");
    assert_eq!(gate.closed_for(at(60_001)), Some(OpenReason::Unauthorized));
}

#[test]
fn lost_look_ups_close_the_gate_once_while_probes_are_answered() {
    let mut gate = Gate::new(true);
    let by = Asked::By(Way::LookUp);
    lost(&mut gate, by, 0);
    assert_eq!(gate.network(), Network::Unreachable);
    told(&mut gate, Sign::Certain, 10);
    assert_eq!(
        (gate.network(), gate.closed_for(at(10))),
        (Network::Online, None)
    );
    for _ in 0..20 {
        lost(&mut gate, by, 20);
        assert_eq!(
            (gate.network(), gate.closed_for(at(20))),
            (Network::Online, None)
        );
        assert!(gate.probe_is_due(at(20)), "the server may be gone as well");
        gate.probe_left();
        assert!(!gate.probe_is_due(at(20)));
    }
    told(&mut gate, Sign::Certain, 30);
    let waits = gate.closed_to(Way::LookUp, at(30));
    assert_eq!(waits, Some(OpenReason::Unreachable));
    let opens_at_ms = gate.opens_at(Way::LookUp).unwrap();
    assert_eq!(gate.closed_to(Way::LookUp, at(opens_at_ms)), None);
    gate.answered(Way::LookUp, at(90_000));
    assert!(!gate.is_in_trouble(Way::LookUp));
    // The next loss, perhaps of another charge, does not close it either: a probe decides.
    lost(&mut gate, by, 90_001);
    assert_eq!(gate.network(), Network::Online);
    assert!(gate.probe_is_due(at(90_001)));
    lost(&mut gate, Asked::Probe, 90_002);
    assert_eq!(gate.network(), Network::Unreachable);
    told(&mut gate, Sign::Certain, 90_003);
    gate.answered(Way::LookUp, at(90_003));
    lost(&mut gate, by, 800_000);
    assert_eq!(gate.network(), Network::Unreachable);
}

#[test]
fn possibly_cached_balance_lets_one_request_test_the_outage() {
    for sign in [Sign::Possible, Sign::Cached] {
        let mut gate = Gate::new(true);
        lost(&mut gate, BY, 0);
        told(&mut gate, sign, 10);
        assert_eq!(gate.network(), Network::Unreachable);
        assert!(gate.is_trial_of_life());
        assert_eq!(gate.closed_for(at(10)), None);
        lost(&mut gate, BY, 20);
        assert_eq!(gate.closed_for(at(20)), Some(OpenReason::Unreachable));
        let probe_at_ms = gate.probe_at().unwrap();
        assert!(probe_at_ms > 20);
        told(&mut gate, sign, probe_at_ms);
        gate.answered(Way::Sending, at(probe_at_ms));
        assert_eq!(gate.network(), Network::Online);
        assert!(!gate.is_trial_of_life());
    }
}

#[test]
fn undated_balance_ends_an_outage_without_open_charges_but_a_cached_one_does_not() {
    for (sign, network) in [
        (Sign::Certain, Network::Online),
        (Sign::Possible, Network::Online),
        (Sign::Cached, Network::Unreachable),
    ] {
        let mut gate = Gate::new(true);
        lost(&mut gate, Asked::Probe, 0);
        let jitter = &mut Jitter::new(1);
        gate.probe_answered(sign, true, false, at(10), &BACKOFF, jitter);
        assert_eq!(gate.network(), network, "{sign:?}");
        assert!(!gate.is_trial_of_life());
    }
}

#[test]
fn foreign_answer_stops_charges_until_a_probe_is_answered() {
    let mut gate = Gate::new(true);
    gate.doubt(Way::Sending, at(0), &BACKOFF, &mut Jitter::new(1));
    assert_eq!(gate.network(), Network::Online);
    assert_eq!(gate.closed_for(at(0)), Some(OpenReason::Unreachable));
    assert!(gate.probe_is_due(at(0)));
    told(&mut gate, Sign::Possible, 10);
    assert_eq!(gate.closed_for(at(10)), None);
    assert!(gate.is_on_trial(Way::Sending));
    gate.doubt(Way::Sending, at(20), &BACKOFF, &mut Jitter::new(1));
    lost(&mut gate, Asked::Probe, 30);
    assert_eq!(gate.network(), Network::Unreachable);
}

#[test]
fn foreign_hold_is_short_and_ends_with_the_servers_answer() {
    let mut gate = Gate::new(true);
    let day = Some(RetryAfter {
        wait_ms: 86_400_000,
        certain: true,
    });
    gate.held_by_another(day, at(0), &BACKOFF, &mut Jitter::new(1));
    assert_eq!(gate.closed_for(at(59_999)), Some(OpenReason::Busy));
    assert_eq!(gate.closed_for(at(60_000)), None);
    gate.answered(Way::Sending, at(5_000));
    assert_eq!(gate.closed_for(at(5_000)), None);
}

#[test]
fn hold_until_a_date_without_the_servers_clock_has_a_minimum_and_a_short_maximum() {
    for (wait_ms, held_ms) in [(0, 1_000), (7_000, 7_000), (86_400_000, 60_000)] {
        let mut gate = Gate::new(true);
        let asked = Some(RetryAfter {
            wait_ms,
            certain: false,
        });
        gate.busy(asked, at(0), &BACKOFF, &mut Jitter::new(1));
        assert_eq!(gate.opens_at(Way::Sending), Some(held_ms), "{wait_ms}");
    }
}

#[test]
fn insisting_user_passes_a_hold_and_a_rejection_but_not_an_outage() {
    let mut gate = Gate::new(true);
    busy(&mut gate, Some(86_400_000), 0);
    rejected(&mut gate, 0);
    assert!(gate.lets_pass());
    lost(&mut gate, Asked::Probe, 0);
    assert!(!gate.lets_pass() && !gate.lets_probes_through(at(0)));
    gate.hurry_past_hold(at(0));
    assert!(gate.probe_is_due(at(0)), "a probe goes at once");
    gate.probe_left();
    assert!(!gate.lets_probes_through(at(0)), "and no other");
    assert!(!Gate::new(false).lets_pass());
}

#[test]
fn an_account_that_is_rejected_in_turn_with_losses_is_backed_off() {
    let mut gate = Gate::new(true);
    let mut now = at(0);
    for turn in 0..40 {
        let mut jitter = Jitter::new(turn);
        match turn % 2 {
            0 => gate.lost(Asked::Probe, now, &BACKOFF, &mut jitter),
            _ => gate.account_rejected(false, now, &BACKOFF, &mut jitter),
        }
        now = at(gate.probe_at().unwrap());
    }
    // Each as the first would take 40 s at the most.
    assert!(now.mono_ms > 300_000, "40 probes in {} ms", now.mono_ms);
}

#[test]
fn a_lost_look_up_after_which_the_server_answers_closes_the_gate_once() {
    let (mut gate, mut jitter) = (Gate::new(true), Jitter::new(1));
    lost(&mut gate, Asked::By(Way::LookUp), 10);
    assert_eq!(gate.network(), Network::Unreachable);
    // Without a `Date` only a request that is let through tells.
    gate.probe_answered(Sign::Possible, true, true, at(2_000), &BACKOFF, &mut jitter);
    gate.answered(Way::LookUp, at(2_100));
    assert_eq!(gate.network(), Network::Online);
    lost(&mut gate, Asked::By(Way::LookUp), 3_000);
    assert_eq!(gate.network(), Network::Online);
    assert!(gate.probe_is_due(at(3_000)), "a probe is to tell");
}
