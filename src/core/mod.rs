//! The core: decides everything and performs nothing.
//!
//! Pure: no clock, no randomness, no JavaScript. Events go in, effects come out, time is passed
//! in; see [`engine`].

/// Whether this deliberate defect is on: never, except when the simulator itself is tested.
#[cfg(feature = "defects")]
macro_rules! defect {
    ($defect:ident) => {
        $crate::core::defects::Defect::$defect.is_on()
    };
}
#[cfg(not(feature = "defects"))]
macro_rules! defect {
    ($defect:ident) => {
        false
    };
}

#[macro_use]
pub mod json;

pub mod alert;
pub mod backoff;
pub mod balance;
mod calendar;
pub mod charge;
pub mod charge_filter;
mod checksum;
pub mod clock;
pub mod codec;
pub mod config;
#[cfg(feature = "defects")]
pub mod defects;
pub mod engine;
pub mod journal;
pub mod locale;
pub mod log;
pub mod network;
pub mod ordered;
pub mod outbox;
pub mod outcome;
pub mod percent;
pub mod points;
pub mod protocol;
pub mod reason;
pub mod record;
pub mod server_clock;
pub mod session;
pub mod snapshot;
pub mod stats;
pub mod text;
