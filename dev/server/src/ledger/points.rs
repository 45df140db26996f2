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

/// An account's points, what is held of them, and how often either has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balance {
    /// Whole points, 0 to [`MAX_POINTS`].
    pub points: u64,
    /// Those of the points that are in active holds; `None` where no holds are kept.
    pub held: Option<u64>,
    /// 1 for a new account; it grows by 1 with every change of the points, and whenever points are
    /// held or released. When a hold expires, it stays.
    pub version: u64,
}

impl Balance {
    /// A new account's balance. More than [`MAX_POINTS`] is cut down to that.
    pub fn opening(seed_balance: u64) -> Self {
        Self {
            points: seed_balance.min(MAX_POINTS),
            held: Some(0),
            version: 1,
        }
    }

    /// The balance after the hold of `settled` points was released and `amount` taken, in one step;
    /// `None` where not that many points are free then.
    pub fn minus(self, amount: Amount, settled: Option<Amount>) -> Option<Self> {
        let released = self.without_hold(settled.map_or(0, Amount::get));
        (amount.get() <= released.free()).then(|| Self {
            points: self.points - amount.get(),
            version: self.version + 1,
            ..released
        })
    }

    /// The balance after `amount` was held; `None` where not that many points are free.
    pub fn hold(self, amount: Amount) -> Option<Self> {
        (amount.get() <= self.free()).then(|| Self {
            held: self.held.map(|held| held + amount.get()),
            version: self.version + 1,
            ..self
        })
    }

    /// The balance after a hold of `amount` points was released.
    pub fn release(self, amount: Amount) -> Self {
        Self {
            version: self.version + 1,
            ..self.without_hold(amount.get())
        }
    }

    /// The balance after `amount` was added; `None` where it would pass [`MAX_POINTS`].
    pub fn plus(self, amount: Amount) -> Option<Self> {
        let points = self.points + amount.get();
        (points <= MAX_POINTS).then_some(Self {
            points,
            version: self.version + 1,
            ..self
        })
    }

    /// The points that no hold has. Where charges were made while holds were not kept, holds of
    /// before may have more than there is.
    fn free(self) -> u64 {
        self.points.saturating_sub(self.held.unwrap_or(0))
    }

    fn without_hold(self, points: u64) -> Self {
        Self {
            held: self.held.map(|held| held.saturating_sub(points)),
            ..self
        }
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
        let one_left = Balance::opening(3).minus(two, None).unwrap();
        assert_eq!((one_left.points, one_left.version), (1, 2));
        assert_eq!(one_left.minus(two, None), None);

        let full = Balance::opening(u64::MAX);
        assert_eq!(full.points, MAX_POINTS);
        assert_eq!(full.plus(two), None);
        assert_eq!(one_left.plus(two).unwrap().points, 3);
    }

    #[test]
    fn held_points_are_there_for_their_own_charge_only() {
        let [two, three] = [2, 3].map(|points| Amount::new(points).unwrap());
        let held = Balance::opening(4).hold(three).unwrap();
        assert_eq!((held.points, held.held, held.version), (4, Some(3), 2));
        assert_eq!(held.hold(two), None);
        assert_eq!(held.minus(two, None), None);

        let charged = held.minus(two, Some(three)).unwrap();
        assert_eq!(
            (charged.points, charged.held, charged.version),
            (2, Some(0), 3)
        );
        let released = held.release(three);
        assert_eq!(
            (released.points, released.held, released.version),
            (4, Some(0), 3)
        );
    }

    #[test]
    fn holds_beyond_the_balance_leave_nothing_free() {
        let [one, five] = [1, 5].map(|points| Amount::new(points).unwrap());
        let overdrawn = Balance {
            held: Some(8),
            ..Balance::opening(6)
        };
        assert_eq!(overdrawn.hold(one), None);
        assert_eq!(overdrawn.minus(one, None), None);
        let settled = overdrawn.minus(one, Some(five)).unwrap();
        assert_eq!((settled.points, settled.held), (5, Some(3)));
    }
}
