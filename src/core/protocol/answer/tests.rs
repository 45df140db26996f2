//! The meaning of each answer: every row of the protocol, and answers of foreign origin.

mod batches;
mod foreign;
mod holds;
mod quoted;

use super::*;
use crate::core::charge::ChargeRequest;
use crate::core::points::Points;
use crate::core::protocol::{RetryAfter, SetbackKind};
use serde_json::json;

const PROBLEM: &str = "application/problem+json; charset=utf-8";

fn charge(task_id: &str) -> Charge {
    let request = ChargeRequest {
        task_id: task_id.into(),
        amount: 5.0,
        feature: "f".into(),
        ..ChargeRequest::default()
    };
    request.into_charge(0).unwrap()
}

fn answer(status: u16, content_type: &str, body: &str) -> Response {
    Response {
        status,
        content_type: Some(content_type.into()),
        body: body.into(),
        ..Response::default()
    }
}

fn problem(status: u16, kind: &str) -> Response {
    answer(status, PROBLEM, &json!({ "type": kind }).to_string())
}

fn page(status: u16) -> Response {
    answer(status, "text/html", "<html>")
}

fn receipt_body(key: &str, amount: u64) -> String {
    json!({"charge_id": "c1", "idempotency_key": key, "amount": amount,
        "charged_at": "2026-01-01T00:00:00Z", "balance": 95, "version": 7})
    .to_string()
}

/// The verdict or the setback, abbreviated.
fn meaning(answer: &ChargeAnswer) -> String {
    match answer {
        ChargeAnswer::Settled(Verdict::Charged(_), _) => "charged".into(),
        ChargeAnswer::Settled(Verdict::Declined(decline), _) => {
            format!("declined {:?}", decline.reason)
        }
        ChargeAnswer::Settled(Verdict::Failed(failure), _) => {
            assert!(!failure.retryable);
            format!("failed {:?}", failure.reason)
        }
        ChargeAnswer::Setback(setback) => setback_in_words(setback),
    }
}

fn setback_in_words(setback: &Setback) -> String {
    let taken = if setback.untaken {
        "nothing taken"
    } else {
        "unknown"
    };
    format!("{}, {taken}", kind_in_words(setback.kind))
}

fn kind_in_words(kind: SetbackKind) -> String {
    if let SetbackKind::Foreign(_) = kind {
        return "Foreign".into();
    }
    format!("{kind:?}")
}

fn of(response: &Response) -> String {
    meaning(&ChargeAnswer::of(response, &charge("t1"), Now::default()))
}

#[test]
fn charge_answers_match_the_protocols_table() {
    for (status, kind, said) in [
        (402, "insufficient-balance", "declined InsufficientBalance"),
        (
            402,
            "urn:problem:insufficient-balance",
            "declined InsufficientBalance",
        ),
        (
            402,
            "https://x.example/p/insufficient-balance",
            "declined InsufficientBalance",
        ),
        (402, "other", "failed InvalidRequest"),
        (400, "about:blank", "failed InvalidRequest"),
        (404, "about:blank", "failed InvalidRequest"),
        (413, "about:blank", "failed InvalidRequest"),
        (415, "about:blank", "failed InvalidRequest"),
        (418, "about:blank", "failed InvalidRequest"),
        (422, "about:blank", "failed InvalidRequest"),
        (422, "idempotency-key-reused", "failed Conflict"),
        (403, "about:blank", "failed Forbidden"),
        (401, "about:blank", "Unauthorized, nothing taken"),
        (409, "request-in-progress", "InProgress, unknown"),
        (409, "about:blank", "failed InvalidRequest"),
        (429, "about:blank", "Busy, nothing taken"),
        (503, "about:blank", "Busy, nothing taken"),
        (408, "about:blank", "GaveUp, unknown"),
        (500, "about:blank", "ServerError, unknown"),
        (501, "about:blank", "ServerError, unknown"),
        (502, "about:blank", "GaveUp, unknown"),
        (504, "about:blank", "GaveUp, unknown"),
        (403, "account-mismatch", "AnotherAccount, nothing taken"),
        (599, "about:blank", "ServerError, unknown"),
    ] {
        assert_eq!(of(&problem(status, kind)), said, "{status} {kind}");
    }
    for (status, declined) in [(402, "declined Rejected"), (403, "declined Rejected")] {
        let body = json!({"type": "frozen", "declined": true}).to_string();
        assert_eq!(of(&answer(status, PROBLEM, &body)), declined);
    }
}

