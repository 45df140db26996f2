//! The only source of chance: one seed gives one sequence.

use tollbox::core::backoff::Jitter;

pub struct Dice(Jitter);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        let mut jitter = Jitter::new(seed ^ 0x7011_b0c5_0000_0000);
        jitter.next_u64();
        Dice(jitter)
    }

    pub fn number(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// From `least` to `most`, both included.
    pub fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.0.up_to(most - least)
    }

    pub fn index(&mut self, length: usize) -> usize {
        self.0.up_to(length as u64 - 1) as usize
    }

    /// True so many times of a thousand.
    pub fn chance(&mut self, per_mille: u64) -> bool {
        self.0.up_to(999) < per_mille
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.index(from.len())]
    }

    /// Mostly short, now and then long.
    pub fn skewed(&mut self, bounds: &[u64]) -> u64 {
        let bound = self.pick(bounds);
        self.0.up_to(bound)
    }
}
