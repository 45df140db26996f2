//! An ordered map for many entries.

/// Maximum number of entries in one piece.
const PIECE_LIMIT: usize = 128;

/// A map ordered by its keys, as sorted vectors of limited length: whatever comes or goes moves few
/// others, however many there are.
#[derive(Clone, Debug)]
pub struct LongMap<K, V> {
    /// In order, and none of them empty.
    pieces: Vec<Vec<(K, V)>>,
    len: usize,
}

impl<K, V> Default for LongMap<K, V> {
    fn default() -> LongMap<K, V> {
        LongMap {
            pieces: Vec::new(),
            len: 0,
        }
    }
}

impl<K: Ord, V> LongMap<K, V> {
    /// Number of entries.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The value of this key.
    pub fn get(&self, key: &K) -> Option<&V> {
        let (piece, place) = self.find(key);
        let (_, value) = self.pieces.get(piece)?.get(place.ok()?)?;
        Some(value)
    }

    /// The value of this key, to be changed.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let (piece, place) = self.find(key);
        let (_, value) = self.pieces.get_mut(piece)?.get_mut(place.ok()?)?;
        Some(value)
    }

    /// Whether there is an entry of this key.
    pub fn contains_key(&self, key: &K) -> bool {
        self.get(key).is_some()
    }

    /// Inserts an entry. Returns the key's previous value.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let (at, place) = self.find(&key);
        let place = match place {
            Ok(_) => {
                let known = self.get_mut(&key);
                return known.map(|known| std::mem::replace(known, value));
            }
            Err(place) => place,
        };
        self.len = self.len.saturating_add(1);
        let last = self.pieces.len().saturating_sub(1);
        let Some(piece) = self.pieces.get_mut(at) else {
            self.pieces.push(vec![(key, value)]);
            return None;
        };
        if piece.len() < PIECE_LIMIT {
            piece.insert(place, (key, value));
        } else if at == last && place == piece.len() {
            // Keys that come in order fill one piece after the other.
            self.pieces.push(vec![(key, value)]);
        } else {
            let mut upper = piece.split_off(PIECE_LIMIT / 2);
            match place.checked_sub(PIECE_LIMIT / 2) {
                Some(place) => upper.insert(place, (key, value)),
                None => piece.insert(place, (key, value)),
            }
            self.pieces.insert(at.saturating_add(1), upper);
        }
        None
    }

    /// Removes an entry. Returns its value.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let (at, place) = self.find(key);
        let piece = self.pieces.get_mut(at)?;
        let (_, value) = piece.remove(place.ok()?);
        if piece.is_empty() {
            self.pieces.remove(at);
        }
        self.len = self.len.saturating_sub(1);
        Some(value)
    }

    /// The entry with the lowest key.
    pub fn first(&self) -> Option<(&K, &V)> {
        self.iter().next()
    }

    /// All entries, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> + Clone {
        let entries = self.pieces.iter().flatten();
        entries.map(|(key, value)| {
            #[cfg(test)]
            super::visits::count();
            (key, value)
        })
    }

    /// All keys, in order.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.iter().map(|(key, _)| key)
    }

    /// All values, by key.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// The piece that has this key, or should have it, and its place in there.
    fn find(&self, key: &K) -> (usize, Result<usize, usize>) {
        let ends_before = |piece: &Vec<(K, V)>| piece.last().is_some_and(|(last, _)| last < key);
        // A key above all others belongs at the end of the last one: most come in order.
        if let Some(last) = self.pieces.last().filter(|piece| ends_before(piece)) {
            return (self.pieces.len().saturating_sub(1), Err(last.len()));
        }
        let at = self.pieces.partition_point(ends_before);
        let place = match self.pieces.get(at) {
            Some(piece) => piece.binary_search_by(|(other, _)| other.cmp(key)),
            None => Err(0),
        };
        (at, place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::backoff::Jitter;
    use std::collections::BTreeMap;

    fn listed(map: &LongMap<u64, u64>) -> Vec<(u64, u64)> {
        map.iter().map(|(key, value)| (*key, *value)).collect()
    }

    #[test]
    fn it_holds_what_a_tree_holds() {
        for seed in 0..20_u64 {
            let (mut long, mut tree) = (LongMap::default(), BTreeMap::new());
            let mut dice = Jitter::new(seed);
            for step in 0..3_000 {
                let key = dice.up_to(800);
                // It grows, and then shrinks.
                match dice.up_to(3_000) < step {
                    true => assert_eq!(long.remove(&key), tree.remove(&key)),
                    false => assert_eq!(long.insert(key, step), tree.insert(key, step)),
                }
                assert_eq!(long.get(&key), tree.get(&key));
                assert_eq!(long.len(), tree.len());
                assert_eq!(long.first(), tree.first_key_value());
            }
            assert_eq!(listed(&long), tree.into_iter().collect::<Vec<_>>());
            let lengths = long.pieces.iter().map(Vec::len);
            assert!(
                lengths
                    .into_iter()
                    .all(|len| (1..=PIECE_LIMIT).contains(&len))
            );
        }
    }

    #[test]
    fn keys_in_order_fill_whole_pieces() {
        let mut map = LongMap::default();
        for key in 0..1_000_u16 {
            map.insert(key, 0_u8);
        }
        assert_eq!(map.pieces.len(), 1_000_usize.div_ceil(PIECE_LIMIT));
    }
}
