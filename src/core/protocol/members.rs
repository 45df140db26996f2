//! The members of a JSON object, each checked as it is read. Unknown ones are ignored, even with
//! contents that are hard to parse: a text cut inside an emoji, a number beyond the range of
//! floats, deep nesting.

use crate::core::json::Json;
use crate::core::points::Points;
use crate::core::reason::{Member, Wrong};

/// A JSON object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Members<'a>(&'a Json<'a>);

impl<'a> Members<'a> {
    /// Those of an object; `None` for anything else.
    pub(super) fn of(json: &'a Json<'a>) -> Option<Members<'a>> {
        matches!(json, Json::Object(_)).then_some(Members(json))
    }

    fn get(&self, member: Member) -> Result<&'a Json<'a>, Wrong> {
        self.0.get(member.code()).ok_or(Wrong::Missing(member))
    }

    /// Whole points.
    pub(super) fn points(&self, member: Member) -> Result<Points, Wrong> {
        let (points, too_large) = match self.get(member)? {
            Json::Whole(number) => (Points::new(*number), true),
            Json::Float(number) => (
                Points::from_number(*number),
                *number > Points::MAX.get() as f64,
            ),
            Json::Null | Json::Bool(_) | Json::Text(_) | Json::List(_) | Json::Object(_) => {
                (None, false)
            }
        };
        points.ok_or(match too_large {
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
        let text = self.get(member)?.as_text();
        text.map(str::to_owned).ok_or(Wrong::NotText(member))
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
        self.get(member) == Ok(&Json::Bool(true))
    }

    /// A list.
    pub(super) fn list(&self, member: Member) -> Result<&'a [Json<'a>], Wrong> {
        match self.get(member)? {
            Json::List(values) => Ok(values),
            Json::Null
            | Json::Bool(_)
            | Json::Whole(_)
            | Json::Float(_)
            | Json::Text(_)
            | Json::Object(_) => Err(Wrong::NotAList(member)),
        }
    }

    /// An object, if there is one.
    pub(super) fn object(&self, member: Member) -> Option<Members<'a>> {
        Members::of(self.get(member).ok()?)
    }
}

/// What is wrong with a body that is not a JSON object.
pub(super) fn not_an_object(body: &str) -> Wrong {
    match body.trim().is_empty() {
        true => Wrong::Empty,
        false => Wrong::NotJson,
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
            let json = Json::parse(&text).unwrap();
            let members = Members::of(&json).unwrap();
            assert_eq!(
                members.points(Member::Amount),
                Points::new(5).ok_or(Wrong::Unknown)
            );
        }
    }

    #[test]
    fn json_numbers_must_be_whole_and_in_range_in_any_notation() {
        let read = |number: &str| {
            let text = format!(r#"{{"amount":{number}}}"#);
            let json = Json::parse(&text).unwrap();
            let members = Members::of(&json).unwrap();
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
        let json = Json::parse(r#"{"detail":"no \ud83d!"}"#).unwrap();
        let members = Members::of(&json).unwrap();
        let detail = members.text(Member::Detail).unwrap();
        assert!(detail.starts_with("no \u{fffd}") && detail.ends_with('!'));
    }
}
