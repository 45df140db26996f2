//! A charge request, checked once, and the charge that the ledger keeps of it.

use std::fmt;

use super::Amount;

/// The longest idempotency key, in bytes of UTF-8.
pub const MAX_KEY_BYTES: usize = 4_096;

/// The longest task id, feature and account name, in characters.
pub const MAX_ID_CHARS: usize = 500;

/// Whether `text` can be an idempotency key: 1 to [`MAX_KEY_BYTES`] bytes.
pub fn is_key(text: &str) -> bool {
    (1..=MAX_KEY_BYTES).contains(&text.len())
}

/// Whether `text` can be a task id, a feature or an account: 1 to [`MAX_ID_CHARS`] characters.
pub fn is_id(text: &str) -> bool {
    // A character is at most 4 bytes, so a very long text is refused without being counted.
    !text.is_empty() && text.len() <= MAX_ID_CHARS * 4 && text.chars().count() <= MAX_ID_CHARS
}

/// A charge that a client asks for. It can't be built from unacceptable parts.
///
/// Two requests with one key are the same request when they are equal: a client that lost its
/// journal makes `created_at` and `metadata` anew, so neither is part of this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChargeRequest {
    key: String,
    task_id: String,
    feature: String,
    amount: Amount,
}

impl ChargeRequest {
    /// Checks every part; see [`is_key`], [`is_id`] and [`Amount`].
    pub fn new(
        key: impl Into<String>,
        task_id: impl Into<String>,
        feature: impl Into<String>,
        amount: u64,
    ) -> Result<Self, InvalidCharge> {
        let (key, task_id, feature) = (key.into(), task_id.into(), feature.into());
        if !is_key(&key) {
            return Err(InvalidCharge::Key);
        }
        if !is_id(&task_id) {
            return Err(InvalidCharge::TaskId);
        }
        if !is_id(&feature) {
            return Err(InvalidCharge::Feature);
        }
        let amount = Amount::new(amount).ok_or(InvalidCharge::Amount)?;
        Ok(Self {
            key,
            task_id,
            feature,
            amount,
        })
    }

    /// Names the charge, within its account, for ever.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The task that is paid for.
    pub fn task_id(&self) -> &str {
        &self.task_id
    }

    /// The feature that is paid for.
    pub fn feature(&self) -> &str {
        &self.feature
    }

    /// The price.
    pub fn amount(&self) -> Amount {
        self.amount
    }
}

/// The unacceptable part of a charge request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidCharge {
    /// Not an idempotency key; see [`is_key`].
    Key,
    /// Not an id; see [`is_id`].
    TaskId,
    /// Not an id; see [`is_id`].
    Feature,
    /// 0, or more than [`MAX_POINTS`](super::MAX_POINTS).
    Amount,
}

impl fmt::Display for InvalidCharge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key => write!(f, "the idempotency key must be 1 to {MAX_KEY_BYTES} bytes"),
            Self::TaskId => write!(f, "task_id must be 1 to {MAX_ID_CHARS} characters"),
            Self::Feature => write!(f, "feature must be 1 to {MAX_ID_CHARS} characters"),
            Self::Amount => f.write_str("amount must be a whole number from 1 to 2^53 - 1"),
        }
    }
}

impl std::error::Error for InvalidCharge {}

/// A charge: points that have been taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// The server's name for the charge.
    pub charge_id: String,
    /// The request that was granted.
    pub request: ChargeRequest,
    /// Milliseconds since the Unix epoch.
    pub charged_at_ms: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::MAX_POINTS;

    #[test]
    fn every_part_of_a_request_is_checked() {
        let long_key = "k".repeat(MAX_KEY_BYTES + 1);
        let long_id = "字".repeat(MAX_ID_CHARS + 1);
        for key in ["", long_key.as_str()] {
            assert_eq!(
                ChargeRequest::new(key, "t", "f", 1),
                Err(InvalidCharge::Key)
            );
        }
        for id in ["", long_id.as_str()] {
            assert_eq!(
                ChargeRequest::new("k", id, "f", 1),
                Err(InvalidCharge::TaskId)
            );
            assert_eq!(
                ChargeRequest::new("k", "t", id, 1),
                Err(InvalidCharge::Feature)
            );
        }
        for amount in [0, MAX_POINTS + 1, u64::MAX] {
            assert_eq!(
                ChargeRequest::new("k", "t", "f", amount),
                Err(InvalidCharge::Amount)
            );
        }
    }

    #[test]
    fn the_longest_parts_are_accepted() {
        let key = "~".repeat(MAX_KEY_BYTES);
        let id = "字".repeat(MAX_ID_CHARS);
        let request = ChargeRequest::new(&key, &id, &id, MAX_POINTS).unwrap();
        assert_eq!(request.key(), key);
        assert_eq!(request.task_id(), id);
    }
}
