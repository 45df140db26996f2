//! A charge: the caller's order to pay, checked once at the boundary and immutable from then on.

use std::fmt;

use super::json::{FromJson, Json, Misfit, ToJson};
use super::ordered::Map;
pub use super::percent::percent_encode;
use super::percent::{header_text, stays_in_header};
use super::points::Points;

/// Longest task id, feature and key, in Unicode scalar values.
pub const ID_LIMIT: usize = 255;
/// Most entries of `metadata`.
pub const METADATA_ENTRIES: usize = 50;
/// Longest name of a metadata entry, in Unicode scalar values.
pub const METADATA_NAME_LIMIT: usize = 40;
/// Longest value of a metadata entry, in Unicode scalar values.
pub const METADATA_VALUE_LIMIT: usize = 500;

/// An idempotency key: names one charge for ever.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(String);

impl Key {
    /// A key of 1 to [`ID_LIMIT`] characters.
    pub fn new(key: impl Into<String>) -> Result<Key, InvalidArgument> {
        checked_id("key", key.into()).map(Key)
    }

    /// The key as the caller knows it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key as the header spells it ([`header_text`]).
    pub fn wire(&self) -> String {
        header_text(&self.0)
    }

    /// Whether the header's spelling differs from the key. A server that does not decode the header
    /// knows it by that spelling.
    pub fn is_spelt_otherwise(&self) -> bool {
        !self.0.bytes().all(stays_in_header)
    }
}

impl ToJson for Key {
    fn to_json(&self) -> Json<'_> {
        self.0.to_json()
    }
}

impl FromJson for Key {
    fn from_json(json: &Json<'_>) -> Result<Key, Misfit> {
        String::from_json(json).map(Key)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The caller's order to pay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// Names this charge for ever.
    pub key: Key,
    /// The translation task that is paid for.
    pub task_id: String,
    /// The feature that is paid for, e.g. `cloud_trans`.
    pub feature: String,
    /// Whole points, at least 1.
    pub amount: Points,
    /// The points that its task held, if it cost less.
    pub held: Option<Points>,
    /// Sent with the charge and returned in its record.
    pub metadata: Map<String, String>,
    /// When the caller asked for it, milliseconds since the Unix epoch.
    pub created_at_ms: u64,
}

json_members! { stored Charge {
    key, task_id, feature, amount, held, metadata, created_at_ms,
} }

impl Charge {
    /// Whether `other` requests the same under the same key: task, feature and amount.
    pub fn is_same_as(&self, other: &Charge) -> bool {
        self.task_id == other.task_id
            && self.feature == other.feature
            && self.amount == other.amount
    }

    /// Names key, task, feature and amount in one text: equal for charges of one key that are the
    /// same, and for no others.
    pub fn identity(&self) -> String {
        let amount = self.amount.get().to_string();
        [self.key.as_str(), &self.task_id, &self.feature, &amount]
            .map(percent_encode)
            .join("/")
    }

    /// Whether a task that holds points for this may end in `other`: the same task and feature, for
    /// no more points.
    pub fn covers(&self, other: &Charge) -> bool {
        self.amount >= other.amount && self.is_same_as(&other.costing(self.amount))
    }

    /// Whether it is the final charge of the task that was announced as `other`.
    pub fn is_end_of(&self, other: &Charge) -> bool {
        let held = self.held.unwrap_or(self.amount);
        self.is_same_as(other) || self.costing(held).is_same_as(other)
    }

