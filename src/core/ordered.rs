//! Maps and sets in the order of their keys, as sorted vectors: each kind of map is compiled for
//! itself, and a `BTreeMap` is five times as much WebAssembly.

use litemap::LiteMap;

/// Values by key, in the order of the keys.
pub type Map<K, V> = LiteMap<K, V>;

/// Keys in their order.
pub type Set<K> = LiteMap<K, ()>;
