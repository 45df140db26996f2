//! The stored form of a record: versioned JSON with a checksum, so that damage is detected.

use serde::{Deserialize, Serialize};

use super::record::Record;

/// The version of the format written by this code.
pub const FORMAT: u32 = 1;

/// A record as the store holds it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// The format version of `body`.
    pub format: u32,
    /// CRC-32 (ISO-HDLC) of `body`.
    pub check: u32,
    /// The record as JSON.
    pub body: String,
}

/// Why a stored record can't be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Damage {
    /// Written by a newer version of this package.
    NewerFormat(u32),
    /// The checksum does not match.
    Checksum,
    /// The checksum matches, yet the body is not a record.
    Shape(String),
}

/// Encodes a record for the store.
pub fn encode(record: &Record) -> Result<Stored, String> {
    let body = serde_json::to_string(record).map_err(|error| error.to_string())?;
    Ok(Stored {
        format: FORMAT,
        check: crc32fast::hash(body.as_bytes()),
        body,
    })
}

/// Decodes a stored record.
pub fn decode(stored: &Stored) -> Result<Record, Damage> {
    if stored.format > FORMAT {
        return Err(Damage::NewerFormat(stored.format));
    }
    if crc32fast::hash(stored.body.as_bytes()) != stored.check {
        return Err(Damage::Checksum);
    }
    serde_json::from_str(&stored.body).map_err(|error| Damage::Shape(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::charge::ChargeRequest;

    fn record() -> Record {
        let request = ChargeRequest {
            task_id: "任务 1".into(),
            amount: 3.0,
            feature: "cloud_trans".into(),
            ..ChargeRequest::default()
        };
        Record::open(request.into_charge(5).unwrap(), 9)
    }

    #[test]
    fn record_round_trips_through_the_codec() {
        assert_eq!(decode(&encode(&record()).unwrap()), Ok(record()));
    }

    #[test]
    fn every_changed_byte_of_a_stored_record_is_detected() {
        let stored = encode(&record()).unwrap();
        for at in 0..stored.body.len() {
            let mut bytes = stored.body.clone().into_bytes();
            bytes[at] ^= 1;
            if let Ok(body) = String::from_utf8(bytes) {
                let spoilt = Stored {
                    body,
                    ..stored.clone()
                };
                assert_eq!(decode(&spoilt), Err(Damage::Checksum), "byte {at}");
            }
        }
    }

    #[test]
    fn record_of_a_newer_format_is_not_decoded() {
        let newer = Stored {
            format: FORMAT + 1,
            ..encode(&record()).unwrap()
        };
        assert_eq!(decode(&newer), Err(Damage::NewerFormat(FORMAT + 1)));
    }

    #[test]
    fn valid_checksum_over_an_invalid_record_is_damage() {
        for body in ["", "7", "{}", r#"{"charge":1}"#] {
            let stored = Stored {
                format: FORMAT,
                check: crc32fast::hash(body.as_bytes()),
                body: body.into(),
            };
            assert!(matches!(decode(&stored), Err(Damage::Shape(_))), "{body}");
        }
    }
}
