//! What was set aside, as its user sees it. Nothing of JavaScript: `tests/golden/` compiles it natively.

use crate::core::json::{Json, ToJson};

/// A record that did not pass its check: `QuarantinedRecord` of the public API.
#[derive(Clone, Debug, PartialEq)]
pub struct SetAside {
    /// The key under which it was stored.
    pub key: String,
    /// What is wrong with it; for people.
    pub detail: String,
    /// Milliseconds since the Unix epoch; 0 where that was not noted.
    pub found_at: f64,
    /// What was stored, as it was found.
    pub stored: String,
}

impl ToJson for SetAside {
    fn to_json(&self) -> Json<'_> {
        Json::object(&[
            ("key", &self.key),
            ("detail", &self.detail),
            ("foundAt", &self.found_at),
            ("stored", &self.stored),
        ])
    }
}
