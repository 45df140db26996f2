//! Maps and sets in the order of their keys, as sorted vectors: each kind of map is compiled for
//! itself, and a `BTreeMap` is five times as much WebAssembly.

use litemap::LiteMap;

/// Values by key, in the order of the keys.
pub type Map<K, V> = LiteMap<K, V>;

/// Keys in their order.
pub type Set<K> = LiteMap<K, ()>;

/// A map of these, the last of a key. `collect` makes one too, but compiles a sort for each kind
/// of map, which is as much again.
pub fn map_of<K: Ord, V>(entries: impl IntoIterator<Item = (K, V)>) -> Map<K, V> {
    let mut map = Map::new();
    for (key, value) in entries {
        map.insert(key, value);
    }
    map
}

/// A set of these.
pub fn set_of<K: Ord>(keys: impl IntoIterator<Item = K>) -> Set<K> {
    map_of(keys.into_iter().map(|key| (key, ())))
}
