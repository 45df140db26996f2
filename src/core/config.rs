//! The options of `openBilling` that the core needs, validated, with their defaults.

use super::backoff::Backoff;
use super::charge::InvalidArgument;
use super::json::{FromJson, Json, Misfit};
use super::locale::Locale;
use super::points::Points;

/// What may be charged while the server can't be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfflineSpend {
    /// No more than is available; nothing where no balance is known.
    WithinBalance,
    /// Anything.
    Unlimited,
    /// Nothing.
    Deny,
    /// At most this many points in open charges.
    Points(Points),
}

/// The client's configuration. All times in milliseconds.
#[derive(Clone, Debug)]
pub struct Config {
    /// A cached balance older than this is stale.
    pub stale_after_ms: u64,
    /// Period of the background sync; 0 for none.
    pub sync_every_ms: u64,
    /// Available points below this raise `balance_low`.
    pub low_watermark: Option<Points>,
    /// Open charges allowed.
    pub max_entries: usize,
    /// What may be charged while the server can't be reached.
    pub offline_spend: OfflineSpend,
    /// Charges in one batch request.
    pub batch_size: usize,
    /// How long the server remembers a key.
    pub key_ttl_ms: u64,
    /// Settled charges kept for display.
    pub keep_settled: usize,
    /// Attempts inside one call.
    pub max_attempts: u32,
    /// Attempts in all before a charge is parked.
    pub max_total_attempts: u32,
    /// Delays between attempts.
    pub backoff: Backoff,
    /// Limit for one HTTP request, its body included.
    pub request_timeout_ms: u64,
    /// A call answers at the latest after this.
    pub respond_within_ms: u64,
    /// Width of the window of the success rate.
    pub window_ms: u64,
    /// Samples in the window before its rate may raise an alert.
    pub min_samples: usize,
    /// A rate below this raises `success_rate_low`.
    pub alert_below_success_rate: f64,
    /// The language of the log.
    pub locale: Locale,
}

/// How long requests of another client, whose limits are unknown, may still arrive, in
/// milliseconds.
const UNKNOWN_PAST_MS: u64 = 60_000;

/// How long after its time limit a request may still be delivered, in milliseconds; a network has
/// lost it after that.
const ARRIVES_AFTER_LIMIT_MS: u64 = 5_000;

/// The same after its connection has failed, or a gateway has answered in the server's place.
const ARRIVES_AFTER_LOSS_MS: u64 = 2_000;

/// A claim is used within this time, in milliseconds, or not at all: a tab may have been frozen
/// while it was written.
pub const LAUNCH_WITHIN_MS: u64 = 5_000;

impl Config {
    /// Duration of a claim: as long as its request may be under way.
    pub fn claim_ms(&self) -> u64 {
        self.under_way_ms().saturating_add(LAUNCH_WITHIN_MS)
    }

    /// How long requests of an unknown client may still arrive: as long as a claim, and its limits
    /// may be wider than this client's.
    pub fn unknown_past_ms(&self) -> u64 {
        self.claim_ms().max(UNKNOWN_PAST_MS)
    }

    /// How long a request may be under way.
    pub fn under_way_ms(&self) -> u64 {
        self.request_timeout_ms
            .saturating_add(self.arrives_after_limit_ms())
    }

    /// How long after its time limit a request may still reach the server: half of it again.
    pub fn arrives_after_limit_ms(&self) -> u64 {
        ARRIVES_AFTER_LIMIT_MS.min(self.request_timeout_ms.div_ceil(2))
    }

    /// How long after its connection has failed, or a gateway has answered in the server's place,
    /// a request may still be under way: a fifth of its time limit.
    pub fn arrives_after_loss_ms(&self) -> u64 {
        ARRIVES_AFTER_LOSS_MS.min(self.request_timeout_ms.div_ceil(5))
    }
}

