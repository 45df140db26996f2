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
    let ends_ms = gate.opens_at(Way::Sending).unwrap();
    assert!((5_000..=7_500).contains(&ends_ms), "{ends_ms}");
    assert_eq!(gate.wakes_at(at(0)), Some(ends_ms));
    assert_eq!(gate.closed_for(at(ends_ms - 1)), Some(OpenReason::Busy));
    assert_eq!(gate.closed_for(at(ends_ms)), None);
}

#[test]
fn clients_that_were_asked_for_the_same_wait_come_back_spread() {
    for (asked_ms, most_ms) in [(2_000, 3_000), (600_000, 660_000)] {
        let ends: Vec<u64> = (0..500)
            .map(|seed| {
                let mut gate = Gate::new(true);
                let asked = Some(RetryAfter {
                    wait_ms: asked_ms,
                    certain: true,
                });
                gate.busy(asked, at(0), &BACKOFF, &mut Jitter::new(seed));
                gate.opens_at(Way::Sending).unwrap()
            })
            .collect();
        let (least, most) = (ends.iter().min().unwrap(), ends.iter().max().unwrap());
        let slack_ms = (most_ms - asked_ms) / 20;
        assert!((asked_ms..=asked_ms + slack_ms).contains(least), "{least}");
        assert!((most_ms - slack_ms..=most_ms).contains(most), "{most}");
    }
}

