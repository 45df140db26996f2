//! A decimal number as it is read, digit by digit.

use super::Json;

/// The largest power of ten that a float represents exactly.
const EXACT_POWER: u32 = 22;

/// No float but 0 and infinity has a larger exponent.
const BEYOND_FLOATS: u32 = 400;

/// `digits × 10^exponent`.
#[derive(Debug, Default)]
pub(super) struct Decimal {
    digits: u64,
    exponent: i32,
    /// Whether there were more digits than these, which are more than a float tells apart.
    is_full: bool,
}

impl Decimal {
    /// The next digit before the point.
    pub(super) fn push(&mut self, digit: u8) {
        if !self.takes(digit) {
            self.scale(1);
        }
    }

    /// The next digit behind the point.
    pub(super) fn push_fraction(&mut self, digit: u8) {
        if self.takes(digit) {
            self.scale(-1);
        }
    }

    /// Moves the point.
    pub(super) fn scale(&mut self, exponent: i32) {
        self.exponent = self.exponent.saturating_add(exponent);
    }

    fn takes(&mut self, digit: u8) -> bool {
        let longer = self.digits.checked_mul(10);
        let longer = longer.and_then(|longer| longer.checked_add(digit.into()));
        match longer.filter(|_| !self.is_full) {
            Some(longer) => self.digits = longer,
            None => self.is_full = true,
        }
        !self.is_full
    }

    /// The number, whole wherever it can be: `12`, `12.0` and `1.2e1` are the same.
    pub(super) fn value(mut self, is_negative: bool) -> Json<'static> {
        while self.exponent < 0 && self.digits.is_multiple_of(10) && self.digits > 0 {
            self.digits /= 10;
            self.scale(1);
        }
        while self.exponent > 0
            && !self.is_full
            && let Some(digits) = self.digits.checked_mul(10).filter(|digits| *digits > 0)
        {
            self.digits = digits;
            self.scale(-1);
        }
        match is_negative {
            false if self.exponent == 0 || self.digits == 0 => Json::Whole(self.digits),
            false => Json::Float(self.float()),
            true => Json::Float(-self.float()),
        }
    }

    /// Exact up to 2^53 and within 10^±22, else the nearest but for the last bits.
    fn float(&self) -> f64 {
        let mut float = self.digits as f64;
        let mut left = self.exponent.unsigned_abs().min(BEYOND_FLOATS);
        while left > 0 {
            let step = left.min(EXACT_POWER);
            let power = (0..step).fold(1.0, |power, _| power * 10.0);
            match self.exponent > 0 {
                true => float *= power,
                false => float /= power,
            }
            left = left.saturating_sub(step);
        }
        float
    }
}
