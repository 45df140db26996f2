//! The body of one charge, alone or as an item of a batch.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};
use uuid::Uuid;

use super::number::Whole;
use super::openapi::text;
use super::problem::{Kind, Problem};
use crate::ledger::{Amount, ChargeRequest, InvalidCharge, MAX_ID_CHARS};
use crate::store::{NewCharge, Note};

/// A charge without its key. Unknown members are ignored.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = ChargeRequest, example = json!({
    "task_id": "task-1",
    "feature": "cloud_trans",
    "amount": 5,
    "created_at": "2026-03-01T12:00:00.000Z",
    "metadata": { "file": "a.srt" },
}))]
pub struct ChargeBody {
    /// What is paid for. The same charge has the same `task_id`, `feature` and `amount`.
    task_id: Id,
    feature: Id,
    /// What the client believes to be the price: the server only checks it.
    #[schema(value_type = Amount)]
    amount: Whole,
    /// When the client made the charge. It is stored, and never compared.
    #[serde(default)]
    #[schema(format = DateTime)]
    created_at: Option<String>,
    /// Stored, and never compared.
    #[serde(default)]
    metadata: Option<BTreeMap<String, String>>,
}

/// The name of a task or of a feature, before it is checked.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
struct Id(String);

impl PartialSchema for Id {
    fn schema() -> RefOr<Schema> {
        text()
            .min_length(Some(1))
            .max_length(Some(MAX_ID_CHARS))
            .build()
            .into()
    }
}

impl ToSchema for Id {}

impl ChargeBody {
    /// Checks every member, and names the charge that it may become.
    pub fn check(self, key: String) -> Result<NewCharge, Problem> {
        let request = ChargeRequest::new(key, self.task_id.0, self.feature.0, self.amount.0)?;
        if let Some(created_at) = &self.created_at
            && created_at.parse::<Timestamp>().is_err()
        {
            return Err(invalid("created_at must be an instant as in RFC 3339."));
        }
        let metadata = self
            .metadata
            .map(|metadata| serde_json::json!(metadata).to_string());
        let note = Note {
            created_at: self.created_at,
            metadata,
        };
        Ok(NewCharge {
            request,
            note,
            hold: None,
            charge_id: Uuid::new_v4().to_string(),
        })
    }
}

/// 400, with the reason.
pub fn invalid(detail: impl Into<String>) -> Problem {
    Problem::new(Kind::InvalidRequest, detail)
}

impl From<InvalidCharge> for Problem {
    fn from(error: InvalidCharge) -> Self {
        invalid(format!("{error}."))
    }
}
