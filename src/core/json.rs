//! JSON (RFC 8259): one value type, between every record of this crate and its text or its
//! JavaScript object.
//!
//! A struct says its members by `json_members!`, an enum its cases by `json_cases!` or, where they
//! are nothing but codes, by `codes!`.

mod case;
mod decimal;
mod exchange;
#[macro_use]
mod forms;
mod parser;
mod writer;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

pub use self::case::Case;
pub use self::forms::{FromJson, Misfit, ToJson};

/// A JSON value, which borrows its texts where it can.
#[derive(Clone, Debug, PartialEq)]
pub enum Json<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A whole number from 0 up, in any notation.
    Whole(u64),
    /// Any other number; infinite beyond the range of floats.
    Float(f64),
    /// A string.
    Text(Cow<'a, str>),
    /// An array.
    List(Vec<Json<'a>>),
    /// An object: names and values, as they came.
    Object(Vec<(Cow<'a, str>, Json<'a>)>),
}

impl<'a> Json<'a> {
    /// Parses a text; `None` if it is not JSON.
    ///
    /// Lone surrogates, as of a text cut inside an emoji, become U+FFFD. A list or object inside of
    /// 64 others is read as `null`: no record is so deep, and dropping it would recurse.
    pub fn parse(text: &'a str) -> Option<Json<'a>> {
        parser::parse(text)
    }

    /// The text of it. A float from 2^64 on or below 2^-71 has none: it becomes `null`, as an
    /// infinite one does in JavaScript.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        writer::write(self, &mut text);
        text
    }

    /// An object of these members.
    pub fn object(members: &[(&'static str, &'a dyn ToJson)]) -> Json<'a> {
        let members = members.iter();
        let members = members.map(|&(name, value)| (name.into(), value.to_json()));
        Json::Object(members.collect())
    }

    /// As [`Json::object`], without the members that say nothing.
    pub fn stored_object(members: &[(&'static str, &'a dyn ToJson)]) -> Json<'a> {
        let members = members.iter().filter(|(_, value)| !value.is_nothing());
        let members = members.map(|&(name, value)| (name.into(), value.to_json()));
        Json::Object(members.collect())
    }

    /// An object, with the members of another behind its own.
    pub fn and(self, other: Json<'a>) -> Json<'a> {
        match (self, other) {
            (Json::Object(mut members), Json::Object(others)) => {
                members.extend(others);
                Json::Object(members)
            }
            (value, _) => value,
        }
    }

    /// Reads a member, which is `null` where it is missing.
    pub fn member<T: FromJson>(&self, name: &str) -> Result<T, Misfit> {
        let value = self.get_or_null(name).ok_or_else(Misfit::default)?;
        T::from_json(value).map_err(|misfit| misfit.of_member(name))
    }

    /// Reads a member of what [`Json::stored_object`] made.
    pub fn stored_member<T: FromJson>(&self, name: &str) -> Result<T, Misfit> {
        let value = match self.get(name) {
            Some(value) => T::from_json(value),
            None if matches!(self, Json::Object(_)) => T::from_nothing(),
            None => return Err(Misfit::default()),
        };
        value.map_err(|misfit| misfit.of_member(name))
    }

    /// The value of a member, `null` where it is missing; `None` for what is not an object.
    fn get_or_null(&self, name: &str) -> Option<&Json<'a>> {
        let is_object = matches!(self, Json::Object(_));
        is_object.then(|| self.get(name).unwrap_or(&Json::Null))
    }

    /// The value of a member; `None` too for what is not an object. Of two members with one name
    /// the last counts, as in JavaScript.
    pub fn get(&self, name: &str) -> Option<&Json<'a>> {
        let Json::Object(members) = self else {
            return None;
        };
        let mut members = members.iter().rev();
        members
            .find(|(known, _)| known == name)
            .map(|(_, value)| value)
    }

    /// The string.
    pub fn as_text(&self) -> Option<&str> {
        let Json::Text(text) = self else {
            return None;
        };
        Some(text)
    }
}
