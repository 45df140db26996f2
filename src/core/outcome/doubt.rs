//! What a tab may say whose picture of a charge may be old: less than it knows.

use super::{OpenReason, Outcome, What};
use crate::core::bilingual::both;

impl Outcome {
    /// The same where another tab may have sent the charge since: what was certain is not.
    pub fn in_doubt(self) -> Outcome {
        match self.what {
            What::Queued {
                reason, durable, ..
            } => Outcome {
                what: What::unknown(
                    reason,
                    durable,
                    both(
                        "it may have been sent before; what became of it is not known yet",
                        "可能此前已发送，结果尚不可知",
                    ),
                ),
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
