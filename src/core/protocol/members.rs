//! The members of a JSON object, each checked as it is read. Unknown ones are ignored.

use serde_json::{Map, Value};

use super::Wrong;
use crate::core::points::Points;

/// A JSON object.
#[derive(Debug)]
pub(super) struct Members(Map<String, Value>);

impl Members {
    /// `None` where the text is no JSON object.
    pub(super) fn of(text: &str) -> Option<Members> {
        Members::from(serde_json::from_str(text).ok()?)
    }

    /// `None` where the value is no object.
    pub(super) fn from(value: Value) -> Option<Members> {
        match value {
            Value::Object(members) => Some(Members(members)),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => None,
        }
    }

    /// Whole points.
    pub(super) fn points(&self, name: &'static str) -> Result<Points, Wrong> {
        let number = self.0.get(name).ok_or(Wrong::Missing(name))?;
        let number = number.as_number().ok_or(Wrong::NotWhole(name))?;
        let points = match number.as_u64() {
            Some(whole) => Points::new(whole),
            None => number.as_f64().and_then(Points::from_number),
        };
        points.ok_or(match number.as_f64() {
            Some(float) if float > Points::MAX.get() as f64 => Wrong::TooLarge(name),
            Some(_) | None => Wrong::NotWhole(name),
        })
    }

    /// A version: as large as points may be.
    pub(super) fn version(&self, name: &'static str) -> Result<u64, Wrong> {
        self.points(name).map(Points::get)
    }

    /// A string.
    pub(super) fn text(&self, name: &'static str) -> Result<String, Wrong> {
        let text = self.0.get(name).ok_or(Wrong::Missing(name))?;
        let text = text.as_str().ok_or(Wrong::NotText(name))?;
        Ok(text.to_owned())
    }

    /// A string that says something.
    pub(super) fn name(&self, name: &'static str) -> Result<String, Wrong> {
        let text = self.text(name)?;
        match text.is_empty() {
            true => Err(Wrong::Missing(name)),
            false => Ok(text),
        }
    }

    /// Whether it is `true`.
    pub(super) fn is_true(&self, name: &str) -> bool {
        self.0.get(name).and_then(Value::as_bool) == Some(true)
    }

    /// Takes a list out.
    pub(super) fn list(&mut self, name: &'static str) -> Result<Vec<Value>, Wrong> {
        match self.0.remove(name) {
            Some(Value::Array(list)) => Ok(list),
            Some(_) => Err(Wrong::NotAList(name)),
            None => Err(Wrong::Missing(name)),
        }
    }

    /// Takes an object out, where there is one.
    pub(super) fn object(&mut self, name: &str) -> Option<Members> {
        Members::from(self.0.remove(name)?)
    }
}
