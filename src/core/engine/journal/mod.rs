//! The journal as the engine uses it: writing, reading, and the storage that holds it.

mod reader;
mod store;
mod writer;

pub(super) use self::reader::{Loaded, Reader};
pub use self::store::{Earlier, OpenCharges};
pub(super) use self::store::{MovedFrom, Store};
pub(super) use self::writer::{READ_AGAIN_AT_ONCE, Then, Writer};

#[cfg(test)]
mod tests;