impl Default for Config {
    fn default() -> Config {
        Config {
            stale_after_ms: 30_000,
            sync_every_ms: 300_000,
            low_watermark: None,
            max_entries: 10_000,
            offline_spend: OfflineSpend::WithinBalance,
            batch_size: 100,
            key_ttl_ms: 86_400_000,
            keep_settled: 500,
            max_attempts: 3,
            max_total_attempts: 20,
            backoff: Backoff {
                base_ms: 1_000,
                max_ms: 60_000,
            },
            request_timeout_ms: 10_000,
            respond_within_ms: 8_000,
            window_ms: 600_000,
            min_samples: 10,
            alert_below_success_rate: 0.9,
            locale: Locale::En,
        }
    }
}

/// `BillingOptions` of the public API as they arrive: anything may be missing or wrong.
#[derive(Clone, Debug)]
pub struct Options {
    balance: Option<BalanceOptions>,
    queue: Option<QueueOptions>,
    retry: Option<RetryOptions>,
    monitor: Option<MonitorOptions>,
    locale: Option<String>,
}

json_members! { from Options { balance, queue, retry, monitor, locale } }

#[derive(Clone, Debug, Default)]
struct BalanceOptions {
    stale_after_ms: Option<f64>,
    sync_every_ms: Option<f64>,
    low_watermark: Option<f64>,
}

json_members! { from BalanceOptions {
    stale_after_ms = "staleAfterMs",
    sync_every_ms = "syncEveryMs",
    low_watermark = "lowWatermark",
} }

#[derive(Clone, Debug, Default)]
struct QueueOptions {
    max_entries: Option<f64>,
    offline_spend: Option<OfflineSpendOption>,
    batch_size: Option<f64>,
    key_ttl_ms: Option<f64>,
    keep_settled: Option<f64>,
}

json_members! { from QueueOptions {
    max_entries = "maxEntries",
    offline_spend = "offlineSpend",
    batch_size = "batchSize",
    key_ttl_ms = "keyTtlMs",
    keep_settled = "keepSettled",
} }

/// A string, or `{ points }`; `None` for anything else.
#[derive(Clone, Debug)]
struct OfflineSpendOption(Option<OfflineSpend>);

impl FromJson for OfflineSpendOption {
    fn from_json(json: &Json<'_>) -> Result<OfflineSpendOption, Misfit> {
        Ok(OfflineSpendOption(match json.as_text() {
            Some("within_balance") => Some(OfflineSpend::WithinBalance),
            Some("unlimited") => Some(OfflineSpend::Unlimited),
            Some("deny") => Some(OfflineSpend::Deny),
            Some(_) => None,
            None => json.member("points").map(OfflineSpend::Points).ok(),
        }))
    }
}

#[derive(Clone, Debug, Default)]
struct RetryOptions {
    max_attempts: Option<f64>,
    max_total_attempts: Option<f64>,
    base_delay_ms: Option<f64>,
    max_delay_ms: Option<f64>,
    request_timeout_ms: Option<f64>,
    respond_within_ms: Option<f64>,
}

json_members! { from RetryOptions {
    max_attempts = "maxAttempts",
    max_total_attempts = "maxTotalAttempts",
    base_delay_ms = "baseDelayMs",
    max_delay_ms = "maxDelayMs",
    request_timeout_ms = "requestTimeoutMs",
    respond_within_ms = "respondWithinMs",
} }

#[derive(Clone, Debug, Default)]
struct MonitorOptions {
    window_ms: Option<f64>,
    min_samples: Option<f64>,
    alert_below_success_rate: Option<f64>,
}

json_members! { from MonitorOptions {
    window_ms = "windowMs",
    min_samples = "minSamples",
    alert_below_success_rate = "alertBelowSuccessRate",
} }

