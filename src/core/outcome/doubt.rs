//! What a tab may say whose picture of a charge may be old: less than it knows.

use super::{OpenReason, Outcome, What};

impl Outcome {
    /// The same where another tab may have sent the charge since: what was certain is not.
    pub fn in_doubt(self) -> Outcome {
        match self.what {
            What::Queued {
                reason,
                durable,
                detail,
            } => Outcome {
                what: What::unknown(reason, durable, detail),
                ..self
            },
            What::Charged { .. }
            | What::Unknown { .. }
            | What::Declined { .. }
            | What::Failed { .. } => self,
        }
    }

    /// As [`Outcome::in_doubt`]; even that nothing was taken is not certain.
    pub fn in_full_doubt(self) -> Outcome {
        match self.what {
            What::Declined { detail, .. } | What::Failed { detail, .. } => Outcome {
                what: What::unknown(OpenReason::Timeout, false, detail),
                ..self
            },
            What::Charged { .. } | What::Unknown { .. } | What::Queued { .. } => self.in_doubt(),
        }
    }
}
