//! Arbitrary input gives a value or an error, never a panic, and a foreign answer settles nothing.

use proptest::prelude::*;
use tollbox::core::charge::{Charge, ChargeRequest};
use tollbox::core::clock::Now;
use tollbox::core::codec::{Stored, decode, encode};
use tollbox::core::protocol::{BalanceAnswer, BatchAnswer, ChargeAnswer, LookUpAnswer, Response};
use tollbox::core::record::{Claim, Purpose, Record};

fn charge(task_id: &str) -> Charge {
    let request = ChargeRequest {
        task_id: task_id.into(),
        amount: 5.0,
        feature: "f".into(),
        ..ChargeRequest::default()
    };
    request.into_charge(0).unwrap()
}

fn json_like() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec![
        "type",
        "status",
        "detail",
        "declined",
        "balance",
        "version",
        "charge_id",
        "idempotency_key",
        "amount",
        "charged_at",
        "results",
        "problem",
        "replayed",
    ]);
    let value = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("[]".to_owned()),
        Just("{}".to_owned()),
        Just("1e400".to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| number.to_string()),
        "[a-z:1-]{0,8}".prop_map(|text| format!("\"{text}\"")),
        Just("\"insufficient-balance\"".to_owned()),
        Just("\"f:t1\"".to_owned()),
    ];
    let members = prop::collection::vec((name, value), 0..8);
    members.prop_map(|members| {
        let members: Vec<String> = members
            .iter()
            .map(|(n, v)| format!("\"{n}\":{v}"))
            .collect();
        format!("{{{}}}", members.join(","))
    })
}

fn response() -> impl Strategy<Value = Response> {
    let body = prop_oneof![
        json_like(),
        any::<String>(),
        "\\{\"results\":\\[.{0,40}\\],\"balance\":1,\"version\":1\\}"
    ];
    let content_type = prop::option::of(prop_oneof![
        Just("application/problem+json".to_owned()),
        Just("application/json".to_owned()),
        any::<String>(),
    ]);
    let date = prop_oneof![
        any::<String>(),
        Just("Sun, 06 Nov 1994 08:49:37 GMT".to_owned()),
        "[0-9]{1,20}"
    ];
    (
        0_u16..700,
        prop::option::of(date.clone()),
        prop::option::of(date),
        content_type,
        prop::option::of("[0-9]{1,25}"),
        any::<(bool, bool)>(),
        body,
    )
        .prop_map(
            |(status, retry_after, date, content_type, age, (replayed, redirected), body)| {
                Response {
                    status,
                    etag: None,
                    retry_after,
                    date,
                    age,
                    content_type,
                    replayed,
                    redirected,
                    body,
                    ..Response::default()
                }
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn any_response_decodes_and_only_known_statuses_settle(response in response(), wall_ms: u64) {
        let now = Now { mono_ms: 0, wall_ms };
        let charges = [charge("t1"), charge("t2")];
        let charged = ChargeAnswer::of(&response, &charges[0], now);
        if !matches!(response.status, 200 | 201 | 400..=499) {
            prop_assert!(matches!(charged, ChargeAnswer::Setback(_)), "{charged:?}");
        }
        let looked_up = LookUpAnswer::of(&response, &charges[0], now);
        if response.status != 404 {
            prop_assert!(!matches!(looked_up, LookUpAnswer::NeverCharged));
        }
        BalanceAnswer::of(&response, true, now);
        if let BatchAnswer::Results(answers, _) = BatchAnswer::of(&response, &charges, now) {
            prop_assert_eq!(answers.len(), charges.len());
        }
    }

    #[test]
    fn any_stored_text_decodes_to_a_record_or_damage(format: u32, check: u32, body in any::<String>(), fits: bool) {
        let check = if fits { crc32fast::hash(body.as_bytes()) } else { check };
        let _ = decode(&Stored { format, check, body });
    }

    #[test]
    fn a_record_survives_encoding_and_decoding(task in ".{1,100}", sequence: u64, until_ms: u64, claimed: bool) {
        let record = Record::open(charge(&task), sequence);
        let claim = Claim { tab: task, until_ms, length_ms: u64::MAX };
        let record = match claimed {
            true => record.begin(Purpose::Send, claim, 0).unwrap(),
            false => record,
        };
        prop_assert_eq!(decode(&encode(&record)), Ok(record));
    }

    #[test]
    fn any_number_is_a_valid_amount_or_an_error(amount: f64, task_id in any::<String>()) {
        let request = ChargeRequest { task_id, amount, feature: "f".into(), ..ChargeRequest::default() };
        if let Ok(charge) = request.into_charge(0) {
            prop_assert_eq!(charge.amount.get() as f64, amount);
            prop_assert!(charge.key.wire().bytes().all(|byte| (0x20..=0x7e).contains(&byte)));
        }
    }
}