#[test]
fn servers_hold_is_never_shortened_and_at_most_a_day() {
    let mut gate = Gate::new(true);
    busy(&mut gate, Some(5_000), 0);
    busy(&mut gate, Some(1_000), 0);
    gate.answered(Way::Sending, at(10));
    let opens_at_ms = gate.opens_at(Way::Sending).unwrap();
    assert!(opens_at_ms >= 5_000, "{opens_at_ms}");
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
    for (wait_ms, least_ms, most_ms) in [
        (0, 1_000, 1_000),
        (7_000, 7_000, 10_500),
        (50_000, 50_000, 60_000),
        (86_400_000, 60_000, 60_000),
    ] {
        let mut gate = Gate::new(true);
        let asked = Some(RetryAfter {
            wait_ms,
            certain: false,
        });
        gate.busy(asked, at(0), &BACKOFF, &mut Jitter::new(1));
        let held_ms = gate.opens_at(Way::Sending).unwrap();
        assert!((least_ms..=most_ms).contains(&held_ms), "{wait_ms}");
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

/// Reports a loss of a request about a charge that was lost before while the server was alive.
fn suspect_lost(gate: &mut Gate, mono_ms: u64) {
    gate.suspect_lost(at(mono_ms), &BACKOFF, &mut Jitter::new(1));
}

#[test]
fn open_gate_wakes_nobody() {
    let mut gate = Gate::new(true);
    assert_eq!(gate.wakes_at(at(0)), None);
    busy(&mut gate, Some(5_000), 0);
    let ends_ms = gate.opens_at(Way::Sending).unwrap();
    assert_eq!(gate.wakes_at(at(ends_ms - 1)), Some(ends_ms));
    assert_eq!(gate.wakes_at(at(ends_ms)), None, "the hold is over");
    // One request may leave at once after a backoff, and only its end tells more.
    rejected(&mut gate, ends_ms);
    told(&mut gate, Sign::Certain, ends_ms);
    let opens_at_ms = gate.opens_at(Way::Sending).unwrap();
    assert_eq!(gate.wakes_at(at(opens_at_ms)), None);
}

#[test]
fn token_is_rejected_on_one_way_until_accepted_on_it() {
    let mut gate = Gate::new(true);
    assert!(!gate.is_rejected(Way::Sending));
    rejected(&mut gate, 0);
    assert!(gate.is_rejected(Way::Sending) && !gate.is_rejected(Way::LookUp));
    told(&mut gate, Sign::Certain, 10);
    gate.answered(Way::LookUp, at(20));
    assert!(
        gate.is_rejected(Way::Sending),
        "a balance says nothing of charges"
    );
    gate.answered(Way::Sending, at(30));
    assert!(!gate.is_rejected(Way::Sending));
    // A loss is no rejection.
    lost(&mut gate, BY, 40);
    assert!(gate.is_in_trouble(Way::Sending) && !gate.is_rejected(Way::Sending));
}

#[test]
fn server_is_known_to_have_lived_since_its_last_certain_answer() {
    let mut gate = Gate::new(true);
    assert!(!gate.has_lived_since(0));
    for sign in [Sign::Possible, Sign::Cached] {
        told(&mut gate, sign, 5);
        assert!(!gate.has_lived_since(0), "{sign:?}");
    }
    told(&mut gate, Sign::Certain, 10);
    assert!(gate.has_lived_since(10) && !gate.has_lived_since(11));
    gate.answered_with_error(Way::Sending, at(20));
    assert!(gate.has_lived_since(20) && !gate.has_lived_since(21));
}

#[test]
fn way_in_trouble_waits_for_the_check_of_the_server() {
    let mut gate = Gate::new(true);
    let by = Asked::By(Way::LookUp);
    lost(&mut gate, by, 0);
    told(&mut gate, Sign::Certain, 10);
    lost(&mut gate, by, 20);
    // Long after the backoff, but nothing is known of the server yet.
    let waits = Some(OpenReason::Unreachable);
    assert_eq!(gate.closed_to(Way::LookUp, at(100_000)), waits);
    gate.probe_left();
    assert_eq!(gate.closed_to(Way::LookUp, at(100_000)), waits);
    // The other way is not in trouble; and whether a token is accepted, no check can tell.
    assert_eq!(gate.closed_to(Way::Sending, at(100_000)), None);
    rejected(&mut gate, 20);
    gate.answered(Way::LookUp, at(30));
    gate.doubt(Way::LookUp, at(40), &BACKOFF, &mut Jitter::new(1));
    gate.probe_left();
    assert_eq!(gate.closed_to(Way::Sending, at(100_000)), None);
    told(&mut gate, Sign::Certain, 100_000);
    assert_eq!(gate.closed_to(Way::LookUp, at(100_000)), None);
}

#[test]
fn suspect_charges_wait_for_a_check_and_a_backoff() {
    let mut gate = Gate::new(true);
    assert!(!gate.holds_suspects(at(0)));
    suspect_lost(&mut gate, 0);
    assert!(gate.probe_is_due(at(0)));
    for mono_ms in [0, BACKOFF.max_ms] {
        assert!(gate.holds_suspects(at(mono_ms)), "the check is due");
    }
    gate.probe_left();
    assert!(gate.holds_suspects(at(BACKOFF.max_ms)), "it is under way");
    told(&mut gate, Sign::Certain, 0);
    assert!(gate.holds_suspects(at(0)), "they are backed off");
    assert!(!gate.holds_suspects(at(BACKOFF.max_ms)));
    // All others go on meanwhile.
    assert_eq!(gate.closed_for(at(0)), None);
    gate.suspect_answered();
    assert!(!gate.holds_suspects(at(0)));
}

#[test]
fn one_probe_passes_a_hold_when_the_user_insists() {
    let mut gate = Gate::new(true);
    lost(&mut gate, Asked::Probe, 0);
    busy(&mut gate, Some(5_000), 0);
    lost(&mut gate, Asked::Probe, 0);
    assert!(!gate.probes_past_hold());
    gate.hurry_past_hold(at(0));
    assert!(gate.probes_past_hold());
    gate.browser_says(false, at(0));
    assert!(!gate.probes_past_hold());
    gate.browser_says(true, at(0));
    gate.probe_left();
    assert!(!gate.probes_past_hold());
}

#[test]
fn opening_time_is_unknown_while_only_a_probe_or_the_browser_can_tell() {
    assert_eq!(Gate::new(false).opens_at(Way::Sending), None);
    let mut gate = Gate::new(true);
    assert_eq!(gate.opens_at(Way::Sending), Some(0));
    lost(&mut gate, Asked::Probe, 10);
    assert_eq!(gate.opens_at(Way::Sending), None);
    told(&mut gate, Sign::Possible, 20);
    assert_eq!(gate.opens_at(Way::Sending), Some(0), "one may try");
    let mut gate = Gate::new(true);
    rejected(&mut gate, 0);
    assert_eq!(gate.opens_at(Way::Sending), None);
    assert_eq!(gate.opens_at(Way::LookUp), Some(0));
    gate.browser_says(false, at(0));
    assert_eq!(gate.opens_at(Way::LookUp), None);
}

#[test]
fn first_loss_after_a_token_rejection_closes_the_gate() {
    let mut gate = Gate::new(true);
    rejected(&mut gate, 0);
    told(&mut gate, Sign::Certain, 10);
    lost(&mut gate, BY, 20);
    assert_eq!(gate.network(), Network::Unreachable);
    assert!(!gate.is_rejected(Way::Sending));
}

#[test]
fn foreign_answer_ends_a_trial_but_delays_no_probe() {
    for way in [Way::Sending, Way::LookUp] {
        let mut gate = Gate::new(true);
        lost(&mut gate, Asked::Probe, 0);
        let probe_at_ms = gate.probe_at();
        // It left before the outage was known.
        gate.doubt(way, at(100_000), &BACKOFF, &mut Jitter::new(1));
        assert_eq!(gate.probe_at(), probe_at_ms);
        told(&mut gate, Sign::Possible, 100_000);
        assert!(gate.is_trial_of_life());
        gate.doubt(way, at(200_000), &BACKOFF, &mut Jitter::new(1));
        assert!(!gate.is_trial_of_life());
        assert_eq!(gate.network(), Network::Unreachable);
        assert_eq!(
            gate.closed_to(way, at(200_000)),
            Some(OpenReason::Unreachable)
        );
        assert!(gate.probe_at().unwrap() > 200_000);
    }
}

#[test]
fn gate_without_a_token_stays_closed_until_a_probe_is_accepted() {
    for sign in [Sign::Certain, Sign::Possible] {
        let mut gate = Gate::new(true);
        gate.no_token(at(0), &BACKOFF, &mut Jitter::new(1));
        let closed = Some(OpenReason::Unauthorized);
        let jitter = &mut Jitter::new(1);
        gate.probe_answered(sign, false, true, at(10), &BACKOFF, jitter);
        assert_eq!(gate.closed_for(at(10)), closed, "{sign:?}");
        told(&mut gate, Sign::Cached, 20);
        assert_eq!(gate.closed_for(at(20)), closed, "{sign:?}");
        told(&mut gate, sign, 30);
        assert_eq!(gate.closed_for(at(30)), None, "{sign:?}");
    }
}

#[test]
fn lost_look_up_closes_the_gate_after_an_outage_of_another_cause() {
    let look_up = Asked::By(Way::LookUp);
    for by in [BY, Asked::Probe] {
        let mut gate = Gate::new(true);
        lost(&mut gate, by, 0);
        told(&mut gate, Sign::Certain, 10);
        gate.answered(Way::Sending, at(20));
        assert_eq!(gate.network(), Network::Online);
        lost(&mut gate, look_up, 30);
        assert_eq!(gate.network(), Network::Unreachable, "{by:?}");
    }
}

#[test]
fn sleep_counts_as_waiting() {
    let mut gate = Gate::new(true);
    rejected(&mut gate, 10_000);
    told(&mut gate, Sign::Certain, 10_000);
    for _ in 0..9 {
        rejected(&mut gate, 10_000);
    }
    let opens_at_ms = gate.opens_at(Way::Sending).unwrap();
    assert!(opens_at_ms > 11_000, "{opens_at_ms}");
    gate.slept(1_000);
    assert_eq!(gate.opens_at(Way::Sending), Some(opens_at_ms - 1_000));
    busy(&mut gate, Some(80_000), 10_000);
    let opens_at_ms = gate.opens_at(Way::Sending).unwrap();
    assert!(opens_at_ms >= 90_000, "{opens_at_ms}");
    gate.slept(1_000);
    assert_eq!(gate.opens_at(Way::Sending), Some(opens_at_ms - 1_000));
}
