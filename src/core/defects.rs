//! Deliberate defects, one at a time: the mistakes that a billing client is likely to make. The
//! simulator turns each on and must catch it (`cargo xtask sim --defects`), which is how it is
//! known to look.
//!
//! Compiled with the feature `defects` only. In the core each is one `if defect!(…)`, or a value
//! that passes through a function of this file.

use std::cell::Cell;

use serde_json::Value;

use super::engine::SendId;
use super::outcome::{FailureReason, OpenReason};
use super::points::Points;
use super::protocol::{ChargeAnswer, Request, Response};
use super::record::{Conclusion, Failure, Receipt, Verdict};

#[cfg(target_arch = "wasm32")]
compile_error!("the deliberate defects are for the simulator, not for a browser");

/// Declares the defects, and their list.
macro_rules! declare {
    ($($(#[$meaning:meta])* $defect:ident,)*) => {
        /// One mistake in the core.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Defect {
            $($(#[$meaning])* $defect,)*
        }

        impl Defect {
            /// All of them.
            pub const ALL: &[Defect] = &[$(Defect::$defect,)*];
        }
    };
}

declare! {
    /// A new charge is sent while it is being written down, not after.
    SendsBeforeJournaling,
    /// Every sending makes a key of its own, so a retry is another charge.
    ForgetsKeyOnRetry,
    /// A request that was not answered in time counts as failed, nothing taken.
    TimeoutIsFailed,
    /// A `500` counts as charged: the server has got it, after all.
    ServerErrorIsCharged,
    /// The balance that came last counts, whatever its version.
    OlderBalanceApplies,
    /// That the store is full is noticed by nobody: the charge counts as stored.
    HidesStorageFailure,
    /// Tabs send what another tab is sending, and every sending makes a key of its own.
    NoClaimsNoKeys,
    /// After a `429` or a `503` the usual backoff is enough.
    IgnoresRetryAfter,
    /// A verdict is told at once, and written down at the next look into the journal.
    TellsBeforeJournaling,
    /// A receipt settles the charge that was sent, whatever key and amount it names.
    ForeignAnswerSettles,
    /// A charge is sent again though the server may have forgotten its key.
    SendsExpiredKey,
    /// The points of a task stay held while its charge holds them too.
    HoldsTaskTwice,
    /// "Nothing taken" is believed though an earlier sending may still arrive.
    BelievesUntakenTooEarly,
    /// Charges find out whether an outage is over.
    ProbesWithCharges,
    /// A verdict counts, whoever has claimed the charge since.
    BelievesLapsedClaim,
    /// The journal does not wait for the disk.
    RelaxesEveryWrite,
    /// A charge that was given up counts as not taken, whatever became of its sending.
    CancelsWithoutAsking,
    /// A claim is a flag at rest, and ends with its owner's word only.
    ClaimNeverEnds,
    /// A proxy's page with a status of `4xx` is the billing server's refusal.
    ProxyPageRefuses,
    /// "Never charged" is believed of one spelling alone.
    BelievesOneSpelling,
    /// A refusal is believed though an earlier sending may have taken the points.
    BelievesRefusalInDoubt,
    /// A gateway's `504` with a problem document says that the server has done with a request.
    BelievesGateways,
    /// Anybody's `503` says that nothing was taken.
    BelievesForeignBusy,
    /// Anybody's `404` to a batch says that nothing was taken.
    BelievesForeignNoBatches,
    /// That somebody else is signed in is a refusal like any other.
    IgnoresAccountMismatch,
    /// Whatever is lost closes the gate, and whatever answers opens it.
    EveryLossClosesGate,
    /// A balance that is told says that the token is accepted for charges, too.
    BalanceEndsPause,
    /// Every attempt counts, those too that the server only put off.
    CountsPutOffAttempts,
    /// A cached balance is a sign of the server's life.
    BelievesCachedBalance,
    /// A sign-out is the affair of the tab in which it is asked for.
    SignsOutOneTab,
    /// Every claim is taken to be as short as those of the tab with the shortest time limit.
    ClaimOfOneLength,
    /// The age of a key is compared when its sending is decided, as if it arrived at once.
    KeyTimeHasNoMargin,
    /// That the wall clock is set back is not noticed.
    IgnoresClockSetBack,
    /// A flush waits for the lock of a tab that stands still, again and again.
    WaitsForLockForEver,
    /// A verdict that nothing was taken is told though it could not be written down.
    TellsUnwrittenVerdicts,
    /// What is charged while an earlier journal can't be read counts as never sent.
    IgnoresUnreadJournal,
    /// That a record was damaged is forgotten when its charge is asked for again.
    ForgetsLostRecords,
}

thread_local! {
    static CURRENT: Cell<Option<Defect>> = const { Cell::new(None) };
}

impl Defect {
    /// Turns one defect on for this thread, or all off.
    pub fn set(defect: Option<Defect>) {
        CURRENT.set(defect);
    }

    /// Whether this one is on.
    pub fn is_on(self) -> bool {
        CURRENT.get() == Some(self)
    }
}

/// The request as it leaves.
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

/// What an answer to a charge is taken for.
pub(super) fn answer(answer: ChargeAnswer) -> ChargeAnswer {
    if let ChargeAnswer::Setback(setback) = &answer
        && Defect::ServerErrorIsCharged.is_on()
        && setback.detail.starts_with("HTTP 500")
    {
        return ChargeAnswer::Settled(Verdict::Charged(no_receipt()), None);
    }
    answer
}

/// What a sending without an answer comes to.
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
        replayed: false,
    }
}

/// The same charges, each under its key with `end` behind it.
fn under_other_keys(request: Request, end: &str) -> Request {
    let headers = request.headers.into_iter().map(|(name, value)| match name {
        "idempotency-key" => (name, format!("{}{end}\"", value.trim_end_matches('"'))),
        _ => (name, value),
    });
    let body = request.body.map(|body| match serde_json::from_str(&body) {
        Ok(Value::Object(body)) => with_other_keys(body, end),
        Ok(_) | Err(_) => body,
    });
    Request {
        headers: headers.collect(),
        body,
        ..request
    }
}

fn with_other_keys(mut body: serde_json::Map<String, Value>, end: &str) -> String {
    let items = body.get_mut("charges").and_then(Value::as_array_mut);
    for item in items.into_iter().flatten() {
        if let Some(Value::String(key)) = item.get_mut("idempotency_key") {
            key.push_str(end);
        }
    }
    Value::Object(body).to_string()
}