#[test]
fn foreign_page_settles_no_charge() {
    for status in [
        0, 204, 302, 400, 402, 403, 404, 409, 413, 422, 500, 502, 504,
    ] {
        let page = answer(status, "text/html", "<html>");
        let meant = ChargeAnswer::of(&page, &charge("t1"), Now::default());
        let ChargeAnswer::Setback(setback) = meant else {
            panic!("{status}: {meant:?}")
        };
        assert!(
            !setback.untaken && !setback.own_word,
            "{status}: {setback:?}"
        );
    }
    // JSON, but no problem document.
    let json = answer(
        402,
        "application/json",
        r#"{"type":"insufficient-balance"}"#,
    );
    assert_eq!(of(&json), "ServerError, unknown");
    let broken = answer(402, PROBLEM, r#"{"type":"insufficient-bal"#);
    assert_eq!(of(&broken), "ServerError, unknown");
}

#[test]
fn receipt_that_names_the_charge_settles_it() {
    for status in [200, 201] {
        let own = answer(status, "application/json", &receipt_body("f:t1", 5));
        let ChargeAnswer::Settled(Verdict::Charged(receipt), Some(reading)) =
            ChargeAnswer::of(&own, &charge("t1"), Now::default())
        else {
            panic!("{status}")
        };
        assert_eq!((receipt.charge_id.as_str(), receipt.version), ("c1", 7));
        assert_eq!((reading.balance.get(), reading.version), (95, 7));
        assert!(!receipt.replayed);
    }
    let replayed = Response {
        replayed: true,
        ..answer(200, "application/json", &receipt_body("f:t1", 5))
    };
    let meant = ChargeAnswer::of(&replayed, &charge("t1"), Now::default());
    assert!(matches!(meant, ChargeAnswer::Settled(Verdict::Charged(r), _) if r.replayed));
}

#[test]
fn receipt_of_another_charge_settles_nothing() {
    for body in [
        receipt_body("f:t2", 5),
        receipt_body("f:t1", 6),
        receipt_body("", 5),
        receipt_body("f:t1", 5).replace("\"c1\"", "\"\""),
        receipt_body("f:t1", 5).replace("95", "-1"),
        receipt_body("f:t1", 5).replace("95", "9007199254740992"),
        receipt_body("f:t1", 5).replace("\"version\"", "\"other\""),
        "{}".into(),
        "[]".into(),
        String::new(),
        "<html>".into(),
    ] {
        assert_eq!(
            of(&answer(200, "application/json", &body)),
            "Foreign, unknown",
            "{body}"
        );
    }
}

#[test]
fn decline_carries_the_balance() {
    let body = json!({"type": "insufficient-balance", "balance": 3, "version": 9}).to_string();
    let meant = ChargeAnswer::of(&answer(402, PROBLEM, &body), &charge("t1"), Now::default());
    let ChargeAnswer::Settled(Verdict::Declined(decline), Some(reading)) = meant else {
        panic!("{meant:?}")
    };
    assert_eq!(decline.balance.map(Points::get), Some(3));
    assert_eq!(reading.version, 9);
}

#[test]
fn retry_after_is_read_as_seconds_or_as_a_date() {
    let now = Now {
        mono_ms: 5,
        wall_ms: 1_767_225_600_000,
    };
    for (text, wait_ms) in [
        ("2", Some(2_000)),
        (" 0 ", Some(0)),
        ("18446744073709551615", Some(u64::MAX)),
        ("99999999999999999999", Some(u64::MAX)),
        ("-99999999999999999999", None),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
    ] {
        let busy = Response {
            retry_after: Some(text.into()),
            ..problem(503, "busy")
        };
        let certain = wait_ms.map(|wait_ms| RetryAfter {
            wait_ms,
            certain: true,
        });
        assert_eq!(Setback::of(&busy, now).retry_after, certain, "{text:?}");
    }
    for (text, wait_ms, said_at) in [
        ("Thu, 01 Jan 2026 00:00:30 GMT", 30_000, None),
        ("Wed, 31 Dec 2025 23:59:30 GMT", 0, None),
        (
            "Mon, 05 Jan 2026 00:00:30 GMT",
            20_000,
            Some("Mon, 05 Jan 2026 00:00:10 GMT"),
        ),
    ] {
        let busy = Response {
            retry_after: Some(text.into()),
            date: said_at.map(str::to_owned),
            ..problem(503, "busy")
        };
        let asked = RetryAfter {
            wait_ms,
            certain: said_at.is_some(),
        };
        assert_eq!(Setback::of(&busy, now).retry_after, Some(asked), "{text:?}");
    }
}

#[test]
fn look_up_believes_only_the_servers_own_answer() {
    let look_up =
        |response: &Response| match LookUpAnswer::of(response, &charge("t1"), Now::default()) {
            LookUpAnswer::Charged(receipt) => format!("charged, replayed {}", receipt.replayed),
            LookUpAnswer::NeverCharged => "never".into(),
            LookUpAnswer::Rejected(_) => "rejected".into(),
            LookUpAnswer::Setback(setback) => setback_in_words(&setback),
        };
    let body = receipt_body("f:t1", 5);
    assert_eq!(
        look_up(&answer(200, "application/json", &body)),
        "charged, replayed true"
    );
    for (response, said) in [
        (problem(404, "charge-not-found"), "never"),
        (problem(404, "no-such-account"), "rejected"),
        (answer(404, "text/html", "<html>"), "ServerError, unknown"),
        (answer(200, "text/html", "<html>"), "Foreign, unknown"),
        (
            answer(200, "application/json", &receipt_body("f:t2", 5)),
            "Foreign, unknown",
        ),
        (
            answer(200, "application/json", &receipt_body("f:t1", 6)),
            "Foreign, unknown",
        ),
        (problem(403, "no"), "rejected"),
        (
            problem(403, "account-mismatch"),
            "AnotherAccount, nothing taken",
        ),
        (problem(501, "no"), "rejected"),
        (problem(401, "no"), "Unauthorized, nothing taken"),
        (problem(408, "no"), "GaveUp, unknown"),
        (problem(409, "no"), "InProgress, unknown"),
        (problem(429, "no"), "Busy, nothing taken"),
        (problem(500, "no"), "ServerError, unknown"),
        (problem(503, "no"), "Busy, nothing taken"),
    ] {
        assert_eq!(look_up(&response), said, "{response:?}");
    }
}

#[test]
fn balance_answer_is_fresh_unchanged_or_unavailable() {
    let of = |response: &Response, asked| match BalanceAnswer::of(response, asked, Now::default()) {
        BalanceAnswer::Fresh(reading, etag) => format!("{} {etag:?}", reading.balance),
        BalanceAnswer::Unchanged => "unchanged".into(),
        BalanceAnswer::Forbidden(_) => "forbidden".into(),
        BalanceAnswer::Rejected(_) => "rejected".into(),
        BalanceAnswer::Setback(setback) => kind_in_words(setback.kind),
    };
    let fresh = Response {
        etag: Some("\"v7\"".into()),
        ..answer(200, "application/json", r#"{"balance":95,"version":7}"#)
    };
    assert_eq!(of(&fresh, true), r#"95 Some("\"v7\"")"#);
    let unchanged = answer(304, "", "");
    assert_eq!(of(&unchanged, true), "unchanged");
    assert_eq!(of(&unchanged, false), "Foreign");
    for (response, said) in [
        (answer(200, "text/html", "<html>"), "Foreign"),
        (
            answer(200, "application/json", r#"{"balance":-1,"version":7}"#),
            "Foreign",
        ),
        (problem(403, "no"), "forbidden"),
        (problem(404, "no"), "rejected"),
        (answer(403, "text/html", "<html>"), "ServerError"),
        (problem(401, "no"), "Unauthorized"),
        (problem(429, "no"), "Busy"),
        (problem(500, "no"), "ServerError"),
    ] {
        assert_eq!(of(&response, true), said, "{response:?}");
    }
}
