//! Answers to batches: as a whole, and for each charge in them.

use super::*;

fn item(key: &str, amount: u64) -> serde_json::Value {
    json!({"idempotency_key": key, "status": "charged", "charge_id": key, "amount": amount,
        "charged_at": "2026-01-01T00:00:00Z", "replayed": false})
}

fn rejected(key: &str, status: &str, problem: serde_json::Value) -> serde_json::Value {
    json!({"idempotency_key": key, "status": status, "problem": problem})
}

fn batch(results: serde_json::Value) -> Vec<String> {
    let charges = [charge("a"), charge("b")];
    let body = json!({"results": results, "balance": 95, "version": 7}).to_string();
    match BatchAnswer::of(
        &answer(200, "application/json", &body),
        &charges,
        Now::default(),
    ) {
        BatchAnswer::Results(answers, reading) => {
            assert_eq!(reading.version, 7);
            answers.iter().map(meaning).collect()
        }
        other @ (BatchAnswer::Unsupported { .. }
        | BatchAnswer::TooLarge { .. }
        | BatchAnswer::Rejected(_)
        | BatchAnswer::Setback(_)) => panic!("{other:?}"),
    }
}

#[test]
fn batch_answer_has_one_result_per_charge() {
    let foreign = "Foreign, unknown";
    let (a, b) = (item("f:a", 5), item("f:b", 5));
    assert_eq!(batch(json!([a, b])), ["charged", "charged"]);
    assert_eq!(batch(json!([b, a])), ["charged", "charged"]);
    assert_eq!(batch(json!([b])), [foreign, "charged"]);
    assert_eq!(batch(json!([])), [foreign, foreign]);
    assert_eq!(batch(json!([a, item("f:c", 5)])), ["charged", foreign]);
    assert_eq!(batch(json!([a, a, b])), [foreign, "charged"]);
    assert_eq!(batch(json!([a, item("f:b", 6)])), ["charged", foreign]);
    assert_eq!(batch(json!([a, null])), ["charged", foreign]);
    assert_eq!(
        batch(json!([a, {"idempotency_key": "f:b", "status": "charged"}])),
        ["charged", foreign]
    );
    assert_eq!(
        batch(json!([a, {"idempotency_key": "f:b", "status": "what"}])),
        ["charged", foreign]
    );
}

#[test]
fn batch_item_is_rejected_like_a_single_charge() {
    for (status, problem, said) in [
        (
            "declined",
            json!({"type": "insufficient-balance"}),
            "declined InsufficientBalance",
        ),
        (
            "declined",
            json!({"type": "insufficient-balance", "status": 402}),
            "declined InsufficientBalance",
        ),
        ("declined", json!({"type": "frozen"}), "declined Rejected"),
        (
            "declined",
            json!({"type": "frozen", "status": 403, "declined": true}),
            "declined Rejected",
        ),
        ("rejected", json!({"type": "bad"}), "failed InvalidRequest"),
        (
            "rejected",
            json!({"type": "idempotency-key-reused", "status": 422}),
            "failed Conflict",
        ),
        (
            "rejected",
            json!({"type": "no", "status": 403}),
            "failed Forbidden",
        ),
        (
            "rejected",
            json!({"type": "broken", "status": 500}),
            "ServerError, unknown",
        ),
        (
            "retry",
            json!({"type": "busy", "status": 503}),
            "Busy, nothing taken",
        ),
        (
            "retry",
            json!({"type": "request-in-progress", "status": 409}),
            "InProgress, unknown",
        ),
        ("retry", json!({}), "ServerError, unknown"),
    ] {
        let said = [said, "charged"];
        assert_eq!(
            batch(json!([rejected("f:a", status, problem), item("f:b", 5)])),
            said
        );
    }
}

#[test]
fn rejection_of_a_whole_batch_is_classified() {
    let charges = [charge("a"), charge("b")];
    let of = |response: &Response| match BatchAnswer::of(response, &charges, Now::default()) {
        BatchAnswer::Results(..) => "results".into(),
        BatchAnswer::Unsupported { own_word } => format!("unsupported, own word {own_word}"),
        BatchAnswer::TooLarge { own_word, .. } => format!("too large, own word {own_word}"),
        BatchAnswer::Rejected(_) => "rejected".into(),
        BatchAnswer::Setback(setback) => setback_in_words(&setback),
    };
    for (response, said) in [
        (problem(404, "no"), "unsupported, own word true"),
        (problem(405, "no"), "unsupported, own word true"),
        (problem(501, "no"), "unsupported, own word true"),
        (page(404), "unsupported, own word false"),
        (page(405), "unsupported, own word false"),
        (page(501), "unsupported, own word false"),
        (page(413), "too large, own word false"),
        (page(503), "Busy, unknown"),
        (page(429), "Busy, unknown"),
        (
            problem(403, "account-mismatch"),
            "AnotherAccount, nothing taken",
        ),
        (problem(403, "no"), "rejected"),
        (problem(502, "no"), "GaveUp, unknown"),
        (page(504), "GaveUp, unknown"),
        (problem(400, "no"), "rejected"),
        (problem(413, "no"), "too large, own word true"),
        (problem(422, "no"), "rejected"),
        (page(400), "ServerError, unknown"),
        (page(200), "Foreign, unknown"),
        (page(302), "Foreign, unknown"),
        (problem(401, "no"), "Unauthorized, nothing taken"),
        (problem(408, "no"), "GaveUp, unknown"),
        (problem(409, "no"), "InProgress, unknown"),
        (problem(429, "no"), "Busy, nothing taken"),
        (problem(500, "no"), "ServerError, unknown"),
        (problem(503, "no"), "Busy, nothing taken"),
    ] {
        assert_eq!(of(&response), said, "{response:?}");
    }
}

#[test]
fn batch_result_matches_both_spellings_of_a_non_ascii_key() {
    for named in ["f:任务", "f:%E4%BB%BB%E5%8A%A1"] {
        let own = answer(201, "application/json", &receipt_body(named, 5));
        let meant = ChargeAnswer::of(&own, &charge("任务"), Now::default());
        assert_eq!(meaning(&meant), "charged", "{named}");
    }
}

#[test]
fn batch_item_is_the_servers_own_word_unless_a_gateway_gave_up() {
    for (status, own) in [
        (401, true),
        (409, true),
        (429, true),
        (500, true),
        (503, true),
        (408, false),
        (502, false),
        (504, false),
    ] {
        let item = rejected("f:t1", "retry", json!({"type": "no", "status": status}));
        let body = json!({"results": [item], "balance": 95, "version": 7}).to_string();
        let response = answer(200, "application/json", &body);
        let BatchAnswer::Results(answers, _) =
            BatchAnswer::of(&response, &[charge("t1")], Now::default())
        else {
            panic!("{status}")
        };
        let ChargeAnswer::Setback(setback) = &answers[0] else {
            panic!("{status}")
        };
        assert_eq!(setback.own_word, own, "{status}");
    }
}
