//! Whole points (算力), the unit of every amount and balance.

use std::fmt;

use super::json::{FromJson, Json, Misfit, ToJson};

/// A number of whole points, 0 to 2^53-1: the integers that JavaScript represents exactly
/// (`Number.MAX_SAFE_INTEGER`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Points(u64);

impl Points {
    /// The largest amount, `Number.MAX_SAFE_INTEGER`.
    pub const MAX: Points = Points(9_007_199_254_740_991);
    /// No points.
    pub const ZERO: Points = Points(0);

    /// `None` above 2^53-1.
    pub fn new(points: u64) -> Option<Points> {
        (points <= Points::MAX.0).then_some(Points(points))
    }

    /// A JavaScript number as points; `None` if it is negative, fractional, not finite or above
    /// 2^53-1.
    pub fn from_number(number: f64) -> Option<Points> {
        let whole = number.is_finite() && number.fract() == 0.0;
        if !whole || number < 0.0 || number > Points::MAX.0 as f64 {
            return None;
        }
        Some(Points(number as u64))
    }

    /// The number itself.
    pub fn get(self) -> u64 {
        self.0
    }

    /// The difference, never below 0.
    pub fn less(self, other: Points) -> Points {
        Points(self.0.saturating_sub(other.0))
    }

    /// The sum, never above 2^53-1.
    pub fn plus(self, other: Points) -> Points {
        Points(self.0.saturating_add(other.0)).min(Points::MAX)
    }
}

impl ToJson for Points {
    fn to_json(&self) -> Json<'_> {
        self.0.to_json()
    }
}

/// From a JSON number with an integral value: `12`, `12.0` and `1.2e1` are the same.
impl FromJson for Points {
    fn from_json(json: &Json<'_>) -> Result<Points, Misfit> {
        let points = match json {
            Json::Whole(number) => Points::new(*number),
            Json::Float(number) => Points::from_number(*number),
            Json::Null | Json::Bool(_) | Json::Text(_) | Json::List(_) | Json::Object(_) => None,
        };
        points.ok_or_else(Misfit::default)
    }
}

impl fmt::Display for Points {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_safe_numbers_are_points() {
        assert_eq!(Points::from_number(3.0), Points::new(3));
        assert_eq!(
            Points::from_number(9_007_199_254_740_991.0),
            Some(Points::MAX)
        );
        for bad in [
            -1.0,
            0.5,
            f64::NAN,
            f64::INFINITY,
            9_007_199_254_740_992.0,
            -0.1,
        ] {
            assert_eq!(Points::from_number(bad), None, "{bad}");
        }
    }

    #[test]
    fn json_numbers_with_an_integral_value_are_points() {
        let read = |text| Points::from_json(&Json::parse(text).unwrap());
        for text in ["12", "12.0", "1.2e1", "120e-1"] {
            assert_eq!(read(text).unwrap().get(), 12, "{text}");
        }
        for text in [
            "\"12\"",
            "12.5",
            "-1",
            "-1.0",
            "null",
            "9007199254740992",
            "1e16",
            "[12]",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sums_and_differences_of_points_stay_in_range() {
        let five = Points::new(5).unwrap();
        assert_eq!(Points::ZERO.less(five), Points::ZERO);
        assert_eq!(Points::MAX.plus(five), Points::MAX);
    }
}
