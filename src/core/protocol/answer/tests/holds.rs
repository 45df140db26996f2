//! The answers to holds and to their releases: `docs/holds.md`.

use super::*;

fn held(status: u16, key: &str, held: Option<u64>) -> Response {
    let body = json!({"idempotency_key": key, "task_id": "t1", "feature": "f", "amount": 5,
        "expires_in_s": 60, "balance": 95, "version": 7, "held": held});
    answer(status, "application/json", &body.to_string())
}

/// The meaning, abbreviated.
fn of(response: &Response) -> String {
    match HoldAnswer::of(response, &charge("t1"), Now::default()) {
        HoldAnswer::Held { expires_in_s, .. } => format!("held for {expires_in_s} s"),
        HoldAnswer::Declined(decline, _) => format!("declined {:?}", decline.reason),
        HoldAnswer::AlreadyCharged => "already charged".into(),
        HoldAnswer::Rejected => "rejected".into(),
        HoldAnswer::Setback(setback) => setback_in_words(&setback),
        HoldAnswer::Unknown => "unknown".into(),
    }
}

fn of_release(response: &Response) -> String {
    match ReleaseAnswer::of(response, Now::default()) {
        ReleaseAnswer::Released(reading) => format!("released, {:?} held", reading.held),
        ReleaseAnswer::Setback(setback) => setback_in_words(&setback),
        ReleaseAnswer::Unknown => "unknown".into(),
    }
}

#[test]
fn hold_answers_match_the_table() {
    for (status, kind, said) in [
        (402, "insufficient-balance", "declined InsufficientBalance"),
        (402, "no-contract", "rejected"),
        (409, "already-charged", "already charged"),
        (409, "idempotency-key-reused", "rejected"),
        (404, "not-found", "rejected"),
        (422, "invalid-request", "rejected"),
        (501, "not-implemented", "rejected"),
        // The server has given up waiting for the request.
        (408, "request-timeout", "unknown"),
        (500, "internal-error", "unknown"),
        (401, "unauthorized", "Unauthorized, nothing taken"),
        (429, "too-many-requests", "Busy, nothing taken"),
    ] {
        assert_eq!(of(&problem(status, kind)), said, "{status} {kind}");
    }
}

#[test]
fn hold_is_held_only_where_the_answer_is_about_it_and_counts_it() {
    for status in [200, 201] {
        assert_eq!(of(&held(status, "f:t1", Some(5))), "held for 60 s");
        assert_eq!(of(&held(status, "f:t2", Some(5))), "unknown");
        assert_eq!(of(&held(status, "f:t1", None)), "unknown");
        assert_eq!(of(&page(status)), "unknown");
    }
    assert_eq!(of(&page(402)), "unknown");
    assert_eq!(of(&page(409)), "unknown");
}

#[test]
fn release_is_released_only_where_the_answer_has_the_balance() {
    let body = json!({"balance": 95, "version": 7, "held": 0}).to_string();
    let json = "application/json";
    assert_eq!(
        of_release(&answer(200, json, &body)),
        "released, Some(Points(0)) held"
    );
    for response in [
        page(200),
        answer(200, json, "{}"),
        answer(204, json, &body),
        problem(404, "not-found"),
        problem(500, "internal-error"),
    ] {
        assert_eq!(of_release(&response), "unknown", "{response:?}");
    }
    let said = of_release(&problem(401, "unauthorized"));
    assert_eq!(said, "Unauthorized, nothing taken");
}
