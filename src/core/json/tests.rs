//! Texts read and written as serde_json does, and the forms of records.

use proptest::prelude::*;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::*;

/// Whether this is what serde_json has read; a float may differ in its last bits.
fn is_same(json: &Json, value: &Value) -> bool {
    match (json, value) {
        (Json::Null, Value::Null) => true,
        (Json::Bool(ours), Value::Bool(theirs)) => ours == theirs,
        (Json::Whole(ours), Value::Number(theirs)) => match theirs.as_u64() {
            Some(theirs) => *ours == theirs,
            None => theirs.as_f64() == Some(*ours as f64),
        },
        (Json::Float(ours), Value::Number(theirs)) => {
            let theirs = theirs.as_f64().unwrap();
            let last_bits = theirs.abs() * 16.0 * f64::EPSILON;
            (ours - theirs).abs() <= last_bits.max(f64::MIN_POSITIVE)
        }
        (Json::Text(ours), Value::String(theirs)) => ours == theirs,
        (Json::List(ours), Value::Array(theirs)) => {
            let same = |(ours, theirs)| is_same(ours, theirs);
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(same)
        }
        (Json::Object(ours), Value::Object(theirs)) => {
            let all_known = ours.iter().all(|(name, _)| theirs.contains_key(&**name));
            let same = |(name, theirs): (&String, _)| {
                json.get(name).is_some_and(|ours| is_same(ours, theirs))
            };
            all_known && theirs.iter().all(same)
        }
        _ => false,
    }
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::vec((any::<String>(), inner), 0..8)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Without floats, which are not read to their last bits.
fn jsons() -> impl Strategy<Value = Json<'static>> {
    let text = || any::<String>().prop_map(Cow::Owned);
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        any::<u64>().prop_map(Json::Whole),
        text().prop_map(Json::Text),
    ];
    leaf.prop_recursive(6, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Json::List),
            prop::collection::vec((text(), inner), 0..8).prop_map(Json::Object),
        ]
    })
}

/// What JSON is made of, and what almost is.
fn fragments() -> impl Strategy<Value = String> {
    let fragment = prop::sample::select(vec![
        "[", "]", "{", "}", ",", ":", "\"", "\"a\":", "\"a\"", "\\", "\\u00e9", "\\ud83d",
        "\\ude00", "\\n", "\\x", "\\u12", "0", "12", "-", "+", ".", "e", "E9", "1.5", "01", "-0",
        "true", "false", "null", "nul", " ", "\n", "\t", "\r", "\u{b}", "\u{1f}", "é", "\u{feff}",
        "NaN", "'", "/",
    ]);
    prop::collection::vec(fragment, 0..12).prop_map(|fragments| fragments.concat())
}

/// Reads any notation that JSON allows, of whatever contents.
fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

proptest! {
    #[test]
    fn text_that_serde_json_writes_is_read_as_it_was(value in values()) {
        for text in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
            let json = Json::parse(&text).unwrap();
            prop_assert!(is_same(&json, &value), "{text}: {json:?}");
        }
    }

    #[test]
    fn text_that_is_written_is_read_by_serde_json_as_it_was(json in jsons()) {
        let text = json.to_text();
        let read: Value = serde_json::from_str(&text).unwrap();
        prop_assert!(is_same(&json, &read), "{text}");
        prop_assert_eq!(Json::parse(&text), Some(json));
    }

    #[test]
    fn float_that_is_written_is_read_as_it_was(
        charged in 0_u32..100_000, more in 0_u32..100_000, other in -1e19..1e19_f64,
    ) {
        let rate = f64::from(charged) / f64::from(charged.saturating_add(more).max(1));
        for number in [rate, other, -rate, rate * 1e-12] {
            prop_assert_eq!(Json::Float(number).to_text().parse(), Ok(number));
        }
    }

    #[test]
    fn value_passes_through_serde_as_through_its_text(json in jsons()) {
        let read: Value = serde_json::from_str(&json.to_text()).unwrap();
        prop_assert_eq!(serde_json::to_value(&json).unwrap(), read);
    }

    #[test]
    fn text_is_read_if_and_only_if_it_is_json(text in fragments()) {
        prop_assert_eq!(Json::parse(&text).is_some(), is_json(&text), "{}", text);
    }

    #[test]
    fn text_with_an_error_is_read_if_and_only_if_it_is_json(
        value in values(), at in any::<prop::sample::Index>(), fragment in fragments(),
    ) {
        let text = value.to_string();
        let ends: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        let at = ends[at.index(ends.len())];
        for rest in [&text[at..], text[at..].chars().as_str()] {
            let text = [&text[..at], &fragment, rest].concat();
            prop_assert_eq!(Json::parse(&text).is_some(), is_json(&text), "{}", text);
        }
    }
}

