//! Figures since the client was opened.

mod window;

use self::window::Window;

use super::charge::Key;
use super::ordered::LongMap;
use super::record::{Record, State, Verdict};

/// `BillingStats` of the public API.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BillingStats {
    /// Charges taken on or found open: the sum of the five below.
    pub enqueued: u64,
    /// Number charged.
    pub charged: u64,
    /// Number declined.
    pub declined: u64,
    /// Number failed.
    pub failed: u64,
    /// Number parked without a verdict.
    pub unknown: u64,
    /// Number open.
    pub open: u64,
    /// Charge requests sent.
    pub attempts: u64,
    /// Success rate in the window: charged / (charged + declined + failed + unknown). A charge that
    /// was parked and charged later counts twice. `None` where nothing has ended.
    pub success_rate: Option<f64>,
    /// Latency of the charges charged in the window, from the call or the recovery to the verdict;
    /// up to 3 % too high. `None` where nothing was charged.
    pub latency_ms: Option<Latency>,
}

json_members! { to BillingStats {
    enqueued, charged, declined, failed, unknown, open, attempts, success_rate = "successRate",
    latency_ms = "latencyMs",
} }

/// Percentiles in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latency {
    /// The median.
    pub p50: u64,
    /// The 95th percentile.
    pub p95: u64,
    /// The 99th percentile.
    pub p99: u64,
}

json_members! { to Latency { p50, p95, p99 } }

/// The class under which a charge is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Open.
    Open,
    /// Charged.
    Charged,
    /// Declined.
    Declined,
    /// Failed.
    Failed,
    /// Parked.
    Unknown,
}

impl Class {
    /// The class of this record.
    pub fn of(record: &Record) -> Class {
        match record.state() {
            State::Waiting(_) | State::Attempting(_) => Class::Open,
            State::Parked(_) => Class::Unknown,
            State::Settled(Verdict::Charged(_)) => Class::Charged,
            State::Settled(Verdict::Declined(_)) => Class::Declined,
            State::Settled(Verdict::Failed(_)) => Class::Failed,
        }
    }
}

/// Counts charges by class and keeps a sliding window of those that ended.
#[derive(Clone, Debug, Default)]
pub struct Stats {
    counts: BillingStats,
    counted: LongMap<Key, Class>,
    window: Window,
}

impl Stats {
    /// Whether this charge has been counted.
    pub fn is_counted(&self, key: &Key) -> bool {
        self.counted.contains_key(key)
    }

    /// Drops a charge. Its count stays, and it is counted again if it comes back; without a verdict
    /// it stays unknown.
    pub fn uncount(&mut self, key: &Key) {
        if self.counted.remove(key) == Some(Class::Open) {
            self.moved(Class::Open, Class::Unknown);
        }
    }

    /// Counts a charge for the first time, or in a new class; false if its class is unchanged.
    pub fn count(&mut self, key: &Key, class: Class) -> bool {
        match self.counted.insert(key.clone(), class) {
            Some(before) if before == class => return false,
            Some(before) => self.moved(before, class),
            None => {
                self.counts.enqueued = self.counts.enqueued.saturating_add(1);
                let count = self.counts.of(class);
                *count = count.saturating_add(1);
            }
        }
        true
    }

    fn moved(&mut self, from: Class, to: Class) {
        let count = self.counts.of(from);
        *count = count.saturating_sub(1);
        let count = self.counts.of(to);
        *count = count.saturating_add(1);
    }

    /// Counts charges sent, alone or in a batch.
    pub fn attempted(&mut self, charges: usize) {
        let charges = u64::try_from(charges).unwrap_or(u64::MAX);
        self.counts.attempts = self.counts.attempts.saturating_add(charges);
    }

    /// Records the end of a charge; `latency_ms` only if it was charged.
    pub fn ended(&mut self, at_ms: u64, latency_ms: Option<u64>) {
        self.window.ended(at_ms, latency_ms);
    }

    /// Drops samples that have left the window.
    pub fn forget_before(&mut self, mono_ms: u64) {
        self.window.forget_before(mono_ms);
    }

    /// When the oldest sample leaves a window of `window_ms`; monotonic.
    pub fn leaves_at(&self, window_ms: u64) -> Option<u64> {
        let oldest_ms = self.window.oldest_ms()?;
        Some(oldest_ms.saturating_add(window_ms).saturating_add(1))
    }

    /// Samples in the window.
    pub fn samples(&self) -> usize {
        self.window.samples()
    }

    /// The current figures.
    pub fn view(&self) -> BillingStats {
        BillingStats {
            success_rate: self.window.success_rate(),
            latency_ms: self.window.latency(),
            ..self.counts.clone()
        }
    }
}

impl BillingStats {
    fn of(&mut self, class: Class) -> &mut u64 {
        match class {
            Class::Open => &mut self.open,
            Class::Charged => &mut self.charged,
            Class::Declined => &mut self.declined,
            Class::Failed => &mut self.failed,
            Class::Unknown => &mut self.unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn class_counts_always_add_up_to_the_total() {
        let mut stats = Stats::default();
        stats.count(&Key::new("a").unwrap(), Class::Open);
        stats.count(&Key::new("b").unwrap(), Class::Failed);
        stats.count(&Key::new("a").unwrap(), Class::Charged);
        stats.count(&Key::new("b").unwrap(), Class::Open);
        let view = stats.view();
        assert_eq!(view.enqueued, 2);
        assert_eq!((view.charged, view.open, view.failed), (1, 1, 0));
    }

    #[test]
    fn success_rate_and_latency_cover_the_window_only() {
        let mut stats = Stats::default();
        assert_eq!(stats.view().success_rate, None);
        assert_eq!(stats.view().latency_ms, None);
        stats.ended(10, None);
        stats.ended(20, Some(7));
        assert_eq!(stats.view().success_rate, Some(0.5));
        stats.forget_before(15);
        assert_eq!(stats.view().success_rate, Some(1.0));
        assert_eq!(
            stats.view().latency_ms,
            Some(Latency {
                p50: 7,
                p95: 7,
                p99: 7
            })
        );
    }

    #[test]
    fn dropped_charge_without_a_verdict_stays_unknown() {
        let mut stats = Stats::default();
        let (open, charged) = (Key::new("a").unwrap(), Key::new("b").unwrap());
        assert!(stats.count(&open, Class::Open));
        assert!(!stats.count(&open, Class::Open));
        assert!(stats.count(&charged, Class::Charged));
        assert!(stats.is_counted(&open) && stats.is_counted(&charged));
        stats.uncount(&open);
        stats.uncount(&charged);
        assert!(!stats.is_counted(&open) && !stats.is_counted(&charged));
        let view = stats.view();
        assert_eq!((view.enqueued, view.open), (2, 0));
        assert_eq!((view.unknown, view.charged), (1, 1));
        assert!(stats.count(&charged, Class::Charged));
        assert_eq!(stats.view().enqueued, 3);
    }

    #[test]
    fn each_class_is_counted_and_a_request_counts_once_per_charge() {
        let mut stats = Stats::default();
        for (key, class) in [
            ("a", Class::Open),
            ("b", Class::Charged),
            ("c", Class::Declined),
            ("d", Class::Failed),
            ("e", Class::Unknown),
        ] {
            stats.count(&Key::new(key).unwrap(), class);
        }
        stats.attempted(1);
        stats.attempted(4);
        let view = stats.view();
        assert_eq!(
            [
                view.open,
                view.charged,
                view.declined,
                view.failed,
                view.unknown
            ],
            [1; 5]
        );
        assert_eq!((view.enqueued, view.attempts), (5, 5));
    }
}
