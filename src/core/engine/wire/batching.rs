//! Batches: whether they are supported, and their size.

/// Number of pages in a batch's place, each after an outage, that count as a final rejection of
/// batches. A single one may be a captive portal's.
const PAGES_LIMIT: u32 = 2;

/// This client's knowledge of batches.
#[derive(Debug)]
pub struct Batching {
    /// Whether the server has said that it supports none.
    rejected: bool,
    /// Whether something has said so in the server's place since the last outage.
    doubted: bool,
    pages: u32,
    /// Largest number of charges not known to be too many, halved when a batch was too large.
    fits: usize,
    /// Largest number of charges sent together after batches were lost, which one of their charges
    /// may have caused.
    risked: usize,
}

impl Default for Batching {
    fn default() -> Batching {
        Batching {
            rejected: false,
            doubted: false,
            pages: 0,
            fits: usize::MAX,
            risked: usize::MAX,
        }
    }
}

impl Batching {
    /// Maximum number of charges in a batch, at most `usual`.
    pub fn size(&self, usual: usize) -> usize {
        match self.rejected || self.doubted {
            true => 1,
            false => usual.min(self.fits).min(self.risked),
        }
    }

    /// Batches are not supported.
    pub fn unsupported(&mut self, own_word: bool) {
        match own_word {
            true => self.rejected = true,
            false => {
                self.doubted = true;
                self.pages = self.pages.saturating_add(1);
            }
        }
    }

    /// An outage is over, and the page that answered a batch may have been part of it.
    pub fn recovered(&mut self) {
        self.doubted = self.pages >= PAGES_LIMIT;
    }

    /// A batch of this many charges was too large.
    pub fn too_large(&mut self, charges: usize) {
        self.fits = self.fits.min(half(charges));
    }

    /// A batch of this many charges was lost.
    pub fn lost(&mut self, charges: usize) {
        self.risked = self.risked.min(half(charges));
    }

    /// A batch of this many charges was answered.
    pub fn answered(&mut self, charges: usize) {
        if charges >= self.risked {
            self.risked = self.risked.saturating_mul(2);
        }
    }
}

fn half(charges: usize) -> usize {
    charges.div_ceil(2).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batch_that_was_too_large_is_halved_for_good() {
        let mut batching = Batching::default();
        assert_eq!(batching.size(100), 100);
        batching.too_large(100);
        assert_eq!(batching.size(100), 50);
        batching.too_large(25);
        batching.answered(13);
        assert_eq!(batching.size(100), 13);
        batching.too_large(2);
        batching.too_large(1);
        assert_eq!(batching.size(100), 1);
    }

    #[test]
    fn lost_batch_is_halved_until_one_is_answered() {
        let mut batching = Batching::default();
        batching.lost(100);
        batching.lost(50);
        batching.answered(3);
        assert_eq!(batching.size(100), 25);
        batching.answered(25);
        batching.answered(50);
        assert_eq!(batching.size(100), 100);
    }

    #[test]
    fn page_disables_batches_until_an_outage_ends_and_a_second_one_for_good() {
        let mut batching = Batching::default();
        batching.unsupported(false);
        assert_eq!(batching.size(100), 1);
        batching.recovered();
        assert_eq!(batching.size(100), 100);
        batching.unsupported(false);
        batching.recovered();
        assert_eq!(batching.size(100), 1);
        let mut batching = Batching::default();
        batching.unsupported(true);
        batching.recovered();
        assert_eq!(batching.size(100), 1);
    }
}