impl Options {
    /// Validates the options: the configuration, or the caller's mistake.
    pub fn into_config(self) -> Result<Config, InvalidArgument> {
        let usual = Config::default();
        let Options {
            balance,
            queue,
            retry,
            monitor,
            locale,
        } = self;
        let balance = balance.unwrap_or_default();
        let queue = queue.unwrap_or_default();
        let retry = retry.unwrap_or_default();
        let monitor = monitor.unwrap_or_default();
        Ok(Config {
            stale_after_ms: whole(
                "balance.staleAfterMs",
                balance.stale_after_ms,
                usual.stale_after_ms,
                0,
            )?,
            sync_every_ms: whole(
                "balance.syncEveryMs",
                balance.sync_every_ms,
                usual.sync_every_ms,
                0,
            )?,
            low_watermark: points("balance.lowWatermark", balance.low_watermark)?,
            max_entries: size("queue.maxEntries", queue.max_entries, usual.max_entries, 1)?,
            offline_spend: offline_spend(queue.offline_spend)?,
            batch_size: match size("queue.batchSize", queue.batch_size, usual.batch_size, 1)? {
                size @ 1..=100 => size,
                _ => return Err(InvalidArgument::new("queue.batchSize must be 1 to 100")),
            },
            key_ttl_ms: whole("queue.keyTtlMs", queue.key_ttl_ms, usual.key_ttl_ms, 0)?,
            keep_settled: size(
                "queue.keepSettled",
                queue.keep_settled,
                usual.keep_settled,
                0,
            )?,
            max_attempts: count("retry.maxAttempts", retry.max_attempts, usual.max_attempts)?,
            max_total_attempts: count(
                "retry.maxTotalAttempts",
                retry.max_total_attempts,
                usual.max_total_attempts,
            )?,
            backoff: Backoff {
                base_ms: whole(
                    "retry.baseDelayMs",
                    retry.base_delay_ms,
                    usual.backoff.base_ms,
                    0,
                )?,
                max_ms: whole(
                    "retry.maxDelayMs",
                    retry.max_delay_ms,
                    usual.backoff.max_ms,
                    0,
                )?,
            },
            request_timeout_ms: whole(
                "retry.requestTimeoutMs",
                retry.request_timeout_ms,
                usual.request_timeout_ms,
                1,
            )?,
            respond_within_ms: whole(
                "retry.respondWithinMs",
                retry.respond_within_ms,
                usual.respond_within_ms,
                1,
            )?,
            window_ms: whole("monitor.windowMs", monitor.window_ms, usual.window_ms, 1)?,
            min_samples: size(
                "monitor.minSamples",
                monitor.min_samples,
                usual.min_samples,
                1,
            )?,
            alert_below_success_rate: match monitor.alert_below_success_rate {
                None => usual.alert_below_success_rate,
                Some(rate) if (0.0..=1.0).contains(&rate) => rate,
                Some(_) => {
                    return Err(InvalidArgument::new(
                        "monitor.alertBelowSuccessRate must be 0 to 1",
                    ));
                }
            },
            locale: locale.as_deref().map_or(Ok(usual.locale), Locale::of)?,
        })
    }
}

fn offline_spend(option: Option<OfflineSpendOption>) -> Result<OfflineSpend, InvalidArgument> {
    let usual = OfflineSpendOption(Some(OfflineSpend::WithinBalance));
    let OfflineSpendOption(given) = option.unwrap_or(usual);
    given.ok_or_else(|| {
        InvalidArgument::new(
            "queue.offlineSpend must be \"within_balance\", \"unlimited\", \"deny\" or { points }",
        )
    })
}

fn whole(name: &str, given: Option<f64>, usual: u64, least: u64) -> Result<u64, InvalidArgument> {
    let Some(number) = given else {
        return Ok(usual);
    };
    Points::from_number(number)
        .map(Points::get)
        .filter(|number| *number >= least)
        .ok_or_else(|| {
            InvalidArgument::new(format!("{name} must be a whole number from {least} up"))
        })
}

fn size(
    name: &str,
    given: Option<f64>,
    usual: usize,
    least: u64,
) -> Result<usize, InvalidArgument> {
    let number = whole(name, given, u64::try_from(usual).unwrap_or(u64::MAX), least)?;
    Ok(usize::try_from(number).unwrap_or(usize::MAX))
}

fn count(name: &str, given: Option<f64>, usual: u32) -> Result<u32, InvalidArgument> {
    let number = whole(name, given, u64::from(usual), 1)?;
    Ok(u32::try_from(number).unwrap_or(u32::MAX))
}

fn points(name: &str, given: Option<f64>) -> Result<Option<Points>, InvalidArgument> {
    let Some(number) = given else {
        return Ok(None);
    };
    match Points::from_number(number) {
        Some(points) => Ok(Some(points)),
        None => Err(InvalidArgument::new(format!("{name} must be whole points"))),
    }
}

#[cfg(test)]
mod tests;
