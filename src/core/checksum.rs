//! CRC-32 (ISO-HDLC), as of gzip. The fast crates' tables are an eighth of a module of this size.

thread_local! {
    /// What each byte adds; made at the first use, for it does not compress.
    static TABLE: [u32; 256] = std::array::from_fn(|byte| {
        (0..8).fold(byte as u32, |rest, _| match rest & 1 {
            0 => rest >> 1,
            _ => (rest >> 1) ^ REVERSED_POLYNOMIAL,
        })
    });
}

const REVERSED_POLYNOMIAL: u32 = 0xedb8_8320;

/// The checksum of these bytes.
pub fn crc32(bytes: &[u8]) -> u32 {
    TABLE.with(|table| {
        !bytes.iter().fold(u32::MAX, |rest, byte| {
            let [last, ..] = rest.to_le_bytes();
            let added = table.get(usize::from(last ^ byte));
            (rest >> 8) ^ added.copied().unwrap_or_default()
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
