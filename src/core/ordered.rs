//! Ordered maps and sets as sorted vectors: each type of map is compiled separately, and a
//! `BTreeMap` is five times as much WebAssembly.

mod long;
#[cfg(test)]
pub mod visits;

use litemap::LiteMap;

pub use self::long::LongMap;

/// A map ordered by its keys.
pub type Map<K, V> = LiteMap<K, V>;

/// A set ordered by its keys.
pub type Set<K> = LiteMap<K, ()>;

/// A set ordered by its keys, for many of them.
pub type LongSet<K> = LongMap<K, ()>;

/// Builds a map, keeping the last value of each key. `collect` would do, but compiles a sort for
/// each type of map, which doubles the size.
pub fn map_of<K: Ord, V>(entries: impl IntoIterator<Item = (K, V)>) -> Map<K, V> {
    let mut map = Map::new();
    for (key, value) in entries {
        map.insert(key, value);
    }
    map
}

/// Builds a set.
pub fn set_of<K: Ord>(keys: impl IntoIterator<Item = K>) -> Set<K> {
    map_of(keys.into_iter().map(|key| (key, ())))
}
