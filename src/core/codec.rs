//! The stored form of a record: versioned JSON with a checksum, so that damage is detected.

use std::borrow::Cow;

use super::checksum::crc32;
use super::json::{FromJson, Json, ToJson};
use super::record::Record;

/// The version of the format written by this code.
pub const FORMAT: u32 = 1;

/// Turns a body of one format into one of the next, or says why it can't.
type Step = fn(&str) -> Result<String, String>;

/// One step for each older format, from the first on.
const STEPS: [Step; FORMAT as usize - 1] = [];

/// A record as the store holds it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// The format version of `body`.
    pub format: u32,
    /// CRC-32 (ISO-HDLC) of `body`.
    pub check: u32,
    /// The record as JSON.
    pub body: String,
}

json_members! { to and from Stored { format, check, body } }

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
pub fn encode(record: &Record) -> Stored {
    let body = record.to_json().to_text();
    Stored {
        format: FORMAT,
        check: crc32(body.as_bytes()),
        body,
    }
}

/// Decodes a stored record of this format or an older one.
pub fn decode(stored: &Stored) -> Result<Record, Damage> {
    decode_by(&STEPS, stored)
}

/// Decodes a stored record, where the newest format is the one to which `steps` lead.
fn decode_by(steps: &[Step], stored: &Stored) -> Result<Record, Damage> {
    let format = usize::try_from(stored.format).unwrap_or(usize::MAX);
    if format > steps.len().saturating_add(1) {
        return Err(Damage::NewerFormat(stored.format));
    }
    if crc32(stored.body.as_bytes()) != stored.check {
        return Err(Damage::Checksum);
    }
    let Some(taken) = format.checked_sub(1) else {
        return Err(Damage::Shape("there is no format 0".to_owned()));
    };
    let mut body = Cow::Borrowed(stored.body.as_str());
    for step in steps.iter().skip(taken) {
        body = Cow::Owned(step(&body).map_err(Damage::Shape)?);
    }
    let json = Json::parse(&body).ok_or_else(|| Damage::Shape("it is not JSON".to_owned()))?;
    Record::from_json(&json)
        .map_err(|misfit| Damage::Shape(format!("{misfit} is missing or wrong")))
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
        assert_eq!(decode(&encode(&record())), Ok(record()));
    }

    #[test]
    fn every_changed_byte_of_a_stored_record_is_detected() {
        let stored = encode(&record());
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
            ..encode(&record())
        };
        assert_eq!(decode(&newer), Err(Damage::NewerFormat(FORMAT + 1)));
    }

    /// A made-up next format, in which a member has another name.
    const TO_COME: [Step; FORMAT as usize] =
        [|body| Ok(body.replace("\"product\":", "\"feature\":"))];

    fn stored(format: u32, body: String) -> Stored {
        let check = crc32(body.as_bytes());
        Stored {
            format,
            check,
            body,
        }
    }

    #[test]
    fn record_of_an_older_format_becomes_one_of_the_next() {
        let body = encode(&record()).body;
        let old = body.replace("\"feature\":", "\"product\":");
        assert_ne!(old, body);
        assert_eq!(decode_by(&TO_COME, &stored(1, old.clone())), Ok(record()));
        assert_eq!(decode_by(&TO_COME, &stored(2, body)), Ok(record()));
        let newest = decode_by(&TO_COME, &stored(2, old.clone()));
        assert!(matches!(newest, Err(Damage::Shape(_))), "{newest:?}");
        let newer = decode_by(&TO_COME, &stored(3, old));
        assert_eq!(newer, Err(Damage::NewerFormat(3)));
    }

    #[test]
    fn record_that_a_step_to_the_next_format_refuses_is_damage() {
        const REFUSES: [Step; 1] = [|_| Err("no".to_owned())];
        let refused = decode_by(&REFUSES, &encode(&record()));
        assert_eq!(refused, Err(Damage::Shape("no".to_owned())));
    }

    #[test]
    fn record_of_format_0_is_damage() {
        let body = encode(&record()).body;
        assert!(matches!(decode(&stored(0, body)), Err(Damage::Shape(_))));
    }

    #[test]
    fn valid_checksum_over_an_invalid_record_is_damage() {
        for body in ["", "7", "{}", r#"{"charge":1}"#] {
            let stored = Stored {
                format: FORMAT,
                check: crc32(body.as_bytes()),
                body: body.into(),
            };
            assert!(matches!(decode(&stored), Err(Damage::Shape(_))), "{body}");
        }
    }
}
