//! CRC-32 (ISO-HDLC), as of gzip. The fast crates' tables are an eighth of a module of this size.

use std::array::from_fn;

/// So many bytes are taken at once.
const STRIDE: usize = 4;

thread_local! {
    /// What each byte adds, by how many others of its stride come after it; made at the first use, for
    /// it does not compress.
    static TABLES: [[u32; 256]; STRIDE] = from_fn(|after| {
        from_fn(|byte| {
            let bits = (0..=after).flat_map(|_| 0..8);
            bits.fold(byte as u32, |rest, _| match rest & 1 {
                0 => rest >> 1,
                _ => (rest >> 1) ^ REVERSED_POLYNOMIAL,
            })
        })
    });
}

const REVERSED_POLYNOMIAL: u32 = 0xedb8_8320;

/// The checksum of these bytes.
pub fn crc32(bytes: &[u8]) -> u32 {
    TABLES.with(|tables| {
        let added = |after: usize, byte: u8| {
            let table = tables.get(after);
            let added = table.and_then(|table| table.get(usize::from(byte)));
            added.copied().unwrap_or_default()
        };
        let (strides, last) = bytes.as_chunks::<STRIDE>();
        let rest = strides.iter().fold(u32::MAX, |rest, stride| {
            let [first, second, third, fourth] = (rest ^ u32::from_le_bytes(*stride)).to_le_bytes();
            added(3, first) ^ added(2, second) ^ added(1, third) ^ added(0, fourth)
        });
        !last.iter().fold(rest, |rest, byte| {
            let [first, ..] = rest.to_le_bytes();
            (rest >> 8) ^ added(0, first ^ byte)
        })
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn checksum_is_the_same_as_by_crc32fast(bytes: Vec<u8>) {
            prop_assert_eq!(crc32(&bytes), crc32fast::hash(&bytes));
        }
    }

    #[test]
    fn checksum_of_the_usual_digits_is_the_published_one() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }
}
