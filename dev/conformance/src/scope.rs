//! The texts of a rule, filled in: fresh keys, and what was saved of earlier answers.

use std::collections::HashMap;
use std::sync::LazyLock;

use regex_lite::{Captures, Regex};
use serde_json::{Value, json};

static NAME: LazyLock<Regex> = LazyLock::new(|| regex(r"\{([a-z][a-z0-9_.]*)(?::([0-9]+))?\}"));
static VALUE: LazyLock<Regex> = LazyLock::new(|| regex(r"^\$([a-z][a-z0-9_.]*)([+-][0-9]+)?$"));
static KEY: LazyLock<Regex> = LazyLock::new(|| regex(r"^[a-z][0-9]?$"));

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is a constant")
}

/// What the names of one rule stand for. A value that an answer didn't have is `None`.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// The beginning of each fresh key.
    prefix: String,
    saved: HashMap<String, Option<Value>>,
}

impl Scope {
    pub fn new(prefix: String) -> Self {
        Self {
            prefix,
            saved: HashMap::new(),
        }
    }

    /// The same, and what one more name stands for.
    pub fn with(&self, name: &str, value: Value) -> Self {
        let mut more = self.clone();
        more.saved.insert(name.to_owned(), Some(value));
        more
    }

    /// Gives a value a name.
    ///
    /// # Panics
    /// Where the name is that of a key, which is a fault of the catalogue.
    pub fn save(&mut self, name: &str, value: Option<Value>) {
        assert!(
            !KEY.is_match(name),
            "the catalogue saves {name}, which is the name of a key"
        );
        self.saved.insert(name.to_owned(), value);
    }

    /// Fills in a text. `{a}` and `{a:255}` are fresh keys, the second of so many characters.
    pub fn text(&self, template: &str) -> String {
        let filled = NAME.replace_all(template, |captures: &Captures<'_>| {
            let text = text_of(self.named(&captures[1]).as_ref());
            match captures.get(2) {
                Some(length) => {
                    let length = length.as_str().parse().unwrap_or_default();
                    format!("{text:x<length$}")
                }
                None => text,
            }
        });
        filled.into_owned()
    }

    /// Fills in a value: `$name` is what was saved, `$name+1` a number beside it.
    pub fn value(&self, template: &Value) -> Option<Value> {
        match template {
            Value::String(text) => match VALUE.captures(text) {
                None => Some(self.text(text).into()),
                Some(captures) => {
                    let value = self.named(&captures[1]);
                    match captures.get(2) {
                        None => value,
                        Some(step) => {
                            let step: f64 = step.as_str().parse().unwrap_or_default();
                            let sum = value.and_then(|value| value.as_f64()).map(|one| one + step);
                            Some(sum.map_or(Value::Null, number))
                        }
                    }
                }
            },
            Value::Array(items) => Some(items.iter().map(|one| self.value(one)).collect()),
            Value::Object(members) => {
                let members = members.iter();
                let members =
                    members.filter_map(|(name, one)| Some((name.clone(), self.value(one)?)));
                Some(Value::Object(members.collect()))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => Some(template.clone()),
        }
    }

    fn named(&self, name: &str) -> Option<Value> {
        match self.saved.get(name) {
            Some(value) => value.clone(),
            None if KEY.is_match(name) => Some(format!("{}-{name}", self.prefix).into()),
            None => panic!("the catalogue names {name}, which nothing has saved"),
        }
    }
}

fn text_of(value: Option<&Value>) -> String {
    match value {
        None => "undefined".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    }
}

/// A number as JSON has it: without a point where it is whole, so that 1 and 1.0 are the same.
pub fn number(number: f64) -> Value {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() <= EXACT {
        #[allow(clippy::cast_possible_truncation)]
        let whole = number as i64;
        json!(whole)
    } else {
        json!(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_keys_or_what_was_saved() {
        let mut scope = Scope::new("kit".to_owned());
        scope.save("start.balance", Some(json!(7)));
        assert_eq!(scope.text("{a}-{start.balance}"), "kit-a-7");
        assert_eq!(scope.text("{a:8}"), "kit-axxx");
        assert_eq!(scope.text(r#"{"amount":1}"#), r#"{"amount":1}"#);
        assert_eq!(scope.value(&json!("$start.balance+1")), Some(json!(8)));
        assert_eq!(scope.value(&json!(["$start.balance"])), Some(json!([7])));
    }

    #[test]
    fn whole_numbers_are_the_same_however_written() {
        assert_eq!(number(1.0), json!(1));
        assert_eq!(number(1.5), json!(1.5));
    }
}
