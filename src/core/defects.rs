//! Deliberate defects, one at a time: the mistakes that a billing client is likely to make. The
//! simulator turns each on and must catch it (`cargo xtask sim --defects`), which shows that its
//! checks work.
//!
//! Compiled with the feature `defects` only. In the core each is one `if defect!(…)`, or a value
//! that passes through a function of this file.

use std::cell::Cell;

use super::engine::SendId;
use super::json::Json;
use super::points::Points;
use super::protocol::{ChargeAnswer, Request, Response};
use super::reason::{FailureReason, OpenReason};
use super::record::{Conclusion, Failure, Receipt, Verdict};
use super::text::Detail;

#[cfg(target_arch = "wasm32")]
compile_error!("the deliberate defects are for the simulator, not for a browser");

/// Declares the defects and the list of them.
macro_rules! declare {
    ($($(#[$meaning:meta])* $defect:ident,)*) => {
        /// One mistake in the core.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Defect {
            $($(#[$meaning])* $defect,)*
        }

        impl Defect {
            /// Every defect.
            pub const ALL: &[Defect] = &[$(Defect::$defect,)*];
        }
    };
}

declare! {
    /// A new charge is sent while it is being written, not after.
    SendsBeforeJournaling,
    /// Every attempt generates its own key, so a retry is another charge.
    ForgetsKeyOnRetry,
    /// A request that timed out counts as failed, nothing taken.
    TimeoutIsFailed,
    /// A `500` counts as charged, because the server has received the request.
    ServerErrorIsCharged,
    /// The last balance to arrive counts, whatever its version.
    OlderBalanceApplies,
    /// A full store goes unnoticed: the charge counts as stored.
    HidesStorageFailure,
    /// Tabs send charges that another tab is sending, each time under a new key.
    NoClaimsNoKeys,
    /// After a `429` or a `503` only the usual backoff is kept.
    IgnoresRetryAfter,
    /// A verdict is reported at once, and written at the next read of the journal.
    TellsBeforeJournaling,
    /// A receipt settles the charge that was sent, whatever key and amount it names.
    ForeignAnswerSettles,
    /// What the server holds for other devices is not counted.
    IgnoresServerHolds,
    /// A hold at the server counts as if it never expired.
    HoldsNeverExpire,
    /// Every hold is requested and released at once, however many connections that takes.
    HoldsTakeAllConnections,
    /// A charge is sent again though the server may have forgotten its key.
    SendsExpiredKey,
    /// A task's points stay held while its charge holds them too.
    HoldsTaskTwice,
    /// "Nothing taken" is believed though an earlier request may still arrive.
    BelievesUntakenTooEarly,
    /// Charges, not probes, test whether an outage is over.
    ProbesWithCharges,
    /// A verdict counts even if another tab has claimed the charge since.
    BelievesLapsedClaim,
    /// The journal does not wait for the disk.
    RelaxesEveryWrite,
    /// A cancelled charge counts as not taken, even if it was sent.
    CancelsWithoutAsking,
    /// A claim is a persisted flag that only its owner can clear.
    ClaimNeverEnds,
    /// A proxy's page with a status of `4xx` counts as the billing server's rejection.
    ProxyPageRejects,
    /// "Never charged" is believed after a look-up by one spelling of the key alone.
    BelievesOneSpelling,
    /// A rejection is believed though an earlier request may have taken the points.
    BelievesRejectionInDoubt,
    /// A gateway's `504` with a problem document counts as proof that the server is done with a
    /// request.
    BelievesGateways,
    /// A `503` from anything counts as "nothing taken".
    BelievesForeignBusy,
    /// A `404` to a batch from anything counts as "nothing taken".
    BelievesForeignNoBatches,
    /// An account mismatch counts as an ordinary rejection.
    IgnoresAccountMismatch,
    /// Every loss closes the gate, and every answer opens it.
    EveryLossClosesGate,
    /// A balance answer counts as proof that the token is accepted for charges, too.
    BalanceEndsPause,
    /// Every attempt counts against the limit, even those that the server only deferred.
    CountsPutOffAttempts,
    /// A cached balance is a sign of the server's life.
    BelievesCachedBalance,
    /// A sign-out affects only the tab in which it is requested.
    SignsOutOneTab,
    /// Every claim counts as no longer than those of the tab with the shortest time limit.
    ClaimOfOneLength,
    /// The age of a key is checked when its sending is decided, as if it arrived at once.
    KeyTimeHasNoMargin,
    /// A wall clock that is set back goes unnoticed.
    IgnoresClockSetBack,
    /// A flush waits for a frozen tab's lock again and again.
    WaitsForLockForEver,
    /// "Nothing taken" is reported though the verdict could not be written.
    TellsUnwrittenVerdicts,
    /// A charge requested while an earlier journal can't be read counts as never sent.
    IgnoresUnreadJournal,
    /// A damaged record is forgotten when its charge is requested again.
    ForgetsLostRecords,
    /// The queue is noted for the next start while some of it is yet to be written.
    NotesUnwrittenQueue,
    /// Delays have no jitter: clients that failed together come back together.
    NoJitter,
}

thread_local! {
    static CURRENT: Cell<Option<Defect>> = const { Cell::new(None) };
}

impl Defect {
    /// Turns one defect on for this thread, or all off.
    pub fn set(defect: Option<Defect>) {
        CURRENT.set(defect);
    }

    /// Whether this one is turned on.
    pub fn is_on(self) -> bool {
        CURRENT.get() == Some(self)
    }
}

/// The request as it leaves, under a defect.
pub(super) fn request(request: Request, tab: &str, send: SendId) -> Request {
    match has_no_keys() {
        true => under_other_keys(request, &key_end(tab, send)),
        false => request,
    }
}

/// The answer to a request that left as [`request`] made it.
pub(super) fn response(response: &Response, tab: &str, send: SendId) -> Response {
    Response {
        body: response.body.replace(&key_end(tab, send), ""),
        ..response.clone()
    }
}

fn has_no_keys() -> bool {
    Defect::ForgetsKeyOnRetry.is_on() || Defect::NoClaimsNoKeys.is_on()
}

fn key_end(tab: &str, send: SendId) -> String {
    format!("#{tab}.{send}")
}

/// The meaning of an answer to a charge, under a defect.
pub(super) fn answer(answer: ChargeAnswer) -> ChargeAnswer {
    if let ChargeAnswer::Setback(setback) = &answer
        && Defect::ServerErrorIsCharged.is_on()
        && matches!(
            setback.detail,
            Detail::Status(500) | Detail::Problem(500, _)
        )
    {
        return ChargeAnswer::Settled(Verdict::Charged(no_receipt()), None);
    }
    answer
}

/// The conclusion of an attempt without an answer, under a defect.
pub(super) fn lost(conclusion: Conclusion) -> Conclusion {
    if let Conclusion::Lost(cause, _) = &conclusion
        && Defect::TimeoutIsFailed.is_on()
        && cause.reason == OpenReason::Timeout
    {
        return Conclusion::Settled(Verdict::Failed(Failure {
            reason: FailureReason::RetriesExhausted,
            retryable: true,
            detail: cause.detail.clone(),
        }));
    }
    conclusion
}

fn no_receipt() -> Receipt {
    Receipt {
        charge_id: "unknown".to_owned(),
        charged_at: String::new(),
        balance: Points::ZERO,
        version: 0,
        held: None,
        replayed: false,
    }
}

/// The same charges, with `end` appended to each key.
fn under_other_keys(request: Request, end: &str) -> Request {
    let headers = request.headers.into_iter().map(|(name, value)| match name {
        "idempotency-key" => (name, format!("{}{end}\"", value.trim_end_matches('"'))),
        _ => (name, value),
    });
    let body = request.body.map(|body| match Json::parse(&body) {
        Some(mut json) => {
            append_to_keys(&mut json, end);
            json.to_text()
        }
        None => body,
    });
    Request {
        headers: headers.collect(),
        body,
        ..request
    }
}

fn append_to_keys(body: &mut Json<'_>, end: &str) {
    let Json::Object(members) = body else {
        return;
    };
    for (name, value) in members {
        match value {
            Json::Text(key) if name == "idempotency_key" => key.to_mut().push_str(end),
            Json::List(items) if name == "charges" => {
                for item in items {
                    append_to_keys(item, end);
                }
            }
            Json::Null
            | Json::Bool(_)
            | Json::Whole(_)
            | Json::Float(_)
            | Json::Text(_)
            | Json::List(_)
            | Json::Object(_) => {}
        }
    }
}
