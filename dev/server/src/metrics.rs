//! What the server counts and measures, for Prometheus.

use std::fmt;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// Upper bounds of the histograms, in seconds: from a charge that waits for nothing to the time limit
/// of a decision.
const BUCKETS: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// The media type of [`Metrics::text`] (OpenMetrics 1.0).
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The counts since the start. Clones share them.
#[derive(Clone)]
pub struct Metrics {
    charges: Family<ByOutcome, Counter>,
    holds: Family<ByOutcome, Counter>,
    requests: Family<ByRoute, Histogram, fn() -> Histogram>,
    in_flight: Gauge,
    waits: Family<ByQueue, Histogram, fn() -> Histogram>,
    retries: Family<ByReason, Counter>,
    connections: Family<ByState, Gauge>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            charges: Family::default(),
            holds: Family::default(),
            requests: Family::new_with_constructor(histogram),
            in_flight: Gauge::default(),
            waits: Family::new_with_constructor(histogram),
            retries: Family::default(),
            connections: Family::default(),
        }
    }
}

fn histogram() -> Histogram {
    Histogram::new(BUCKETS)
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByOutcome {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByRoute {
    method: String,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByQueue {
    queue: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByReason {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByState {
    state: &'static str,
}

/// What a request waits in.
#[derive(Clone, Copy, Debug)]
pub enum Queue {
    /// For the requests of its account that came before it.
    Account,
    /// For a connection to the database.
    Connection,
}

impl Metrics {
    /// `outcome` is a verdict, or why there is none, for one charge.
    pub fn charge(&self, outcome: &'static str) {
        self.charges.get_or_create(&ByOutcome { outcome }).inc();
    }

    /// So many holds came to this: a verdict on one that was asked for, or why there is none, or the
    /// end of one.
    pub fn holds(&self, outcome: &'static str, number: u64) {
        self.holds
            .get_or_create(&ByOutcome { outcome })
            .inc_by(number);
    }

    /// Counts a request until the guard is dropped.
    pub fn begin(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }

    /// A request was answered.
    pub fn answered(&self, method: &str, route: &str, status: u16, took: Duration) {
        let labels = ByRoute {
            method: method.to_owned(),
            route: route.to_owned(),
            status,
        };
        self.requests
            .get_or_create(&labels)
            .observe(took.as_secs_f64());
    }

    /// A request has waited.
    pub fn waited(&self, queue: Queue, time: Duration) {
        let queue = match queue {
            Queue::Account => "account",
            Queue::Connection => "connection",
        };
        self.waits
            .get_or_create(&ByQueue { queue })
            .observe(time.as_secs_f64());
    }

    /// Shows the count of a reason before there is one: an alert needs the zero.
    pub fn expect_retries(&self, reason: &'static str) {
        drop(self.retries.get_or_create(&ByReason { reason }));
    }

    /// A transaction is tried again.
    pub fn retry(&self, reason: &'static str) {
        self.retries.get_or_create(&ByReason { reason }).inc();
    }

    /// The connections to the database that there are now.
    pub fn connections(&self, used: usize, idle: usize) {
        for (state, number) in [("used", used), ("idle", idle)] {
            self.connections
                .get_or_create(&ByState { state })
                .set(i64::try_from(number).unwrap_or(i64::MAX));
        }
    }

    /// Everything, as Prometheus reads it.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry())?;
        Ok(text)
    }

    fn registry(&self) -> Registry {
        let mut registry = Registry::with_prefix("tollbox");
        registry.register(
            "charges",
            "Charges by outcome, those of batches too",
            self.charges.clone(),
        );
        registry.register("holds", "Holds by outcome", self.holds.clone());
        registry.register_with_unit(
            "request_duration",
            "From a request's headers to its answer",
            Unit::Seconds,
            self.requests.clone(),
        );
        registry.register(
            "requests_in_flight",
            "Requests that are being answered",
            self.in_flight.clone(),
        );
        registry.register_with_unit(
            "queue_wait",
            "Waits for the requests before on the same account, and for a connection",
            Unit::Seconds,
            self.waits.clone(),
        );
        registry.register(
            "database_retries",
            "Transactions tried again, by reason",
            self.retries.clone(),
        );
        registry.register(
            "database_connections",
            "Connections to the database",
            self.connections.clone(),
        );
        registry
    }
}

/// A request that is being answered.
pub struct InFlight(Gauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}
