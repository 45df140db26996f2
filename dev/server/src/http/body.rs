//! The body of one charge, alone or as an item of a batch.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use uuid::Uuid;

use super::number::Whole;
use super::problem::{Kind, Problem};
use crate::ledger::{ChargeRequest, InvalidCharge};
use crate::store::{NewCharge, Note};

/// A charge without its key. Unknown members are ignored.
#[derive(Debug, Deserialize)]
pub struct ChargeBody {
    task_id: String,
    feature: String,
    amount: Whole,
    #[serde(default)]
    created_at: Option<String>,
    #[serde(default)]
    metadata: Option<BTreeMap<String, String>>,
}

impl ChargeBody {
    /// Checks every member, and names the charge that it may become.
    pub fn check(self, key: String) -> Result<NewCharge, Problem> {
        let request = ChargeRequest::new(key, self.task_id, self.feature, self.amount.0)?;
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
