//! Numbers in JSON.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};
use utoipa::openapi::{KnownFormat, RefOr, Schema, SchemaFormat};
use utoipa::{PartialSchema, ToSchema};

use crate::ledger::{Amount, MAX_POINTS};

/// A whole number from 0 on, however JSON writes it: `12`, `12.0` and `1.2e1` are the same. With a
/// point or an exponent up to [`MAX_POINTS`]: beyond it a reader may have rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Whole(pub u64);

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyNumber)
    }
}

impl PartialSchema for Whole {
    fn schema() -> RefOr<Schema> {
        let described = "A whole number from 0 to 2^53 - 1, however JSON writes it: `12`, `12.0` and \
                         `1.2e1` are the same.";
        whole(0, described).into()
    }
}

impl ToSchema for Whole {}

impl PartialSchema for Amount {
    fn schema() -> RefOr<Schema> {
        whole(1, "Whole points, 1 to 2^53 - 1.").into()
    }
}

impl ToSchema for Amount {}

/// A time, as the document shows it.
pub struct Seconds;

impl PartialSchema for Seconds {
    fn schema() -> RefOr<Schema> {
        whole(1, "Whole seconds, 1 to 2^53 - 1.").into()
    }
}

impl ToSchema for Seconds {}

fn whole(minimum: u64, described: &str) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .minimum(Some(minimum))
        .maximum(Some(MAX_POINTS))
        .description(Some(described))
        .build()
}

struct AnyNumber;

impl Visitor<'_> for AnyNumber {
    type Value = Whole;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Whole, E> {
        Ok(Whole(number))
    }

    // A cast saturates; a number that it changes is not whole or not in range.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn visit_f64<E: Error>(self, number: f64) -> Result<Whole, E> {
        let whole = number as u64;
        if number.fract() == 0.0 && number >= 0.0 && whole <= MAX_POINTS {
            Ok(Whole(whole))
        } else {
            Err(E::invalid_value(Unexpected::Float(number), &self))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(json: &str) -> Option<u64> {
        let number = serde_json::from_str(json).ok();
        number.map(|Whole(number)| number)
    }

    #[test]
    fn a_whole_number_may_have_a_point_or_an_exponent() {
        for json in ["12", "12.0", "1.2e1", "12.000", "120e-1", "0.12E+2"] {
            assert_eq!(whole(json), Some(12), "{json}");
        }
        assert_eq!(whole("0.0"), Some(0));
        assert_eq!(whole("9007199254740991"), Some(MAX_POINTS));
        assert_eq!(whole("9007199254740991.0"), Some(MAX_POINTS));
        // Refused as an amount, which has a limit of its own.
        assert_eq!(whole("9007199254740992"), Some(MAX_POINTS + 1));
    }

    #[test]
    fn a_number_that_is_not_whole_or_in_range_is_refused() {
        for json in [
            "12.5",
            "1e-1",
            "-1",
            "-1.0",
            "1e300",
            "9007199254740992.0",
            "1.8446744073709552e19",
            "\"12\"",
            "true",
            "null",
            "[12]",
        ] {
            assert_eq!(whole(json), None, "{json}");
        }
    }
}
