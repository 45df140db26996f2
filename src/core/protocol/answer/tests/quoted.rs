//! Tokens quoted by a server, and answers that could not be read.

use super::*;
use crate::core::locale::Locale;
use crate::core::protocol::{Secret, Unreadable};

const TOKEN: &str = "cloud_trans";

fn with_token(response: Response) -> Response {
    Response {
        secret: Secret::of(Some(TOKEN)),
        ..response
    }
}

fn named(task_id: &str) -> Charge {
    let request = ChargeRequest {
        task_id: task_id.into(),
        amount: 5.0,
        feature: TOKEN.into(),
        ..ChargeRequest::default()
    };
    request.into_charge(0).unwrap()
}

#[test]
fn receipt_that_contains_the_token_is_accepted() {
    let charge = named("t1");
    let body = json!({"charge_id": TOKEN, "idempotency_key": "cloud_trans:t1", "amount": 5,
        "charged_at": "2026-01-01T00:00:00Z", "balance": 95, "version": 7});
    let response = with_token(answer(201, "application/json", &body.to_string()));
    let ChargeAnswer::Settled(Verdict::Charged(receipt), _) =
        ChargeAnswer::of(&response, &charge, Now::default())
    else {
        panic!("not charged")
    };
    assert_eq!(receipt.charge_id, TOKEN);
    assert_eq!(receipt.charged_at, "2026-01-01T00:00:00Z");

    let result = json!({"idempotency_key": "cloud_trans:t1", "status": "charged", "charge_id": TOKEN,
        "amount": 5, "charged_at": TOKEN, "replayed": false});
    let body = json!({"results": [result], "balance": 95, "version": 7});
    let response = with_token(answer(200, "application/json", &body.to_string()));
    let BatchAnswer::Results(answers, _) = BatchAnswer::of(&response, &[charge], Now::default())
    else {
        panic!("no results")
    };
    let ChargeAnswer::Settled(Verdict::Charged(receipt), _) = &answers[0] else {
        panic!("not charged")
    };
    assert_eq!(receipt.charge_id, TOKEN);
    assert_eq!(receipt.charged_at, "…", "a time is no name");
}

#[test]
fn problem_text_never_contains_the_token() {
    for (body, told) in [
        (r#"{"detail":"no: cloud_trans"}"#, "no: …"),
        (r#"{"detail":"no: \u0063loud\u005ftrans"}"#, "no: …"),
        (r#"{"detail":"no: \\u0063loud\\u005ftrans"}"#, "no: …"),
        (r#"{"detail":"no: cloud%5Ftrans"}"#, "no: …"),
        (r#"{"title":"cloud_trans?"}"#, "…?"),
        (r#"{"type":"/problems/cloud_trans"}"#, "/problems/…"),
    ] {
        for status in [400, 401, 402, 403, 409, 422, 429, 500, 503] {
            let response = with_token(answer(status, PROBLEM, body));
            let setback = Setback::of(&response, Now::default());
            assert_eq!(
                setback.detail.told(Locale::En),
                format!("HTTP {status}: {told}")
            );
            let charged = ChargeAnswer::of(&response, &charge("t1"), Now::default());
            assert!(!format!("{charged:?}").contains(TOKEN), "{charged:?}");
        }
    }
    for status in ["declined", "rejected", "retry"] {
        let result = json!({"idempotency_key": "f:t1", "status": status,
            "problem": {"type": "t", "detail": "no: cloud_trans"}});
        let body = json!({"results": [result], "balance": 95, "version": 7}).to_string();
        let response = with_token(answer(200, "application/json", &body));
        let answers = BatchAnswer::of(&response, &[charge("t1")], Now::default());
        let said = format!("{answers:?}");
        assert!(said.contains("no: …") && !said.contains(TOKEN), "{said}");
    }
}

#[test]
fn problem_type_equal_to_the_token_is_recognised() {
    let response = answer(
        404,
        PROBLEM,
        &json!({"type": "charge-not-found"}).to_string(),
    );
    let response = Response {
        secret: Secret::of(Some("charge-not-found")),
        ..response
    };
    let answer = LookUpAnswer::of(&response, &charge("t1"), Now::default());
    assert_eq!(answer, LookUpAnswer::NeverCharged);
}

#[test]
fn token_at_the_cut_of_a_long_detail_is_redacted_whole() {
    for length in 280..310 {
        let detail = format!("{}cloud_trans and so on", "x".repeat(length));
        let body = json!({ "detail": detail }).to_string();
        let setback = Setback::of(&with_token(answer(500, PROBLEM, &body)), Now::default());
        let told = setback.detail.told(Locale::En);
        assert!(!told.contains('c'), "{told}");
    }
}

#[test]
fn unreadable_answer_proves_nothing_and_says_why() {
    for why in [
        Unreadable::NotAnAnswer,
        Unreadable::NoStatus,
        Unreadable::AlreadyRead,
        Unreadable::Failing,
        Unreadable::NoText,
        Unreadable::TooLong,
    ] {
        let response = Response::unreadable(why);
        let (now, charges) = (Now::default(), [charge("t1")]);
        let ChargeAnswer::Setback(charged) = ChargeAnswer::of(&response, &charges[0], now) else {
            panic!("settled")
        };
        let BatchAnswer::Setback(batch) = BatchAnswer::of(&response, &charges, now) else {
            panic!("settled")
        };
        let LookUpAnswer::Setback(looked_up) = LookUpAnswer::of(&response, &charges[0], now) else {
            panic!("known")
        };
        let BalanceAnswer::Setback(balance) = BalanceAnswer::of(&response, true, now) else {
            panic!("known")
        };
        for setback in [charged, batch, looked_up, balance] {
            assert!(!setback.untaken && !setback.own_word);
            let SetbackKind::Foreign(wrong) = setback.kind else {
                panic!("{setback:?}")
            };
            assert_eq!(wrong, Wrong::Unreadable(why));
            let told = |locale| setback.detail.told(locale);
            assert!(told(Locale::En).starts_with("the answer can't be read: "));
            assert!(told(Locale::ZhCn).starts_with("无法读取应答："));
            assert!(!wrong.is_a_slip());
        }
    }
}