    fn costing(&self, amount: Points) -> Charge {
        Charge {
            amount,
            ..self.clone()
        }
    }
}

/// A charge as the caller gave it: types checked, values not yet.
#[derive(Clone, Debug, Default)]
pub struct ChargeRequest {
    /// See [`Charge::task_id`].
    pub task_id: String,
    /// See [`Charge::amount`].
    pub amount: f64,
    /// See [`Charge::feature`].
    pub feature: String,
    /// Default `feature:task_id`, where a feature that contains `:` or `%` has both
    /// percent-encoded.
    pub key: Option<String>,
    /// See [`Charge::metadata`].
    pub metadata: Map<String, String>,
}

json_members! { from ChargeRequest { task_id = "taskId", amount, feature, key, metadata } }

impl ChargeRequest {
    /// The validated charge, or the caller's mistake.
    pub fn into_charge(self, created_at_ms: u64) -> Result<Charge, InvalidArgument> {
        let task_id = checked_id("taskId", self.task_id)?;
        let feature = checked_id("feature", self.feature)?;
        let key = match self.key {
            Some(key) => Key::new(key)?,
            None => Key::new(format!("{}:{task_id}", default_key_start(&feature)))?,
        };
        let amount = Points::from_number(self.amount)
            .filter(|amount| *amount > Points::ZERO)
            .ok_or_else(|| {
                InvalidArgument::new("amount must be a whole number of points, 1 to 2^53-1")
            })?;
        check_metadata(&self.metadata)?;
        Ok(Charge {
            key,
            task_id,
            feature,
            amount,
            held: None,
            metadata: self.metadata,
            created_at_ms,
        })
    }
}

/// The feature's form in default keys. The first `:` of such a key ends the feature, so that no two
/// charges share a key: `a:b` with the task `c` is another charge than `a` with `b:c`.
fn default_key_start(feature: &str) -> String {
    feature.replace('%', "%25").replace(':', "%3A")
}

/// A caller's mistake: nothing was sent or stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidArgument {
    /// Description for the developer.
    pub message: String,
}

impl InvalidArgument {
    /// A mistake described by `message`.
    pub fn new(message: impl Into<String>) -> InvalidArgument {
        InvalidArgument {
            message: message.into(),
        }
    }
}

fn checked_id(name: &str, id: String) -> Result<String, InvalidArgument> {
    match id.chars().count() {
        0 => Err(InvalidArgument::new(format!("{name} must not be empty"))),
        1..=ID_LIMIT => Ok(id),
        length => Err(InvalidArgument::new(format!(
            "{name} has {length} characters, more than {ID_LIMIT}"
        ))),
    }
}

