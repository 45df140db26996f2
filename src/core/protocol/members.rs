//! The members of a JSON object, each checked as it is read. Unknown ones are ignored, even with
//! contents that are hard to parse: a text cut inside an emoji, a number beyond the range of
//! floats, deep nesting.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::core::points::Points;
use crate::core::reason::{Member, Wrong};

/// A JSON object.
#[derive(Debug)]
pub(super) struct Members(Vec<(Text, Box<RawValue>)>);

impl Members {
    /// Parses a text; `None` if it is not a JSON object.
    pub(super) fn of(text: &str) -> Option<Members> {
        serde_json::from_str(text).ok()
    }

    /// Parses the body of an answer.
    pub(super) fn of_body(body: &str) -> Result<Members, Wrong> {
        Members::of(body).ok_or(match body.trim().is_empty() {
            true => Wrong::Empty,
            false => Wrong::NotJson,
        })
    }

    fn get(&self, member: Member) -> Result<&str, Wrong> {
        // Of two members with one name the last counts, as in JavaScript.
        let mut members = self.0.iter().rev();
        let found = members.find(|(known, _)| known.0 == member.code());
        found
            .map(|(_, value)| value.get())
            .ok_or(Wrong::Missing(member))
    }

    /// Whole points.
    pub(super) fn points(&self, member: Member) -> Result<Points, Wrong> {
        let number = self.get(member)?;
        if let Ok(whole) = number.parse::<u64>() {
            return Points::new(whole).ok_or(Wrong::TooLarge(member));
        }
        let is_number = number.starts_with(|first: char| first == '-' || first.is_ascii_digit());
        let too_large = match serde_json::from_str::<f64>(number) {
            Ok(float) => match Points::from_number(float) {
                Some(points) => return Ok(points),
                None => float > Points::MAX.get() as f64,
            },
            // Out of the range of floats.
            Err(_) => is_number && !number.starts_with('-'),
        };
        Err(match too_large {
            true => Wrong::TooLarge(member),
            false => Wrong::NotWhole(member),
        })
    }

    /// A version, in the same range as points.
    pub(super) fn version(&self, member: Member) -> Result<u64, Wrong> {
        self.points(member).map(Points::get)
    }

    /// A string.
    pub(super) fn text(&self, member: Member) -> Result<String, Wrong> {
        let text: Result<Text, _> = serde_json::from_str(self.get(member)?);
        text.map(|text| text.0).map_err(|_| Wrong::NotText(member))
    }

    /// A non-empty string.
    pub(super) fn name(&self, member: Member) -> Result<String, Wrong> {
        let text = self.text(member)?;
        match text.is_empty() {
            true => Err(Wrong::Missing(member)),
            false => Ok(text),
        }
    }

    /// Whether it is `true`.
    pub(super) fn is_true(&self, member: Member) -> bool {
        self.get(member) == Ok("true")
    }

    /// A list.
    pub(super) fn list(&self, member: Member) -> Result<Vec<Box<RawValue>>, Wrong> {
        serde_json::from_str(self.get(member)?).map_err(|_| Wrong::NotAList(member))
    }

    /// An object, if there is one.
    pub(super) fn object(&self, member: Member) -> Option<Members> {
        Members::of(self.get(member).ok()?)
    }
}

/// A string, with U+FFFD in place of each lone surrogate.
#[derive(Debug)]
struct Text(String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Text, D::Error> {
        deserializer.deserialize_bytes(Lossy)
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Members, D::Error> {
        deserializer.deserialize_map(Object)
    }
}

struct Object;

impl<'de> Visitor<'de> for Object {
    type Value = Members;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}

struct Lossy;

impl Visitor<'_> for Lossy {
    type Value = Text;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Text, E> {
        Ok(Text(String::from_utf8_lossy(bytes).into_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_json_members_are_ignored() {
        let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
        for odd in ["1e400", r#""\ud83d""#, &deep, "null", "-0.0e-9"] {
            let text = format!(r#"{{"odd":{odd},"\ude00":1,"amount":5}}"#);
            let members = Members::of(&text).unwrap();
            assert_eq!(
                members.points(Member::Amount),
                Points::new(5).ok_or(Wrong::Unknown)
            );
        }
    }

    #[test]
    fn json_numbers_must_be_whole_and_in_range_in_any_notation() {
        let read = |number: &str| {
            let members = Members::of(&format!(r#"{{"amount":{number}}}"#)).unwrap();
            members.points(Member::Amount).map(Points::get)
        };
        for (number, whole) in [
            ("12", 12),
            ("12.0", 12),
            ("1.2e1", 12),
            ("-0", 0),
            ("0e9", 0),
        ] {
            assert_eq!(read(number), Ok(whole), "{number}");
        }
        for large in ["1e400", "9007199254740992", "99999999999999999999999"] {
            assert_eq!(read(large), Err(Wrong::TooLarge(Member::Amount)), "{large}");
        }
        for other in [
            "1.5", "-1", "-1e400", "\"12\"", "true", "null", "[1]", "\"inf\"",
        ] {
            assert_eq!(read(other), Err(Wrong::NotWhole(Member::Amount)), "{other}");
        }
    }

    #[test]
    fn lone_surrogate_becomes_the_replacement_character() {
        let members = Members::of(r#"{"detail":"no \ud83d!"}"#).unwrap();
        let detail = members.text(Member::Detail).unwrap();
        assert!(detail.starts_with("no \u{fffd}") && detail.ends_with('!'));
    }
}
