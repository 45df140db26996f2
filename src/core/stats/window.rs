//! A sliding window of ended charges: their success rate and latencies.
//!
//! Latencies are counted in buckets about 3 % wide, as in an HDR histogram, so that a percentile is
//! read without sorting, whatever the number of samples.

use std::collections::VecDeque;

use super::Latency;

/// Maximum number of samples in a window; the oldest are dropped.
pub const SAMPLES_LIMIT: usize = 1_000;

/// Significant bits kept of a latency: it is exact below 2^5 ms.
const EXACT_BITS: u32 = 5;
const EXACT: u64 = 1 << EXACT_BITS;
/// Longest latency recorded, a day and a half in milliseconds; longer ones count as this.
const LARGEST: u64 = (1 << 27) - 1;
/// Number of buckets: 2^5 for each bit length from 5 to 27.
const BUCKETS: usize = 736;

#[derive(Clone, Copy, Debug)]
struct Sample {
    at_ms: u64,
    /// The bucket of the latency, if the charge was charged.
    bucket: Option<usize>,
}

/// The samples of a window.
#[derive(Clone, Debug)]
pub struct Window {
    samples: VecDeque<Sample>,
    charged: usize,
    buckets: Box<[u16]>,
}

impl Default for Window {
    fn default() -> Window {
        Window {
            samples: VecDeque::new(),
            charged: 0,
            buckets: vec![0; BUCKETS].into(),
        }
    }
}

impl Window {
    /// Records the end of a charge; `latency_ms` only if it was charged.
    pub fn ended(&mut self, at_ms: u64, latency_ms: Option<u64>) {
        if self.samples.len() >= SAMPLES_LIMIT {
            self.forget_oldest();
        }
        let bucket = latency_ms.map(bucket_of);
        if let Some(count) = bucket.and_then(|bucket| self.buckets.get_mut(bucket)) {
            *count = count.saturating_add(1);
            self.charged = self.charged.saturating_add(1);
        }
        self.samples.push_back(Sample { at_ms, bucket });
    }

    /// Drops samples that have left the window.
    pub fn forget_before(&mut self, mono_ms: u64) {
        while self
            .samples
            .front()
            .is_some_and(|sample| sample.at_ms < mono_ms)
        {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let oldest = self.samples.pop_front();
        let bucket = oldest.and_then(|sample| sample.bucket);
        if let Some(count) = bucket.and_then(|bucket| self.buckets.get_mut(bucket)) {
            *count = count.saturating_sub(1);
            self.charged = self.charged.saturating_sub(1);
        }
    }

    /// The time of the oldest sample; monotonic.
    pub fn oldest_ms(&self) -> Option<u64> {
        self.samples.front().map(|sample| sample.at_ms)
    }

    /// Samples in the window.
    pub fn samples(&self) -> usize {
        self.samples.len()
    }

    /// The share of charged samples; `None` without samples.
    pub fn success_rate(&self) -> Option<f64> {
        let samples = self.samples();
        (samples > 0).then(|| self.charged as f64 / samples as f64)
    }

    /// Latency percentiles of the charged samples; `None` without any.
    pub fn latency(&self) -> Option<Latency> {
        Some(Latency {
            p50: self.percentile(50)?,
            p95: self.percentile(95)?,
            p99: self.percentile(99)?,
        })
    }

    /// The smallest latency that at least `percent` of 100 samples do not exceed, or up to 3 %
    /// more.
    fn percentile(&self, percent: usize) -> Option<u64> {
        let rank = self.charged.saturating_mul(percent).div_ceil(100);
        let mut counted: usize = 0;
        let counts = self.buckets.iter().map(|count| usize::from(*count));
        let reached = |count: usize| {
            counted = counted.saturating_add(count);
            counted >= rank
        };
        let bucket = counts.map(reached).position(|reached| reached);
        bucket.filter(|_| rank > 0).map(highest_of)
    }
}

/// The bucket of this latency: its bit length and its leading bits.
fn bucket_of(latency_ms: u64) -> usize {
    let latency_ms = latency_ms.min(LARGEST);
    let bits = u64::BITS.saturating_sub(latency_ms.leading_zeros());
    let follow = bits.saturating_sub(EXACT_BITS.saturating_add(1));
    let first = latency_ms.checked_shr(follow).unwrap_or(0);
    let before = u64::from(follow).saturating_mul(EXACT);
    usize::try_from(before.saturating_add(first)).unwrap_or(0)
}

/// The highest latency in this bucket.
fn highest_of(bucket: usize) -> u64 {
    let bucket = u64::try_from(bucket).unwrap_or(0);
    let follow = bucket.div_euclid(EXACT).saturating_sub(1);
    let next = bucket
        .saturating_sub(follow.saturating_mul(EXACT))
        .saturating_add(1);
    let follow = u32::try_from(follow).unwrap_or(0);
    next.checked_shl(follow).unwrap_or(0).saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(latencies: impl IntoIterator<Item = u64>) -> (u64, u64, u64) {
        let mut window = Window::default();
        for latency_ms in latencies {
            window.ended(0, Some(latency_ms));
        }
        let latency = window.latency().unwrap();
        (latency.p50, latency.p95, latency.p99)
    }

    #[test]
    fn percentiles_of_few_samples_are_samples() {
        assert_eq!(of([4]), (4, 4, 4));
        assert_eq!(of([1, 9]), (1, 9, 9));
        assert_eq!(of([1, 2, 3]), (2, 3, 3));
        assert_eq!(of(1..=31), (16, 30, 31));
    }

    #[test]
    fn percentile_is_never_too_low_and_at_most_a_thirtieth_too_high() {
        for exact in (0..27).flat_map(|bits| {
            let power = 1_u64 << bits;
            [power - 1, power, power + power / 3, power + power / 2]
        }) {
            let (told, _, _) = of([exact]);
            assert!(told >= exact, "{told} < {exact}");
            assert!(told - exact <= exact / 30, "{told} for {exact}");
        }
        let (p50, p95, p99) = of((1..=1_000).map(|n| n * 10));
        for (told, exact) in [(p50, 5_000), (p95, 9_500), (p99, 9_900)] {
            assert!(told >= exact && told <= exact + exact / 30, "{told}");
        }
    }

    #[test]
    fn huge_latency_counts_as_the_largest() {
        let (p50, _, _) = of([u64::MAX]);
        assert_eq!(p50, LARGEST);
        assert_eq!(bucket_of(LARGEST), BUCKETS - 1);
    }

    #[test]
    fn expired_samples_leave_the_percentiles() {
        let mut window = Window::default();
        assert_eq!((window.success_rate(), window.latency()), (None, None));
        window.ended(10, Some(500));
        window.ended(20, None);
        assert_eq!(window.success_rate(), Some(0.5));
        assert!(window.latency().unwrap().p50 >= 500);
        window.forget_before(15);
        assert_eq!((window.success_rate(), window.latency()), (Some(0.0), None));
        window.ended(30, Some(7));
        assert_eq!(window.latency().unwrap().p99, 7);
    }

    #[test]
    fn window_is_limited_by_time_and_to_the_latest_thousand_samples() {
        let mut window = Window::default();
        for n in 0..1_001 {
            window.ended(n, (n > 0).then_some(n));
        }
        assert_eq!(window.samples(), SAMPLES_LIMIT);
        assert_eq!(window.success_rate(), Some(1.0));
        window.forget_before(1_000);
        assert_eq!(window.samples(), 1, "what ended just then is in the window");
        window.forget_before(1_001);
        assert_eq!((window.samples(), window.success_rate()), (0, None));
    }
}
