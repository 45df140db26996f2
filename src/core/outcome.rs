//! The outcome of a charge, as the caller sees it.

use super::charge::Key;
use super::json::{Json, ToJson};
use super::locale::Locale;
use super::points::Points;
use super::record::{Record, State, Verdict};
use super::text::{Detail, Message};

pub use super::reason::{DeclineReason, FailureReason, OpenReason, ParkReason, UnknownReason};

/// The outcome of a charge: `ChargeOutcome` of the public API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The charge's key.
    pub key: Key,
    /// The charge's task.
    pub task_id: String,
    /// The charge's amount.
    pub amount: Points,
    /// Charge requests so far.
    pub attempts: u32,
    /// The part that differs by status.
    pub what: What,
}

impl ToJson for Outcome {
    fn to_json(&self) -> Json<'_> {
        let common = Json::object(&[
            ("key", &self.key),
            ("taskId", &self.task_id),
            ("amount", &self.amount),
            ("attempts", &self.attempts),
        ]);
        common.and(self.what.to_json())
    }
}

/// The part of an outcome that differs by status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Certain: the server has taken the points.
    Charged {
        /// The server's id of the charge.
        charge_id: String,
        /// The server's balance after it.
        balance: Points,
        /// Whether it had been charged before this call.
        replayed: bool,
    },
    /// Open and certain: nothing taken so far, the client goes on by itself.
    Queued {
        /// Why it is open.
        reason: OpenReason,
        /// Whether it survives a crash of the browser.
        durable: bool,
        /// Human-readable detail.
        detail: String,
    },
    /// Open: a request may have reached the server and no answer came.
    Unknown {
        /// Why it is open or parked.
        reason: UnknownReason,
        /// Whether the client goes on by itself.
        resolving: bool,
        /// Whether it survives a crash of the browser.
        durable: bool,
        /// Human-readable detail.
        detail: String,
    },
    /// Certain: the server has declined it, nothing taken.
    Declined {
        /// The reason.
        reason: DeclineReason,
        /// The server's balance, if it was reported.
        balance: Option<Points>,
        /// Human-readable detail.
        detail: String,
    },
    /// Certain: nothing taken.
    Failed {
        /// The reason.
        reason: FailureReason,
        /// Whether a retry may succeed.
        retryable: bool,
        /// Human-readable detail.
        detail: String,
    },
}

impl ToJson for What {
    fn to_json(&self) -> Json<'_> {
        match self {
            What::Charged {
                charge_id,
                balance,
                replayed,
            } => Json::object(&[
                ("status", &"charged"),
                ("chargeId", charge_id),
                ("balance", balance),
                ("replayed", replayed),
            ]),
            What::Queued {
                reason,
                durable,
                detail,
            } => Json::object(&[
                ("status", &"queued"),
                ("reason", reason),
                ("durable", durable),
                ("detail", detail),
            ]),
            What::Unknown {
                reason,
                resolving,
                durable,
                detail,
            } => Json::object(&[
                ("status", &"unknown"),
                ("reason", reason),
                ("resolving", resolving),
                ("durable", durable),
                ("detail", detail),
            ]),
            What::Declined {
                reason,
                balance,
                detail,
            } => Json::object(&[
                ("status", &"declined"),
                ("reason", reason),
                ("balance", balance),
                ("detail", detail),
            ]),
            What::Failed {
                reason,
                retryable,
                detail,
            } => Json::object(&[
                ("status", &"failed"),
                ("reason", reason),
                ("retryable", retryable),
                ("detail", detail),
            ]),
        }
    }
}

impl Outcome {
    /// The outcome of a charge in the state of `record`.
    ///
    /// `waiting_for` says why a charge without any attempt is not being sent now; `durable` whether
    /// the record survives a crash.
    pub fn of(record: &Record, waiting_for: OpenReason, durable: bool, locale: Locale) -> Outcome {
        let what = match record.state() {
            State::Waiting(waiting) => {
                let (reason, detail) = match waiting.cause() {
                    Some(cause) => (cause.reason, cause.detail.told(locale)),
                    None => (waiting_for, Detail::NotSent(waiting_for).told(locale)),
                };
                if waiting.in_doubt() || record.may_have_left_unseen() {
                    What::unknown(reason, durable, detail)
                } else {
                    What::Queued {
                        reason,
                        durable,
                        detail,
                    }
                }
            }
            State::Attempting(attempting) => {
                let detail = Message::UnderWay(attempting.number()).told(locale);
                What::unknown(OpenReason::Timeout, durable, detail)
            }
            State::Parked(parked) => What::Unknown {
                reason: UnknownReason::Parked(parked.reason()),
                resolving: false,
                durable,
                detail: parked.detail().told(locale),
            },
            State::Settled(verdict) => What::of(verdict, locale),
        };
        Outcome::about(record, what)
    }

    /// An outcome of this charge.
    pub fn about(record: &Record, what: What) -> Outcome {
        let charge = record.charge();
        Outcome {
            key: charge.key.clone(),
            task_id: charge.task_id.clone(),
            amount: charge.amount,
            attempts: record.attempts(),
            what,
        }
    }