#[test]
fn float_out_of_range_is_written_as_null() {
    for number in [
        f64::NAN,
        f64::INFINITY,
        -f64::INFINITY,
        1e20,
        1e-30,
        f64::MIN_POSITIVE,
    ] {
        assert_eq!(Json::Float(number).to_text(), "null");
    }
    for (number, text) in [
        (0.0, "0"),
        (0.5, "0.5"),
        (-3.25, "-3.25"),
        (1e19, "10000000000000000000.0"),
    ] {
        assert_eq!(Json::Float(number).to_text(), text);
    }
}

#[test]
fn no_depth_overflows_the_stack() {
    let (open, close) = ("[".repeat(500_000), "]".repeat(500_000));
    assert!(Json::parse(&[&*open, &close].concat()).is_some());
    assert_eq!(Json::parse(&open), None);
    let members = r#"{"a":"#.repeat(500_000);
    let text = format!("{members}1{}", "}".repeat(500_000));
    assert!(Json::parse(&text).is_some());
}

#[test]
fn members_beside_a_deep_one_are_read() {
    let deep = format!("{}{}", "[".repeat(1_000), "]".repeat(1_000));
    let text = format!(r#"{{"deep":{deep},"amount":5}}"#);
    let json = Json::parse(&text).unwrap();
    assert_eq!(json.get("amount"), Some(&Json::Whole(5)));
}

#[test]
fn of_two_members_with_one_name_the_last_counts() {
    let json = Json::parse(r#"{"a":1,"a":2,"\u0061":3}"#).unwrap();
    assert_eq!(json.get("a"), Some(&Json::Whole(3)));
}

#[test]
fn each_lone_surrogate_becomes_one_replacement_character() {
    for (text, read) in [
        (r#""no \ud83d!""#, "no \u{fffd}!"),
        (r#""\ude00\ud83d""#, "\u{fffd}\u{fffd}"),
        (r#""\ud83d\ud83d\ude00""#, "\u{fffd}\u{1f600}"),
        (r#""\ud83d\u00e9""#, "\u{fffd}é"),
        (r#""\ud83d\n""#, "\u{fffd}\n"),
    ] {
        assert_eq!(Json::parse(text), Some(Json::Text(read.into())), "{text}");
    }
}

#[test]
fn number_is_whole_in_any_notation_of_it() {
    for (text, number) in [
        ("0", 0),
        ("0.000", 0),
        ("0e-400", 0),
        ("12.0", 12),
        ("1.2e1", 12),
        ("120e-1", 12),
        ("9007199254740991.000", 9_007_199_254_740_991),
        ("18446744073709551615", u64::MAX),
    ] {
        assert_eq!(Json::parse(text), Some(Json::Whole(number)), "{text}");
    }
}

#[test]
fn other_numbers_are_floats_of_any_size() {
    for (text, number) in [
        ("0.9", 0.9),
        ("0.05", 0.05),
        ("-0.16", -0.16),
        ("-12", -12.0),
        ("1234567.987654321", 1_234_567.987_654_321),
        ("18446744073709551616", 18_446_744_073_709_551_616.0),
        ("1e400", f64::INFINITY),
        ("-1e99999999999999", f64::NEG_INFINITY),
        ("1e-99999999999999", 0.0),
    ] {
        assert_eq!(Json::parse(text), Some(Json::Float(number)), "{text}");
    }
}

#[derive(Debug, PartialEq)]
struct Pair {
    left_side: u32,
    right: Option<Shape>,
}

json_members! { to and from Pair { left_side = "leftSide", right } }

#[derive(Debug, PartialEq)]
enum Shape {
    Point,
    Circle(u32),
    Square { side: u32, name: String },
}

json_cases! { Shape { Point = "point", Circle(radius) = "circle", Square { side, name } = "square" } }

fn pair(text: &str) -> Result<Pair, String> {
    Pair::from_json(&Json::parse(text).unwrap()).map_err(|misfit| misfit.to_string())
}

#[test]
fn struct_is_an_object_of_its_members() {
    for (right, form) in [
        (None, json!(null)),
        (Some(Shape::Point), json!("point")),
        (Some(Shape::Circle(7)), json!({ "circle": 7 })),
        (
            Some(Shape::Square {
                side: 7,
                name: "s".into(),
            }),
            json!({ "square": [7, "s"] }),
        ),
    ] {
        let whole = Pair {
            left_side: 5,
            right,
        };
        let form = json!({ "leftSide": 5, "right": form });
        assert_eq!(serde_json::to_value(whole.to_json()).unwrap(), form);
        assert_eq!(pair(&form.to_string()), Ok(whole));
    }
}

#[test]
fn missing_member_is_null_and_an_unknown_one_is_ignored() {
    let left_side = 5;
    let usual = Ok(Pair {
        left_side,
        right: None,
    });
    assert_eq!(pair(r#"{"leftSide":5}"#), usual);
    assert_eq!(pair(r#"{"other":[1],"leftSide":5}"#), usual);
}

#[test]
fn value_that_does_not_fit_is_named_by_its_path() {
    for (text, path) in [
        ("[5]", "the whole"),
        ("null", "the whole"),
        (r#"{"right":"point"}"#, "leftSide"),
        (r#"{"leftSide":"5"}"#, "leftSide"),
        (r#"{"leftSide":4294967296}"#, "leftSide"),
        (r#"{"leftSide":5,"right":"line"}"#, "right"),
        (r#"{"leftSide":5,"right":{"point":1}}"#, "right.point"),
        (r#"{"leftSide":5,"right":"circle"}"#, "right.circle"),
        (r#"{"leftSide":5,"right":{"circle":-1}}"#, "right.circle"),
        (r#"{"leftSide":5,"right":{"square":[7]}}"#, "right.square"),
        (r#"{"leftSide":5,"right":{"circle":7,"point":1}}"#, "right"),
    ] {
        assert_eq!(pair(text), Err(path.to_owned()), "{text}");
    }
}

#[derive(Debug, PartialEq)]
struct Kept {
    count: u64,
    is_set: bool,
    maybe: Option<u32>,
    flag: Option<bool>,
    name: String,
}

json_members! { stored Kept { count, is_set, maybe, flag, name } }

#[test]
fn stored_object_leaves_out_what_says_nothing_and_no_more() {
    for (count, is_set, maybe, flag, form) in [
        (0, false, None, None, json!({ "name": "" })),
        (
            7,
            true,
            Some(0),
            Some(false),
            json!({ "count": 7, "is_set": true, "maybe": 0, "flag": false, "name": "" }),
        ),
    ] {
        let name = String::new();
        let kept = Kept {
            count,
            is_set,
            maybe,
            flag,
            name,
        };
        assert_eq!(serde_json::to_value(kept.to_json()).unwrap(), form);
        let text = kept.to_json().to_text();
        assert_eq!(Kept::from_json(&Json::parse(&text).unwrap()), Ok(kept));
    }
}

#[test]
fn stored_object_with_all_of_its_members_can_be_read() {
    let text = r#"{"count":0,"is_set":false,"maybe":null,"flag":null,"name":"n"}"#;
    let kept = Kept::from_json(&Json::parse(text).unwrap()).unwrap();
    assert_eq!((kept.count, kept.maybe, kept.name.as_str()), (0, None, "n"));
    for (text, path) in [
        ("[]", "the whole"),
        (r#"{"count":0}"#, "name"),
        (r#"{"count":null,"name":""}"#, "count"),
        (r#"{"is_set":0,"name":""}"#, "is_set"),
    ] {
        let read = Kept::from_json(&Json::parse(text).unwrap());
        assert_eq!(
            read.map_err(|misfit| misfit.to_string()),
            Err(path.to_owned()),
            "{text}"
        );
    }
}