fn check_metadata(metadata: &Map<String, String>) -> Result<(), InvalidArgument> {
    if metadata.len() > METADATA_ENTRIES {
        return Err(InvalidArgument::new(format!(
            "metadata has more than {METADATA_ENTRIES} entries"
        )));
    }
    for (name, value) in metadata {
        if name.chars().count() > METADATA_NAME_LIMIT {
            return Err(InvalidArgument::new(format!(
                "a metadata name has more than {METADATA_NAME_LIMIT} characters"
            )));
        }
        if value.chars().count() > METADATA_VALUE_LIMIT {
            return Err(InvalidArgument::new(format!(
                "metadata {name} has more than {METADATA_VALUE_LIMIT} characters"
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::ordered::map_of;

    fn request() -> ChargeRequest {
        ChargeRequest {
            task_id: "t1".into(),
            amount: 3.0,
            feature: "cloud_trans".into(),
            ..ChargeRequest::default()
        }
    }

    #[test]
    fn default_key_is_made_of_feature_and_task() {
        let charge = request().into_charge(7).unwrap();
        assert_eq!(charge.key.as_str(), "cloud_trans:t1");
        assert_eq!(charge.amount.get(), 3);
    }

    #[test]
    fn invalid_request_makes_no_charge() {
        for amount in [0.0, -1.0, 0.5, f64::NAN, 9_007_199_254_740_992.0] {
            let bad = ChargeRequest {
                amount,
                ..request()
            };
            assert!(bad.into_charge(0).is_err(), "{amount}");
        }
        for id in [String::new(), "x".repeat(ID_LIMIT + 1)] {
            let no_task = ChargeRequest {
                task_id: id.clone(),
                ..request()
            };
            let no_feature = ChargeRequest {
                feature: id.clone(),
                ..request()
            };
            let no_key = ChargeRequest {
                key: Some(id),
                ..request()
            };
            assert!(no_task.into_charge(0).is_err());
            assert!(no_feature.into_charge(0).is_err());
            assert!(no_key.into_charge(0).is_err());
        }
    }

    #[test]
    fn default_keys_of_features_and_tasks_with_colons_are_distinct() {
        let default_key = |feature: &str, task_id: &str| {
            let asked = ChargeRequest {
                feature: feature.into(),
                task_id: task_id.into(),
                ..request()
            };
            asked.into_charge(0).unwrap().key.to_string()
        };
        assert_eq!(default_key("翻译 1/2", "a:b%"), "翻译 1/2:a:b%");
        assert_eq!(default_key("a:b", "c"), "a%3Ab:c");
        assert_eq!(default_key("a", "b:c"), "a:b:c");
        assert_eq!(default_key("a%3Ab", "c"), "a%253Ab:c");
    }

    #[test]
    fn metadata_beyond_its_limits_is_rejected() {
        let many = (0..=METADATA_ENTRIES)
            .map(|i| (i.to_string(), String::new()))
            .collect();
        assert!(
            ChargeRequest {
                metadata: many,
                ..request()
            }
            .into_charge(0)
            .is_err()
        );
        let long_name = map_of([("n".repeat(METADATA_NAME_LIMIT + 1), String::new())]);
        assert!(
            ChargeRequest {
                metadata: long_name,
                ..request()
            }
            .into_charge(0)
            .is_err()
        );
        let long_value = map_of([("n".into(), "v".repeat(METADATA_VALUE_LIMIT + 1))]);
        assert!(
            ChargeRequest {
                metadata: long_value,
                ..request()
            }
            .into_charge(0)
            .is_err()
        );
    }

    #[test]
    fn key_characters_beyond_a_header_are_percent_encoded() {
        assert_eq!(
            Key::new("cloud_trans:a b").unwrap().wire(),
            "cloud_trans:a b"
        );
        assert_eq!(Key::new("f:任务").unwrap().wire(), "f:%E4%BB%BB%E5%8A%A1");
        assert_eq!(Key::new("a\nb").unwrap().wire(), "a%0Ab");
    }

    #[test]
    fn distinct_keys_have_distinct_header_spellings() {
        let keys = ["é", "%C3%A9", "%25C3%25A9", "100%", "100%25"];
        let wire = keys.map(|key| Key::new(key).unwrap().wire());
        let expected = [
            "%C3%A9",
            "%25C3%25A9",
            "%2525C3%2525A9",
            "100%25",
            "100%2525",
        ];
        assert_eq!(wire, expected);
    }

    #[test]
    fn charges_differ_by_task_feature_or_amount() {
        let charge = |change: fn(&mut ChargeRequest)| {
            let mut asked = ChargeRequest {
                key: Some("k".into()),
                ..request()
            };
            change(&mut asked);
            asked.into_charge(0).unwrap()
        };
        let first = charge(|_| {});
        for same in [
            charge(|_| {}),
            charge(|asked| asked.metadata = map_of([("a".into(), "b".into())])),
        ] {
            assert!(first.is_same_as(&same));
            assert_eq!(first.identity(), same.identity());
        }
        for other in [
            charge(|asked| asked.task_id = "t2".into()),
            charge(|asked| asked.feature = "other".into()),
            charge(|asked| asked.amount = 4.0),
        ] {
            assert!(!first.is_same_as(&other));
            assert_ne!(first.identity(), other.identity());
        }
        let other_key = charge(|asked| asked.key = Some("k2".into()));
        assert_ne!(first.identity(), other_key.identity());
        assert_eq!(first.key.to_string(), "k");
    }

    #[test]
    fn a_task_covers_charges_of_its_own_for_no_more_points() {
        let charge = |task_id: &str, amount: f64| {
            let asked = ChargeRequest {
                task_id: task_id.into(),
                key: Some("k".into()),
                amount,
                ..request()
            };
            asked.into_charge(0).unwrap()
        };
        let task = charge("t1", 3.0);
        for (end, covered) in [
            (charge("t1", 3.0), true),
            (charge("t1", 2.0), true),
            (charge("t1", 4.0), false),
            (charge("t2", 3.0), false),
            (charge("t2", 2.0), false),
        ] {
            assert_eq!(task.covers(&end), covered, "{end:?}");
        }
    }

    #[test]
    fn metadata_may_be_as_long_as_its_limits() {
        let name = |n: usize| format!("{n:0>METADATA_NAME_LIMIT$}");
        let metadata = (0..METADATA_ENTRIES)
            .map(|n| (name(n), "任".repeat(METADATA_VALUE_LIMIT)))
            .collect();
        let longest = ChargeRequest {
            metadata,
            ..request()
        };
        assert!(longest.into_charge(0).is_ok());
    }
}