    /// The same if another tab may have sent the charge since: certainty becomes doubt.
    pub fn in_doubt(self, locale: Locale) -> Outcome {
        match self.what {
            What::Queued {
                reason, durable, ..
            } => Outcome {
                what: What::unknown(reason, durable, Message::PerhapsSent.told(locale)),
                ..self
            },
            What::Charged { .. }
            | What::Unknown { .. }
            | What::Declined { .. }
            | What::Failed { .. } => self,
        }
    }

    /// Its client goes on with nothing by itself.
    pub fn leave_unresolved(&mut self) {
        if let What::Unknown { resolving, .. } = &mut self.what {
            *resolving = false;
        }
    }

    /// As [`Outcome::in_doubt`]; even "nothing taken" becomes uncertain.
    pub fn in_full_doubt(self, locale: Locale) -> Outcome {
        match self.what {
            What::Declined { detail, .. } | What::Failed { detail, .. } => Outcome {
                what: What::unknown(OpenReason::Timeout, false, detail),
                ..self
            },
            What::Charged { .. } | What::Unknown { .. } | What::Queued { .. } => {
                self.in_doubt(locale)
            }
        }
    }
}

impl What {
    /// The status of a charge with this verdict.
    pub fn of(verdict: &Verdict, locale: Locale) -> What {
        match verdict {
            Verdict::Charged(receipt) => What::Charged {
                charge_id: receipt.charge_id.clone(),
                balance: receipt.balance,
                replayed: receipt.replayed,
            },
            Verdict::Declined(decline) => What::Declined {
                reason: decline.reason,
                balance: decline.balance,
                detail: decline.detail.told(locale),
            },
            Verdict::Failed(failure) => What::Failed {
                reason: failure.reason,
                retryable: failure.retryable,
                detail: failure.detail.told(locale),
            },
        }
    }

    /// The status of a charge that may have taken points and is still being tried.
    pub fn unknown(reason: OpenReason, durable: bool, detail: String) -> What {
        What::Unknown {
            reason: UnknownReason::Open(reason),
            resolving: true,
            durable,
            detail,
        }
    }

    /// The human-readable detail; `None` for a charged one.
    pub fn detail(&self) -> Option<&str> {
        match self {
            What::Charged { .. } => None,
            What::Queued { detail, .. }
            | What::Unknown { detail, .. }
            | What::Declined { detail, .. }
            | What::Failed { detail, .. } => Some(detail),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::charge::ChargeRequest;
    use crate::core::record::{Claim, Failure, Purpose};

    fn record() -> Record {
        let request = ChargeRequest {
            task_id: "t1".into(),
            amount: 5.0,
            feature: "f".into(),
            ..ChargeRequest::default()
        };
        Record::open(request.into_charge(0).unwrap(), 1)
    }

    fn attempting() -> Record {
        let claim = Claim {
            tab: "one".into(),
            until_ms: 10_000,
            length_ms: 15_000,
        };
        record().begin(Purpose::Send, claim, 100).unwrap()
    }

    #[test]
    fn waiting_charge_is_queued_for_the_given_reason() {
        let mut told = Vec::new();
        for locale in [Locale::En, Locale::ZhCn] {
            for reason in [
                OpenReason::Offline,
                OpenReason::Unreachable,
                OpenReason::Timeout,
                OpenReason::Busy,
                OpenReason::ServerError,
                OpenReason::Unauthorized,
            ] {
                let outcome = Outcome::of(&record(), reason, true, locale);
                let What::Queued {
                    reason: said,
                    durable: true,
                    detail,
                } = outcome.what
                else {
                    panic!("{outcome:?}")
                };
                assert_eq!(said, reason);
                assert!(!told.contains(&detail), "{detail} is told twice");
                told.push(detail);
            }
        }
    }

    #[test]
    fn attempted_charge_is_unknown_in_either_language() {
        for locale in [Locale::En, Locale::ZhCn] {
            let outcome = Outcome::of(&attempting(), OpenReason::Busy, false, locale);
            assert_eq!(outcome.attempts, 1);
            let What::Unknown {
                reason: UnknownReason::Open(OpenReason::Timeout),
                resolving: true,
                durable: false,
                detail,
            } = outcome.what
            else {
                panic!("{outcome:?}")
            };
            assert!(detail.contains('1'), "{detail}");
        }
    }

    #[test]
    fn in_doubt_changes_only_a_queued_outcome() {
        let queued = Outcome::of(&record(), OpenReason::Busy, true, Locale::En);
        let doubted = queued.in_doubt(Locale::En);
        let What::Unknown {
            reason: UnknownReason::Open(OpenReason::Busy),
            resolving: true,
            durable: true,
            ..
        } = doubted.what
        else {
            panic!("{doubted:?}")
        };
        let unknown = Outcome::of(&attempting(), OpenReason::Busy, true, Locale::En);
        assert_eq!(unknown.clone().in_doubt(Locale::En), unknown);
        let failure = Failure {
            reason: FailureReason::Forbidden,
            retryable: false,
            detail: Detail::Said(Some("no".into())),
        };
        let verdict = Verdict::Failed(failure);
        let failed = Outcome::about(&record(), What::of(&verdict, Locale::En));
        assert_eq!(failed.clone().in_doubt(Locale::En), failed);
    }
}
