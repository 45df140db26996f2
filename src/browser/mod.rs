//! The shell: does in a browser what the core orders.
//!
//! Nothing here may panic: a panic poisons the WebAssembly instance and leaves its promises
//! hanging. Where one comes all the same, the facade notices and starts a fresh instance.

mod announcements;
pub mod balance_cache;
pub mod client;
pub mod clock;
mod code;
mod crash_injection;
mod entries;
mod error;
mod host;
pub mod http;
mod listeners;
mod lock;
mod mistake;
pub mod names;
mod peers;
mod persistence;
mod scope;
mod shell;
mod standstill;
pub mod store;
mod throttle;
mod time_limit;
mod value;

pub use client::Client;
