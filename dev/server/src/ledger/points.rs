//! Whole points: amounts, and balances with their version.

/// The largest amount and the largest balance: 2^53 - 1, the largest integer that every JSON reader
/// holds exactly (RFC 8259, section 6).
pub const MAX_POINTS: u64 = (1 << 53) - 1;

/// Whole points, 1 to [`MAX_POINTS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(u64);

impl Amount {
    /// `None` for 0 and for more than [`MAX_POINTS`].
    pub const fn new(points: u64) -> Option<Self> {
        if points >= 1 && points <= MAX_POINTS {
            Some(Self(points))
        } else {
            None
        }
    }

    /// The points, 1 to [`MAX_POINTS`].
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// An account's points, and how often they have changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balance {
    /// Whole points, 0 to [`MAX_POINTS`].
    pub points: u64,
    /// 1 for a new account; it grows by 1 with every change of the points.
    pub version: u64,
}

impl Balance {
    /// A new account's balance. More than [`MAX_POINTS`] is cut down to that.
    pub fn opening(seed_balance: u64) -> Self {
        Self {
            points: seed_balance.min(MAX_POINTS),
            version: 1,
        }
    }

    /// The balance after `amount` was taken; `None` where there are not that many points.
    pub fn minus(self, amount: Amount) -> Option<Self> {
        Some(Self {
            points: self.points.checked_sub(amount.get())?,
            version: self.version + 1,
        })
    }

    /// The balance after `amount` was added; `None` where it would pass [`MAX_POINTS`].
    pub fn plus(self, amount: Amount) -> Option<Self> {
        let points = self.points + amount.get();
        (points <= MAX_POINTS).then_some(Self {
            points,
            version: self.version + 1,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_whole_points_that_json_holds() {
        assert_eq!(Amount::new(0), None);
        assert_eq!(Amount::new(MAX_POINTS + 1), None);
        assert_eq!(Amount::new(1).map(Amount::get), Some(1));
        assert_eq!(Amount::new(MAX_POINTS).map(Amount::get), Some(MAX_POINTS));
    }

    #[test]
    fn a_balance_neither_falls_below_zero_nor_passes_the_limit() {
        let two = Amount::new(2).unwrap();
        let one_left = Balance::opening(3).minus(two).unwrap();
        assert_eq!((one_left.points, one_left.version), (1, 2));
        assert_eq!(one_left.minus(two), None);

        let full = Balance::opening(u64::MAX);
        assert_eq!(full.points, MAX_POINTS);
        assert_eq!(full.plus(two), None);
        assert_eq!(one_left.plus(two).unwrap().points, 3);
    }
}
