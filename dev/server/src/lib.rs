//! The reference billing server of Tollbox: the charge protocol over HTTP, kept in SQLite or PostgreSQL.
//!
//! [`ledger`] holds the rules of money and needs nothing else; without the default feature `http`
//! it is all there is, and a simulator can build on it.

pub mod ledger;

#[cfg(feature = "http")]
mod clock;
#[cfg(feature = "http")]
mod demo;
#[cfg(feature = "http")]
mod faults;
#[cfg(feature = "http")]
mod http;
#[cfg(feature = "http")]
mod metrics;
#[cfg(feature = "http")]
pub mod options;
#[cfg(feature = "http")]
pub mod server;
#[cfg(feature = "http")]
pub mod store;
#[cfg(feature = "http")]
mod translate;
