//! Answers that are not, or not quite, the billing server's: the fault is named.

use super::*;
use crate::core::locale::Locale;
use crate::core::reason::Member;
use crate::core::text::Detail;

/// The body of a receipt with one member changed.
fn receipt_with(name: &str, value: serde_json::Value) -> String {
    let mut body: serde_json::Value = serde_json::from_str(&receipt_body("f:t1", 5)).unwrap();
    body[name] = value;
    body.to_string()
}

fn wrong(answer: &ChargeAnswer) -> Option<String> {
    match answer {
        ChargeAnswer::Setback(setback) => {
            let SetbackKind::Foreign(wrong) = setback.kind else {
                panic!("{setback:?}")
            };
            Some(Detail::Foreign(wrong).told(Locale::En))
        }
        ChargeAnswer::Settled(..) => None,
    }
}

fn charged(status: u16, body: &str) -> Response {
    answer(status, "application/json", body)
}

fn of(response: &Response) -> Option<String> {
    wrong(&ChargeAnswer::of(response, &charge("t1"), Now::default()))
}

#[test]
fn answer_numbers_with_an_integral_value_are_equal() {
    for text in ["5", "5.0", "0.5e1", "50e-1"] {
        let body = receipt_body("f:t1", 5).replace("\"amount\":5", &format!("\"amount\":{text}"));
        assert_eq!(of(&charged(201, &body)), None, "{body}");
    }
    let told = |text: &str| {
        let response = charged(200, &format!(r#"{{"balance":{text},"version":{text}}}"#));
        BalanceAnswer::of(&response, false, Now::default())
    };
    for text in ["12", "12.0", "1.2e1"] {
        let BalanceAnswer::Fresh(reading, _) = told(text) else {
            panic!("{text}")
        };
        assert_eq!((reading.balance.get(), reading.version), (12, 12));
    }
}

#[test]
fn malformed_answer_names_the_faulty_member() {
    for (name, value, said) in [
        ("balance", json!("95"), "balance is not a whole number"),
        ("balance", json!(95.5), "balance is not a whole number"),
        ("balance", json!(null), "balance is not a whole number"),
        ("amount", json!("5"), "amount is not a whole number"),
        ("amount", json!(6), "amount is not this charge's"),
        (
            "version",
            json!(9_007_199_254_740_992_u64),
            "version is not a whole number up to 2^53-1",
        ),
        (
            "version",
            json!(1e300),
            "version is not a whole number up to 2^53-1",
        ),
        ("version", json!(-1), "version is not a whole number"),
        ("charge_id", json!(7), "charge_id is not a string"),
        ("charge_id", json!(""), "charge_id is missing"),
        ("charged_at", json!(7), "charged_at is not a string"),
        (
            "idempotency_key",
            json!("f:t2"),
            "idempotency_key is not this charge's",
        ),
    ] {
        let said_so = of(&charged(201, &receipt_with(name, value.clone()))).unwrap();
        assert!(
            said_so.ends_with(&format!(": {said}")),
            "{name} {value}: {said_so}"
        );
    }
    let mut body: serde_json::Value = serde_json::from_str(&receipt_body("f:t1", 5)).unwrap();
    body.as_object_mut().unwrap().remove("version");
    assert!(
        of(&charged(201, &body.to_string()))
            .unwrap()
            .ends_with("version is missing")
    );
    assert!(
        Detail::Foreign(Wrong::NotWhole(Member::Balance))
            .told(Locale::ZhCn)
            .ends_with("balance 不是整数")
    );
}

#[test]
fn malformed_batch_item_leaves_the_others_valid() {
    let item = |task: &str, amount: serde_json::Value| {
        json!({"idempotency_key": format!("f:{task}"), "status": "charged", "charge_id": "c",
            "amount": amount, "charged_at": "2026-01-01T00:00:00Z"})
    };
    let of = |results: serde_json::Value, balance: serde_json::Value| {
        let body = json!({"results": results, "balance": balance, "version": 7.0});
        let charges = [charge("a"), charge("b")];
        BatchAnswer::of(&charged(200, &body.to_string()), &charges, Now::default())
    };
    let items = json!([item("a", json!("5")), item("b", json!(5.0))]);
    let BatchAnswer::Results(answers, reading) = of(items.clone(), json!(95)) else {
        panic!()
    };
    assert!(
        wrong(&answers[0])
            .unwrap()
            .ends_with("amount is not a whole number")
    );
    assert_eq!((wrong(&answers[1]), reading.version), (None, 7));
    for (results, balance, name) in [
        (items, json!("95"), "balance is not a whole number"),
        (json!({}), json!(95), "results is not a list"),
    ] {
        let BatchAnswer::Setback(setback) = of(results, balance) else {
            panic!("{name}")
        };
        let detail = setback.detail.told(Locale::En);
        assert!(detail.ends_with(name), "{detail}");
    }
}

fn redirected(response: Response) -> Response {
    Response {
        redirected: true,
        ..response
    }
}

#[test]
fn redirected_answer_counts_only_with_a_receipt_or_a_balance() {
    let receipt = redirected(charged(200, &receipt_body("f:t1", 5)));
    assert_eq!(of(&receipt), None);
    let of_redirect = |response| of(&response).unwrap();
    for response in [
        redirected(page(200)),
        redirected(charged(201, &receipt_body("f:t2", 5))),
        redirected(problem(400, "no")),
        redirected(problem(401, "no")),
        redirected(problem(402, "insufficient-balance")),
        redirected(problem(503, "busy")),
        page(301),
        page(302),
        page(308),
    ] {
        let said = of_redirect(response.clone());
        assert!(said.ends_with("it was redirected"), "{response:?}: {said}");
    }
    let look_up =
        |response: Response| LookUpAnswer::of(&redirected(response), &charge("t1"), Now::default());
    let found = look_up(charged(200, &receipt_body("f:t1", 5)));
    assert!(matches!(found, LookUpAnswer::Charged(_)));
    for response in [
        problem(404, "charge-not-found"),
        problem(403, "no"),
        page(200),
    ] {
        let LookUpAnswer::Setback(setback) = look_up(response) else {
            panic!()
        };
        assert_eq!(setback.kind, SetbackKind::Foreign(Wrong::Redirected));
    }
    let told = |response: Response| BalanceAnswer::of(&redirected(response), true, Now::default());
    let read = told(charged(200, r#"{"balance":95,"version":7}"#));
    assert!(matches!(read, BalanceAnswer::Fresh(..)));
    for response in [
        charged(200, "{}"),
        answer(304, "", ""),
        problem(403, "no"),
        page(302),
    ] {
        let BalanceAnswer::Setback(setback) = told(response) else {
            panic!()
        };
        assert_eq!(setback.kind, SetbackKind::Foreign(Wrong::Redirected));
    }
    let batch = json!({"balance": 95, "version": 7, "results": [
        {"idempotency_key": "f:a", "status": "charged", "charge_id": "c", "amount": 5,
            "charged_at": "2026-01-01T00:00:00Z"},
        {"idempotency_key": "f:b", "status": "rejected"},
    ]});
    let response = redirected(charged(200, &batch.to_string()));
    let charges = [charge("a"), charge("b")];
    let BatchAnswer::Results(answers, _) = BatchAnswer::of(&response, &charges, Now::default())
    else {
        panic!()
    };
    assert_eq!(wrong(&answers[0]), None);
    assert!(wrong(&answers[1]).unwrap().ends_with("it was redirected"));
}

#[test]
fn cached_never_charged_answer_is_not_believed() {
    let never = || {
        LookUpAnswer::of(
            &problem(404, "charge-not-found"),
            &charge("t1"),
            Now::default(),
        )
    };
    for (sign, believed) in [
        (Sign::Certain, true),
        (Sign::Possible, true),
        (Sign::Cached, false),
    ] {
        let answer = never().with(sign);
        assert_eq!(
            matches!(answer, LookUpAnswer::NeverCharged),
            believed,
            "{sign:?}"
        );
    }
}

#[test]
fn batch_items_with_a_gateway_timeout_may_yet_be_charged() {
    for status in [408, 502, 504] {
        let item = json!({"idempotency_key": "f:t1", "status": "retry",
            "problem": {"type": "upstream", "status": status}});
        let body = json!({"results": [item], "balance": 95, "version": 7}).to_string();
        let response = charged(200, &body);
        let BatchAnswer::Results(answers, _) =
            BatchAnswer::of(&response, &[charge("t1")], Now::default())
        else {
            panic!()
        };
        assert_eq!(meaning(&answers[0]), "GaveUp, unknown");
    }
}

#[test]
fn only_something_in_front_of_the_server_finds_a_charge_too_large() {
    let kind = |response: &Response| Setback::of(response, Now::default()).kind;
    assert_eq!(kind(&page(413)), SetbackKind::TooLarge);
    assert_eq!(kind(&problem(413, "no")), SetbackKind::ServerError);
}
