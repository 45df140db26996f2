//! The delay before a retry: full-jitter exponential backoff.

/// `random(0, min(max_ms, base_ms * 2^n))`, which spreads clients that failed together.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    /// Upper bound of the first delay, in milliseconds.
    pub base_ms: u64,
    /// Upper bound of every delay, in milliseconds.
    pub max_ms: u64,
}

impl Backoff {
    /// The delay in milliseconds after `failures` failures in a row before this one.
    pub fn delay_ms(&self, failures: u32, jitter: &mut Jitter) -> u64 {
        let factor = 1_u64.checked_shl(failures.min(63)).unwrap_or(u64::MAX);
        let bound = self.base_ms.saturating_mul(factor).min(self.max_ms);
        match defect!(NoJitter) {
            true => bound,
            false => jitter.up_to(bound),
        }
    }

    /// How much longer than it was asked to a client waits, in milliseconds: at most half as long again.
    /// All clients of a server that is back at a stated time would come at once otherwise.
    pub fn spread_ms(&self, asked_ms: u64, jitter: &mut Jitter) -> u64 {
        match defect!(NoJitter) {
            true => 0,
            false => jitter.up_to((asked_ms / 2).min(self.max_ms)),
        }
    }
}

/// A seeded source of jitter (SplitMix64). Not for secrets: it only spreads load.
#[derive(Clone, Debug)]
pub struct Jitter {
    state: u64,
}

impl Jitter {
    /// A source of jitter; the same seed gives the same sequence.
    pub fn new(seed: u64) -> Jitter {
        Jitter { state: seed }
    }

    /// The next number of the sequence.
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to `bound`, both included.
    pub fn up_to(&mut self, bound: u64) -> u64 {
        let number = self.next_u64();
        match bound.checked_add(1).and_then(|n| number.checked_rem(n)) {
            Some(rest) => rest,
            None => number,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_delays_stay_below_the_doubled_bound_and_the_maximum() {
        let backoff = Backoff {
            base_ms: 1_000,
            max_ms: 60_000,
        };
        let mut jitter = Jitter::new(1);
        for failures in 0..100 {
            let bound = 1_000_u64
                .saturating_mul(1_u64 << failures.min(20))
                .min(60_000);
            for _ in 0..50 {
                assert!(backoff.delay_ms(failures, &mut jitter) <= bound);
            }
        }
    }

    #[test]
    fn jitter_reaches_the_whole_range() {
        let mut jitter = Jitter::new(7);
        let drawn: Vec<u64> = (0..1_000).map(|_| jitter.up_to(3)).collect();
        for value in 0..=3 {
            assert!(drawn.contains(&value));
        }
        assert_eq!(Jitter::new(5).up_to(0), 0);
        let _ = Jitter::new(5).up_to(u64::MAX);
    }

    #[test]
    fn jitter_sequence_matches_splitmix64() {
        // Published with the reference implementation, for the seed 1234567.
        let mut jitter = Jitter::new(1_234_567);
        for number in [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
            4_593_380_528_125_082_431,
            16_408_922_859_458_223_821,
        ] {
            assert_eq!(jitter.next_u64(), number);
        }
    }

    #[test]
    fn backoff_delays_grow_up_to_the_maximum_and_stay_there() {
        let backoff = Backoff {
            base_ms: 1_000,
            max_ms: 60_000,
        };
        let mut jitter = Jitter::new(3);
        let mut longest = |failures| {
            (0..500)
                .map(|_| backoff.delay_ms(failures, &mut jitter))
                .max()
        };
        let longest = [0, 1, 3, 10, 63, 64, u32::MAX].map(|failures| longest(failures).unwrap());
        assert!((900..=1_000).contains(&longest[0]), "{longest:?}");
        assert!((1_800..=2_000).contains(&longest[1]), "{longest:?}");
        assert!((7_200..=8_000).contains(&longest[2]), "{longest:?}");
        for longest in &longest[3..] {
            assert!((54_000..=60_000).contains(longest), "{longest}");
        }
    }
}
